/**
 * The subscriptions of poll_oneoff, remembered from call to call, and what of them the kernel's
 * interest set holds. Nearly always a guest polls for what it polled for before: then a call costs
 * one comparison, and no system call but the wait.
 *
 * A slot is a place in the list of descriptor subscriptions (clocks have none). Slots beyond the
 * list of the present call are kept, and are inactive: a guest that polls for a few things between
 * two polls for many pays for the few. What is no longer asked for leaves the kernel's set when it
 * is next ready (lazily), or when its descriptor is closed.
 */
import { Errno } from '../../kernel/errno.js';
import { FileType } from '../../kernel/kernel.js';
import { EVENT_STRIDE, Readiness, Trigger, type Poller } from '../../kernel/readiness.js';
import { type Descriptor, type Descriptors, Right } from '../descriptors.js';
import { WasiErrno, wasiErrno } from '../errno.js';

/** `eventtype` */
export const EventType = { CLOCK: 0, FD_READ: 1, FD_WRITE: 2 } as const;

/** Words of a slot: userdata low and high, type, descriptor. */
export const SLOT = { USERDATA: 0, TYPE: 2, FD: 3, WORDS: 4 } as const;

/** States of a slot beside the errno values (> 0) that its event shall carry. */
export const WATCHED = 0;
export const ALWAYS_READY = -1;

const NONE = -1;

function grown(array: Int32Array, length: number, fill = 0): Int32Array {
  if (length <= array.length) return array;
  const larger = new Int32Array(Math.max(length, array.length * 2, 64)).fill(fill);
  larger.set(array);
  return larger;
}

/**
 * True if a descriptor has the rights to be waited for. A listener may be waited for to be written
 * to, in vain: tokio and mio wait for both directions of everything.
 */
export function mayWait(descriptor: Descriptor, type: number): boolean {
  const reads = type === EventType.FD_READ || descriptor.listener;
  const rights = Right.POLL_FD_READWRITE | (reads ? Right.FD_READ : Right.FD_WRITE);
  return (descriptor.rights & rights) === rights;
}

export class Interest {
  readonly #descriptors: Descriptors;
  readonly #poller: Poller;
  readonly #trigger: Trigger;
  readonly #warn: (sentence: string) => void;

  /** By slot. */
  slots: Int32Array = new Int32Array(0);
  states: Int32Array = new Int32Array(0);
  next: Int32Array = new Int32Array(0);
  #previous: Int32Array = new Int32Array(0);
  /** Slots in use, active or not. */
  count = 0;
  /** Slots of the present call. */
  active = 0;
  /** Slots, active or not, whose state is not WATCHED. */
  unwatched = 0;

  /** By descriptor: its first slot; what the kernel's set has for it, and under which handle. */
  first: Int32Array = new Int32Array(0);
  #registered: Int32Array = new Int32Array(0);
  #handles: Int32Array = new Int32Array(0);
  #isDirty = new Uint8Array(0);
  #dirty: number[] = [];
  /** Descriptors of which inactive slots ask for more than the kernel's set has for them. */
  readonly #lacking = new Set<number>();
  /** Descriptors in the kernel's set. */
  #size = 0;
  /** Room for an event of everything in the kernel's set, and of the wake-up. */
  events: Int32Array = new Int32Array(64 * EVENT_STRIDE);

  constructor(
    descriptors: Descriptors,
    poller: Poller,
    trigger: Trigger,
    warn: (sentence: string) => void,
  ) {
    this.#descriptors = descriptors;
    this.#poller = poller;
    this.#trigger = trigger;
    this.#warn = warn;
    descriptors.changed = this.#onChanged;
  }

  /** Makes room for `count` slots. */
  reserve(count: number): void {
    if (count <= this.states.length) return;
    this.states = grown(this.states, count);
    this.next = grown(this.next, this.states.length, NONE);
    this.#previous = grown(this.#previous, this.states.length, NONE);
    this.slots = grown(this.slots, this.states.length * SLOT.WORDS, NONE);
  }

  /** A subscription that differs from the one that the slot has. */
  replace(slot: number, userdataLow: number, userdataHigh: number, type: number, fd: number): void {
    const { slots } = this;
    const at = slot * SLOT.WORDS;
    const moved =
      slot >= this.count || slots[at + SLOT.FD] !== fd || slots[at + SLOT.TYPE] !== type;
    if (slot < this.count && moved) this.#unlink(slot);
    slots[at + SLOT.USERDATA] = userdataLow;
    slots[at + SLOT.USERDATA + 1] = userdataHigh;
    slots[at + SLOT.TYPE] = type;
    slots[at + SLOT.FD] = fd;
    if (slot >= this.count) this.count = slot + 1;
    if (moved) this.#link(slot, fd, type);
  }

