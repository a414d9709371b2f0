/**
 * When a server has nothing left to do, and nobody to do it: what comes after is not charged for
 * what came before.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { HostError } from '../../../host/kernel/error.js';
import { childrenOf } from './family.js';

const LOOK_MS = 20;
/** An idle process of Node looks after itself now and then. */
const IDLE_MS = 0.5;
const PATIENCE_MS = 5000;

/** Waits until `cpuMs`, the processor time used until now, hardly rises, or for some seconds. */
export async function quiet(cpuMs: () => number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (let before = cpuMs(); performance.now() < end;) {
    await sleep(LOOK_MS, undefined, { signal });
    const now = cpuMs();
    if (Math.abs(now - before) < IDLE_MS) return;
    before = now;
  }
}

/** Waits until a process has no children any more. */
export async function alone(pid: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (childrenOf(pid).length > 0) {
    if (performance.now() > end) throw new HostError('the guests of closed connections do not end');
    await sleep(LOOK_MS, undefined, { signal });
  }
}
