/** The processor time that a thread of this process, or another process, has used until now. */
import { addon } from './addon.js';

export type CpuClock = { thread: number } | { process: number };

/** The clock of the calling thread, for the other threads of this process. */
export function threadClock(): CpuClock {
  return { thread: addon().threadId() };
}

/** In milliseconds; undefined for who has ended. */
export function cpuTimeMs(clock: CpuClock): number | undefined {
  const nanoseconds =
    'thread' in clock ? addon().cpuTime(clock.thread, 1) : addon().cpuTime(clock.process, 0);
  return nanoseconds < 0 ? undefined : nanoseconds / 1e6;
}
