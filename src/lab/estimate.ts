/**
 * From readings to estimates: mean, median, and the interval in which the mean lies at 95 %, by
 * Student's t. It knows nothing of experiments.
 */
import { HostError } from '../../host/kernel/error.js';
import type { Estimate, Estimates, Reading } from './experiment.js';

const CONFIDENCE = 0.95;
const BISECTIONS = 60;

/** The probability that a variable of Student's t lies within ±t (Abramowitz and Stegun, 26.7). */
function within(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const odd = freedom % 2 === 1;
  const cosine = Math.cos(angle);
  let term = odd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let n = odd ? 3 : 2; n <= freedom - 2; n += 2) {
    term *= ((n - 1) / n) * cosine ** 2;
    sum += term;
  }
  const sine = Math.sin(angle) * sum;
  return odd ? (2 / Math.PI) * (angle + sine) : sine;
}

/** How many standard errors an interval reaches to each side of its mean. */
export function studentsT(freedom: number): number {
  let low = 1;
  let high = 13; // that of one degree of freedom is 12.7, and the others are below
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (within(middle, freedom) < CONFIDENCE) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

type Of = Pick<Estimate, 'figure' | 'series' | 'at'>;

export function estimate({ figure, series, at }: Of, values: readonly number[]): Estimate {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const error = count > 1 ? Math.sqrt(squares / (count - 1) / count) : 0;
  const half = error === 0 ? 0 : studentsT(count - 1) * error;
  return {
    figure,
    series,
    at,
    count,
    mean,
    median: median(values),
    low: mean - half,
    high: mean + half,
  };
}

const keyOf = (figure: string, series: string, at: number | string) =>
  JSON.stringify([figure, series, at]);

/** Estimates, to be found by what they are of. */
export function indexed(all: readonly Estimate[]): Estimates {
  const byKey = new Map(all.map((each) => [keyOf(each.figure, each.series, each.at), each]));
  const find: Estimates['find'] = (figure, series, at) => byKey.get(keyOf(figure, series, at));
  const of: Estimates['of'] = (figure, series, at) => {
    const found = find(figure, series, at);
    if (found) return found;
    throw new HostError(`nothing was measured for ${series} at ${at} (${figure})`);
  };
  return { all, find, of };
}

/** In the order in which their first readings came. */
export function estimatesOf(readings: readonly Reading[]): Estimates {
  const values = new Map<string, { of: Of; values: number[] }>();
  for (const { figure, series, at, value } of readings) {
    const key = keyOf(figure, series, at);
    const found = values.get(key);
    if (found) found.values.push(value);
    else values.set(key, { of: { figure, series, at }, values: [value] });
  }
  return indexed([...values.values()].map((each) => estimate(each.of, each.values)));
}

/** What intervals tell of a question; `maybe` where they leave it open. */
export type Answer = 'yes' | 'no' | 'maybe';

/** How a verdict says that. */
export const UNSTEADY = 'the numbers were too unsteady to tell';

/** A part of a claim: what it says, and what is the case if that alone is not so. */
export interface Part {
  readonly answer: Answer;
  readonly says: string;
  readonly otherwise?: string;
}

/** What is to be said against a claim, and what is left open of it. */
export function conditional(parts: readonly Part[]): string {
  const of = (answer: Answer) => parts.filter((part) => part.answer === answer);
  const open = of('maybe').map(({ says }) => `whether ${says}`);
  return [
    ...of('no').flatMap(({ otherwise }) => otherwise ?? []),
    ...(open.length > 0 ? [`${UNSTEADY} ${listed(open)}`] : []),
  ].join(', and ');
}

/** Whoever is more by less than this part is no more: equal means have intervals that overlap. */
const NOTABLE = 0.1;

/** Whether one is more than so many times the other, wherever in its interval each mean lies. */
export function isMore(one: Estimate, other: Estimate | number, times = 1): Answer {
  const { low, high } = typeof other === 'number' ? { low: other, high: other } : other;
  if (one.low > times * high) return 'yes';
  const slack = times === 1 && typeof other !== 'number' ? 1 + NOTABLE : 1;
  return one.high <= times * slack * low ? 'no' : 'maybe';
}

/** Whether one of them at the least is so. */
export function any(answers: readonly Answer[]): Answer {
  if (answers.includes('yes')) return 'yes';
  return answers.includes('maybe') ? 'maybe' : 'no';
}

/** Whether all of it is so. */
export function all(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no';
  return answers.includes('maybe') ? 'maybe' : 'yes';
}

const SIGNIFICANT_DIGITS = 3;

/** A number for a sentence: `0.0123`, `4.56`, `12,300`. */
export function say(value: number): string {
  const whole = Math.abs(value) >= 10 ** (SIGNIFICANT_DIGITS - 1);
  return (whole ? Math.round(value) : Number(value.toPrecision(SIGNIFICANT_DIGITS))).toLocaleString(
    'en-US',
    { maximumSignificantDigits: whole ? 21 : SIGNIFICANT_DIGITS },
  );
}

/** `poll, epoll and select` */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
