/** From one process to another. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { switching } from '#src/lab/experiment/switch';

import { folder } from '../../started.js';
import { expectWellFormed, madeUp, measured, placesOf } from '../made-up.js';

test('measures messages that make switches, and those that make none', async () => {
  const { readings } = await measured(switching);
  expectWellFormed(switching, readings);
  const places = ['within a thread', 'between threads', 'between processes'];
  expect(placesOf(readings, 'message')).toEqual({ 'a message': places });
  expect(placesOf(readings, 'cost')).toEqual({
    each: ['a system call', 'a switch of threads', 'a switch of processes'],
  });
  // That is no time: a message that is waited for makes its receiver run, and its sender sleep.
  const switches = Object.fromEntries(
    readings.filter(({ figure }) => figure === 'switches').map(({ at, value }) => [at, value]),
  );
  expect(switches['within a thread']).toBeLessThan(0.5);
  expect(switches['between threads']).toBeGreaterThan(0.5);
  expect(switches['between processes']).toBeGreaterThan(0.5);
});

test('says so where nothing keeps it on one processor', async () => {
  vi.stubEnv('PATH', folder());
  onTestFinished(() => void vi.unstubAllEnvs());
  const { readings, notes } = await measured(switching);
  expectWellFormed(switching, readings);
  expect(notes).toEqual([expect.stringMatching(/^without taskset\(1\) it ran on all processors/)]);
});

test('ends with an error when it is aborted', async () => {
  await expect(measured(switching, AbortSignal.timeout(50))).rejects.toThrow(/abort/);
});

describe('the verdict', () => {
  const judged = (call: number, processes: number, half?: number) =>
    switching.judge(
      madeUp(
        ['cost', 'each', 'a system call', call],
        ['cost', 'each', 'a switch of threads', 2],
        ['cost', 'each', 'a switch of processes', processes, half],
      ),
    );

  test('holds where a switch costs more than a system call', () => {
    expect(judged(1, 2.5)).toEqual({
      outcome: 'holds',
      because:
        'a switch takes 2.5 µs between processes and 2 µs between threads, a system call 1 µs',
    });
  });

  test('holds with a condition where it costs no more than that', () => {
    const { outcome, because } = judged(1, 0.5);
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(/: it is not more than a system call, /);
  });

  test('holds with a condition where that is not sure', () => {
    expect(judged(1, 1.2, 0.3).because).toMatch(/too unsteady to tell$/);
    expect(judged(1, 0.2, 0.3).because).toMatch(/too unsteady to tell$/);
  });

  test('does not hold where it costs nothing', () => {
    expect(judged(1, -1).outcome).toBe('does not hold');
  });
});
