/** A thread for one task after the other: it begins when all of them are let go. */
import { parentPort, workerData } from 'node:worker_threads';

import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { attachMessage, connect } from './connection.js';
import { REQUEST_BYTES, runBlocking, type Work } from './tasks-task.js';

export interface ThreadData {
  port: number;
}

export interface ThreadJob {
  work: Work;
  /** An Int32Array of one number, which is 0 until the tasks begin. */
  gate: SharedArrayBuffer;
}

const port = parentPort!;
const kernel = new LinuxKernel();
const bytes = attachMessage(kernel, REQUEST_BYTES);
const socket = connect(kernel, { host: '127.0.0.1', port: (workerData as ThreadData).port });
port.on('message', ({ work, gate }: ThreadJob) => {
  port.postMessage('ready');
  Atomics.wait(new Int32Array(gate), 0, 0);
  port.postMessage(runBlocking(kernel, bytes, socket, work));
});
port.postMessage('ready');
