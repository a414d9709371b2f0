/**
 * The thread of a command: it runs `_start`, may block in any call, and ends with the guest. The
 * sandbox's thread leads it by a word of shared memory and an eventfd. A thread that was started
 * without a command runs one after the other, each in an instance of its own.
 */
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';

import { threadClock } from '../host/linux/cpu-time.js';
import { LinuxKernel } from '../host/linux/linux-kernel.js';
import { runCommand, type Stage } from './command.js';
import { Command, type Job, type WorkerMessage } from './message.js';

const port = parentPort!;
const clock = threadClock();
/** Its clock is for who limits its processor time. */
const tell = (message: WorkerMessage) =>
  port.postMessage(message.type === 'begins' ? { ...message, clock } : message);

/** Ends a guest, but not its thread. */
class Ended {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

const ended = (error: unknown) => (error instanceof Ended ? error.code : undefined);

/** The guest cannot catch the end of its thread, as it could an exception. */
const exitThread: Stage['exit'] = (code, close) => {
  close();
  return process.exit(code);
};

async function runOnly({ plan, wake, command, calls }: Job): Promise<never> {
  const words = new Int32Array(command);
  const wanted = () => Atomics.load(words, 0);
  const module = async () => plan.module;
  const stage = { tell, module, ended, wanted, exit: exitThread };
  // What is received ahead is not where the kernel's own operations would look for it.
  const ahead = !plan.queued;
  const kernel = new LinuxKernel({ wake, ahead, calls: new BigUint64Array(calls) });
  return process.exit(await runCommand(plan, kernel, stage));
}

async function runNext({ plan, wake, command }: Job): Promise<void> {
  const words = new Int32Array(command);
  const wanted = () => Atomics.load(words, 0);
  // A guest that catches this runs on, and is stopped like any other.
  const exit: Stage['exit'] = (code, close) => {
    if (wanted() === Command.STOP) exitThread(code, close);
    throw new Ended(code);
  };
  const module = async () => plan.module;
  const kernel = new LinuxKernel({ wake });
  const code = await runCommand(plan, kernel, { tell, module, ended, wanted, exit });
  kernel.dispose();
  tell({ type: 'ended', code });
}

if (workerData) {
  await runOnly(workerData as Job);
} else {
  port.on('message', (job: Job) => void runNext(job));
  tell({ type: 'idle' });
}
