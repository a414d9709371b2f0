/**
 * Pipes (pipe(7)): sixteen slots of 4,096 bytes each. A slot is free only when all of it was read,
 * and a write of no more than a slot is whole or not at all.
 */
import { Errno } from '../kernel/errno.js';
import { FileType } from '../kernel/kernel.js';
import { Readiness } from '../kernel/readiness.js';
import { File } from './file.js';
import { copy, type Iovecs } from './iovec.js';

const { IN, OUT, ERR, HUP } = Readiness;
const SLOTS = 16;
const SLOT_BYTES = 4096;

/** Some of a slot: the bytes from `start` to `end`. */
interface Slot {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** Where a copy from iovecs has got to. */
interface Place {
  index: number;
  done: number;
}

/** What both ends share. */
class Pipe {
  readonly slots: Slot[] = [];
  /** A slot that was freed, to be used again. */
  spare: Slot | undefined = undefined;
  reader: PipeReader | undefined = undefined;
  writer: PipeWriter | undefined = undefined;

  get full(): boolean {
    return this.slots.length === SLOTS;
  }

  get bytes(): number {
    return this.slots.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** A new slot at the end. */
  append(): Slot {
    const slot = this.spare ?? { bytes: new Uint8Array(SLOT_BYTES), start: 0, end: 0 };
    this.spare = undefined;
    slot.start = 0;
    slot.end = 0;
    this.slots.push(slot);
    return slot;
  }

  /** Frees the first slot. */
  shift(): void {
    this.spare = this.slots.shift();
  }

  /** One end was closed, and the other was not: tells it. */
  parted(): void {
    this.reader?.parted();
    this.writer?.parted();
  }
}

export class PipeReader extends File {
  readonly type = FileType.UNKNOWN;
  readonly #pipe: Pipe;

  constructor(pipe: Pipe) {
    super();
    this.#pipe = pipe;
  }

  poll(): number {
    const { slots, writer } = this.#pipe;
    return (slots.length > 0 ? IN : 0) | (writer === undefined ? HUP : 0);
  }

  override read(to: Iovecs): number {
    const pipe = this.#pipe;
    if (to.total === 0) return 0;
    if (pipe.slots.length === 0) {
      // Linux signals whatever comes of it (fs/pipe.c: kill_fasync).
      pipe.writer?.freed(false);
      return pipe.writer === undefined ? 0 : -Errno.EAGAIN;
    }
    const wasFull = pipe.full;
    let read = 0;
    for (let i = 0; i < to.count; i++) {
      let at = to.offsets[i]!;
      const end = at + to.lengths[i]!;
      while (at < end && pipe.slots.length > 0) {
        const slot = pipe.slots[0]!;
        const length = Math.min(end - at, slot.end - slot.start);
        copy(slot.bytes, slot.start, to.bytes, at, length);
        at += length;
        read += length;
        slot.start += length;
        if (slot.start === slot.end) pipe.shift();
      }
    }
    pipe.writer?.freed(wasFull);
    return read;
  }

  override write(_from: Iovecs): number {
    return -Errno.EBADF;
  }

  override readable(): number {
    return this.#pipe.bytes;
  }

  /** Something was written, or would have been. */
  filled(): void {
    this.wake(IN);
    this.signal(IN);
  }

  parted(): void {
    this.wake(0);
    this.signal(IN);
  }

  release(): void {
    this.#pipe.reader = undefined;
    this.#pipe.parted();
  }
}

export class PipeWriter extends File {
  readonly type = FileType.UNKNOWN;
  readonly #pipe: Pipe;

  constructor(pipe: Pipe) {
    super();
    this.#pipe = pipe;
  }

  poll(): number {
    const { full, reader } = this.#pipe;
    return (full ? 0 : OUT) | (reader === undefined ? ERR : 0);
  }

  override read(_to: Iovecs): number {
    return -Errno.EBADF;
  }

  override write(from: Iovecs): number {
    const pipe = this.#pipe;
    if (from.total === 0) return 0;
    if (pipe.reader === undefined) return -Errno.EPIPE;
    const place: Place = { index: 0, done: 0 };
    let written = 0;
    // What is more than whole slots goes to the last slot, if all of it fits in there.
    const odd = from.total % SLOT_BYTES;
    const last = pipe.slots.at(-1);
    if (odd > 0 && last !== undefined && last.end + odd <= SLOT_BYTES) {
      take(from, place, last, odd);
      written = odd;
    }
    while (written < from.total && !pipe.full) {
      const length = Math.min(from.total - written, SLOT_BYTES);
      take(from, place, pipe.append(), length);
      written += length;
    }
    // Linux wakes and signals whatever comes of it.
    pipe.reader.filled();
    return written === 0 ? -Errno.EAGAIN : written;
  }

  override readable(): number {
    return this.#pipe.bytes;
  }

  /** Something was read, or would have been. */
  freed(wasFull: boolean): void {
    if (wasFull) this.wake(OUT);
    this.signal(OUT);
  }

  parted(): void {
    this.wake(0);
    this.signal(OUT);
  }

  release(): void {
    this.#pipe.writer = undefined;
    this.#pipe.parted();
  }
}

/** Copies `length` bytes from the iovecs, from `place` on, to the end of `slot`. */
function take(from: Iovecs, place: Place, slot: Slot, length: number): void {
  let left = length;
  while (left > 0) {
    const here = Math.min(left, from.lengths[place.index]! - place.done);
    copy(from.bytes, from.offsets[place.index]! + place.done, slot.bytes, slot.end, here);
    slot.end += here;
    left -= here;
    place.done += here;
    if (place.done === from.lengths[place.index]!) {
      place.index++;
      place.done = 0;
    }
  }
}

/** The two ends of a new pipe. */
export function openPipe(): { reader: PipeReader; writer: PipeWriter } {
  const pipe = new Pipe();
  pipe.reader = new PipeReader(pipe);
  pipe.writer = new PipeWriter(pipe);
  return { reader: pipe.reader, writer: pipe.writer };
}
