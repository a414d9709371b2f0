/** The hand of the experiment `mouse`: a thread that presses, and has devices tell when it did. */
import { writeSync } from 'node:fs';
import { hrtime } from 'node:process';
import { parentPort } from 'node:worker_threads';

import { UNPLUGGED, type Press } from './mouse-device.js';

export interface HandJob {
  presses: Press[];
  /** The write ends of all devices, which are unplugged in the end. */
  devices: number[];
}

const port = parentPort!;
const nobody = new Int32Array(new SharedArrayBuffer(4));
const press = (device: number, ns: bigint) => void writeSync(device, new BigUint64Array([ns]));
port.on('message', ({ presses, devices }: HandJob) => {
  for (const { pauseMs, device } of presses) {
    Atomics.wait(nobody, 0, 0, pauseMs);
    press(devices[device]!, hrtime.bigint());
  }
  for (const device of devices) press(device, UNPLUGGED);
});
port.postMessage('ready');
