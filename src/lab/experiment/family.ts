/** A process with the processes that it has started: the processor time and memory they use. */
import { readdirSync, readFileSync } from 'node:fs';

import { HostError } from '../../../host/kernel/error.js';
import { cpuTimeMs } from '../../../host/linux/cpu-time.js';

/** Whose child a process is; undefined if it is there no more. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Its name is in parentheses, and may have anything in it.
    return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2]);
  } catch {
    return undefined;
  }
}

/** Those that a process has started, and that are there still. */
export function childrenOf(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((each) => parentOf(each) === pid);
}

/** What pages the process has, of those that it shares with n others an n-th. */
function memoryKib(pid: number): number {
  const [, kib] = /^Pss:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(kib);
}

function sum(pid: number, what: string, of: (member: number) => number | undefined): number {
  try {
    return [pid, ...childrenOf(pid)].reduce((total, member) => total + (of(member) ?? 0), 0);
  } catch (error) {
    const { message } = error as Error;
    throw new HostError(`this system does not tell ${what}: ${message}`);
  }
}

/** In milliseconds; of members that live. */
export function familyCpuMs(pid: number): number {
  return sum(pid, 'what a process costs', (member) => cpuTimeMs({ process: member }));
}

export function familyMemoryKib(pid: number): number {
  return sum(pid, 'how much memory a process has', memoryKib);
}
