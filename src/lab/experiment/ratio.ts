/** What several judges need: how many times one estimate is the other, and lists of names. */
import type { Estimate } from '../experiment.js';

/** Of two means, by their intervals: what it surely exceeds, what it surely does not. */
export interface Ratio {
  readonly least: number;
  readonly mean: number;
  readonly most: number;
}

/** How many times `b` is `a`. Quantities are above 0, whatever their intervals say. */
export function ratio(a: Estimate, b: Estimate): Ratio {
  return {
    least: Math.max(a.low, 0) / b.high,
    mean: a.mean / b.mean,
    most: b.low > 0 ? a.high / b.low : Infinity,
  };
}

/** `poll, epoll and select` */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
