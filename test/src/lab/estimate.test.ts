/** From readings to estimates. */
import { describe, expect, test } from 'vitest';

import {
  all,
  any,
  conditional,
  estimate,
  estimatesOf,
  isMore,
  listed,
  say,
  studentsT,
  UNSTEADY,
  type Answer,
} from '#src/lab/estimate';

const OF = { figure: 'cost', series: 'poll', at: 10 };

describe("Student's t", () => {
  // Of the tables that every textbook has.
  test.each([
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [4, 2.776],
    [7, 2.365],
    [10, 2.228],
    [29, 2.045],
    [120, 1.98],
    [10_000, 1.96],
  ])('is, with %i degrees of freedom, %f', (freedom, t) => {
    expect(studentsT(freedom)).toBeCloseTo(t, 3);
  });
});

describe('an estimate', () => {
  test('has mean, median, and the interval of the mean', () => {
    const found = estimate(OF, [4, 1, 7]);
    expect(found).toMatchObject({ ...OF, count: 3, mean: 4, median: 4 });
    const half = (4.3027 * 3) / Math.sqrt(3);
    expect(found.high - 4).toBeCloseTo(half, 3);
    expect(4 - found.low).toBeCloseTo(half, 3);
  });

  test('of an even number has the middle of the two in the middle for its median', () => {
    expect(estimate(OF, [1, 100, 2, 4]).median).toBe(3);
  });

  test('of one reading, or of equal ones, has an interval of no width', () => {
    expect(estimate(OF, [5])).toMatchObject({ count: 1, mean: 5, low: 5, high: 5 });
    expect(estimate(OF, [5, 5, 5])).toMatchObject({ count: 3, low: 5, high: 5 });
  });
});

test('estimates are those of the readings with the same figure, series and place', () => {
  const reading = (figure: string, series: string, at: number | string, value: number) => {
    return { figure, series, at, value };
  };
  const estimates = estimatesOf([
    reading('a', 'x', 1, 10),
    reading('a', 'x', '1', 99), // a name is no number
    reading('a', 'x', 1, 20),
    reading('a', 'y', 1, 1),
    reading('b', 'x', 1, 2),
  ]);
  expect(estimates.all.map(({ count, mean }) => [count, mean])).toEqual([
    [2, 15],
    [1, 99],
    [1, 1],
    [1, 2],
  ]);
  expect(estimates.of('a', 'x', 1).mean).toBe(15);
  expect(estimates.find('b', 'y', 1)).toBeUndefined();
  expect(() => estimates.of('b', 'y', 1)).toThrow('nothing was measured for y at 1 (b)');
});

describe('whether one is more than the other', () => {
  const between = (low: number, high: number) => {
    return { ...OF, count: 8, mean: (low + high) / 2, median: 0, low, high };
  };

  test('is told by intervals that lie apart', () => {
    expect(isMore(between(3, 4), between(1, 2))).toBe('yes');
    expect(isMore(between(1, 2), between(3, 4))).toBe('no');
    expect([2, 3.5, 4].map((other) => isMore(between(3, 4), other))).toEqual([
      'yes',
      'maybe',
      'no',
    ]);
  });

  test('is left open by wide intervals that overlap, and not by narrow ones', () => {
    expect(isMore(between(2, 4), between(1, 2.5))).toBe('maybe');
    expect(isMore(between(0.99, 1.01), between(0.98, 1.02))).toBe('no');
    expect(isMore(between(-1, 1), between(-2, 2))).toBe('maybe');
  });

  test('is asked of so many times as well', () => {
    expect(isMore(between(5, 6), between(1, 2), 2)).toBe('yes');
    expect(isMore(between(5, 6), between(1, 2), 4)).toBe('maybe');
    expect(isMore(between(5, 6), between(1, 2), 6)).toBe('no');
  });

  test('is of several what the least, or the most, of them says', () => {
    expect([all(['yes', 'maybe', 'no']), all(['yes', 'maybe']), all(['yes'])]).toEqual([
      'no',
      'maybe',
      'yes',
    ]);
    expect([any(['yes', 'maybe', 'no']), any(['no', 'maybe']), any(['no'])]).toEqual([
      'yes',
      'maybe',
      'no',
    ]);
  });
});

test('a verdict depends on what is shown against it, and on what is left open', () => {
  const part = (answer: Answer, name: string) => {
    return { answer, says: `${name} is so`, otherwise: `${name} is not` };
  };
  const conditions = (...answers: Answer[]) =>
    conditional(answers.map((answer, i) => part(answer, 'abc'[i]!)));
  expect(conditions('no', 'yes', 'no')).toBe('a is not, and c is not');
  expect(conditions('yes', 'maybe')).toBe(`${UNSTEADY} whether b is so`);
  expect(conditions('no', 'maybe', 'maybe')).toBe(
    `a is not, and ${UNSTEADY} whether b is so and whether c is so`,
  );
});

test('several are listed as a sentence does', () => {
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed)).toEqual([
    '',
    'a',
    'a and b',
    'a, b and c',
  ]);
});

test('numbers are said with three digits, or whole', () => {
  const numbers = [0, 0.001234, 4.5678, 12.349, 123.4, 12_345.6, -4.5678];
  expect(numbers.map(say)).toEqual(['0', '0.00123', '4.57', '12.3', '123', '12,346', '-4.57']);
});
