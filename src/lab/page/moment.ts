/**
 * The moments of a take: what a step goes to. A call in which the process sleeps has two, when it
 * falls asleep and when it wakes; every other call has one, when its answer is there.
 */
import type { Take, Taken } from './take.js';

export interface Moment {
  readonly ns: number;
  readonly event: Taken;
  /** Of a call: whether it sleeps from now on, or has its answer. */
  readonly part: 'sleeps' | 'answered' | 'happens';
}

export function momentsOf({ events }: Take): Moment[] {
  const moments = events.flatMap((event): Moment[] => {
    if (event.kind !== 'call') return [{ ns: event.timeNs, event, part: 'happens' }];
    const sleeps: Moment[] =
      event.blocked || event.idle || event.open
        ? [{ ns: event.startNs, event, part: 'sleeps' }]
        : [];
    return event.open ? sleeps : [...sleeps, { ns: event.endNs, event, part: 'answered' }];
  });
  return moments.sort((a, b) => a.ns - b.ns);
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
