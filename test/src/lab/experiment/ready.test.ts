/** The number of ready descriptors. */
import { ready } from '#src/lab/experiment/ready';
import { describe, expect, test } from 'vitest';

import { descriptorsOf } from '../../started.js';
import { expectWellFormed, madeUp, measured, placesOf, type MadeUp } from '../made-up.js';

const counts = [1, 3, 10, 30, 100, 300, 900];

test('measures from one to all of those that are watched', async () => {
  const before = descriptorsOf();
  const { readings } = await measured(ready);
  expect(descriptorsOf()).toBe(before);
  expectWellFormed(ready, readings);
  const { select, ...others } = placesOf(readings, 'wait');
  expect(others).toEqual({ epoll: counts, poll: counts });
  expect(select).toEqual(counts);
  for (const { value } of readings) expect(value).toBeGreaterThan(0);
});

test('ends with an error when it is aborted, and leaves nothing open', async () => {
  const before = descriptorsOf();
  await expect(measured(ready, AbortSignal.abort())).rejects.toThrow('aborted');
  expect(descriptorsOf()).toBe(before);
});

describe('the verdict', () => {
  /** Costs of epoll where one is ready and where all are; select and poll cost 100 throughout. */
  const judged = (one: number, all: number, half?: number, select = true) => {
    const line = (series: string, of: (at: number) => number) =>
      counts.map((at): MadeUp => ['wait', series, at, of(at), half]);
    const epoll = (at: number) => one + ((all - one) * (at - 1)) / 899;
    return ready.judge(
      madeUp(
        ...line('epoll', epoll),
        ...line('poll', () => 100),
        ...(select ? line('select', () => 110) : []),
      ),
    );
  };

  test('holds where epoll is much cheaper with few ready, and not with all', () => {
    expect(judged(1, 150)).toEqual({
      outcome: 'holds',
      because:
        'with 1 of 900 ready, poll takes 100 µs and epoll 1 µs; with 900 of 900 ready, poll ' +
        'takes 100 µs and epoll 150 µs; from 900 on, epoll is the dearer',
    });
    expect(judged(1, 60, undefined, false).because).not.toMatch('dearer');
  });

  test('has a condition where the costs are too unsteady', () => {
    expect(judged(40, 150, 20).outcome).toBe('holds with a condition');
    expect(judged(1, 49, 5).outcome).toBe('holds with a condition');
  });

  test('does not hold where epoll is as dear with few, or as cheap with all', () => {
    expect(judged(90, 150).outcome).toBe('does not hold');
    expect(judged(1, 2).outcome).toBe('does not hold');
  });
});
