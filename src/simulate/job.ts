/** A thread of `pollux simulate --jobs`: it checks the seeds that it is told. */
import { parentPort, workerData } from 'node:worker_threads';

import { UsageError } from '../../host/kernel/error.js';
import { load, type Guest } from '../guest.js';
import { check, CheckError, type Checked, type CheckOptions } from './check.js';
import { contentsOf } from './directories.js';
import { findWorld, loadCompanions, type CompanionFile } from './find.js';
import type { ClientOptions } from './world.js';

/** What a thread is given: plain data. */
export interface JobOptions {
  readonly file: string;
  readonly companions: readonly CompanionFile[];
  readonly world: string;
  readonly clients: ClientOptions;
  readonly check: Omit<
    CheckOptions,
    'world' | 'companions' | 'invariant' | 'eventually' | 'progress' | 'signal'
  >;
}

/** What a thread says of some seeds. */
export type Answer = { checked: Checked; report?: string } | { usage: string };

const { file, companions: files, world, clients, check: options } = workerData as JobOptions;
const port = parentPort!;

/** All that the runs have in common, as it is when the first of them begins. */
async function prepare(): Promise<{ guest: Guest; common: CheckOptions }> {
  const guest = await load(file);
  const found = await findWorld(world, clients);
  const companions = await loadCompanions(files);
  const dirs = contentsOf(options.dirs);
  return { guest, common: { ...found, ...options, companions, dirs } };
}

let prepared: ReturnType<typeof prepare> | undefined;

async function answer(seeds: { seed: number; runs: number }): Promise<Answer> {
  try {
    const { guest, common } = await (prepared ??= prepare());
    return { checked: await check(guest, { ...common, ...seeds }) };
  } catch (error) {
    if (error instanceof CheckError) return { checked: error.checked, report: error.message };
    if (error instanceof UsageError) return { usage: error.message };
    throw error;
  }
}

port.on('message', (seeds: { seed: number; runs: number }) => {
  void answer(seeds).then((each) => port.postMessage(each));
});
