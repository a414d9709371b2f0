/**
 * The moments of a take: what a step goes to. A call in which the process sleeps has two, when it
 * falls asleep and when it wakes; every other call has one, when its answer is there.
 */
import { kindOf, type CallKind } from './imports.js';
import type { Take, Taken, TakenCall } from './take.js';

export interface Moment {
  readonly ns: number;
  readonly event: Taken;
  /** Of a call: whether it sleeps from now on, or has its answer. */
  readonly part: 'sleeps' | 'answered' | 'happens';
}

/** Who is held while data is copied to him does not sleep. */
const sleepsIn = ({ blocked, phase, idle, open, startNs, endNs }: TakenCall) =>
  open === true || (startNs < endNs && ((blocked && phase !== 'copy') || idle === true));

/** Calls that tell what others have done. */
const TELLING: ReadonlySet<CallKind | undefined> = new Set([
  'accept',
  'receive',
  'poll',
  'wait',
  'take signals',
  'reap',
] as const);

/** It tells of what happened at the very time of its answer, too, or was woken by that. */
export const comesBehind = (call: TakenCall): boolean =>
  sleepsIn(call) || TELLING.has(kindOf(call.name));

/** Of what is at the same time: an answer, what comes of it, who is told, who falls asleep. */
const Turn = { ANSWER: 0, EVENT: 1, TOLD: 2, SLEEP: 3 } as const;

export function momentsOf({ events, endNs }: Take): Moment[] {
  const moments: (Moment & { turn: number })[] = [];
  /** By lane: its last answer. A guest's answers stay in their order. */
  const last = new Map<number, { ns: number; turn: number }>();
  for (const event of events) {
    if (event.kind !== 'call') {
      moments.push({ ns: event.timeNs, event, part: 'happens', turn: Turn.EVENT });
      continue;
    }
    const sleeps = sleepsIn(event);
    if (sleeps) moments.push({ ns: event.startNs, event, part: 'sleeps', turn: Turn.SLEEP });
    // Who asks again and again is in a call when the take ends.
    if (event.open || event.endNs > endNs) continue;
    const before = last.get(event.lane);
    const least = before?.ns === event.endNs ? before.turn : Turn.ANSWER;
    const turn = Math.max(least, comesBehind(event) ? Turn.TOLD : Turn.ANSWER);
    last.set(event.lane, { ns: event.endNs, turn });
    moments.push({ ns: event.endNs, event, part: 'answered', turn });
  }
  return moments.sort((a, b) => a.ns - b.ns || a.turn - b.turn);
}

/** The index of the last moment that is not after a time, or -1. */
export function momentAt(moments: readonly Moment[], ns: number): number {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (moments[middle]!.ns <= ns) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
