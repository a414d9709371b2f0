/** To ask again and again. */
import { describe, expect, test } from 'vitest';

import { busy } from '#src/lab/experiment/busy';

import { expectWellFormed, madeUp, measured, placesOf } from '../made-up.js';

test('measures a server that asks, and two that wait', async () => {
  const { readings } = await measured(busy);
  expectWellFormed(busy, readings);
  for (const figure of ['busy', 'calls'])
    expect(placesOf(readings, figure)).toEqual({ waiting: ['blocking', 'epoll', 'nonblocking'] });
  // Who waits makes no system call, but for one that comes late where processors are short; in
  // windows of 600 ms three of them would be five a second. Who asks makes many.
  const calls = readings.filter(({ figure }) => figure === 'calls').map(({ value }) => value);
  expect(Math.max(...calls.slice(0, 2))).toBeLessThan(5);
  expect(calls[2]).toBeGreaterThan(100);
});

describe('the verdict', () => {
  const judged = (asking: number, blocking: number, half?: number) =>
    busy.judge(
      madeUp(
        ['busy', 'waiting', 'nonblocking', asking, half],
        ['busy', 'waiting', 'blocking', blocking],
        ['calls', 'waiting', 'nonblocking', 321_000],
      ),
    );

  test('holds where asking takes the processor', () => {
    expect(judged(98, 0)).toEqual({
      outcome: 'holds',
      because:
        'while nothing comes, the non-blocking server uses 98 % of a processor for 321,000 system ' +
        'calls a second, the blocking one 0 %',
    });
  });

  test('holds with a condition where it takes some of it', () => {
    const { outcome, because } = judged(40, 0);
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(/: it leaves much of it to others$/);
  });

  test('holds with a condition where that is not sure', () => {
    expect(judged(80, 0, 10).because).toMatch(/too unsteady to tell$/);
    expect(judged(10, 0, 6).because).toMatch(/too unsteady to tell$/);
  });

  test('does not hold where it takes next to nothing, or no more than to block', () => {
    expect(judged(1, 0).outcome).toBe('does not hold');
    expect(judged(98, 98).outcome).toBe('does not hold');
  });
});
