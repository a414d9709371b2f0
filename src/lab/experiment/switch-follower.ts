/**
 * Whom the leader of experiment `switch` sends its messages to, as a thread or as a process: sends
 * each back, and ends when there are no more.
 */
import process from 'node:process';
import { isMainThread, workerData } from 'node:worker_threads';

import { HostError } from '../../../host/kernel/error.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { End } from './switch-end.js';

const kernel = new LinuxKernel();
if (isMainThread) kernel.endWithParent();
const path = isMainThread ? process.argv[2]! : (workerData as string);
const socket = kernel.local(path, undefined);
if (socket < 0) throw new HostError('the leader is gone');
const end = new End(kernel, socket);
while (end.receive()) end.send();
kernel.dispose();
