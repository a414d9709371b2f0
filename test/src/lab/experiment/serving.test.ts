/** A process, a thread, or an event loop. */
import { pid } from 'node:process';

import { childrenOf } from '#src/lab/experiment/family';
import { serving } from '#src/lab/experiment/serving';
import { describe, expect, test } from 'vitest';

import { expectWellFormed, madeUp, measured, placesOf, type MadeUp } from '../made-up.js';

const WAYS = ['event loop', 'process', 'thread'];

test(
  'measures what a connection and an echo cost in every way, and leaves nobody behind',
  { timeout: 60_000 },
  async () => {
    const before = childrenOf(pid);
    const { readings } = await measured(serving);
    expectWellFormed(serving, readings);
    for (const name of ['time', 'processor', 'memory']) {
      const places = placesOf(readings, name);
      expect(Object.keys(places).sort()).toEqual(WAYS);
      const expected = name === 'memory' ? ['a new connection'] : ['a new connection', 'an echo'];
      for (const at of Object.values(places)) expect(at).toEqual(expected);
    }
    for (const { figure, series, value } of readings)
      expect(value, `${figure} of ${series}`).toBeGreaterThan(0);
    expect(childrenOf(pid)).toEqual(before);
  },
);

describe('the verdict', () => {
  type Costs = [process: number, thread: number, eventLoop: number];
  const judged = (made: Costs, memory: Costs, echo: Costs, half?: number) => {
    const of = (figure: string, at: string, [process, thread, eventLoop]: Costs): MadeUp[] => [
      [figure, 'process', at, process, half],
      [figure, 'thread', at, thread, half],
      [figure, 'event loop', at, eventLoop, half],
    ];
    return serving.judge(
      madeUp(
        ...of('processor', 'a new connection', made),
        ...of('memory', 'a new connection', memory),
        ...of('processor', 'an echo', echo),
      ),
    );
  };

  test('holds where each step costs less, and an echo least in the event loop', () => {
    expect(judged([90_000, 50_000, 60], [14_000, 11_000, 1], [20, 18, 7])).toEqual({
      outcome: 'holds',
      because:
        'the process costs most and the event loop least: a new connection costs 90,000 ' +
        '(process), 50,000 (thread), 60 (event loop) µs of processor time and 14,000 (process), ' +
        '11,000 (thread), 1 (event loop) KiB of memory; an echo costs 20 (process), 18 (thread), ' +
        '7 (event loop) µs of processor time',
    });
  });

  test('holds with a condition where an open connection is served for less by a thread', () => {
    const { outcome, because } = judged([900, 500, 60], [900, 500, 1], [20, 7, 7]);
    expect(outcome).toBe('holds with a condition');
    expect(because).toContain('an echo does not cost least in the event loop');
    expect(because).not.toContain('a thread costs no less');
  });

  test.each<[string, Costs, Costs]>([
    ['takes as much of a processor', [500, 500, 60], [900, 500, 1]],
    ['takes as much memory', [900, 500, 60], [499, 500, 1]],
  ])('holds with a condition where a thread %s as a process', (_, made, memory) => {
    const { outcome, because } = judged(made, memory, [20, 18, 7]);
    expect(outcome).toBe('holds with a condition');
    expect(because).toContain('a thread costs no less than a process');
    expect(because).not.toContain('an echo does not');
  });

  test('holds with a condition where the intervals leave it open', () => {
    const { outcome, because } = judged([900, 500, 60], [900, 500, 1], [20, 18, 7], 9);
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(
      /^the numbers were too unsteady to tell whether an echo costs least in the event loop: /,
    );
  });

  test.each<[string, Costs, Costs]>([
    ['more of a processor than a thread', [900, 500, 600], [900, 500, 1]],
    ['more of a processor than a process', [400, 700, 600], [900, 500, 1]],
    ['more memory', [900, 500, 60], [900, 500, 501]],
  ])('does not hold where the event loop takes %s', (_, made, memory) => {
    expect(judged(made, memory, [20, 18, 7]).outcome).toBe('does not hold');
  });
});
