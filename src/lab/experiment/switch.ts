/**
 * What it costs to switch from one thread or process to another. Messages are passed on one
 * processor by the same system calls: once within a thread, once between two threads, once between
 * two processes, where each message makes the one sleep and the other run.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { isMore, say, UNSTEADY } from '../estimate.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { Subject } from './subject.js';
import type { SwitchAnswer, SwitchJob } from './switch-leader.js';

const LEADER = new URL('./switch-leader.js', import.meta.url);
const MESSAGES = { quick: 20_000, full: 60_000 };
/** To send, to wait, to receive. */
const CALLS_PER_MESSAGE = 3;

const MESSAGE = 'message';
const SWITCHES = 'switches';
const COST = 'cost';
const PASSED = 'a message';
const EACH = 'each';
const SYSTEM_CALL = 'a system call';
const THREADS = 'a switch of threads';
const PROCESSES = 'a switch of processes';

const places = {
  itself: 'within a thread',
  thread: 'between threads',
  process: 'between processes',
};

/** The last processor that this process may use. */
function processor(): string | undefined {
  const status = readFileSync('/proc/self/status', 'utf8');
  return /^Cpus_allowed_list:.*?(\d+)$/m.exec(status)?.[1];
}

/** A command that runs another one on one processor; a note if there is none. */
function onOneProcessor(note: Bench['note']): string[] {
  const command = ['taskset', '-c', processor() ?? '0'];
  const tried = spawnSync(command[0]!, [...command.slice(1), 'true'], { stdio: 'ignore' });
  if (tried.status === 0) return command;
  note('without taskset(1) it ran on all processors, where a switch is a wake-up of another one');
  return [];
}

async function measure(bench: Bench): Promise<Reading[]> {
  const messages = MESSAGES[bench.quick ? 'quick' : 'full'];
  const job: SwitchJob = { folder: bench.folder, messages };
  const leader = new Subject<SwitchAnswer>(LEADER, job, bench.signal, onOneProcessor(bench.note));
  const passed = await leader.next().finally(() => leader.end());
  const readings: Reading[] = [];
  for (const who of ['itself', 'thread', 'process'] as const) {
    const of = { series: PASSED, at: places[who] };
    readings.push({ ...of, figure: MESSAGE, value: passed[who].us });
    readings.push({ ...of, figure: SWITCHES, value: passed[who].switches });
  }
  const { itself, thread, process } = passed;
  // A message between two of them makes one switch, whoever else may have interrupted it.
  const costs = {
    [SYSTEM_CALL]: itself.us / CALLS_PER_MESSAGE,
    [THREADS]: thread.us - itself.us,
    [PROCESSES]: process.us - itself.us,
  };
  for (const [at, value] of Object.entries(costs))
    readings.push({ figure: COST, series: EACH, at, value });
  return readings;
}

function judge(estimates: Estimates): Verdict {
  const call = estimates.of(COST, EACH, SYSTEM_CALL);
  const threads = estimates.of(COST, EACH, THREADS);
  const processes = estimates.of(COST, EACH, PROCESSES);
  const because =
    `a switch takes ${say(processes.mean)} µs between processes and ${say(threads.mean)} µs ` +
    `between threads, a system call ${say(call.mean)} µs`;
  const [some, more] = [isMore(processes, 0), isMore(processes, call)];
  if (more === 'yes') return { outcome: 'holds', because };
  if (some === 'no') return { outcome: 'does not hold', because };
  const condition =
    some === 'yes' && more === 'no'
      ? 'it is not more than a system call, so only many switches matter'
      : UNSTEADY;
  return { outcome: 'holds with a condition', because: `${because}: ${condition}` };
}

export const switching: Experiment = {
  name: 'switch',
  title: 'From one process to another',
  claim:
    'To switch from one process to another costs processor time: the state of the one is saved, ' +
    'that of the other restored.',
  hypothesis: 'A switch between processes takes more processor time than a system call.',
  method:
    'On one processor, messages of a byte over a socket: within a thread, between two threads, ' +
    'between two processes. What a message costs more than within a thread is the switch, with ' +
    'falling asleep and being woken.',
  figures: [
    {
      name: COST,
      title: 'A switch, and a system call',
      quantity: { label: 'processor time', unit: 'µs' },
      axis: { label: 'what is done' },
    },
    {
      name: MESSAGE,
      title: 'A message, with a switch and without one',
      quantity: { label: 'processor time per message', unit: 'µs' },
      axis: { label: 'where the message goes' },
    },
    {
      name: SWITCHES,
      title: 'Switches that were made',
      quantity: { label: 'context switches per message', unit: '' },
      axis: { label: 'where the message goes' },
    },
  ],
  measure,
  judge,
};
