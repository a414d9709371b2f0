/** How experiments are run: how often, until when, and what becomes of those that cannot be done. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { HostError } from 'pollux';
import { describe, expect, test } from 'vitest';

import type { Bench, Experiment } from '#src/lab/experiment';
import { parseResults } from '#src/lab/results';
import { patience, run, type Progress, type RunOptions } from '#src/lab/run';

/** An experiment that reads the same number, or what it is told to. */
function experiment(
  name: string,
  read: (bench: Bench) => number | Promise<number> = () => 1,
): Experiment {
  return {
    name,
    title: 'Made up',
    claim: 'It is so.',
    hypothesis: 'It is seen.',
    method: 'By looking.',
    figures: [
      { name: 'f', title: 'F', quantity: { label: 'q', unit: 'ms' }, axis: { label: 'x' } },
    ],
    measure: async (bench) => [{ figure: 'f', series: 's', at: 1, value: await read(bench) }],
    judge: (estimates) => ({
      outcome: 'holds',
      because: `it is ${estimates.of('f', 's', 1).mean}`,
    }),
  };
}

const runAll = (all: Experiment[], options: Partial<RunOptions> = {}) =>
  run(all, { quick: true, version: '1.2.3', signal: new AbortController().signal, ...options });

/** 1, 2, 1, 2, …: never narrow. */
function unsteady(): () => number {
  let times = 0;
  return () => 1 + (times++ % 2);
}

describe('an experiment', () => {
  test.each([
    ['quick', true],
    ['full', false],
  ] as const)('is repeated at the least as often as %s wants', async (size, quick) => {
    const { experiments } = await runAll([experiment('steady')], { quick });
    expect(experiments[0]!.estimates[0]!.count).toBe(patience[size].leastRepetitions);
    expect(experiments[0]!.verdict).toEqual({ outcome: 'holds', because: 'it is 1' });
  });

  test('is repeated until its intervals are narrow', async () => {
    let times = 0;
    const settling = experiment('settling', () => 100 + (times++ === 0 ? 10 : 0));
    const { experiments } = await runAll([settling]);
    const { count, mean, high } = experiments[0]!.estimates[0]!;
    expect(count).toBeGreaterThan(patience.quick.leastRepetitions);
    expect((high - mean) / mean).toBeLessThanOrEqual(0.05);
  });

  test('is repeated no more when its time is over', async () => {
    const limited = { leastRepetitions: 4, limitMs: 0 };
    const { experiments } = await runAll([experiment('unsteady', unsteady())], {
      patience: limited,
    });
    expect(experiments[0]!.estimates[0]!.count).toBe(4);
  });

  test('has an empty folder for each repetition, which is gone after it', async () => {
    const folders: string[] = [];
    await runAll([
      experiment('folder', ({ folder }) => {
        folders.push(folder);
        writeFileSync(join(folder, 'left'), '', { flag: 'wx' });
        return 1;
      }),
    ]);
    expect(folders).toHaveLength(3);
    expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
  });

  test('has its notes told once', async () => {
    const noting = experiment('noting', ({ note }) => {
      note('select: no descriptor above 1023');
      return 1;
    });
    const { experiments } = await runAll([noting]);
    expect(experiments[0]!.notes).toEqual(['select: no descriptor above 1023']);
  });
});

describe('what cannot be measured', () => {
  test('is said, and is not the end of the others', async () => {
    const broken = experiment('broken', () => {
      throw new HostError('there is no disk');
    });
    const seen: Progress[] = [];
    const { experiments } = await runAll([broken, experiment('whole')], {
      progress: (progress) => seen.push(progress),
    });
    expect(experiments.map(({ notMeasured }) => notMeasured)).toEqual([
      'there is no disk',
      undefined,
    ]);
    expect(experiments[0]).not.toHaveProperty('verdict');
    expect(seen.flatMap(({ outcome }) => outcome ?? [])).toEqual(['not measured', 'holds']);
  });

  test('is what a system call of Node refuses', async () => {
    const refused = experiment('refused', ({ folder }) => {
      mkdirSync(folder);
      return 1;
    });
    const { experiments } = await runAll([refused]);
    expect(experiments[0]!.notMeasured).toMatch(/^EEXIST: /);
  });

  test('is a number that is none', async () => {
    const { experiments } = await runAll([experiment('nan', () => NaN)]);
    expect(experiments[0]!.notMeasured).toBe('f of s at 1 is NaN');
  });

  test('is not what fails for another reason', async () => {
    const wrong = experiment('wrong', () => {
      throw new TypeError('a mistake');
    });
    await expect(runAll([wrong])).rejects.toThrow('a mistake');
  });
});

describe('an abort', () => {
  test.each([
    ['with an error of its own', () => new HostError('the load ended')],
    ['with any other error', () => new TypeError('aborted')],
  ])('keeps what was done, and ends the rest %s', async (_, error) => {
    const stop = new AbortController();
    const ended = experiment('ended', () => {
      stop.abort();
      throw error();
    });
    const never = experiment('never', () => expect.fail('it was aborted before'));
    const { experiments } = await runAll([experiment('first'), ended, never], {
      signal: stop.signal,
    });
    expect(experiments.map(({ name }) => name)).toEqual(['first']);
  });

  test('is heeded between two repetitions', async () => {
    const stop = new AbortController();
    let times = 0;
    const counted = experiment('counted', () => {
      if (++times === 2) stop.abort();
      return 1;
    });
    const { experiments } = await runAll([counted], { signal: stop.signal });
    expect([times, experiments]).toEqual([2, []]);
  });
});

test('results name the machine, and are what is read again', async () => {
  const results = await runAll([experiment('a'), experiment('b')]);
  expect(results).toMatchObject({ pollux: '1.2.3', quick: true });
  expect(results.machine).toMatchObject({
    cpu: expect.stringMatching(/./),
    node: process.version,
    kernel: expect.stringMatching(/^Linux \d/),
  });
  expect(parseResults(JSON.stringify(results), 'it')).toEqual(results);
});
