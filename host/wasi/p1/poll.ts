/**
 * poll_oneoff: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#poll_oneoff
 *
 * What the specification leaves open is answered as guests need it: no subscription is EINVAL;
 * anything wrong with one of them is an event of that one, and the call answers 0; everything that
 * is ready is reported, each subscription at most once; nothing is reported that is not so at that
 * moment.
 */
import { Errno } from '../../kernel/errno.js';
import { Clock, FileType } from '../../kernel/kernel.js';
import { EVENT_STRIDE, Readiness, Trigger, WAKE, type Poller } from '../../kernel/readiness.js';
import { WasiErrno, wasiErrno } from '../errno.js';
import { Deadlines } from './deadline.js';
import { ALWAYS_READY, EventType, Interest, mayWait, SLOT, WATCHED } from './interest.js';
import type { Process } from '../process.js';

const SUBSCRIPTION_BYTES = 48;
const SUBSCRIPTION_WORDS = 12;
const EVENT_BYTES = 32;
const EVENT_WORDS = 8;
/**
 * Subscriptions of one call: sixteen times the 65,535 descriptors of a large server. More is
 * ENOMEM.
 */
const MAX_SUBSCRIPTIONS = 1 << 20;
/**
 * With more ready descriptors than this, `nbytes` of each is 1, "at least one", instead of one more
 * system call each.
 */
const EXACT_BYTES = 8;
const HANGUP = 1;

export class Poll {
  readonly #process: Process;
  readonly #poller: Poller;
  readonly #interest: Interest;
  readonly #deadlines: Deadlines;
  readonly #strict: boolean;
  /** True if every poll goes through the interest set. */
  readonly #whole: boolean;
  /** Where events go: guest memory, or the scratch space for a guest with an unaligned pointer. */
  #out: Int32Array = new Int32Array(0);
  #at = 0;
  #emitted = 0;
  /** The first errno of the events: 0, or what is wrong with a subscription. */
  #fault: number = WasiErrno.SUCCESS;
  /**
   * For an embedded guest: true if its last call found nothing, so that what it waits for is in the
   * interest set.
   */
  settled = false;

  constructor(process: Process) {
    this.#process = process;
    this.#poller = process.kernel.poller(process.embedder.poller);
    process.embedder.watch(this.#poller);
    this.#deadlines = new Deadlines(process.kernel, process.embedder.embedded);
    const { edge, strict, embedded } = process.embedder;
    this.#strict = strict === true;
    // Without the interest set there are no edges; an event loop watches the set, so that an
    // embedded guest's polls all go through it too.
    this.#whole = edge === true || embedded;
    const trigger = edge ? Trigger.EDGE : Trigger.LEVEL;
    this.#interest = new Interest(process.descriptors, this.#poller, trigger, (sentence) =>
      process.embedder.warn(sentence),
    );
  }

