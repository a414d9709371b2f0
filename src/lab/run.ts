/**
 * Runs experiments one after the other, each repeated until its numbers are known well enough or
 * its time is over. It prints nothing, and knows nothing of what the experiments are about.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { HostError } from '../../host/kernel/error.js';
import { estimatesOf } from './estimate.js';
import type { Estimate, Experiment, Outcome, Reading } from './experiment.js';
import type { Machine, Result, Results } from './results.js';

/** How often an experiment is repeated. */
export interface Patience {
  /** Fewer are no basis for an interval. */
  readonly leastRepetitions: number;
  /** No repetition begins that would, by the others, end after this. */
  readonly limitMs: number;
}

/**
 * All experiments, done quickly, take less than three minutes; done fully, less than a quarter of
 * an hour.
 */
export const patience: Record<'quick' | 'full', Patience> = {
  quick: { leastRepetitions: 3, limitMs: 10_000 },
  full: { leastRepetitions: 8, limitMs: 45_000 },
};

/** How wide half an interval may be where no more repetitions are wanted: of its own mean, … */
const NARROW = 0.05;
/** … or of the greatest mean in its figure: what is next to nothing needs no second digit, … */
const NARROW_OF_GREATEST = 0.01;
/** … or, of shares, in percentage points. */
const NARROW_POINTS = 2;

/** How far it is. */
export interface Progress {
  readonly experiment: string;
  /** From 1. */
  readonly number: number;
  readonly of: number;
  /** The one that begins, from 1; undefined when the experiment is done. */
  readonly repetition?: number;
  readonly outcome?: Outcome | 'not measured';
}

export interface RunOptions {
  readonly quick: boolean;
  /** Of Pollux. */
  readonly version: string;
  readonly signal: AbortSignal;
  readonly progress?: (progress: Progress) => void;
  readonly patience?: Patience;
}

function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()} ${arch()}`,
    node: process.version,
    date: new Date().toISOString(),
  };
}

/** Whether all is known well enough. */
function isNarrow(experiment: Experiment, estimates: readonly Estimate[]): boolean {
  return experiment.figures.every(({ name, quantity }) => {
    const own = estimates.filter(({ figure }) => figure === name);
    const greatest = Math.max(...own.map(({ mean }) => Math.abs(mean)));
    const points = quantity.unit === '%' ? NARROW_POINTS : 0;
    return own.every(({ mean, high }) => {
      const width = Math.max(NARROW * Math.abs(mean), NARROW_OF_GREATEST * greatest, points);
      return high - mean <= width;
    });
  });
}

/** What all repetitions have read, in their order. */
async function repeat(
  experiment: Experiment,
  note: (sentence: string) => void,
  {
    quick,
    signal,
    patience: { leastRepetitions, limitMs } = patience[quick ? 'quick' : 'full'],
  }: RunOptions,
  begins: (repetition: number) => void,
): Promise<Reading[]> {
  const readings: Reading[] = [];
  const startMs = performance.now();
  for (let repetition = 1; ; repetition++) {
    await turn(); // a measurement may hold this thread: the person is heard between two
    signal.throwIfAborted();
    begins(repetition);
    const folder = mkdtempSync(join(tmpdir(), 'pollux-lab-'));
    try {
      readings.push(...(await experiment.measure({ quick, folder, signal, note })));
    } finally {
      rmSync(folder, { recursive: true });
    }
    const wrong = readings.find(({ value }) => !Number.isFinite(value));
    if (wrong)
      throw new HostError(`${wrong.figure} of ${wrong.series} at ${wrong.at} is ${wrong.value}`);
    if (repetition < leastRepetitions) continue;
    const usedMs = performance.now() - startMs;
    if (usedMs + usedMs / repetition > limitMs) return readings;
    if (isNarrow(experiment, estimatesOf(readings).all)) return readings;
  }
}

/** What this machine cannot do: we say so, or a system call of Node's did. */
const isOfTheMachine = (error: unknown): error is Error =>
  error instanceof HostError || (error instanceof Error && 'syscall' in error);

async function runOne(
  experiment: Experiment,
  options: RunOptions,
  begins: (repetition: number) => void,
): Promise<Result> {
  const { name, title, claim, hypothesis, method, figures } = experiment;
  const what = { name, title, claim, hypothesis, method, figures };
  const notes = new Set<string>();
  try {
    const readings = await repeat(experiment, (note) => notes.add(note), options, begins);
    const estimates = estimatesOf(readings);
    const verdict = experiment.judge(estimates);
    return { ...what, estimates: estimates.all, notes: [...notes], verdict };
  } catch (error) {
    if (!isOfTheMachine(error)) throw error;
    return { ...what, estimates: [], notes: [...notes], notMeasured: error.message };
  }
}

/** If it is aborted, the results are those of the experiments that were done. */
export async function run(
  experiments: readonly Experiment[],
  options: RunOptions,
): Promise<Results> {
  const { version, quick, signal, progress = () => {} } = options;
  const done: Result[] = [];
  const results = { pollux: version, machine: machine(), quick, experiments: done };
  for (const [i, experiment] of experiments.entries()) {
    const where = { experiment: experiment.name, number: i + 1, of: experiments.length };
    let result: Result;
    try {
      result = await runOne(experiment, options, (repetition) =>
        progress({ ...where, repetition }),
      );
    } catch (error) {
      if (signal.aborted) break;
      throw error;
    }
    // What an abort has ended is an error of its own, or half a measurement.
    if (signal.aborted) break;
    done.push(result);
    progress({ ...where, outcome: result.verdict?.outcome ?? 'not measured' });
  }
  return results;
}
