/**
 * What the functions of one guest share: its memory, its descriptors, its kernel, and what the
 * embedder lends it. Where a descriptor is in blocking mode the guest waits here; beside that it
 * waits only in the calls that are made for waiting.
 */
import { Errno } from '../kernel/errno.js';
import type { Kernel } from '../kernel/kernel.js';
import { Readiness, type Poller, type PollerName } from '../kernel/readiness.js';
import type { Descriptor, Descriptors } from './descriptors.js';
import { Memory } from './memory.js';

/**
 * A function of a guest's ABI: 32-bit integers come as numbers, 64-bit ones as bigints; it answers
 * an errno of WASI.
 */
export type WasiFunction = (...args: never[]) => number;

/** What the embedder lends a guest. */
export interface Embedder {
  /** UTF-8, with no terminating zero. */
  readonly args: readonly Uint8Array[];
  /** `NAME=value` in UTF-8, with no terminating zero. */
  readonly environ: readonly Uint8Array[];
  /** The backend that poll_oneoff asks. */
  readonly poller: PollerName;
  /**
   * True if poll_oneoff tells of readiness once, when it newly arises, and not as long as it holds:
   * for runtimes that always wait for both directions of all that they have, such as tokio's.
   */
  readonly edge?: boolean | undefined;
  /**
   * True if what is wrong with a subscription is an error of all of poll_oneoff, and not an event,
   * and fd_allocate is not supported, as wasmtime has both.
   */
  readonly strict?: boolean | undefined;
  /**
   * True for a guest that lives in an event loop: no call waits, and poll_oneoff may answer 0
   * events.
   */
  readonly embedded: boolean;
  /**
   * The event loop that an embedded guest lives in shall call it when something in the set is
   * ready. Answers a function that ends that.
   */
  watch(poller: Poller): () => void;
  /** Ends the guest: does not return. */
  exit(code: number): never;
  /** A wait was interrupted: obeys what the embedder wants, and may not return. */
  interrupted(): void;
  /**
   * After that: true if the guest is to hear of it (EINTR), as it would if a signal handler of its
   * own had run. Left out: it never is, for no guest has one.
   */
  handled?(): boolean;
  /** Tells the operator, in a sentence, of something that the guest cannot be told. */
  warn(sentence: string): void;
}

export class Process {
  readonly kernel: Kernel;
  readonly descriptors: Descriptors;
  readonly embedder: Embedder;
  /**
   * Empty until the module has been instantiated: a start function has no memory to be answered in.
   */
  memory = new Memory({ buffer: new ArrayBuffer(0) });
  /**
   * For an embedded guest: after how many nanoseconds, from its last wait on, it wants to be called
   * in any case.
   */
  pendingTimeoutNs = Infinity;

  /** The most files and directories that the guest may have open by their paths. */
  maxFiles = Infinity;
  /** How many bytes more the guest may write to files and streams. */
  room = Infinity;

  constructor(kernel: Kernel, descriptors: Descriptors, embedder: Embedder) {
    this.kernel = kernel;
    this.descriptors = descriptors;
    this.embedder = embedder;
  }

  /** Gives the process its memory, which exists only when the module has been instantiated. */
  attach(memory: Memory): void {
    this.memory = memory;
    this.kernel.attach(memory);
  }

  /**
   * After a call that answered -EAGAIN: 0 if it shall be tried again, or the negated errno that the
   * guest gets.
   */
  block(descriptor: Descriptor, interest: number): number {
    if (descriptor.nonblocking || this.embedder.embedded) return -Errno.EAGAIN;
    const ready = this.kernel.waitFor(descriptor.handle, interest, Infinity);
    if (ready !== -Errno.EINTR) return ready < 0 ? ready : 0;
    return this.interrupt() ? -Errno.EINTR : 0;
  }

  /** Takes note of a wake-up: returns if the guest may go on; true: it is to be told (EINTR). */
  interrupt(): boolean {
    this.kernel.awake();
    this.embedder.interrupted();
    return this.embedder.handled?.() ?? false;
  }
}

/** Calls `operation` until it needs no waiting. `first`: what it has answered just now. */
export function untilReady(
  process: Process,
  descriptor: Descriptor,
  interest: typeof Readiness.IN | typeof Readiness.OUT,
  operation: () => number,
  first = operation(),
): number {
  for (let result = first; ; result = operation()) {
    if (result !== -Errno.EAGAIN) return result;
    const blocked = process.block(descriptor, interest);
    if (blocked < 0) return blocked;
  }
}
