/** What this process has cost so far, by /proc: all of its threads but the main one. */
import { readdirSync, readFileSync } from 'node:fs';
import { pid } from 'node:process';

import { HostError } from '../../host/kernel/error.js';

export interface Cost {
  /** Time on a processor. */
  cpuNs: number;
  /** How often a thread went to sleep: it waited for something. */
  switches: number;
}

const TASKS = '/proc/self/task';

function costOf(thread: string): Cost {
  const [cpuNs] = readFileSync(`${TASKS}/${thread}/schedstat`, 'utf8').split(' ');
  const status = readFileSync(`${TASKS}/${thread}/status`, 'utf8');
  const [, switches] = /^voluntary_ctxt_switches:\s*(\d+)/m.exec(status) ?? [];
  return { cpuNs: Number(cpuNs), switches: Number(switches) };
}

/**
 * The sum of the threads that live; one that ends between two readings is not counted. Throws
 * `HostError` where /proc does not tell.
 */
export function costOfOtherThreads(): Cost {
  const threads = readdirSync(TASKS).filter((thread) => Number(thread) !== pid);
  const sum = { cpuNs: 0, switches: 0 };
  try {
    for (const thread of threads) {
      const { cpuNs, switches } = costOf(thread);
      sum.cpuNs += cpuNs;
      sum.switches += switches;
    }
  } catch (error) {
    const { message } = error as Error;
    throw new HostError(`this system does not tell what a thread costs: ${message}`);
  }
  return sum;
}
