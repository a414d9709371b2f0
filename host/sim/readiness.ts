/**
 * Interest sets: what the three backends share. Each of epoll.ts, poll.ts and select.ts has the
 * same functions in the same order, as the backends of Linux have.
 */
import { Errno } from '../kernel/errno.js';
import { EVENT_STRIDE, Readiness, type Poller, type PollerName } from '../kernel/readiness.js';
import type { File } from './file.js';
import type { SimKernel } from './sim-kernel.js';
import type { Waiting } from './world.js';

/** What is told whether it was asked for or not. */
export const ALWAYS = Readiness.ERR | Readiness.HUP;

export abstract class SimPoller implements Poller, Waiting {
  abstract readonly name: PollerName;
  protected readonly kernel: SimKernel;
  /** What the wait that goes on fills. */
  #room: Int32Array = new Int32Array(0);
  #closed = false;

  constructor(kernel: SimKernel) {
    this.kernel = kernel;
  }

  set(handle: number, interest: number, trigger: number, token: number): number {
    this.kernel.charge();
    if (this.#closed) return -Errno.EBADF;
    return this.change(handle, interest, trigger, token);
  }

  remove(handle: number): number {
    this.kernel.charge();
    if (this.#closed) return -Errno.EBADF;
    return this.forget(handle) ? 0 : -Errno.ENOENT;
  }

  wait(events: Int32Array, timeoutNs: number): number {
    this.kernel.charge();
    if (this.#closed) return -Errno.EBADF;
    if (events.length < EVENT_STRIDE) return -Errno.EINVAL;
    this.#room = events;
    return this.kernel.block(this, timeoutNs);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.empty();
    this.kernel.pollers.delete(this);
  }

  ready(): number {
    return this.collect(this.#room);
  }

  waitsFor(): string {
    const watched = this.watched();
    return watched.length === 0 ? `${this.name} of nothing` : `${this.name} of ${watched}`;
  }

  /** Watches, or changes how: 0, or a negated errno. */
  protected abstract change(
    handle: number,
    interest: number,
    trigger: number,
    token: number,
  ): number;

  /** No longer watches `handle`, which may be closed next; false if it was not watched. */
  abstract forget(handle: number): boolean;

  /** Fills `events` with what is ready: how many. */
  protected abstract collect(events: Int32Array): number;

  /** What is watched, in words. */
  protected abstract watched(): string;

  /** No longer watches anything. */
  protected abstract empty(): void;
}

/** `handle 3 (IN|OUT)`. */
export function interestOf(handle: number, interest: number): string {
  const names = Object.entries(Readiness)
    .filter(([, bit]) => interest & bit)
    .map(([name]) => name);
  return `handle ${handle} (${names.join('|') || 'nothing'})`;
}

export function put(
  events: Int32Array,
  count: number,
  mask: number,
  token: number,
  handle: number,
): void {
  const at = count * EVENT_STRIDE;
  events[at] = mask;
  events[at + 1] = token;
  events[at + 2] = handle;
}

/** A level that is told of: a handle, what it stands for, and what is asked of it. */
export interface Level {
  file: File;
  handle: number;
  interest: number;
  token: number;
}
