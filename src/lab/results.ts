/**
 * What `pollux lab run` found, as it is written to a file and read again: for each experiment what
 * it is, its estimates, and its verdict, with the machine that it was measured on. A file that a
 * person names may hold anything: it is checked, to its last number.
 */
import { readFileSync } from 'node:fs';

import { UsageError } from '../../host/kernel/error.js';
import { outcomes, type Estimate, type Experiment, type Verdict } from './experiment.js';

/** Where the results are, unless a person says otherwise. */
export const RESULTS_FILE = 'pollux-lab.json';

/** What it was measured on, and when. */
export interface Machine {
  /** The processor's model, as Linux names it. */
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** `Linux 6.18.0 x64`. */
  readonly kernel: string;
  /** Its version: `v20.19.0`. */
  readonly node: string;
  /** When it began, in ISO 8601. */
  readonly date: string;
}

/** One experiment: it has a verdict, or a reason why this machine could not do it. */
export type Result = Omit<Experiment, 'measure' | 'judge'> & {
  readonly estimates: readonly Estimate[];
  readonly notes: readonly string[];
} & (
    | { readonly verdict: Verdict; readonly notMeasured?: never }
    | { readonly notMeasured: string; readonly verdict?: never }
  );

export interface Results {
  /** The version of Pollux. */
  readonly pollux: string;
  readonly machine: Machine;
  readonly quick: boolean;
  readonly experiments: readonly Result[];
}

/** Answers what is wrong with a value that stands at `path`, or nothing. */
type Check = (value: unknown, path: string) => string | undefined;

const is =
  (kind: string, holds: (value: unknown) => boolean): Check =>
  (value, path) =>
    holds(value) ? undefined : `${path} must be ${kind}`;

const text = is('a text', (value) => typeof value === 'string');
const date = is('a date', (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)));
const number = is('a number', (value) => Number.isFinite(value));
const count = is('a whole number above 0', (value) => Number.isInteger(value) && Number(value) > 0);
const flag = is('true or false', (value) => typeof value === 'boolean');
const place = is(
  'a number or a name',
  (value) => typeof value === 'string' || Number.isFinite(value),
);

function oneOf(choices: readonly string[]): Check {
  const kind = `one of ${choices.map((choice) => `"${choice}"`).join(', ')}`;
  return is(kind, (value) => choices.includes(value as string));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that must be there, and those that may be; others are not minded. */
function record(fields: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  return (value, path) => {
    if (!isRecord(value)) return `${path || 'the whole'} must be an object`;
    const at = (name: string) => (path === '' ? name : `${path}.${name}`);
    const present = Object.entries(optional).filter(([name]) => value[name] !== undefined);
    return first([...Object.entries(fields), ...present], ([name, check]) =>
      check(value[name], at(name)),
    );
  };
}

function list(check: Check): Check {
  return (value, path) =>
    Array.isArray(value)
      ? first([...value.entries()], ([i, each]) => check(each, `${path}[${i}]`))
      : `${path} must be a list`;
}

function first<Item>(items: readonly Item[], wrong: (item: Item) => string | undefined) {
  for (const item of items) {
    const found = wrong(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

const scale = oneOf(['linear', 'log']);
const experiment = record(
  {
    name: text,
    title: text,
    claim: text,
    hypothesis: text,
    method: text,
    figures: list(
      record({
        name: text,
        title: text,
        quantity: record({ label: text, unit: text }, { scale }),
        axis: record({ label: text }, { scale }),
      }),
    ),
    estimates: list(
      record({
        figure: text,
        series: text,
        at: place,
        count,
        mean: number,
        median: number,
        low: number,
        high: number,
      }),
    ),
    notes: list(text),
  },
  { verdict: record({ outcome: oneOf(outcomes), because: text }), notMeasured: text },
);

/** What the fields of one experiment must be to each other. */
function related({ name, figures, estimates, verdict, notMeasured }: Result, path: string) {
  if ((verdict === undefined) === (notMeasured === undefined))
    return `${path} ("${name}") must have either "verdict" or "notMeasured"`;
  return first([...estimates.entries()], ([i, { figure, low, mean, high }]) => {
    if (!figures.some((each) => each.name === figure))
      return `${path}.estimates[${i}].figure must be that of a figure, which "${figure}" is not`;
    return low <= mean && mean <= high
      ? undefined
      : `${path}.estimates[${i}].mean must lie between its low and its high`;
  });
}

const whole = record({
  pollux: text,
  machine: record({ cpu: text, cores: count, memoryBytes: count, kernel: text, node: text, date }),
  quick: flag,
  experiments: list((value, path) => experiment(value, path) ?? related(value as Result, path)),
});

/** The results in a text, which `name` names. Throws `UsageError` if there are none. */
export function parseResults(json: string, name: string): Results {
  const refuse = (wrong: string) =>
    new UsageError(`${name} does not hold what pollux lab run writes: ${wrong}`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw refuse('it is no JSON');
  }
  const wrong = whole(value, '');
  if (wrong !== undefined) throw refuse(wrong);
  const results = value as Results;
  const names = results.experiments.map((each) => each.name);
  const twice = names.find((each, i) => names.indexOf(each) !== i);
  if (twice !== undefined) throw refuse(`"${twice}" is there twice`);
  return results;
}

/** The results in a file. Throws `UsageError` if it cannot be read, or holds none. */
export function readResults(path: string): Results {
  let json: string;
  try {
    json = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === 'ENOENT'
        ? `there is no ${path}: run pollux lab run first, or name the file that it wrote`
        : `${path} cannot be read: ${message}`,
      { cause: error },
    );
  }
  return parseResults(json, path);
}
