/** What a run has cost until a time: what the models differ in, in numbers. */
import { kindOf } from './imports.js';
import type { Take, TakenCall } from './take.js';

export interface Count {
  readonly calls: number;
  /** Blocked in calls: asleep until it is ready, or while it is copied to. */
  readonly blockedNs: number;
  /** In calls, but awake. */
  readonly busyNs: number;
  /** How often the kernel has copied received bytes to the process. */
  readonly copies: number;
}

/** The number of bytes, or of what else the answer counts: `SUCCESS nread=5`. */
export function amountOf({ answer }: TakenCall): number | undefined {
  const found = /=(\d+)/.exec(answer);
  return found ? Number(found[1]) : undefined;
}

/** Whether received bytes came with it. */
function copied(call: TakenCall): boolean {
  if (call.steps) return call.steps.some(({ event }) => event === 'COPIED');
  return kindOf(call.name) === 'receive' && (amountOf(call) ?? 0) > 0;
}

export function countUntil({ events }: Take, ns: number): Count {
  let [calls, blockedNs, busyNs, copies] = [0, 0, 0, 0];
  for (const event of events) {
    if (event.kind !== 'call') continue;
    if (event.startNs > ns || ns <= 0) break;
    calls++;
    const lastedNs = Math.min(event.endNs, ns) - event.startNs;
    if (event.blocked) blockedNs += lastedNs;
    else if (!event.idle) busyNs += lastedNs;
    if (event.endNs <= ns && copied(event)) copies++;
  }
  return { calls, blockedNs, busyNs, copies };
}
