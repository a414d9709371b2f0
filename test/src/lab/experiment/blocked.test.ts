/** A blocked process. */
import { describe, expect, test } from 'vitest';

import { blocked } from '#src/lab/experiment/blocked';

import { expectWellFormed, madeUp, measured, placesOf } from '../made-up.js';

test('measures every model that blocks while it waits, beside one that does not', async () => {
  const { readings } = await measured(blocked);
  expectWellFormed(blocked, readings);
  for (const figure of ['busy', 'asleep'])
    expect(placesOf(readings, figure)).toEqual({
      blocked: ['blocking', 'select', 'poll', 'epoll', 'epoll-edge'],
      'not blocked': ['nonblocking'],
    });
  // No time either: a thread that is in a call that waits is asleep whenever it is looked at.
  const asleep = readings.filter(({ figure }) => figure === 'asleep');
  const free = asleep.find(({ at }) => at === 'nonblocking');
  for (const { value } of asleep.filter((each) => each !== free))
    expect(value).toBeGreaterThan(free!.value);
});

test('ends when it is aborted', async () => {
  await expect(measured(blocked, AbortSignal.timeout(50))).rejects.toThrow(/abort|timeout/i);
});

describe('the verdict', () => {
  const judged = (blocking: number, select: number, half?: number) =>
    blocked.judge(
      madeUp(
        ['busy', 'blocked', 'blocking', blocking, half],
        ['busy', 'blocked', 'select', select, half],
        ['busy', 'not blocked', 'nonblocking', 98],
      ),
    );

  test('holds where none of them uses the processor', () => {
    expect(judged(0.01, 0.5)).toEqual({
      outcome: 'holds',
      because:
        'of the processor time that it could have had, a server that is blocked uses at the most ' +
        '0.5 % (select), and one that is not blocked 98 % (nonblocking)',
    });
  });

  test('holds with a condition where one of them does', () => {
    const { outcome, because } = judged(0, 40);
    expect([outcome, because.split(': ').at(-1)]).toEqual([
      'holds with a condition',
      'not with select',
    ]);
  });

  test('holds with a condition where one may, or all', () => {
    expect(judged(0.5, 0.5, 0.6).because).toMatch(
      /: too unsteady to tell with blocking and select$/,
    );
    expect(judged(0.5, 40, 0.6).because).toMatch(
      /: not with select, and too unsteady to tell with blocking$/,
    );
  });

  test('does not hold where all of them do', () => {
    expect(judged(30, 40).outcome).toBe('does not hold');
  });
});
