/**
 * What the thread of a sandbox and the thread, or process, of its guest say to each other. It
 * starts nothing: worker.ts, which does, is never imported, for the importer may be in a thread of
 * its own.
 */
import { GuestError, HostError, UsageError } from '../host/kernel/error.js';
import type { Needs } from '../host/linux/confinement.js';
import type { CpuClock } from '../host/linux/cpu-time.js';
import type { Plan } from './instance.js';

/**
 * What the sandbox's thread wants of the worker's, in the order in which one may follow another.
 */
export const Command = { RUN: 0, DRAIN: 1, STOP: 2 } as const;

/** One run of a command, for a thread. */
export interface Job {
  plan: Plan;
  /** The eventfd that interrupts a wait. */
  wake: number;
  /** An Int32Array of one `Command`. */
  command: SharedArrayBuffer;
  /** A BigUint64Array of one number: the system calls that were made for the guest. */
  calls: SharedArrayBuffer;
}

/** What is the same for all processes that run a guest: the guest as bytes, and what it gets. */
export type Image = Omit<Plan, 'module' | 'trace' | 'streams' | 'sockets'> & {
  bytes: Uint8Array;
};

/** One run of a command, for a process. */
export interface ProcessJob {
  /** Who started it, and ends it by ending. */
  parent: number;
  /** True where a standard stream is the null device. */
  nulls: boolean[];
  /** The guest's sockets, in the order in which they are inherited. */
  sockets: Omit<Plan['sockets'][number], 'descriptor'>[];
  trace: string | undefined;
  /** What is left to a process that is isolated. */
  isolation: Isolation | undefined;
}

export interface Isolation extends Omit<Needs, 'directories'> {
  bestEffort: boolean;
}

/**
 * What a process finds at these numbers, after its standard streams: the guest, who started it, an
 * eventfd that interrupts a wait, and from `GRANTED` on directories and then sockets.
 */
export const Inherited = { IMAGE: 3, REPORT: 4, WAKE: 5, GRANTED: 6 } as const;

export type WorkerMessage =
  /** From here on its time counts: a start function is guest code too, and may never come back. */
  | { type: 'begins'; clock?: CpuClock }
  | { type: 'ready' }
  | { type: 'warning'; sentence: string }
  | { type: 'trap'; message: string; stack: string }
  | { type: 'failed'; name: string; message: string }
  /** A thread that runs one command after the other waits for its first. */
  | { type: 'idle' }
  /** The command is over, but not its thread. */
  | { type: 'ended'; code: number };

export const TRAP_EXIT_CODE = 134;

/** The error that a message of what failed stands for. */
export function errorOf({ name, message }: { name: string; message: string }): Error {
  const Kind = [UsageError, GuestError].find((each) => each.name === name) ?? HostError;
  return new Kind(message);
}

/** By type: what a message of a process has beside it, all of it texts. */
const texts = new Map<string, readonly string[]>([
  ['begins', []],
  ['ready', []],
  ['warning', ['sentence']],
  ['trap', ['message', 'stack']],
  ['failed', ['name', 'message']],
]);

/**
 * The message in a line that a process has written; undefined if it is none, for a guest may have
 * taken over its process.
 */
export function parseMessage(line: string): WorkerMessage | undefined {
  try {
    const message = JSON.parse(line) as Record<string, unknown>;
    const names = texts.get(message['type'] as string);
    const isWhole = names?.every((name) => typeof message[name] === 'string');
    return isWhole ? (message as WorkerMessage) : undefined;
  } catch {
    return undefined;
  }
}
