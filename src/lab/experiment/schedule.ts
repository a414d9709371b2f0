/** What the scheduler did with a thread of this process, as /proc has it. */
import { readFileSync } from 'node:fs';

/** Until now. */
export interface Schedule {
  readonly ranNs: number;
  /** It wanted to run, and others did; told when that is over. */
  readonly waitedNs: number;
}

export function scheduleOf(thread: number | string): Schedule {
  const [ran, waited] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ');
  return { ranNs: Number(ran), waitedNs: Number(waited) };
}
