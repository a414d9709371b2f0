/**
 * A guest that shares a world with another one. It runs in a thread of its own, so that its waits
 * and the other's need not end in any order, but never beside the world: each of its verbs is an
 * event of the world's, and between two of them the world waits until the thread has come to the
 * next. So a run is the same whatever the threads do.
 */
import { HostError } from '../../../host/kernel/error.js';
import type { SocketAddress } from '../../../host/kernel/kernel.js';
import { Readiness, type Poller } from '../../../host/kernel/readiness.js';
import type { SimKernel } from '../../../host/sim/sim-kernel.js';
import { SUSPENDED, Suspension } from '../../../host/sim/suspension.js';
import type { World } from '../../../host/sim/world.js';
import { serve, type Served } from './serve.js';
import { giveThread, takeThread, type Thread } from './threads.js';
import { LAYOUT, Said, verbs, type End, type Granted, type Job, type Shared } from './verb.js';

/** A connection that the guest is given, which must be there before it begins. */
export interface Connecting {
  readonly address: SocketAddress;
  readonly grant: Granted;
}

/** A connection that could not be made is tried again after so long. */
const AGAIN_NS = 1e9;

export class Companion implements Served {
  readonly name: string;
  readonly kernel: SimKernel;
  readonly pollers: Poller[] = [];
  readonly shared: Shared;
  /** How it ended; undefined: it did not. */
  end: End | undefined;
  readonly #world: World;
  readonly #suspension: Suspension;
  readonly #job: Job;
  readonly #ended: (end: End) => void;
  /** What is still to be connected. */
  readonly #connecting: Connecting[];
  #thread: Thread | undefined;
  #begun = false;
  readonly #step = () => this.#go();

  /** `ended` is called in the event in which it ends. */
  constructor(
    name: string,
    kernel: SimKernel,
    world: World,
    job: Job,
    connecting: Connecting[],
    ended: (end: End) => void,
  ) {
    this.name = name;
    this.kernel = kernel;
    this.#world = world;
    this.#job = job;
    this.#connecting = connecting.slice();
    this.#ended = ended;
    this.#suspension = new Suspension(world, () => world.scheduler.after(0, this.#step));
    kernel.suspension = this.#suspension;
    this.#thread = takeThread();
    this.shared = this.#thread.shared;
    world.scheduler.after(0, this.#step);
  }

  /** Leaves its guest where it is, and its thread to the next one; answers how it ended. */
  dispose(): End | undefined {
    this.#suspension.cancel();
    if (this.#thread !== undefined) this.end ??= giveThread(this.#thread);
    this.#thread = undefined;
    return this.end;
  }

  /** What is due now: a connection, its beginning, or the verb that it waits for. */
  #go(): void {
    const thread = this.#thread;
    if (thread === undefined || this.end !== undefined) return;
    this.#world.discount();
    try {
      if (!this.#begun && !this.#connected()) return;
      if (this.#begun) this.#serve();
    } catch (error) {
      if (error !== SUSPENDED) throw error;
      return;
    }
    this.#suspension.done();
    this.shared.clock[0] = this.#world.now;
    if (this.#begun) thread.goOn();
    else thread.begin(this.#job);
    this.#begun = true;
    this.#hear();
    this.#world.rouse();
  }

  /** True if all its connections are there. */
  #connected(): boolean {
    const { kernel } = this;
    for (;;) {
      const next = this.#connecting[0];
      if (next === undefined) return true;
      const { address, grant } = next;
      if (grant.handle < 0) grant.handle = kernel.connect(address);
      if (grant.handle >= 0) {
        kernel.waitFor(grant.handle, Readiness.OUT, Infinity);
        this.#suspension.done();
        if (kernel.socketError(grant.handle) === 0) {
          this.#connecting.shift();
          continue;
        }
        kernel.close(grant.handle);
        grant.handle = -1;
      }
      this.#world.scheduler.after(AGAIN_NS, this.#step);
      return false;
    }
  }

  #serve(): void {
    const { shared } = this;
    const verb = verbs[shared.control[LAYOUT.VERB]!]!;
    shared.numbers[0] = serve[verb](this, shared.numbers);
  }

  /** Listens to what the thread has come to. */
  #hear(): void {
    const thread = this.#thread!;
    if (thread.said === Said.BEGUN) {
      const memory = thread.message() as WebAssembly.Memory;
      this.kernel.attach(new SharedMemory(memory, this.shared));
      thread.goOn();
    }
    if (thread.said === Said.VERB) {
      this.#world.scheduler.after(this.#world.callNs, this.#step);
    } else {
      this.end = thread.message() as End;
      if (this.end.failed !== undefined)
        throw new HostError(`the thread of "${this.name}" failed: ${this.end.failed}`);
      this.#ended(this.end);
    }
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