  oneoff(input: number, output: number, count: number, countOut: number): number {
    const { memory } = this.#process;
    input >>>= 0;
    output >>>= 0;
    count >>>= 0;
    countOut >>>= 0;
    if (count === 0) return WasiErrno.INVAL;
    if (!memory.holds(input, count * SUBSCRIPTION_BYTES)) return WasiErrno.FAULT;
    if (!memory.holds(output, count * EVENT_BYTES) || !memory.holds(countOut, 4))
      return WasiErrno.FAULT;
    if (count > MAX_SUBSCRIPTIONS) return WasiErrno.NOMEM;
    const aligned = ((input | output) & 3) === 0;
    const words = aligned
      ? memory.words
      : copyOfWords(memory.bytes, input, count * SUBSCRIPTION_BYTES);
    this.#out = aligned ? memory.words : new Int32Array(count * EVENT_WORDS);
    this.#at = aligned ? output >>> 2 : 0;
    this.#emitted = 0;
    this.#fault = WasiErrno.SUCCESS;
    const start = aligned ? input >>> 2 : 0;
    const few = count <= 2 && this.#interest.count > 8 && !this.#whole;
    const result =
      few && this.#single(words, start, count)
        ? this.#waitForOne()
        : this.#waitForAll(words, start, count);
    if (result < 0) return wasiErrno(result);
    if (!aligned)
      memory.bytes.set(new Uint8Array(this.#out.buffer, 0, this.#emitted * EVENT_BYTES), output);
    memory.setU32(countOut, this.#emitted);
    this.settled = this.#emitted === 0;
    this.#deadlines.end(!this.settled);
    return this.#strict ? this.#fault : WasiErrno.SUCCESS;
  }

  // The single subscription: ioctl(FIONREAD) of wasi-libc is one, between two polls for everything.

  #one = { fd: 0, type: 0, userdataLow: 0, userdataHigh: 0 };

  /** True if these are one descriptor and at most one clock; then they are taken note of. */
  #single(words: Int32Array, start: number, count: number): boolean {
    let descriptors = 0;
    this.#deadlines.clear();
    for (let i = 0, at = start; i < count; i++, at += SUBSCRIPTION_WORDS) {
      const type = words[at + 2]! & 0xff;
      if (type === EventType.CLOCK) {
        this.#deadlines.add(words, at);
      } else if (type <= EventType.FD_WRITE) {
        this.#one = {
          fd: words[at + 4]! >>> 0,
          type,
          userdataLow: words[at]!,
          userdataHigh: words[at + 1]!,
        };
        descriptors++;
      } else {
        return false;
      }
    }
    const descriptor = this.#process.descriptors.get(this.#one.fd);
    return (
      descriptors === 1 &&
      descriptor !== undefined &&
      mayWait(descriptor, this.#one.type) &&
      !descriptor.retired
    );
  }

  #waitForOne(): number {
    const { kernel } = this.#process;
    const { fd, type, userdataLow, userdataHigh } = this.#one;
    const handle = this.#process.descriptors.get(fd)!.handle;
    const interest = type === EventType.FD_READ ? Readiness.IN | Readiness.RDHUP : Readiness.OUT;
    return this.#repeat((timeoutNs) => {
      const mask = kernel.waitFor(handle, interest, timeoutNs);
      if (mask > 0) this.#emitReady(userdataLow, userdataHigh, type, fd, mask, true);
      return mask;
    }, 0);
  }

  // The general case.

  #waitForAll(words: Int32Array, start: number, count: number): number {
    const interest = this.#interest;
    interest.settle(this.#compare(words, start, count));
    if (interest.unwatched > 0) this.#emitUnwatched();
    return this.#repeat((timeoutNs) => this.#waitOnce(timeoutNs), this.#emitted);
  }

  /**
   * Compares the subscriptions with those of the calls before. Answers how many are for
   * descriptors.
   */
  #compare(words: Int32Array, start: number, count: number): number {
    const interest = this.#interest;
    interest.reserve(count);
    this.#deadlines.clear();
    const { slots } = interest;
    const known = interest.count;
    let slot = 0;
    let at = start;
    let to = 0;
    for (const end = start + count * SUBSCRIPTION_WORDS; at < end; at += SUBSCRIPTION_WORDS) {
      const type = words[at + 2]! & 0xff;
      if (type === EventType.CLOCK) {
        this.#deadlines.add(words, at);
        continue;
      }
      const fd = words[at + 4]!;
      if (
        slot >= known ||
        slots[to + SLOT.FD] !== fd ||
        slots[to] !== words[at] ||
        slots[to + 1] !== words[at + 1] ||
        slots[to + SLOT.TYPE] !== type
      ) {
        interest.replace(slot, words[at]!, words[at + 1]!, type, fd);
      }
      slot++;
      to += SLOT.WORDS;
    }
    return slot;
  }

  /** One wait of the kernel, and the events that come of it. Answers < 0 for an error. */
  #waitOnce(timeoutNs: number): number {
    const interest = this.#interest;
    const { events } = interest;
    const count = this.#poller.wait(events, timeoutNs);
    const exact = count <= EXACT_BYTES;
    let woken = false;
    for (let i = 0, end = count * EVENT_STRIDE; i < end; i += EVENT_STRIDE) {
      const fd = events[i + 1]!;
      if (fd === WAKE) woken = true;
      else if (!this.#emitSlots(fd, events[i]!, exact)) interest.stale(fd);
    }
    return woken ? -Errno.EINTR : count;
  }

  /**
   * Reports to every subscription of the descriptor that `mask` concerns; false if there is none.
   */
  #emitSlots(fd: number, mask: number, exact: boolean): boolean {
    const { first, next, slots, states, active } = this.#interest;
    let told = false;
    for (let slot = first[fd]!; slot >= 0; slot = next[slot]!) {
      // One that is not watched was reported already, with what is wrong with it.
      if (slot >= active || states[slot] !== WATCHED) continue;
      const at = slot * SLOT.WORDS;
      const type = slots[at + SLOT.TYPE]!;
      const concerns =
        type === EventType.FD_READ
          ? Readiness.IN | Readiness.RDHUP | Readiness.HUP | Readiness.ERR | Readiness.NVAL
          : Readiness.OUT | Readiness.HUP | Readiness.ERR | Readiness.NVAL;
      if (!(mask & concerns)) continue;
      told = true;
      this.#emitReady(slots[at]!, slots[at + 1]!, type, fd, mask, exact);
    }
    return told;
  }

  /** Repeats `wait` until there is something to tell: an event, or a clock that ran out. */
  #repeat(wait: (timeoutNs: number) => number, emitted: number): number {
    const { kernel, embedder } = this.#process;
    const embedded = embedder.embedded;
    let timeoutNs = emitted > 0 ? 0 : this.#deadlines.nextNs();
    this.#process.pendingTimeoutNs = timeoutNs;
    const timed = timeoutNs > 0 && timeoutNs !== Infinity;
    const startNs = timed ? kernel.now(Clock.MONOTONIC) : 0n;
    let elapsedNs = 0;
    for (;;) {
      const sliceNs = embedded ? 0 : this.#deadlines.sliceNs(timeoutNs - elapsedNs);
      const result = wait(sliceNs);
      if (result < 0 && result !== -Errno.EINTR) return result;
      if (timed) elapsedNs = Number(kernel.now(Clock.MONOTONIC) - startNs);
      this.#deadlines.expire(elapsedNs, this.#emitClock);
      const told = result === -Errno.EINTR && this.#process.interrupt();
      if (told && this.#emitted === 0) return -Errno.EINTR;
      if (this.#emitted > 0 || (embedded && result === 0)) return 0;
      timeoutNs = this.#deadlines.nextNs();
    }
  }

  // Events.

  readonly #emitClock = (low: number, high: number, errno: number): void =>
    this.#emit(low, high, errno, EventType.CLOCK, 0, 0);

  /** The slots that no kernel needs to be asked about: what is always ready, and what is wrong. */
  #emitUnwatched(): void {
    const { slots, states, active } = this.#interest;
    for (let slot = 0, at = 0; slot < active; slot++, at += SLOT.WORDS) {
      const state = states[slot]!;
      if (state === WATCHED) continue;
      const type = slots[at + SLOT.TYPE]!;
      const fd = slots[at + SLOT.FD]!;
      if (state === ALWAYS_READY) {
        this.#emitReady(slots[at]!, slots[at + 1]!, type, fd, Readiness.IN | Readiness.OUT, true);
      } else {
        this.#emit(slots[at]!, slots[at + 1]!, state, type, 0, 0);
      }
    }
  }

  #emitReady(
    low: number,
    high: number,
    type: number,
    fd: number,
    mask: number,
    exact: boolean,
  ): void {
    if (type === EventType.FD_WRITE) {
      // Never HANGUP: poll(2) of wasi-libc takes that for "not writable", and a guest that waits to
      // write would spin.
      const broken = (mask & (Readiness.HUP | Readiness.ERR)) !== 0;
      this.#emit(low, high, 0, type, broken ? 0 : 1, 0);
      return;
    }
    let hangup = (mask & (Readiness.HUP | Readiness.RDHUP)) !== 0;
    let bytes = 1;
    if (exact || hangup) {
      const descriptor = this.#process.descriptors.get(fd)!;
      const readable = descriptor.listener ? 0 : this.#process.kernel.readable(descriptor.handle);
      bytes = Math.max(0, readable);
      // select(2) tells of an end as of data: a connection or pipe that is readable and has no byte
      // was ended.
      const ends =
        descriptor.type === FileType.UNKNOWN || (descriptor.socket && !descriptor.listener);
      if (readable === 0 && ends) hangup = true;
    }
    this.#emit(low, high, 0, type, bytes, hangup ? HANGUP : 0);
  }

  #emit(
    low: number,
    high: number,
    errno: number,
    type: number,
    bytes: number,
    flags: number,
  ): void {
    if (errno !== 0 && this.#fault === 0) this.#fault = errno;
    const out = this.#out;
    const at = this.#at;
    out[at] = low;
    out[at + 1] = high;
    out[at + 2] = errno | (type << 16);
    out[at + 3] = 0;
    out[at + 4] = bytes;
    out[at + 5] = 0;
    out[at + 6] = flags;
    out[at + 7] = 0;
    this.#at = at + EVENT_WORDS;
    this.#emitted++;
  }
}

function copyOfWords(bytes: Uint8Array, offset: number, length: number): Int32Array {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(offset, offset + length));
  return new Int32Array(copy.buffer);
}
