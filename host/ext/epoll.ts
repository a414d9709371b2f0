/**
 * epoll_*: epoll_ctl(2) and epoll_wait(2) for a guest. An interest set is a descriptor like any
 * other, with no right of its own. What it watches is the open descriptor, whatever its number:
 * fd_renumber moves the number, and closing ends the watch without a word.
 *
 * The kernel's handle of a descriptor is the token of its events, and the index of all that is
 * known of it here, so that a wait costs no more than what is ready.
 */
import { Errno } from '../kernel/errno.js';
import { HostError } from '../kernel/error.js';
import { FileType } from '../kernel/kernel.js';
import { EVENT_STRIDE, Readiness, Trigger, WAKE, type Poller } from '../kernel/readiness.js';
import { Descriptor, Right } from '../wasi/descriptors.js';
import { WasiErrno, wasiErrno } from '../wasi/errno.js';
import type { Memory } from '../wasi/memory.js';
import type { Process } from '../wasi/process.js';
import { Timeout } from './timeout.js';

const Operation = { ADD: 1, DEL: 2, MOD: 3 } as const;
/** Bits of `events` that are a trigger. */
const ONESHOT = 1 << 30;
const EDGE = 1 << 31;

const { IN, PRI, OUT, ERR, HUP, RDHUP, EXCLUSIVE } = Readiness;
const INTEREST = IN | PRI | OUT | ERR | HUP | RDHUP | EXCLUSIVE;

/** An event in guest memory: its mask, and its data, 8 bytes on. */
const EVENT_BYTES = 16;
const EVENT_WORDS = 4;
/** The most events of one wait; what is left is told by the next. */
const MOST_EVENTS = 4096;
/**
 * Interest sets of one guest. Each may come to hold 16 bytes for every descriptor of the process.
 */
const MOST_SETS = 64;

class Epoll extends Descriptor {
  readonly poller: Poller;
  readonly #closed: () => void;
  /** By handle. A descriptor that is closed may still be here, and is not watched any more. */
  readonly #watched: (Descriptor | undefined)[] = [];
  #low: Int32Array = new Int32Array(64);
  #high: Int32Array = new Int32Array(64);
  #events = new Int32Array(0);

  constructor(poller: Poller, closed: () => void) {
    super(-1, FileType.UNKNOWN, 0, 0, false);
    this.poller = poller;
    this.#closed = closed;
  }

  override close(): number {
    this.#closed();
    this.poller.close();
    return 0;
  }

  watches(descriptor: Descriptor): boolean {
    return this.#watched[descriptor.handle] === descriptor;
  }

  /** Watches `descriptor`, or changes how: 0, or a negated errno. */
  set(descriptor: Descriptor, events: number, dataLow: number, dataHigh: number): number {
    const { handle } = descriptor;
    const trigger = (events & EDGE ? Trigger.EDGE : 0) | (events & ONESHOT ? Trigger.ONESHOT : 0);
    const result = this.poller.set(handle, events & INTEREST, trigger, handle);
    if (result < 0) return result;
    if (handle >= this.#low.length) {
      this.#low = grown(this.#low, handle);
      this.#high = grown(this.#high, handle);
    }
    this.#watched[handle] = descriptor;
    this.#low[handle] = dataLow;
    this.#high[handle] = dataHigh;
    return 0;
  }

  /** Watches `descriptor` no more. The kernel may have forgotten a retired one already. */
  remove(descriptor: Descriptor): void {
    this.poller.remove(descriptor.handle);
    this.#watched[descriptor.handle] = undefined;
  }

