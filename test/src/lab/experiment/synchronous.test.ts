/** Synchronous against asynchronous. */
import { synchronous } from '#src/lab/experiment/synchronous';
import { describe, expect, test } from 'vitest';

import { linuxEngines } from '../../../host/asynchronous.js';
import { descriptorsOf } from '../../started.js';
import { expectWellFormed, madeUp, measured, placesOf } from '../made-up.js';

const models = ['blocking', 'nonblocking', 'select', 'poll', 'epoll', 'epoll-edge', 'signal'];
const engines = linuxEngines.filter((engine) => engine === 'io_uring' || engine === 'threads');
const kib = [16, 64, 256, 1024];
const mib = [1, 4, 16];

test('measures the copy of every model, and of all that is asynchronous here', async () => {
  const before = descriptorsOf();
  const { readings, notes } = await measured(synchronous);
  expect(descriptorsOf()).toBe(before);
  expectWellFormed(synchronous, readings);
  expect(placesOf(readings, 'model')).toEqual({
    synchronous: models,
    asynchronous: engines.map((engine) => `async (${engine})`),
  });
  expect(placesOf(readings, 'socket')).toEqual({
    recv: kib,
    ...Object.fromEntries(engines.map((engine) => [`reap (${engine})`, kib])),
  });
  expect(placesOf(readings, 'file')).toEqual({
    'read that waits': mib,
    'read by another thread': mib,
  });
  expect(notes).toHaveLength(2 - engines.length);
});

test('ends with an error when it is aborted, and leaves nothing open', async () => {
  const before = descriptorsOf();
  await expect(measured(synchronous, AbortSignal.timeout(150))).rejects.toThrow('timeout');
  expect(descriptorsOf()).toBe(before);
});

describe('the verdict', () => {
  interface Copies {
    /** Of a synchronous model other than blocking, which takes 100. */
    signal?: number;
    uring?: number;
    threads?: number;
    /** A file's, of which the reading that waits takes 1000. */
    file?: number;
  }
  const judged = ({ signal = 100, uring = 10, threads = 10, file = 10 }: Copies, half?: number) =>
    synchronous.judge(
      madeUp(
        ['model', 'synchronous', 'blocking', 100],
        ['model', 'synchronous', 'signal', signal],
        ['model', 'asynchronous', 'async (io_uring)', uring, half],
        ['model', 'asynchronous', 'async (threads)', threads, half],
        ['file', 'read that waits', 16, 1000],
        ['file', 'read by another thread', 16, file],
      ),
    );

  test('holds where the synchronous alone are kept by the copy', () => {
    expect(judged({})).toEqual({
      outcome: 'holds',
      because:
        'the 2 synchronous models are kept by the copy of 1024 KiB (blocking 100 µs); free of it ' +
        "are async (io_uring) 10 µs, async (threads) 10 µs and a file's 16 MiB read by another " +
        'thread 10 µs, and not 1,000 µs',
    });
  });

  test('has a condition where something asynchronous is kept as well, or may be', () => {
    const { outcome, because } = judged({ uring: 300 });
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(/must copy is not: async \(io_uring\) 300 µs$/);
    expect(judged({ threads: 50 }, 10).because).toMatch(
      /too unsteady to tell were async \(threads\)/,
    );
    expect(judged({ file: 900 }).outcome).toBe('holds with a condition');
  });

  test('does not hold where all that is asynchronous is kept', () => {
    expect(judged({ uring: 100, threads: 100, file: 1000 }).outcome).toBe('does not hold');
  });

  test('does not hold where a synchronous model is not kept', () => {
    const { outcome, because } = judged({ signal: 10 });
    expect(outcome).toBe('does not hold');
    expect(because).toMatch(/signal 10 µs was not kept/);
  });
});
