/** Files of results: what is wrong with one is said in a sentence. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { UsageError } from 'pollux';
import { describe, expect, test } from 'vitest';

import { parseResults, readResults, type Results } from '#src/lab/results';

import { folder } from '../started.js';

const estimate = {
  figure: 'f',
  series: 's',
  at: 10,
  count: 8,
  mean: 2,
  median: 2,
  low: 1,
  high: 3,
};
const results = {
  pollux: '0.1.0',
  machine: {
    cpu: 'a processor',
    cores: 2,
    memoryBytes: 2 ** 33,
    kernel: 'Linux 6.18.0 x64',
    node: 'v22.0.0',
    date: '2026-01-02T03:04:05.678Z',
  },
  quick: false,
  experiments: [
    {
      name: 'crossing',
      title: 'Title',
      claim: 'Claim.',
      hypothesis: 'Hypothesis.',
      method: 'Method.',
      figures: [
        {
          name: 'f',
          title: 'F',
          quantity: { label: 'time', unit: 'µs', scale: 'log' },
          axis: { label: 'descriptors' },
        },
      ],
      estimates: [estimate, { ...estimate, at: 'read' }],
      notes: ['a note'],
      verdict: { outcome: 'holds', because: 'it does' },
    },
    {
      name: 'buffered',
      title: 'Title',
      claim: 'Claim.',
      hypothesis: 'Hypothesis.',
      method: 'Method.',
      figures: [],
      estimates: [],
      notes: [],
      notMeasured: 'there is no disk',
    },
  ],
} satisfies Results;

/** The sentence about results in which the value at a path was replaced. */
function complaint(path: string, value: unknown): string {
  const copy = structuredClone(results) as unknown as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop()!;
  const parent = names.reduce((at, name) => at[name] as Record<string, unknown>, copy);
  parent[last] = value;
  try {
    parseResults(JSON.stringify(copy), 'lab.json');
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  return 'nothing';
}

test('what was written is what is read', () => {
  const path = join(folder(), 'lab.json');
  writeFileSync(path, JSON.stringify(results));
  expect(readResults(path)).toEqual(results);
});

describe('a file that holds something else is refused', () => {
  const one = 'experiments.0';
  test.each([
    ['machine', null, 'machine must be an object'],
    ['machine.cores', 0, 'machine.cores must be a whole number above 0'],
    ['machine.date', 'yesterday', 'machine.date must be a date'],
    ['quick', 'yes', 'quick must be true or false'],
    ['experiments', {}, 'experiments must be a list'],
    [`${one}`, [], 'experiments[0] must be an object'],
    [`${one}.claim`, undefined, 'experiments[0].claim must be a text'],
    [`${one}.notes.0`, 1, 'experiments[0].notes[0] must be a text'],
    [
      `${one}.figures.0.quantity.scale`,
      'cubic',
      'experiments[0].figures[0].quantity.scale must be one of "linear", "log"',
    ],
    [`${one}.estimates.1.at`, null, 'experiments[0].estimates[1].at must be a number or a name'],
    [`${one}.estimates.0.low`, NaN, 'experiments[0].estimates[0].low must be a number'],
    [
      `${one}.estimates.0.low`,
      2.5,
      'experiments[0].estimates[0].mean must lie between its low and its high',
    ],
    [
      `${one}.estimates.0.figure`,
      'g',
      'experiments[0].estimates[0].figure must be that of a figure, which "g" is not',
    ],
    [
      `${one}.verdict.outcome`,
      'maybe',
      'experiments[0].verdict.outcome must be one of "holds", "holds with a condition", ' +
        '"does not hold"',
    ],
    [
      `${one}.verdict`,
      undefined,
      'experiments[0] ("crossing") must have either "verdict" or "notMeasured"',
    ],
    [
      `${one}.notMeasured`,
      'both',
      'experiments[0] ("crossing") must have either "verdict" or "notMeasured"',
    ],
    ['experiments.1.name', 'crossing', '"crossing" is there twice'],
  ])('%s: %j', (path, value, wrong) => {
    expect(complaint(path, value)).toBe(
      `lab.json does not hold what pollux lab run writes: ${wrong}`,
    );
  });

  test.each([
    ['', 'it is no JSON'],
    ['{"pollux": ', 'it is no JSON'],
    ['null', 'the whole must be an object'],
    ['[]', 'the whole must be an object'],
  ])('text: %j', (text, wrong) => {
    expect(() => parseResults(text, 'x')).toThrow(
      new UsageError(`x does not hold what pollux lab run writes: ${wrong}`),
    );
  });
});

test('a file that is not there, or none, is refused', () => {
  const path = join(folder(), 'none.json');
  expect(() => readResults(path)).toThrow(
    new UsageError(`there is no ${path}: run pollux lab run first, or name the file that it wrote`),
  );
  expect(() => readResults(folder())).toThrow(/ cannot be read: EISDIR/);
});
