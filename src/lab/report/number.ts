/** Numbers as people read them: whole ones as they are, others with three digits that count. */
import type { Estimate, Quantity } from '../experiment.js';

const exact = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 });
const rounded = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });
/** From here on a tick of an axis says `200K`. */
const LONG = 100_000;

/** A value that was measured: `12.3`. */
export const measured = (value: number): string =>
  (Number.isInteger(value) ? exact : rounded).format(value);

/** A place on the other axis: `1,024`, or the name that it is. */
export const placed = (at: number | string): string =>
  typeof at === 'number' ? exact.format(at) : at;

/** The tick of an axis. */
export const ticked = (value: number): string =>
  (Math.abs(value) < LONG ? exact : short).format(value);

/** `12.3 µs`, `40 %`, `3`. */
export function withUnit(value: string, { unit }: Quantity): string {
  return unit === '' ? value : `${value} ${unit}`;
}

/** The ends of an interval, or nothing where all readings were the same, or where one was alone. */
export function interval({ low, high }: Estimate): string | undefined {
  return low < high ? `${measured(low)} – ${measured(high)}` : undefined;
}

/** What an axis is of: `processor time per wait (µs)`. */
export function labelled({ label, unit }: Quantity): string {
  return unit === '' ? label : `${label} (${unit})`;
}