  /**
   * The list of the present call is `active` slots long: brings the kernel's set into line with it.
   */
  settle(active: number): void {
    if (active > this.active && this.#lacking.size > 0) {
      for (const fd of this.#lacking) this.#touch(fd);
      this.#lacking.clear();
    }
    const edge = this.#trigger === Trigger.EDGE;
    if (edge) this.#touchBetween(active, this.active);
    this.active = active;
    // An edge that nobody has asked about would be lost: then the kernel's set is never lazy.
    if (this.#dirty.length > 0) this.#clean(edge);
  }

  /**
   * The kernel told of a descriptor that nothing active asks about in that way: takes that out of
   * its set.
   */
  stale(fd: number): void {
    this.#touch(fd);
    this.#clean(true);
  }

  #clean(eager: boolean): void {
    for (const fd of this.#dirty) {
      this.#isDirty[fd] = 0;
      this.#register(fd, eager);
    }
    this.#dirty.length = 0;
    if (this.events.length < (this.#size + 1) * EVENT_STRIDE) {
      this.events = new Int32Array((this.#size + 1) * 2 * EVENT_STRIDE);
    }
  }

  #register(fd: number, eager: boolean): void {
    let wanted = 0;
    let inactive = 0;
    for (let slot = this.first[fd]!; slot !== NONE; slot = this.next[slot]!) {
      if (this.states[slot] !== WATCHED) continue;
      const reads = this.slots[slot * SLOT.WORDS + SLOT.TYPE] === EventType.FD_READ;
      const mask = reads ? Readiness.IN | Readiness.RDHUP : Readiness.OUT;
      if (slot < this.active) wanted |= mask;
      else inactive |= mask;
    }
    if (wanted !== 0 || eager) this.#watch(fd, wanted);
    if (inactive & ~this.#registered[fd]!) this.#lacking.add(fd);
  }

  #watch(fd: number, wanted: number): void {
    if (wanted === this.#registered[fd]) return;
    const descriptor = this.#descriptors.get(fd);
    if (wanted === 0 || !descriptor || descriptor.retired) return this.#unregister(fd);
    const result = this.#poller.set(descriptor.handle, wanted, this.#trigger, fd);
    if (result < 0) return this.#refused(fd, result);
    if (this.#registered[fd] === 0) this.#size++;
    this.#registered[fd] = wanted;
    this.#handles[fd] = descriptor.handle;
  }

  /**
   * The kernel cannot wait for it: epoll says so of what is always ready, select of what is beyond
   * its limit.
   */
  #refused(fd: number, result: number): void {
    const state = result === -Errno.EPERM ? ALWAYS_READY : wasiErrno(result);
    for (let slot = this.first[fd]!; slot !== NONE; slot = this.next[slot]!) {
      if (this.states[slot] === WATCHED) this.unwatched++;
      this.states[slot] = state;
    }
    if (result === -Errno.EINVAL && this.#poller.name === 'select') {
      this.#warn(
        'select(2) can watch only descriptors below 1024 (FD_SETSIZE), ' +
          'and the guest has more connections than that: ' +
          'choose the poller epoll or poll',
      );
    }
  }

  #unregister(fd: number): void {
    if (this.#registered[fd] === 0) return;
    this.#poller.remove(this.#handles[fd]!);
    this.#registered[fd] = 0;
    this.#size--;
  }

  /**
   * The number means another thing now, or nothing. It is no literal where it is assigned: what V8
   * sees assigned to a property it takes for a method, which is old from the beginning, so that all
   * that it reaches would live until the whole heap is collected.
   */
  readonly #onChanged = (fd: number): void => {
    if (fd >= this.first.length) return;
    this.#unregister(fd);
    for (let slot = this.first[fd]!; slot !== NONE; slot = this.next[slot]!) {
      if (this.states[slot] !== WATCHED) this.unwatched--;
      this.states[slot] = this.#stateOf(fd, this.slots[slot * SLOT.WORDS + SLOT.TYPE]!);
      if (this.states[slot] !== WATCHED) this.unwatched++;
    }
    this.#touch(fd);
  };

  /** The slots that are active in one of two calls only. */
  #touchBetween(one: number, other: number): void {
    const end = Math.min(this.count, Math.max(one, other));
    for (let slot = Math.min(one, other); slot < end; slot++)
      this.#touch(this.slots[slot * SLOT.WORDS + SLOT.FD]!);
  }

  #touch(fd: number): void {
    if (fd < 0 || fd >= this.first.length || this.#isDirty[fd]) return;
    this.#isDirty[fd] = 1;
    this.#dirty.push(fd);
  }

  #stateOf(fd: number, type: number): number {
    if (type !== EventType.FD_READ && type !== EventType.FD_WRITE) return WasiErrno.INVAL;
    const descriptor = this.#descriptors.get(fd);
    if (!descriptor) return WasiErrno.BADF;
    if (!mayWait(descriptor, type)) return WasiErrno.NOTCAPABLE;
    return descriptor.type === FileType.REGULAR_FILE ? ALWAYS_READY : WATCHED;
  }

  #link(slot: number, fd: number, type: number): void {
    const state = this.#stateOf(fd >>> 0, type);
    this.states[slot] = state;
    if (state !== WATCHED) this.unwatched++;
    this.next[slot] = this.#previous[slot] = NONE;
    // Never a descriptor: it is in no list, and is BADF for good.
    if (fd < 0 || fd >= this.#descriptors.limit) return;
    if (fd >= this.first.length) {
      this.first = grown(this.first, fd + 1, NONE);
      this.#registered = grown(this.#registered, this.first.length);
      this.#handles = grown(this.#handles, this.first.length);
      const flags = new Uint8Array(this.first.length);
      flags.set(this.#isDirty);
      this.#isDirty = flags;
    }
    const head = this.first[fd]!;
    this.next[slot] = head;
    if (head !== NONE) this.#previous[head] = slot;
    this.first[fd] = slot;
    this.#touch(fd);
  }

  #unlink(slot: number): void {
    if (this.states[slot] !== WATCHED) this.unwatched--;
    const fd = this.slots[slot * SLOT.WORDS + SLOT.FD]!;
    if (fd < 0 || fd >= this.first.length) return;
    this.#touch(fd);
    const after = this.next[slot]!;
    const before = this.#previous[slot]!;
    if (after !== NONE) this.#previous[after] = before;
    if (before !== NONE) this.next[before] = after;
    else if (this.first[fd] === slot) this.first[fd] = after;
  }
}
