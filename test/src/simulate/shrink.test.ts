/** A failing log becomes as small as it can be. */
import type { Choice } from '#host/sim/choice-log';
import { shrink as shrinking, type Shrunk } from '#src/simulate/shrink';
import fc from 'fast-check';
import { expect, test } from 'vitest';

function shrink(
  log: readonly Choice[],
  fails: (choices: readonly Choice[]) => boolean,
  mostRuns: number,
): Shrunk {
  const steps = shrinking(log, mostRuns);
  let step = steps.next(false);
  while (step.done !== true) step = steps.next(fails(step.value));
  return step.value;
}

const choice = (ordinal: number, value: number): Choice => ({
  label: 'x/split',
  ordinal,
  alternatives: 1000,
  value,
});
const logs = fc
  .uniqueArray(fc.nat(200), { minLength: 1, maxLength: 60 })
  .chain((ordinals) =>
    fc.tuple(
      ...ordinals.map((each) => fc.integer({ min: 1, max: 999 }).map((v) => choice(each, v))),
    ),
  );

test('what a log fails without disappears, and nothing else', () => {
  fc.assert(
    fc.property(logs, fc.nat(), fc.integer({ min: 1, max: 5 }), (log, from, count) => {
      // The planted bug needs these choices, together.
      const start = from % log.length;
      const needed = log.slice(start, start + count).map(({ ordinal }) => ordinal);
      const fails = (choices: readonly Choice[]) =>
        needed.every((each) => choices.some(({ ordinal }) => ordinal === each));
      const { choices, cut } = shrink(log, fails, 10_000);
      expect(cut).toBe(false);
      expect(choices.map(({ ordinal }) => ordinal)).toEqual(needed);
      expect(choices.every(({ value }) => value === 1)).toBe(true);
    }),
  );
});

test('a value becomes the least that still fails', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 999 }), (a, b) => {
      const [least, first] = a < b ? [a, b] : [b, a];
      const fails = (choices: readonly Choice[]) => choices.some(({ value }) => value >= least);
      const { choices } = shrink([choice(0, first), choice(5, first)], fails, 10_000);
      expect(choices).toHaveLength(1);
      expect(choices[0]!.value).toBe(least);
    }),
  );
});

test('one of two causes is enough', () => {
  const log = [choice(1, 4), choice(2, 4), choice(3, 4), choice(4, 4)];
  const has = (choices: readonly Choice[], ordinal: number) =>
    choices.some((each) => each.ordinal === ordinal);
  const fails = (choices: readonly Choice[]) =>
    (has(choices, 1) && has(choices, 2)) || has(choices, 3);
  expect(shrink(log, fails, 1000).choices).toHaveLength(1);
});

test('a run that fails without any fault needs none', () => {
  const { choices, runs } = shrink([choice(1, 3), choice(2, 3)], () => true, 1000);
  expect(choices).toEqual([]);
  expect(runs).toBe(1);
});

test('what is found fails, and one choice less does not', () => {
  fc.assert(
    fc.property(logs, fc.integer({ min: 0, max: 2000 }), (log, sum) => {
      const total = (choices: readonly Choice[]) =>
        choices.reduce((all, { value }) => all + value, 0);
      const least = Math.min(sum, total(log));
      const fails = (choices: readonly Choice[]) => total(choices) >= least;
      const { choices } = shrink(log, fails, 10_000);
      expect(fails(choices)).toBe(true);
      choices.forEach((_, i) => expect(fails(choices.filter((__, j) => j !== i))).toBe(false));
    }),
  );
});

test('it says when it had to stop early, and what it has then fails nevertheless', () => {
  const log = Array.from({ length: 50 }, (_, i) => choice(i, 9));
  const fails = (choices: readonly Choice[]) => choices.length >= 10;
  const { choices, runs, cut } = shrink(log, fails, 5);
  expect(cut).toBe(true);
  expect(runs).toBe(5);
  expect(fails(choices)).toBe(true);
});
