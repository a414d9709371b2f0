/**
 * The thread that reads a file for `synchronous.ts`, and tells of the processor time that this cost
 * itself: by a read that waits, and by one that another thread does.
 */
import { closeSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';

import { Clock } from '../../../host/kernel/kernel.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { median } from '../estimate.js';
import type { FileCost, FileJob } from './spent.js';

const { path, sizes, reads } = workerData as FileJob;
const kernel = new LinuxKernel();
const file = openSync(path, 'r');
const buffer = new Uint8Array(Math.max(...sizes));
const later = promisify(read);

async function cost(work: () => unknown): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < reads; i++) {
    const before = kernel.now(Clock.THREAD_CPUTIME);
    await work();
    all.push(Number(kernel.now(Clock.THREAD_CPUTIME) - before));
  }
  return median(all);
}

const costs: FileCost[] = [];
readSync(file, buffer, 0, buffer.length, 0); // so that the pages of the buffer are there
for (const bytes of sizes) {
  const waitingNs = await cost(() => readSync(file, buffer, 0, bytes, 0));
  const elsewhereNs = await cost(() => later(file, buffer, 0, bytes, 0));
  costs.push({ bytes, waitingNs, elsewhereNs });
}
closeSync(file);
kernel.dispose();
parentPort!.postMessage(costs);
