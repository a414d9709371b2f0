/**
 * The thread that does operations by the models, for `operations.ts`: it may really block in them,
 * and does nothing else.
 */
import { openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

import { HostError } from '../../../host/kernel/error.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { machines } from '../../machine.js';
import { connect } from './connection.js';
import { ModelDriver, type Account } from './model-driver.js';
import type { Case, OperationJob, OperationMessage, Spent } from './spent.js';

const { cases, address } = workerData as OperationJob;
const tell = (message: OperationMessage) => parentPort!.postMessage(message);

/**
 * Of each case, so much is received before it is measured: then the engines have compiled what is
 * called, and the kernel and the addon have touched all of their buffers.
 */
const WARMING_BYTES = 4 << 20;

/** Of this thread. The second number of the first is how long it waited for a processor. */
const schedule = open('/proc/thread-self/schedstat');
const status = open('/proc/thread-self/status');
const text = Buffer.alloc(8192);

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    const { message } = error as Error;
    throw new HostError(`this system does not tell how long a thread waits: ${message}`);
  }
}

const read = (file: number) => text.toString('latin1', 0, readSync(file, text, 0, text.length, 0));

function account(): Account {
  const [, switches] = /^voluntary_ctxt_switches:\s*(\d+)/m.exec(read(status)) ?? [];
  return { sleeps: Number(switches), runDelayNs: Number(read(schedule).split(' ')[1]) };
}

function run({ model, engine, bytes, operations, delayMs }: Case, index: number): void {
  const kernel = new LinuxKernel();
  try {
    const machine = machines[model];
    const queued = machine.class === 'asynchronous';
    const name = queued
      ? kernel.completions(engine === undefined ? undefined : [engine]).name
      : undefined;
    const driver = new ModelDriver(kernel, machine, connect(kernel, address), account);
    const spent: Spent[] = [];
    tell({ type: 'begins', index, bytes: WARMING_BYTES, delayMs: 0 });
    driver.receive(WARMING_BYTES);
    for (let i = 0; i < operations; i++) {
      tell({ type: 'begins', index, bytes, delayMs });
      spent.push(driver.receive(bytes));
    }
    tell({ type: 'done', index, engine: name, spent });
  } finally {
    kernel.dispose();
  }
}

cases.forEach(run);
