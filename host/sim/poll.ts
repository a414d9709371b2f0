/**
 * Readiness by poll(2): level only. Every look asks the whole set, as on Linux.
 */
import { Errno } from '../kernel/errno.js';
import { EVENT_STRIDE, Readiness, Trigger, WAKE } from '../kernel/readiness.js';
import { ALWAYS, interestOf, put, SimPoller, type Level } from './readiness.js';
import type { SimKernel } from './sim-kernel.js';

/** As wide as `events` of struct pollfd. */
const WIDE = 0xffff;

export class SimPoll extends SimPoller {
  readonly name = 'poll';
  /** The first is what `Kernel.wake` makes ready. */
  readonly #levels: Level[];
  /** By handle: its index in `levels`, or 0. */
  readonly #places: number[] = [];

  constructor(kernel: SimKernel) {
    super(kernel);
    this.#levels = [{ file: kernel.wakeFile, handle: -1, interest: Readiness.IN, token: WAKE }];
  }

  protected change(handle: number, interest: number, trigger: number, token: number): number {
    if (trigger !== Trigger.LEVEL || interest & Readiness.EXCLUSIVE) return -Errno.EINVAL;
    const file = this.kernel.file(handle);
    if (file === undefined) return -Errno.EBADF;
    let place = this.#places[handle] ?? 0;
    if (place === 0) {
      place = this.#levels.length;
      this.#places[handle] = place;
    }
    this.#levels[place] = { file, handle, interest: interest & WIDE, token };
    return 0;
  }

  forget(handle: number): boolean {
    const place = this.#places[handle] ?? 0;
    if (place === 0) return false;
    const last = this.#levels.pop()!;
    if (last.handle !== handle) {
      this.#levels[place] = last;
      this.#places[last.handle] = place;
    }
    this.#places[handle] = 0;
    return true;
  }

  protected collect(events: Int32Array): number {
    const room = Math.trunc(events.length / EVENT_STRIDE);
    let count = 0;
    for (const { file, handle, interest, token } of this.#levels) {
      const mask = file.poll() & (interest | ALWAYS);
      if (mask === 0) continue;
      put(events, count++, mask, token, handle);
      if (count === room) break;
    }
    return count;
  }

  protected watched(): string {
    return this.#levels
      .slice(1)
      .map(({ handle, interest }) => interestOf(handle, interest))
      .join(', ');
  }

  protected empty(): void {
    this.#levels.length = 0;
  }
}
