/** Three tasks that wait for I/O. */
import { pid } from 'node:process';

import { childrenOf } from '#src/lab/experiment/family';
import { idleMs, tasks } from '#src/lab/experiment/tasks';
import { describe, expect, test } from 'vitest';

import { expectWellFormed, madeUp, measured, placesOf, type MadeUp } from '../made-up.js';

const [WAITING, COMPUTING] = ['tasks that wait', 'tasks that compute'];

test('measures the same tasks, and leaves nobody behind', { timeout: 60_000 }, async () => {
  const before = childrenOf(pid);
  const { readings } = await measured(tasks);
  expectWellFormed(tasks, readings);
  for (const name of ['total', 'idle']) {
    const places = placesOf(readings, name);
    expect(Object.keys(places).sort()).toEqual(['event loop', 'one thread', 'three threads']);
    for (const at of Object.values(places)) expect(at).toEqual([WAITING, COMPUTING]);
  }
  const value = (figure: string, series: string, at: string) =>
    readings.find((each) => each.figure === figure && each.series === series && each.at === at)!
      .value;
  // Nine waits of 20 ms (a timer may be early by one), or three of them and others meanwhile, are a lower limit whatever happens.
  expect(value('total', 'one thread', WAITING)).toBeGreaterThan(9 * 19);
  expect(value('total', 'three threads', WAITING)).toBeGreaterThan(3 * 19);
  expect(value('total', 'event loop', WAITING)).toBeGreaterThan(3 * 19);
  // One processor computes 9 times 10 ms in no less.
  expect(value('total', 'event loop', COMPUTING)).toBeGreaterThan(9 * 10);
  for (const { series, at, value: total } of readings.filter(({ figure }) => figure === 'total'))
    expect(value('idle', series, String(at))).toBeLessThan(total);
  expect(childrenOf(pid)).toEqual(before);
});

test('idle is what nobody of several threads fills', () => {
  expect(idleMs({ spans: [], startMs: 5 })).toBe(0);
  expect(idleMs({ spans: [[7, 10]], startMs: 5 })).toBe(2);
  expect(
    idleMs({
      spans: [
        [20, 25],
        [5, 10],
        [8, 12],
        [6, 7],
      ],
      startMs: 5,
    }),
  ).toBe(8);
});

describe('the verdict', () => {
  type Times = [one: number, threads: number, loop: number];
  const judged = (waiting: Times, idle: Times, computing: Times, half?: number) => {
    const of = (figure: string, at: string, [one, threads, loop]: Times): MadeUp[] => [
      [figure, 'one thread', at, one, half],
      [figure, 'three threads', at, threads, half],
      [figure, 'event loop', at, loop, half],
    ];
    return tasks.judge(
      madeUp(
        ...of('total', WAITING, waiting),
        ...of('idle', WAITING, idle),
        ...of('total', COMPUTING, computing),
        ...of('idle', COMPUTING, [12, 2, 2]),
      ),
    );
  };

  test('holds with a condition where tasks that compute are done no sooner', () => {
    expect(judged([150, 50, 52], [140, 44, 42], [150, 80, 140])).toEqual({
      outcome: 'holds with a condition',
      because:
        'tasks that compute are done no sooner by an event loop: tasks that wait ' +
        'take 150 ms (one thread, idle for 140 ms), 50 ms (three threads, idle for 44 ms), 52 ms ' +
        '(event loop, idle for 42 ms); tasks that compute take 150 ms (one thread, idle for 12 ' +
        'ms), 80 ms (three threads, idle for 2 ms), 140 ms (event loop, idle for 2 ms)',
    });
  });

  test('holds where all are done sooner', () => {
    expect(judged([150, 50, 52], [140, 44, 42], [150, 60, 60]).outcome).toBe('holds');
  });

  test('does not hold where the event loop, or the threads, take as long', () => {
    const idle: Times = [140, 44, 42];
    expect(judged([150, 50, 149], idle, [150, 80, 140]).outcome).toBe('does not hold');
    expect(judged([150, 149, 50], idle, [150, 80, 140]).outcome).toBe('does not hold');
  });

  test('holds with a condition where the intervals leave it open', () => {
    const idle: Times = [140, 44, 42];
    const { outcome, because } = judged([150, 50, 52], idle, [150, 80, 140], 30);
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(
      /^the numbers were too unsteady to tell whether to overlap the waits .* and whether tasks/,
    );
  });

  test('does not hold where as much is idled away', () => {
    const idle: Times = [42, 44, 42];
    expect(judged([150, 50, 52], idle, [150, 80, 140]).outcome).toBe('does not hold');
  });
});
