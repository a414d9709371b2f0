/**
 * The kernel as the functions of a guest have it that is on a stack of its own. JSPI suspends a
 * guest, but no JavaScript: a function of its ABI that waits is left by an exception, and called
 * again when its wait is over. What it had asked of the kernel by then is answered from memory, and
 * not done a second time.
 */
import { NOTES, type CompletionQueue } from '../../../host/kernel/completion.js';
import { HostError } from '../../../host/kernel/error.js';
import type { FileSystem } from '../../../host/kernel/file-system.js';
import type { Clock, GuestMemory, Kernel, SocketAddress } from '../../../host/kernel/kernel.js';
import { EVENT_STRIDE, type Poller, type PollerName } from '../../../host/kernel/readiness.js';
import type { SignalQueue } from '../../../host/kernel/signal.js';
import type { SimKernel } from '../../../host/sim/sim-kernel.js';

/** What a function asked, and was answered; `filled` is what a wait has put into its array. */
interface Asked {
  verb: string;
  about: number;
  answer: number | bigint;
  filled: Int32Array | undefined;
}

export class RecallingKernel implements Kernel {
  readonly name = 'sim';
  readonly files: FileSystem;
  readonly #kernel: SimKernel;
  /** By the function that goes on; entries are used again. */
  readonly #asked: Asked[] = [];
  #count = 0;
  /** What is recalled next; at the end nothing is recalled. */
  #at = 0;

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
    this.files = kernel.files;
  }

  /** Another function is called. */
  forget(): void {
    this.#count = 0;
    this.#at = 0;
  }

  /** The same function is called again; its last question was not answered. */
  again(): void {
    this.#at = 0;
  }

  /**
   * What it was answered when it asked this before. What it need not ask a second time is passed
   * over: it has changed its own state then.
   */
  #recall(verb: string, about: number): Asked | undefined {
    while (this.#at < this.#count) {
      const asked = this.#asked[this.#at++]!;
      if (asked.verb === verb && asked.about === about) return asked;
    }
    return undefined;
  }

  #note<Answer extends number | bigint>(
    verb: string,
    about: number,
    answer: Answer,
    filled?: Int32Array,
  ): Answer {
    const asked = (this.#asked[this.#count++] ??= { verb, about, answer, filled });
    asked.verb = verb;
    asked.about = about;
    asked.answer = answer;
    asked.filled = filled;
    this.#at = this.#count;
    return answer;
  }

  /** For what does not wait: undefined if it was not asked yet. */
  #number(verb: string, about: number): number | undefined {
    const asked = this.#at === this.#count ? undefined : this.#recall(verb, about);
    if (asked !== undefined) return asked.answer as number;
    if (this.#kernel.suspension?.resuming !== true) return undefined;
    throw new HostError(`a call that waited asked for another thing, ${verb}, when it went on`);
  }

  /** For what waits: undefined if that was not asked yet, or waited. */
  #waited(verb: string, about: number, room?: Int32Array): number | undefined {
    const asked = this.#at === this.#count ? undefined : this.#recall(verb, about);
    if (asked?.filled !== undefined) room!.set(asked.filled);
    return asked?.answer as number | undefined;
  }

  // What a function may ask before it waits.

  recv(socket: number, iovs: number, iovsCount: number, flags: number, skip: number): number {
    return (
      this.#number('recv', socket) ??
      this.#note('recv', socket, this.#kernel.recv(socket, iovs, iovsCount, flags, skip))
    );
  }

  send(socket: number, iovs: number, iovsCount: number, skip: number): number {
    return (
      this.#number('send', socket) ??
      this.#note('send', socket, this.#kernel.send(socket, iovs, iovsCount, skip))
    );
  }

  accept(listener: number): number {
    return (
      this.#number('accept', listener) ??
      this.#note('accept', listener, this.#kernel.accept(listener))
    );
  }

  readv(handle: number, iovs: number, iovsCount: number): number {
    return (
      this.#number('readv', handle) ??
      this.#note('readv', handle, this.#kernel.readv(handle, iovs, iovsCount))
    );
  }

  writev(handle: number, iovs: number, iovsCount: number, skip: number): number {
    return (
      this.#number('writev', handle) ??
      this.#note('writev', handle, this.#kernel.writev(handle, iovs, iovsCount, skip))
    );
  }

  readable(handle: number): number {
    return (
      this.#number('readable', handle) ??
      this.#note('readable', handle, this.#kernel.readable(handle))
    );
  }

  waitFor(handle: number, interest: number, timeoutNs: number): number {
    return (
      this.#waited('waitFor', handle) ??
      this.#note('waitFor', handle, this.#kernel.waitFor(handle, interest, timeoutNs))
    );
  }

  now(clock: Clock): bigint {
    const asked = this.#at === this.#count ? undefined : this.#recall('now', clock);
    if (asked !== undefined) return asked.answer as bigint;
    return this.#note('now', clock, this.#kernel.now(clock));
  }

  poller(name: PollerName): Poller {
    const poller = this.#kernel.poller(name);
    // What came of a wait is in it before the function that waited is called again.
    let own = new Int32Array(0);
    return {
      name,
      set: (handle, interest, trigger, token) =>
        this.#number('set', handle) ??
        this.#note('set', handle, poller.set(handle, interest, trigger, token)),
      remove: (handle) =>
        this.#number('remove', handle) ?? this.#note('remove', handle, poller.remove(handle)),
      wait: (events, timeoutNs) => {
        const before = this.#waited('wait', 0, events);
        if (before !== undefined) return before;
        if (own.length !== events.length) own = new Int32Array(events.length);
        const count = poller.wait(own, timeoutNs);
        const filled = count > 0 ? own.slice(0, count * EVENT_STRIDE) : undefined;
        if (filled !== undefined) events.set(filled);
        return this.#note('wait', 0, count, filled);
      },
      close: () => poller.close(),
    };
  }

  signals(): SignalQueue {
    const queue = this.#kernel.signals();
    return {
      arm: (handle, on) => queue.arm(handle, on),
      wait: (signals, timeoutNs) =>
        this.#waited('signals', 0) ?? this.#note('signals', 0, queue.wait(signals, timeoutNs)),
      close: () => queue.close(),
    };
  }

  completions(): CompletionQueue {
    const kernel = this.#kernel;
    const queue = kernel.completions();
    // A reap that goes on does so with the notes that it has begun.
    let own = new Int32Array(0);
    return {
      name: 'sim',
      submit: (operations, count, targets) => queue.submit(operations, count, targets),
      reap: (completions, max, buffer, bufferBytes, min, timeoutNs, notes) => {
        const before = this.#waited('reap', 0);
        if (before !== undefined) return before;
        if (own.length !== notes.length) own = new Int32Array(notes.length);
        if (kernel.suspension?.resuming !== true) own[NOTES.ROOM] = notes[NOTES.ROOM]!;
        const where = [completions, max, buffer, bufferBytes] as const;
        const count = queue.reap(...where, min, timeoutNs, own);
        notes.set(own.subarray(0, NOTES.HEADER + own[NOTES.COUNT]! * NOTES.SIZE));
        return this.#note('reap', 0, count);
      },
      close: () => queue.close(),
    };
  }

  // What belongs to functions that do not wait.

  attach(memory: GuestMemory): void {
    this.#kernel.attach(memory);
  }

  listen(address: SocketAddress, backlog: number): number {
    return this.#kernel.listen(address, backlog);
  }

  connect(address: SocketAddress): number {
    return this.#kernel.connect(address);
  }

  socketError(socket: number): number {
    return this.#kernel.socketError(socket);
  }

  localAddress(socket: number): SocketAddress | number {
    return this.#kernel.localAddress(socket);
  }

  shutdown(socket: number, how: number): number {
    return this.#kernel.shutdown(socket, how);
  }

  retire(listener: number): number {
    return this.#kernel.retire(listener);
  }

  pipe(ends: Int32Array): number {
    return this.#kernel.pipe(ends);
  }

  seek(handle: number, offset: bigint, whence: number): number {
    return this.#kernel.seek(handle, offset, whence);
  }

  stat(handle: number, stat: BigUint64Array): number {
    return this.#kernel.stat(handle, stat);
  }

  close(handle: number): number {
    return this.#kernel.close(handle);
  }

  wake(): void {
    this.#kernel.wake();
  }

  awake(): void {
    this.#kernel.awake();
  }

  resolution(clock: Clock): bigint {
    return this.#kernel.resolution(clock);
  }

  random(offset: number, length: number): number {
    return this.#kernel.random(offset, length);
  }

  maybe(label: number, length: number): number {
    return this.#kernel.maybe(label, length);
  }

  yield(): void {
    this.#kernel.yield();
  }

  /** The world disposes of its kernels itself. */
  dispose(): void {}
}
