/**
 * Runs one command, on this thread, from the making of its instance to its end. Where it stands and
 * how it is told to end is its stage's: worker.ts, serve/process.ts.
 */
import type { LinuxKernel } from '../host/linux/linux-kernel.js';
import { make, type Made, type Plan } from './instance.js';
import { Command, TRAP_EXIT_CODE, type WorkerMessage } from './message.js';

const MAX_STACK_FRAMES = 64;

/** What the thread lends to its command. */
export interface Stage {
  tell(message: WorkerMessage): void;
  /** The guest's module, when all that it is granted is open. */
  module(): Promise<WebAssembly.Module>;
  /**
   * Ends the guest: does not return. `close` is called if nothing of it will run again, not even by
   * catching what `exit` threw.
   */
  exit(code: number, close: () => void): never;
  /** The exit code, if `error` is what `exit` threw. */
  ended(error: unknown): number | undefined;
  /** The `Command` that holds now. */
  wanted(): number;
}

/** Tells 'begins', then 'ready' or 'failed', maybe 'trap', and answers the exit code. */
export async function runCommand(
  plan: Omit<Plan, 'module'>,
  kernel: LinuxKernel,
  stage: Stage,
): Promise<number> {
  let made: Made | undefined;
  const close = () => made?.trace?.close();
  const exit = (code: number): never => stage.exit(code, close);
  const interrupted = () => {
    const now = stage.wanted();
    if (now === Command.STOP) exit(0);
    if (now !== Command.DRAIN) return;
    const { descriptors } = made!.process;
    descriptors.drained = () => exit(0);
    descriptors.retireListeners();
    if (descriptors.connections === 0) exit(0);
  };
  const warn = (sentence: string) => stage.tell({ type: 'warning', sentence });
  let code = 0;
  try {
    const watch = () => () => {}; // no call of a command needs the event loop
    stage.tell({ type: 'begins' });
    const embedder = { embedded: false, watch, exit, interrupted, warn };
    made = await make(plan, () => stage.module(), kernel, embedder);
    stage.tell({ type: 'ready' });
    Error.stackTraceLimit = MAX_STACK_FRAMES;
    (made.instance.exports['_start'] as () => void)();
  } catch (error) {
    code = stage.ended(error) ?? tellError(error, made !== undefined, stage);
  }
  close();
  return code;
}

function tellError(error: unknown, began: boolean, { tell }: Stage): number {
  const { name = '', message = String(error), stack = '' } = error as Partial<Error>;
  tell(began ? { type: 'trap', message, stack } : { type: 'failed', name, message });
  return TRAP_EXIT_CODE;
}
