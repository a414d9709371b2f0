/**
 * The queue of real-time signals of one machine (signal(7), fcntl(2): F_SETSIG, O_ASYNC). Signals
 * queue in the order in which they arise, as many as there may be; what there is no room for is
 * lost, and told of once, before all others, for SIGIO has the lower number.
 */
import { Errno } from '../kernel/errno.js';
import { FileType } from '../kernel/kernel.js';
import { OVERFLOW, SIGNAL_STRIDE, type SignalQueue } from '../kernel/signal.js';
import type { Armed, File } from './file.js';
import { PipeReader, PipeWriter } from './pipe.js';
import type { SimKernel } from './sim-kernel.js';
import type { Waiting } from './world.js';

/** RLIMIT_SIGPENDING of a machine with 2 GiB or so. */
const MOST_PENDING = 8192;
const FIRST_ROOM = 64;

function signals(file: File): boolean {
  const pipe = file instanceof PipeReader || file instanceof PipeWriter;
  return pipe || file.type === FileType.SOCKET_STREAM;
}

/** A handle that is armed: what its file tells goes to the queue under the handle's number. */
class ArmedHandle implements Armed {
  readonly #queue: SimSignals;
  readonly #handle: number;

  constructor(queue: SimSignals, handle: number) {
    this.#queue = queue;
    this.#handle = handle;
  }

  signal(band: number): void {
    this.#queue.add(this.#handle, band);
  }
}

export class SimSignals implements SignalQueue, Waiting {
  readonly #kernel: SimKernel;
  readonly #overflows: string;
  /** By handle. */
  readonly #armed: (ArmedHandle | undefined)[] = [];
  /** A ring of pairs, handle and band, the oldest at `#first`; its room is a power of two. */
  #ring = new Int32Array(FIRST_ROOM * SIGNAL_STRIDE);
  #first = 0;
  #count = 0;
  #overflowed = false;
  #closed = false;

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
    this.#overflows = `${kernel.host}/signals/overflow`;
  }

  arm(handle: number, on: boolean): number {
    this.#kernel.charge();
    if (this.#closed) return -Errno.EBADF;
    const file = this.#kernel.file(handle);
    if (file === undefined) return -Errno.EBADF;
    if (!on) {
      this.forget(handle);
      return 0;
    }
    if (this.#armed[handle] !== undefined) return 0;
    if (file.shared || !signals(file)) return -Errno.EPERM;
    if (file.armed !== undefined) return -Errno.EBUSY;
    const armed = new ArmedHandle(this, handle);
    this.#armed[handle] = armed;
    file.armed = armed;
    return 0;
  }

  wait(signals: Int32Array, timeoutNs: number): number {
    this.#kernel.charge();
    if (this.#closed) return -Errno.EBADF;
    const room = Math.floor(signals.length / SIGNAL_STRIDE);
    if (room === 0) return -Errno.EINVAL;
    const result = this.#kernel.block(this, timeoutNs);
    if (result <= 0) return result;
    let taken = 0;
    if (this.#overflowed) {
      this.#overflowed = false;
      signals[0] = OVERFLOW;
      signals[1] = 0;
      taken = 1;
    }
    for (; taken < room && this.#count > 0; taken++) {
      const at = this.#first * SIGNAL_STRIDE;
      signals[taken * SIGNAL_STRIDE] = this.#ring[at]!;
      signals[taken * SIGNAL_STRIDE + 1] = this.#ring[at + 1]!;
      this.#first = (this.#first + 1) & (this.#ring.length / SIGNAL_STRIDE - 1);
      this.#count--;
    }
    this.#kernel.world.progress();
    return taken;
  }

  close(): void {
    for (const handle of this.#armed.keys()) this.forget(handle);
    this.#overflowed = false;
    this.#closed = true;
  }

  ready(): number {
    if (this.#kernel.wakeFile.on) return -Errno.EINTR;
    return this.#count + (this.#overflowed ? 1 : 0);
  }

  waitsFor(): string {
    const handles = [...this.#armed.keys()].filter((handle) => this.#armed[handle] !== undefined);
    if (handles.length === 0) return 'a signal, and no handle is armed';
    return `a signal of handle ${handles.join(', ')}`;
  }

  /** Something happened on an armed handle. */
  add(handle: number, band: number): void {
    const { choices } = this.#kernel.world;
    const room = this.#ring.length / SIGNAL_STRIDE;
    // Signals that other processes of the same user have pending count too.
    if (this.#count === MOST_PENDING || choices.choose(this.#overflows, 2) === 1) {
      this.#overflowed = true;
      return;
    }
    if (this.#count === room) this.#grow();
    const at = ((this.#first + this.#count++) & (this.#ring.length / SIGNAL_STRIDE - 1)) * 2;
    this.#ring[at] = handle;
    this.#ring[at + 1] = band;
  }

  /** A handle signals no more: disarmed, or closed. What it had queued is taken back. */
  forget(handle: number): void {
    if (this.#armed[handle] === undefined) return;
    this.#armed[handle] = undefined;
    const file = this.#kernel.file(handle);
    if (file !== undefined) file.armed = undefined;
    const kept = new Int32Array(this.#ring.length);
    let count = 0;
    const mask = this.#ring.length / SIGNAL_STRIDE - 1;
    for (let i = 0; i < this.#count; i++) {
      const at = ((this.#first + i) & mask) * SIGNAL_STRIDE;
      if (this.#ring[at] === handle) continue;
      kept[count * SIGNAL_STRIDE] = this.#ring[at]!;
      kept[count * SIGNAL_STRIDE + 1] = this.#ring[at + 1]!;
      count++;
    }
    this.#ring = kept;
    this.#first = 0;
    this.#count = count;
  }

  #grow(): void {
    const { length } = this.#ring;
    const grown = new Int32Array(length * 2);
    const head = this.#first * SIGNAL_STRIDE;
    grown.set(this.#ring.subarray(head), 0);
    grown.set(this.#ring.subarray(0, head), length - head);
    this.#ring = grown;
    this.#first = 0;
  }
}
