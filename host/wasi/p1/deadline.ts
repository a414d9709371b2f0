/**
 * The clocks that one poll_oneoff waits for: relative and absolute, monotonic and of the wall.
 * Arithmetic saturates: what lies in the past is now, what lies beyond 2^63 nanoseconds is never.
 */
import { Clock, type Kernel } from '../../kernel/kernel.js';
import { WasiErrno } from '../errno.js';

const ABSTIME = 1;
/** How often a wait for a moment of the wall clock looks whether that clock was set. */
const WALL_CLOCK_SLICE_NS = 1e9;

interface Deadline {
  userdataLow: number;
  userdataHigh: number;
  /** What the subscription says: a clock, and its nanoseconds. */
  id: number;
  amount: number;
  /** Nanoseconds from the start of the call; NaN for a clock that cannot be waited for. */
  timeoutNs: number;
  /** The moment on the wall clock, if it is one. */
  wallNs: bigint | undefined;
  /**
   * For an embedded guest: the moment on the monotonic clock, if it is one that began with a call.
   */
  endNs: bigint | undefined;
}

export class Deadlines {
  readonly #kernel: Kernel;
  /** An embedded guest's wait goes on from call to call. */
  readonly #embedded: boolean;
  #deadlines: Deadline[] = [];
  /**
   * Those of the last call, if that found nothing: what is asked for again has been running since.
   */
  #running: Deadline[] = [];

  constructor(kernel: Kernel, embedded: boolean) {
    this.#kernel = kernel;
    this.#embedded = embedded;
  }

  /** Forgets the deadlines of the call before. */
  clear(): void {
    if (this.#deadlines.length > 0) this.#deadlines = [];
  }

  /** Adds the clock subscription at `words[at]`. */
  add(words: Int32Array, at: number): void {
    const low = words[at + 6]! >>> 0;
    const high = words[at + 7]! >>> 0;
    const amount = high * 2 ** 32 + low;
    const deadline: Deadline = {
      userdataLow: words[at]!,
      userdataHigh: words[at + 1]!,
      id: words[at + 4]! >>> 0,
      amount,
      timeoutNs: amount >= 2 ** 63 ? Infinity : amount,
      wallNs: undefined,
      endNs: undefined,
    };
    if (deadline.id !== Clock.REALTIME && deadline.id !== Clock.MONOTONIC) {
      deadline.timeoutNs = Number.NaN;
    } else if (words[at + 10]! & ABSTIME) {
      const endNs = (BigInt(high) << 32n) | BigInt(low);
      if (deadline.id === Clock.REALTIME) deadline.wallNs = endNs;
      deadline.timeoutNs = this.#remainingNs(deadline.id, endNs);
    } else if (this.#embedded && amount > 0 && amount < 2 ** 63) {
      this.#continue(deadline);
    }
    this.#deadlines.push(deadline);
  }

  /**
   * A relative clock of an embedded guest began with the first of its calls that asked for it, and
   * found nothing.
   */
  #continue(deadline: Deadline): void {
    const before = this.#running.find(
      ({ userdataLow, userdataHigh, id, amount, endNs }) =>
        endNs !== undefined &&
        userdataLow === deadline.userdataLow &&
        userdataHigh === deadline.userdataHigh &&
        id === deadline.id &&
        amount === deadline.amount,
    );
    deadline.endNs = before?.endNs ?? this.#kernel.now(Clock.MONOTONIC) + BigInt(deadline.amount);
    deadline.timeoutNs = this.#remainingNs(Clock.MONOTONIC, deadline.endNs);
  }

  #remainingNs(id: Clock, endNs: bigint): number {
    const remainingNs = endNs - this.#kernel.now(id);
    if (remainingNs <= 0n) return 0;
    return remainingNs >= 1n << 63n ? Infinity : Number(remainingNs);
  }

  /** Nanoseconds from the start of the call to the first clock that runs out; Infinity: never. */
  nextNs(): number {
    let nextNs = Infinity;
    for (const { timeoutNs } of this.#deadlines) {
      if (Number.isNaN(timeoutNs)) return 0;
      if (timeoutNs < nextNs) nextNs = timeoutNs;
    }
    return nextNs;
  }

  /** How long to wait at once, of `timeoutNs`. */
  sliceNs(timeoutNs: number): number {
    if (timeoutNs <= 0) return 0;
    const wall = this.#deadlines.some(({ wallNs }) => wallNs !== undefined);
    return wall ? Math.min(timeoutNs, WALL_CLOCK_SLICE_NS) : timeoutNs;
  }

  /**
   * Tells `emit` of each clock that has run out `elapsedNs` after the start of the call, or that is
   * none.
   */
  expire(elapsedNs: number, emit: (low: number, high: number, errno: number) => void): void {
    for (const deadline of this.#deadlines) {
      const { userdataLow, userdataHigh, id, wallNs } = deadline;
      if (wallNs !== undefined) {
        deadline.timeoutNs = elapsedNs + this.#remainingNs(Clock.REALTIME, wallNs);
      }
      if (Number.isNaN(deadline.timeoutNs)) {
        emit(
          userdataLow,
          userdataHigh,
          id <= Clock.THREAD_CPUTIME ? WasiErrno.NOTSUP : WasiErrno.INVAL,
        );
      } else if (deadline.timeoutNs <= elapsedNs) {
        emit(userdataLow, userdataHigh, WasiErrno.SUCCESS);
      }
    }
  }

  /** The call is over: if it found nothing, an embedded guest's clocks run on. */
  end(found: boolean): void {
    if (this.#embedded) this.#running = found ? [] : this.#deadlines;
  }
}
