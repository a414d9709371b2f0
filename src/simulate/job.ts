/** A thread of `pollux simulate --jobs`: it checks the seeds that it is told. */
import { parentPort, workerData } from 'node:worker_threads';

import { UsageError } from '../../host/kernel/error.js';
import { load } from '../guest.js';
import { check, CheckError, type Checked, type CheckOptions } from './check.js';
import { findWorld } from './find.js';
import type { ClientOptions } from './world.js';

/** What a thread is given: plain data. */
export interface JobOptions {
  readonly file: string;
  readonly world: string;
  readonly clients: ClientOptions;
  readonly check: Omit<CheckOptions, 'world' | 'invariant' | 'eventually' | 'progress' | 'signal'>;
}

/** What a thread says of some seeds. */
export type Answer = { checked: Checked; report?: string } | { usage: string };

const { file, world, clients, check: options } = workerData as JobOptions;
const port = parentPort!;
const guest = await load(file);
const found = await findWorld(world, clients);

async function answer(seeds: { seed: number; runs: number }): Promise<Answer> {
  try {
    return { checked: await check(guest, { ...found, ...options, ...seeds }) };
  } catch (error) {
    if (error instanceof CheckError) return { checked: error.checked, report: error.message };
    if (error instanceof UsageError) return { usage: error.message };
    throw error;
  }
}

port.on('message', (seeds: { seed: number; runs: number }) => {
  void answer(seeds).then((each) => port.postMessage(each));
});
