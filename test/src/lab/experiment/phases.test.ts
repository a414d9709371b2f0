/** The two phases of an operation. */
import { phases } from '#src/lab/experiment/phases';
import { describe, expect, test } from 'vitest';

import { descriptorsOf } from '../../started.js';
import { expectWellFormed, madeUp, measured, placesOf, type MadeUp } from '../made-up.js';

const blocked = ['blocking', 'select', 'poll', 'epoll', 'epoll-edge'];
const free = ['signal', 'async'];
const models = ['blocking', 'nonblocking', 'select', 'poll', 'epoll', 'epoll-edge', ...free];

test('measures both phases of every model', async () => {
  const before = descriptorsOf();
  const { readings, notes } = await measured(phases);
  expect(descriptorsOf()).toBe(before);
  expectWellFormed(phases, readings);
  expect(placesOf(readings, 'wait')).toEqual({ blocked: models, busy: models, 'own work': models });
  expect(placesOf(readings, 'copy')).toEqual({
    'in the calls that copy': models,
    'of it, on a processor': models,
  });
  expect(notes).toEqual([expect.stringMatching(/ were done by (io_uring|threads)$/)]);
  const of = (name: string) => readings.filter(({ figure }) => figure === name);
  for (const { at, series, value } of of('wait').filter((each) => each.series === 'own work'))
    expect({ at, series, some: value > 0 }).toEqual({ at, series, some: free.includes(`${at}`) });
  for (const { value } of of('copy')) expect(value).toBeGreaterThan(0);
});

test('ends soon when it is aborted, whatever its thread does', async () => {
  const before = descriptorsOf();
  await expect(measured(phases, AbortSignal.abort())).rejects.toThrow('aborted');
  await expect(measured(phases, AbortSignal.timeout(150))).rejects.toThrow('timeout');
  expect(descriptorsOf()).toBe(before);
});

describe('the verdict', () => {
  type Doing = 'blocked' | 'busy' | 'own work';
  const doings: readonly Doing[] = ['blocked', 'busy', 'own work'];
  const said = (model: string): Doing => {
    if (model === 'nonblocking') return 'busy';
    return free.includes(model) ? 'own work' : 'blocked';
  };
  interface Seen {
    /** What a model does in the wait, other than what is said. */
    waits?: Record<string, Doing>;
    /** The microseconds of a model's copy: 20, but 1 by async. */
    copies?: Record<string, number>;
    /** Of the intervals of the wait. */
    half?: number;
  }
  const judged = ({ waits = {}, copies = {}, half = 0.1 }: Seen) =>
    phases.judge(
      madeUp(
        ...models.flatMap((model): MadeUp[] => [
          ...doings.map((doing): MadeUp => [
            'wait',
            doing,
            model,
            doing === (waits[model] ?? said(model)) ? 9.5 : 0.25,
            half,
          ]),
          ['copy', 'of it, on a processor', model, copies[model] ?? (model === 'async' ? 1 : 20)],
        ]),
      ),
    );

  test('holds where each model does as its table says', () => {
    expect(judged({})).toEqual({
      outcome: 'holds',
      because:
        'all models do as they are said to do: blocking, select, poll, epoll and epoll-edge ' +
        'sleep; nonblocking ask all the time; signal and async do other work, in a wait of ' +
        '10 ms; the calls that copy take 20 µs by blocking and 1 µs by async',
    });
  });

  test('has a condition where the thread of async copies as well', () => {
    const { outcome, because } = judged({ copies: { async: 30 } });
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(/^no call of async waits, but its thread copies when it takes/);
  });

  test('has a condition where the numbers are too unsteady', () => {
    const { outcome, because } = judged({ half: 4 });
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(/the wait of blocking, .* and async was too unsteady to tell/);
    expect(judged({ copies: { async: 10 } }).because).toMatch(/^the copy of async was too/);
  });

  test.each([...blocked, 'nonblocking', ...free])(
    'does not hold where %s does something else',
    (model) => {
      for (const doing of doings.filter((each) => each !== said(model))) {
        const { outcome, because } = judged({ waits: { [model]: doing } });
        expect(outcome).toBe('does not hold');
        expect(because).toMatch(new RegExp(`^in the wait, not so by ${model}:`));
      }
    },
  );

  test('does not hold where a synchronous model does not copy', () => {
    const { outcome, because } = judged({ copies: { signal: 1 } });
    expect(outcome).toBe('does not hold');
    expect(because).toMatch(/^signal did not copy by themselves/);
  });
});
