/**
 * What the thread of a sandbox and the thread of its guest say to each other. It starts nothing:
 * worker.ts, which does, is never imported, for the importer may be in a thread of its own.
 */
import type { Plan } from './instance.js';

/**
 * What the sandbox's thread wants of the worker's, in the order in which one may follow another.
 */
export const Command = { RUN: 0, DRAIN: 1, STOP: 2 } as const;

export interface WorkerData {
  plan: Plan;
  /** The eventfd that interrupts a wait. */
  wake: number;
  /** An Int32Array of one `Command`. */
  command: SharedArrayBuffer;
}

export type WorkerMessage =
  | { type: 'ready' }
  | { type: 'warning'; sentence: string }
  | { type: 'trap'; message: string; stack: string }
  | { type: 'failed'; name: string; message: string };

export const TRAP_EXIT_CODE = 134;
