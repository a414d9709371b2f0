/**
 * A guest that shares a world with another one, in a thread of its own, which never runs beside the
 * world: when the guest asks its kernel for something, it waits until the world has come to it. So
 * a run is the same whatever the threads do.
 */
import { HostError } from '../../../host/kernel/error.js';
import type { Poller } from '../../../host/kernel/readiness.js';
import type { SimKernel } from '../../../host/sim/sim-kernel.js';
import { SUSPENDED, type Suspension } from '../../../host/sim/suspension.js';
import { connectAll, type Connecting } from '../connecting.js';
import type { End } from '../program.js';
import { serve, type Served } from './serve.js';
import { giveThread, takeThread, type Thread } from './threads.js';
import { LAYOUT, Said, verbs, type Job, type Shared } from './verb.js';

export class Companion implements Served {
  readonly kernel: SimKernel;
  readonly pollers: Poller[] = [];
  readonly shared: Shared;
  /** How it ended; undefined: it did not. */
  end: End | undefined;
  readonly #suspension: Suspension;
  readonly #job: Job;
  readonly #ended: (end: End) => void;
  /** What is still to be connected. */
  readonly #connecting: Connecting[];
  #thread: Thread | undefined;
  /** True when its thread has the job, and when the guest has its memory. */
  #given = false;
  #begun = false;

  /** `ended` is called in the turn in which it ends. */
  constructor(
    kernel: SimKernel,
    job: Job,
    connecting: readonly Connecting[],
    ended: (end: End) => void,
  ) {
    this.kernel = kernel;
    this.#suspension = kernel.suspension!;
    this.#job = job;
    this.#connecting = connecting.slice();
    this.#ended = ended;
    this.#thread = takeThread();
    this.shared = this.#thread.shared;
    this.#suspension.turnAfter(0);
  }

  /** Leaves its guest where it is, and its thread to the next one; answers how it ended. */
  dispose(): End | undefined {
    this.#suspension.cancel();
    if (this.#thread !== undefined) this.end ??= giveThread(this.#thread);
    this.#thread = undefined;
    return this.end;
  }

  /** It is its turn. */
  go(): void {
    if (this.#thread === undefined || this.end !== undefined) return;
    try {
      this.#answer();
      while (this.end === undefined && !this.#early()) this.#answer();
    } catch (error) {
      if (error !== SUSPENDED) throw error;
    }
  }

  /** True if the world has to come first to what the guest has come to. */
  #early(): boolean {
    const said = this.#thread!.said;
    if (said === Said.BEGUN) return false;
    // Only what a call does first: meanwhile nobody comes between.
    if (said === Said.VERB && !(this.#begun && this.shared.control[LAYOUT.FIRST] === 1))
      return false;
    return this.#suspension.behind();
  }

  /** Does what the guest has come to, and lets it go on. */
  #answer(): void {
    const { shared } = this;
    const thread = this.#thread!;
    if (!this.#given) {
      connectAll(this.kernel, this.#connecting);
      this.#given = true;
      this.#tellTime();
      thread.begin(this.#job);
      return;
    }
    if (thread.said === Said.ENDED) {
      this.end = thread.message() as End;
      if (this.end.failed !== undefined)
        throw new HostError(`the thread of "${this.kernel.host}" failed: ${this.end.failed}`);
      this.#ended(this.end);
      return;
    }
    if (thread.said === Said.BEGUN) {
      this.kernel.attach(new SharedMemory(thread.message() as WebAssembly.Memory, shared));
      this.#begun = true;
    } else if (thread.said === Said.VERB) {
      const verb = verbs[shared.control[LAYOUT.VERB]!]!;
      shared.numbers[0] = serve[verb](this, shared.numbers);
    }
    this.#tellTime();
    thread.goOn();
  }

  #tellTime(): void {
    this.shared.clock[0] = this.#suspension.nowNs;
    this.shared.control[LAYOUT.IDLING] = Number(this.#suspension.idling);
  }
}

/** A guest's memory, as long as the guest's thread says that it is. */
class SharedMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #shared: Shared;
  #bytes: Uint8Array;

  constructor(memory: WebAssembly.Memory, shared: Shared) {
    this.#memory = memory;
    this.#shared = shared;
    this.#bytes = new Uint8Array(memory.buffer);
  }

  get bytes(): Uint8Array {
    const length = this.#shared.clock[1]!;
    if (this.#bytes.length === length) return this.#bytes;
    // The buffer of this thread's memory object may still be that of before the guest has grown it.
    if (this.#memory.buffer.byteLength !== length) this.#memory.grow(0);
    this.#bytes = new Uint8Array(this.#memory.buffer, 0, length);
    return this.#bytes;
  }
}
