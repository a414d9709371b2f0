/** Through the page cache, and past it. */
import { HostError } from 'pollux';
import { describe, expect, test } from 'vitest';

import { buffered } from '#src/lab/experiment/buffered';

import { expectWellFormed, madeUp, measured, placesOf, type MadeUp } from '../made-up.js';

const SIZES = [16, 64, 256, 1024, 4096];

test('measures reading and writing, or says that there is no direct I/O here', async () => {
  const found = await measured(buffered).catch((error: unknown) => error);
  if (found instanceof HostError) {
    // A folder in memory, say: then that is what a person must be told, and how to help it.
    expect(found.message).toMatch(
      / does no direct I\/O: set TMPDIR to a folder on one that does$| stays in memory, whatever is advised$/,
    );
    return;
  }
  const { readings } = found as Awaited<ReturnType<typeof measured>>;
  expectWellFormed(buffered, readings);
  const places = {
    'read, buffered': SIZES,
    'read again, buffered': SIZES,
    'read, direct': SIZES,
    'write, buffered': SIZES,
    'write, direct': SIZES,
  };
  expect(placesOf(readings, 'processor')).toEqual(places);
  expect(placesOf(readings, 'time')).toEqual(places);
  const fetched = readings.filter(({ figure }) => figure === 'fetched');
  expect(fetched.map(({ series, at, value }) => [series, at, Math.round(value)])).toEqual([
    ['buffered', 'read', 1],
    ['direct', 'read', 1],
    ['buffered', 'read again', 0],
    ['direct', 'read again', 1],
  ]);
});

describe('the verdict', () => {
  /** What buffered I/O costs, in each size; direct I/O costs 100. */
  const judged = (read: number[], write: number[], half?: number) =>
    buffered.judge(
      madeUp(
        ...SIZES.flatMap((kib, i): MadeUp[] => [
          ['processor', 'read, buffered', kib, read[i]!, half],
          ['processor', 'write, buffered', kib, write[i]!, half],
          ['processor', 'read, direct', kib, 100],
          ['processor', 'write, direct', kib, 100],
        ]),
        ['time', 'read again, buffered', 4096, 50],
        ['time', 'read, direct', 4096, 900],
        ['fetched', 'buffered', 'read again', 0],
      ),
    );
  const more = SIZES.map(() => 150);
  const less = SIZES.map(() => 50);

  test('holds where buffered I/O costs more in every size, both ways', () => {
    expect(judged(more, more)).toEqual({
      outcome: 'holds',
      because:
        'a MiB in pieces of 4096 KiB costs 150 µs of processor time instead of 100 µs to read, and ' +
        '150 µs of processor time instead of 100 µs to write; but to read it again takes 50 µs ' +
        'instead of 900 µs, for 0 % of it comes from the disk',
    });
  });

  test('holds with a condition where it does so one way, or in large pieces', () => {
    const large = [50, 50, 100, 150, 150];
    expect(judged(more, less).outcome).toBe('holds with a condition');
    expect(judged(less, large).because).toMatch(
      /; it costs no more to read in pieces of 16, 64, 256, 1024 and 4096 KiB, and to write in pieces of 16, 64 and 256 KiB$/,
    );
    expect(judged(more, large)).toMatchObject({
      outcome: 'holds with a condition',
      because: expect.stringMatching(
        /; it costs no more to write in pieces of 16, 64 and 256 KiB$/,
      ) as string,
    });
  });

  test('holds with a condition where what it costs is not sure', () => {
    const { outcome, because } = judged(more, more, 60);
    expect(outcome).toBe('holds with a condition');
    expect(because).toMatch(
      /too unsteady to tell what it costs to read in pieces of 16, .* to write/,
    );
  });

  test('does not hold where it costs no more', () => {
    expect(judged(less, less).outcome).toBe('does not hold');
  });
});
