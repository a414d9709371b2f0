/**
 * Where the time of an operation went, in its two phases, and what the thread that does operations
 * and its parent say to each other about that. Types only.
 */
import type { SocketAddress } from '../../../host/kernel/kernel.js';
import type { MachineName } from '../../machine.js';

/** In nanoseconds. What a thread waited for a processor is in none of them. */
export interface Waiting {
  /** The thread slept in a call. */
  readonly blockedNs: number;
  /** It was at work for the operation: in calls, and asking whether to call again. */
  readonly busyNs: number;
  /** It was at work of its own. */
  readonly ownNs: number;
}

export interface Spent {
  readonly wait: Waiting;
  /** In the calls that copied. */
  readonly copy: { readonly wallNs: number; readonly cpuNs: number };
}

/** Operations, one after the other, of a model. */
export interface Case {
  readonly model: MachineName;
  /** Of asynchronous I/O: what does it; default: what the kernel chooses. */
  readonly engine?: string;
  /** Of each operation. */
  readonly bytes: number;
  readonly operations: number;
  /** Its data is sent so long after an operation has begun. */
  readonly delayMs: number;
}

export interface OperationJob {
  readonly cases: readonly Case[];
  readonly address: SocketAddress;
}

export type OperationMessage =
  /** An operation of a case begins, on its connection: so much data is wanted then. */
  | {
      readonly type: 'begins';
      readonly index: number;
      readonly bytes: number;
      readonly delayMs: number;
    }
  | {
      readonly type: 'done';
      readonly index: number;
      /** What did it, if it was asynchronous. */
      readonly engine: string | undefined;
      readonly spent: readonly Spent[];
    };

export interface FileJob {
  readonly path: string;
  readonly sizes: readonly number[];
  /** Of each size and kind. */
  readonly reads: number;
}

/** What a read costs the thread that asks for it: the median. */
export interface FileCost {
  readonly bytes: number;
  /** If it does it itself. */
  readonly waitingNs: number;
  /** If it has another thread do it. */
  readonly elsewhereNs: number;
}
