/**
 * Operations in flight: what they are made of, and how they stand in line. Those on one handle in
 * one direction are done one after the other, so only the first of a line is with the kernel. What
 * becomes of each is completion.ts's matter.
 */
import { Opcode } from '../kernel/completion.js';
import { Readiness } from '../kernel/readiness.js';
import type { File, Watcher } from './file.js';
import type { Timer } from './scheduler.js';

const { IN, PRI, OUT, ERR, HUP, RDHUP } = Readiness;
const INWARD = IN | PRI | RDHUP | ERR | HUP;
const OUTWARD = OUT | ERR | HUP;

/** What has become of an operation. */
export const Stage = {
  FREE: 0,
  /** In line behind another, or for ever at a listener out of service. */
  WAITING: 1,
  /** With the kernel. */
  STARTED: 2,
  /** The kernel is done with it, and nobody has taken the completion yet. */
  DONE: 3,
  /** It completes with what was known without the kernel. */
  SETTLED: 4,
} as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

export class Operation {
  opcode = 0;
  userdataLow = 0;
  userdataHigh = 0;
  multishot = false;
  /** SEND: how many bytes; RECV: at most that many, 0: no limit. */
  length = 0;
  channel: Channel | undefined = undefined;
  stage: Stage = Stage.FREE;
  result = 0;
  /** ACCEPT that is over: the connection. */
  connection: File | undefined = undefined;
  /** RECV that is DONE: what was received; SEND that must wait: its copy. */
  bytes: Uint8Array | undefined = undefined;
  /** SEND: where its bytes begin, in guest memory or in their copy; TIMEOUT: nanoseconds. */
  from = 0;
  /** TIMEOUT that is STARTED. */
  timer: Timer | undefined = undefined;
  /** The CANCEL that completes when this does. */
  canceller: Operation | undefined = undefined;
  /** The next in line. */
  next: Operation | undefined = undefined;
}

/** What is in line for one handle in one direction. */
export class Line {
  first: Operation | undefined = undefined;

  /** True if it is the first now. */
  join(operation: Operation): boolean {
    operation.next = undefined;
    if (this.first === undefined) {
      this.first = operation;
      return true;
    }
    let last = this.first;
    while (last.next !== undefined) last = last.next;
    last.next = operation;
    return false;
  }

  /** True if it was the first; nothing if it was in line no more. */
  leave(operation: Operation): boolean {
    if (this.first === operation) {
      this.first = operation.next;
      return true;
    }
    let before = this.first;
    while (before !== undefined && before.next !== operation) before = before.next;
    if (before !== undefined) before.next = operation.next;
    return false;
  }

  /** Puts the one that stands `place` behind the first, which is STARTED, before it. */
  prefer(place: number): void {
    const { first } = this;
    let before = first!;
    for (let i = 1; i < place; i++) before = before.next!;
    const chosen = before.next!;
    before.next = chosen.next;
    chosen.next = first;
    chosen.stage = Stage.STARTED;
    first!.stage = Stage.WAITING;
    this.first = chosen;
  }

  get length(): number {
    let length = 0;
    for (let each = this.first; each !== undefined; each = each.next) length++;
    return length;
  }
}

/** What a channel tells its queue. */
export interface Notified {
  /** Something may go on. */
  notify(channel: Channel): void;
}

/** One handle, and what is in flight on it. */
export class Channel implements Watcher {
  readonly handle: number;
  readonly inward = new Line();
  readonly outward = new Line();
  /** In flight: the handle stays open until there are none. */
  operations = 0;
  /** The handle is to be closed then. */
  closing = false;
  /** Accepted, but the guest had no room for them. */
  readonly parked: File[] = [];
  /** The queue knows that something may go on. */
  notified = false;
  file: File;
  readonly #queue: Notified;

  constructor(queue: Notified, handle: number, file: File) {
    this.#queue = queue;
    this.handle = handle;
    this.file = file;
    file.watch(this);
  }

  line(operation: Operation): Line {
    return operation.opcode === Opcode.SEND ? this.outward : this.inward;
  }

  woken(key: number): void {
    if (this.notified) return;
    const waits =
      (startedOf(this.inward) && (key === 0 || (key & INWARD) !== 0)) ||
      (startedOf(this.outward) && (key === 0 || (key & OUTWARD) !== 0));
    if (waits) this.#queue.notify(this);
  }

  /** The handle stands for nothing any more. */
  end(): void {
    this.file.unwatch(this);
    for (const connection of this.parked.splice(0)) connection.release();
  }
}

export function startedOf(line: Line): Operation | undefined {
  const { first } = line;
  return first !== undefined && first.stage === Stage.STARTED ? first : undefined;
}