  /** Waits for at most `most` events: what `Poller.wait` answers. */
  wait(most: number, timeoutNs: number): number {
    const words = Math.min(most, MOST_EVENTS) * EVENT_STRIDE;
    if (this.#events.length !== words) this.#events = new Int32Array(words);
    return this.poller.wait(this.#events, timeoutNs);
  }

  /** Stores the `count` events of the last wait, or answers false: there is a wake among them. */
  store(memory: Memory, to: number, count: number): boolean {
    const events = this.#events;
    const low = this.#low;
    const high = this.#high;
    const end = count * EVENT_STRIDE;
    if ((to & 3) !== 0) return this.#storeUnaligned(memory, to, end);
    const { words } = memory;
    for (let from = 0, at = to >>> 2; from < end; from += EVENT_STRIDE, at += EVENT_WORDS) {
      const token = events[from + 1]!;
      if (token === WAKE) return false;
      words[at] = events[from]!;
      words[at + 1] = 0;
      words[at + 2] = low[token]!;
      words[at + 3] = high[token]!;
    }
    return true;
  }

  #storeUnaligned(memory: Memory, to: number, end: number): boolean {
    for (let from = 0, at = to; from < end; from += EVENT_STRIDE, at += EVENT_BYTES) {
      const token = this.#events[from + 1]!;
      if (token === WAKE) return false;
      memory.setU32(at, this.#events[from]!);
      memory.setU32(at + 4, 0);
      memory.setU32(at + 8, this.#low[token]!);
      memory.setU32(at + 12, this.#high[token]!);
    }
    return true;
  }

  /**
   * Leaves out, of the `count` events of the last wait, the wake and what was taken out of service
   * since. Answers how many are left.
   */
  strike(count: number): number {
    const events = this.#events;
    let kept = 0;
    for (let from = 0; from < count * EVENT_STRIDE; from += EVENT_STRIDE) {
      const token = events[from + 1]!;
      if (token === WAKE || this.#watched[token]?.retired) continue;
      events.copyWithin(kept++ * EVENT_STRIDE, from, from + EVENT_STRIDE);
    }
    return kept;
  }
}

function grown(array: Int32Array, index: number): Int32Array {
  const larger = new Int32Array((index + 1) * 2);
  larger.set(array);
  return larger;
}

export const epoll = (process: Process) => {
  const { kernel, descriptors, embedder } = process;
  const timeout = new Timeout(process);
  let sets = 0;

  const open = (): Epoll => {
    const poller = kernel.poller('epoll');
    try {
      const unwatch = embedder.watch(poller);
      sets++;
      return new Epoll(poller, () => {
        unwatch();
        sets--;
      });
    } catch (error) {
      poller.close();
      throw error;
    }
  };

  return {
    create(epfdOut: number): number {
      epfdOut >>>= 0;
      if (!process.memory.holds(epfdOut, 4)) return WasiErrno.FAULT;
      if (descriptors.full || sets === MOST_SETS) return WasiErrno.MFILE;
      try {
        process.memory.setU32(epfdOut, descriptors.add(open()));
      } catch (error) {
        // Not the guest's limit but that of the process, which has no descriptor left.
        if (error instanceof HostError) return WasiErrno.NFILE;
        throw error;
      }
      return WasiErrno.SUCCESS;
    },

    control(epfd: number, operation: number, fd: number, event: number): number {
      event >>>= 0;
      const { memory } = process;
      const removes = operation === Operation.DEL;
      if (!removes && !memory.holds(event, EVENT_BYTES)) return WasiErrno.FAULT;
      const set = descriptors.get(epfd >>> 0);
      const descriptor = descriptors.get(fd >>> 0);
      if (!set || !descriptor) return WasiErrno.BADF;
      if (descriptor.type === FileType.REGULAR_FILE) return WasiErrno.PERM;
      if (!(set instanceof Epoll) || set === descriptor) return WasiErrno.INVAL;
      if (!(descriptor.rights & Right.POLL_FD_READWRITE)) return WasiErrno.NOTCAPABLE;
      if (removes) {
        if (!set.watches(descriptor)) return WasiErrno.NOENT;
        set.remove(descriptor);
        return WasiErrno.SUCCESS;
      }
      const events = memory.u32(event);
      if (operation === Operation.ADD) {
        if (set.watches(descriptor)) return WasiErrno.EXIST;
      } else {
        if (operation !== Operation.MOD || events & EXCLUSIVE) return WasiErrno.INVAL;
        if (!set.watches(descriptor)) return WasiErrno.NOENT;
      }
      const result = set.set(descriptor, events, memory.u32(event + 8), memory.u32(event + 12));
      return result < 0 ? wasiErrno(result) : WasiErrno.SUCCESS;
    },

    wait(epfd: number, events: number, most: number, timeoutNs: bigint, countOut: number): number {
      events >>>= 0;
      most >>>= 0;
      countOut >>>= 0;
      const set = descriptors.get(epfd >>> 0);
      if (!set) return WasiErrno.BADF;
      if (!(set instanceof Epoll) || most === 0) return WasiErrno.INVAL;
      const { memory } = process;
      if (!memory.holds(events, most * EVENT_BYTES) || !memory.holds(countOut, 4))
        return WasiErrno.FAULT;
      let leftNs = timeout.begin(timeoutNs);
      for (;;) {
        let count = set.wait(most, leftNs);
        if (count < 0 && count !== -Errno.EINTR) return wasiErrno(count);
        if (count < 0 || !set.store(memory, events, count)) {
          const told = process.interrupt();
          count = set.strike(count);
          if (told && count === 0) return WasiErrno.INTR;
          if (count === 0) {
            leftNs = timeout.leftNs;
            continue;
          }
          set.store(memory, events, count);
        }
        memory.setU32(countOut, count);
        return WasiErrno.SUCCESS;
      }
    },
  };
};
