/** Multiplexing, or a thread that blocks. */
import { pid } from 'node:process';

import { childrenOf } from '#src/lab/experiment/family';
import { multiplexing } from '#src/lab/experiment/multiplexing';
import { describe, expect, test } from 'vitest';

import { expectWellFormed, madeUp, measured, placesOf, type MadeUp } from '../made-up.js';

const SLOW = { timeout: 60_000 };

test(
  'measures threads, select and epoll with the same connections, and leaves nobody behind',
  SLOW,
  async () => {
    const before = childrenOf(pid);
    const { readings } = await measured(multiplexing);
    expectWellFormed(multiplexing, readings);
    for (const { name } of multiplexing.figures) {
      const places = placesOf(readings, name);
      expect(Object.keys(places).sort()).toEqual(['epoll', 'select', 'thread + blocking']);
      for (const counts of Object.values(places)) expect(counts).toEqual([1, 4, 16]);
    }
    for (const { figure, value } of readings)
      if (figure !== 'processor') expect(value).toBeGreaterThan(0);
    expect(childrenOf(pid)).toEqual(before);
  },
);

test('ends soon, and with it all that it started, when it is aborted', SLOW, async () => {
  const before = childrenOf(pid);
  await expect(measured(multiplexing, AbortSignal.timeout(400))).rejects.toThrow(/abort/);
  expect(childrenOf(pid)).toEqual(before);
});

describe('the verdict', () => {
  /** By the number of connections: the latency and the cost of an echo by threads, and by epoll. */
  type Row = [at: number, threadUs: number, epollUs: number, threadCpu: number, epollCpu: number];
  const judged = (rows: Row[], half?: number) =>
    multiplexing.judge(
      madeUp(
        ...rows.flatMap(([at, threadUs, epollUs, threadCpu, epollCpu]): MadeUp[] => [
          ['latency', 'thread + blocking', at, threadUs, half],
          ['latency', 'select', at, epollUs + 1, half],
          ['latency', 'epoll', at, epollUs, half],
          ['processor', 'thread + blocking', at, threadCpu],
          ['processor', 'select', at, epollCpu + 1],
          ['processor', 'epoll', at, epollCpu],
        ]),
      ),
    );

  test('holds where multiplexing is slower for few, and costs less for many', () => {
    const { outcome, because } = judged([
      [1, 20, 22, 10, 12],
      [8, 100, 100, 10, 9],
      [64, 600, 400, 14, 7],
    ]);
    expect(outcome).toBe('holds');
    expect(because).toBe(
      'multiplexing has more latency for few, and costs less for many: with 1 connection an echo ' +
        'takes 20 µs (thread + blocking), 23 µs (select), 22 µs (epoll); with 64 it costs 7 µs of ' +
        'processor time by epoll and 14 µs by threads',
    );
  });

  test('holds where there is no difference for few', () => {
    const { outcome, because } = judged([
      [1, 20, 19, 10, 12],
      [8, 100, 98, 10, 9],
      [64, 600, 590, 14, 7],
    ]);
    expect(outcome).toBe('holds');
    expect(because).toContain('not faster for few');
  });

  test('holds with a condition where the intervals leave open what is faster', () => {
    const rows: Row[] = [
      [1, 20, 18, 10, 12],
      [64, 600, 400, 14, 7],
    ];
    const { outcome, because } = judged(rows, 5);
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(
      /^the numbers were too unsteady to tell whether multiplexing is no faster for few: /,
    );
  });

  test('says how many few are, where multiplexing is faster for less than a handful', () => {
    const { outcome, because } = judged([
      [1, 20, 22, 10, 12],
      [8, 100, 60, 10, 7],
      [64, 600, 400, 14, 7],
    ]);
    expect(outcome).toBe('holds with a condition');
    expect(because).toContain('few means fewer than 8');
  });

  test('holds with a condition where many have no advantage', () => {
    const { outcome, because } = judged([
      [1, 20, 22, 10, 12],
      [64, 400, 400, 10, 10],
    ]);
    expect(outcome).toBe('holds with a condition');
    expect(because).toContain('multiplexing is not better for 64 either');
  });

  test('does not hold where multiplexing is faster for one', () => {
    const rows: Row[] = [
      [1, 20, 15, 10, 12],
      [64, 600, 400, 14, 7],
    ];
    expect(judged(rows).outcome).toBe('does not hold');
  });

  test('is the same for a difference that nobody would notice', () => {
    const rows: Row[] = [
      [1, 20, 19.5, 10, 12],
      [64, 600, 400, 14, 7],
    ];
    expect(judged(rows, 0).outcome).toBe('holds');
  });
});
