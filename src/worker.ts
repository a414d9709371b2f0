/**
 * The thread of one command: it runs `_start`, may block in any call, and ends with the guest. The
 * sandbox's thread leads it by a word of shared memory and an eventfd.
 */
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';

import { LinuxKernel } from '../host/linux/linux-kernel.js';
import { make, type Made } from './instance.js';
import { Command, TRAP_EXIT_CODE, type WorkerData, type WorkerMessage } from './message.js';

const MAX_STACK_FRAMES = 64;

async function main({ plan, wake, command }: WorkerData): Promise<void> {
  const port = parentPort!;
  const tell = (message: WorkerMessage) => port.postMessage(message);
  const wanted = new Int32Array(command);
  let made: Made | undefined;

  // In a worker this ends the thread, and cannot be caught by the guest as an exception could.
  const exit = (code: number): never => {
    made?.trace?.close();
    return process.exit(code);
  };

  const interrupted = () => {
    const now = Atomics.load(wanted, 0);
    if (now === Command.STOP) exit(0);
    if (now !== Command.DRAIN) return;
    const { descriptors } = made!.process;
    descriptors.drained = () => exit(0);
    descriptors.retireListeners();
    if (descriptors.connections === 0) exit(0);
  };

  const kernel = new LinuxKernel(wake);
  try {
    const warn = (sentence: string) => tell({ type: 'warning', sentence });
    const watch = () => () => {};
    made = await make(plan, kernel, { embedded: false, watch, exit, interrupted, warn });
  } catch (error) {
    tell({ type: 'failed', name: (error as Error).name, message: (error as Error).message });
    return;
  }
  tell({ type: 'ready' });
  Error.stackTraceLimit = MAX_STACK_FRAMES;
  try {
    (made.instance.exports['_start'] as () => void)();
    exit(0);
  } catch (error) {
    const { message = String(error), stack = '' } = error as Partial<Error>;
    tell({ type: 'trap', message, stack });
    made.trace?.close();
    process.exitCode = TRAP_EXIT_CODE;
  }
}

await main(workerData as WorkerData);
