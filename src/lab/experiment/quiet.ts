/** When a process has nothing left to do: what comes after is not charged for what came before. */
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 20;
/** An idle process of Node looks after itself now and then. */
const IDLE_MS = 0.5;
const PATIENCE_MS = 3000;

/** Waits until `cpuMs`, the processor time used until now, hardly rises, or for some seconds. */
export async function quiet(cpuMs: () => number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (let before = cpuMs(); performance.now() < end;) {
    await sleep(LOOK_MS, undefined, { signal });
    const now = cpuMs();
    if (now - before < IDLE_MS) return;
    before = now;
  }
}
