/**
 * The queue of real-time signals on Linux: that of the calling thread, by native/signal.c. It is
 * opened at its first use, for from then on two signals are blocked in the thread.
 */
import { Errno } from '../kernel/errno.js';
import type { SignalQueue } from '../kernel/signal.js';
import type { Addon } from './addon.js';
import { inSlices } from './slices.js';

export class LinuxSignals implements SignalQueue {
  readonly #native: Addon;
  readonly #wake: number;
  readonly #foreign: ReadonlySet<number>;
  #state: 'new' | 'open' | 'closed' = 'new';

  /** `foreign`: the handles that must not be armed, for other processes may share them. */
  constructor(native: Addon, wake: number, foreign: ReadonlySet<number>) {
    this.#native = native;
    this.#wake = wake;
    this.#foreign = foreign;
  }

  arm(handle: number, on: boolean): number {
    const opened = this.#open();
    if (opened < 0) return opened;
    if (this.#foreign.has(handle)) return -Errno.EPERM;
    return this.#native.signalArm(handle, on ? 1 : 0);
  }

  wait(signals: Int32Array, timeoutNs: number): number {
    const opened = this.#open();
    if (opened < 0) return opened;
    return inSlices(timeoutNs, (sliceNs) => this.#native.signalWait(signals, sliceNs, this.#wake));
  }

  close(): void {
    if (this.#state === 'open') this.#native.signalClose();
    this.#state = 'closed';
  }

  #open(): number {
    if (this.#state === 'open') return 0;
    if (this.#state === 'closed') return -Errno.EBADF;
    const result = this.#native.signalOpen();
    if (result === 0) this.#state = 'open';
    return result;
  }
}
