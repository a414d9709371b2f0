/** Estimates that nobody measured, to turn a verdict with; and what every measurement must be. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { indexed } from '#src/lab/estimate';
import type { Bench, Estimate, Estimates, Experiment, Reading } from '#src/lab/experiment';
import { expect } from 'vitest';

/** What it is of, its mean, and half of its interval (default: a hundredth of the mean). */
export type MadeUp = [
  figure: string,
  series: string,
  at: number | string,
  mean: number,
  half?: number | undefined,
];

export function madeUp(...all: MadeUp[]): Estimates {
  return indexed(
    all.map(([figure, series, at, mean, half = Math.abs(mean) / 100]): Estimate => ({
      figure,
      series,
      at,
      count: 8,
      mean,
      median: mean,
      low: mean - half,
      high: mean + half,
    })),
  );
}

/** One repetition, in its brief form. */
export async function measured(
  experiment: Experiment,
  signal = new AbortController().signal,
): Promise<{ readings: Reading[]; notes: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'pollux-test-'));
  const notes: string[] = [];
  const bench: Bench = { quick: true, folder, signal, note: (sentence) => notes.push(sentence) };
  try {
    return { readings: await experiment.measure(bench), notes };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every figure has its readings, each once, and each is a number. */
export function expectWellFormed(experiment: Experiment, readings: readonly Reading[]): void {
  const figures = experiment.figures.map(({ name }) => name);
  expect([...new Set(readings.map(({ figure }) => figure))].sort()).toEqual([...figures].sort());
  const keys = readings.map(({ figure, series, at }) => `${figure} ${series} ${at}`);
  expect(keys).toEqual([...new Set(keys)]);
  for (const { value } of readings) expect(value).toSatisfy(Number.isFinite);
  for (const { axis, name } of experiment.figures.filter(({ axis }) => axis.scale === 'log')) {
    const places = readings.filter(({ figure }) => figure === name).map(({ at }) => at);
    expect([axis, ...places.filter((at) => Number(at) <= 0)]).toEqual([axis]);
  }
}

/** The places of each series of a figure. */
export function placesOf(readings: readonly Reading[], name: string) {
  const places: Record<string, (number | string)[]> = {};
  for (const { figure, series, at } of readings)
    if (figure === name) (places[series] ??= []).push(at);
  return places;
}
