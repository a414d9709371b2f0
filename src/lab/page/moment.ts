/**
 * The moments of a take: what a step goes to. A call in which the process sleeps has two, when it
 * falls asleep and when it wakes; every other call has one, when its answer is there.
 */
import type { Take, Taken, TakenCall } from './take.js';

export interface Moment {
  readonly ns: number;
  readonly event: Taken;
  /** Of a call: whether it sleeps from now on, or has its answer. */
  readonly part: 'sleeps' | 'answered' | 'happens';
}

/** Who is held while data is copied to him does not sleep. */
export const sleepsIn = ({ blocked, phase, idle, open, startNs, endNs }: TakenCall) =>
  open === true || (startNs < endNs && ((blocked && phase !== 'copy') || idle === true));

/** Of what is at the same time: an answer, what comes of it, whom it wakes, who falls asleep. */
const Turn = { ANSWER: 0, EVENT: 1, WAKING: 2, SLEEP: 3 } as const;

export function momentsOf({ events, endNs }: Take): Moment[] {
  const moments: (Moment & { turn: number })[] = [];
  for (const event of events) {
    if (event.kind !== 'call') {
      moments.push({ ns: event.timeNs, event, part: 'happens', turn: Turn.EVENT });
      continue;
    }
    const sleeps = sleepsIn(event);
    if (sleeps) moments.push({ ns: event.startNs, event, part: 'sleeps', turn: Turn.SLEEP });
    // Who asks again and again is in a call when the take ends.
    if (event.open || event.endNs > endNs) continue;
    const turn = sleeps ? Turn.WAKING : Turn.ANSWER;
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
