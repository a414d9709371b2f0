/** Into the kernel and back. */
import { describe, expect, test } from 'vitest';

import { crossing } from '#src/lab/experiment/crossing';

import { expectWellFormed, madeUp, measured, placesOf } from '../made-up.js';

test('measures calls, and reads in pieces of many sizes', async () => {
  const { readings } = await measured(crossing);
  expectWellFormed(crossing, readings);
  expect(placesOf(readings, 'call')).toEqual({
    'a call': ['without the kernel', 'with the kernel'],
  });
  const pieces = placesOf(readings, 'pieces')['read of a cached file']!;
  expect([pieces[0], pieces.at(-1)]).toEqual([16, 65_536]);
});

describe('the verdict', () => {
  const judged = (inside: number, kernel: number, half?: number) =>
    crossing.judge(
      madeUp(
        ['call', 'a call', 'without the kernel', inside, half],
        ['call', 'a call', 'with the kernel', kernel, half],
        ['pieces', 'read of a cached file', 16, 6400],
        ['pieces', 'read of a cached file', 65_536, 20],
      ),
    );

  test('holds where the kernel is most of a call', () => {
    expect(judged(40, 120)).toEqual({
      outcome: 'holds',
      because:
        'a call takes 120 ns if it enters the kernel, and 40 ns if not; a file read in pieces of ' +
        '16 bytes costs 320 times as much as in pieces of 64 KiB',
    });
  });

  test('holds with a condition where it is less than the rest', () => {
    const { outcome, because } = judged(40, 60);
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(/: it matters only where calls do little$/);
  });

  test('holds with a condition where that is not sure', () => {
    expect(judged(40, 82, 2).because).toMatch(/too unsteady to tell$/);
    expect(judged(40, 50, 6).because).toMatch(/too unsteady to tell$/);
  });

  test('does not hold where there is no difference', () => {
    expect(judged(40, 40).outcome).toBe('does not hold');
    expect(judged(120, 40).outcome).toBe('does not hold');
  });
});
