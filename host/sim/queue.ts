/** A queue of bytes that grows as it must, in a ring: what goes from one socket to another. */
import { copy, type Iovecs } from './iovec.js';

const FIRST_BYTES = 4096;
const NO_BYTES = new Uint8Array(0);
/** Rings of that size that nobody uses. What is in them is never read. */
const spare: Uint8Array<ArrayBuffer>[] = [];

export class ByteQueue {
  length = 0;
  #bytes = NO_BYTES;
  #head = 0;

  /** Appends the first `length` bytes of the iovecs. */
  push(from: Iovecs, length: number): void {
    this.#reserve(length);
    let left = length;
    for (let i = 0; left > 0; i++) {
      const here = Math.min(left, from.lengths[i]!);
      this.#append(from.bytes, from.offsets[i]!, here);
      left -= here;
    }
  }

  /** Copies to the iovecs at most `most` bytes from the beginning; answers how many. */
  peek(to: Iovecs, most = this.length): number {
    const length = Math.min(most, to.total);
    let done = 0;
    for (let i = 0; done < length; i++) {
      const here = Math.min(length - done, to.lengths[i]!);
      const at = (this.#head + done) & (this.#bytes.length - 1);
      const first = Math.min(here, this.#bytes.length - at);
      copy(this.#bytes, at, to.bytes, to.offsets[i]!, first);
      if (first < here) copy(this.#bytes, 0, to.bytes, to.offsets[i]! + first, here - first);
      done += here;
    }
    return length;
  }

  /** A copy of `length` bytes from `offset` on. */
  copy(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const at = (this.#head + offset) & (this.#bytes.length - 1);
    const first = Math.min(length, this.#bytes.length - at);
    copy(this.#bytes, at, bytes, 0, first);
    if (first < length) copy(this.#bytes, 0, bytes, first, length - first);
    return bytes;
  }

  drop(length: number): void {
    this.length -= length;
    if (this.length > 0) {
      this.#head = (this.#head + length) & (this.#bytes.length - 1);
      return;
    }
    this.#head = 0;
    if (this.#bytes.length !== FIRST_BYTES) return;
    spare.push(this.#bytes);
    this.#bytes = NO_BYTES;
  }

  /** Appends what there is room for already. */
  #append(from: Uint8Array, at: number, length: number): void {
    const size = this.#bytes.length;
    const tail = (this.#head + this.length) & (size - 1);
    const first = Math.min(length, size - tail);
    copy(from, at, this.#bytes, tail, first);
    if (first < length) copy(from, at + first, this.#bytes, 0, length - first);
    this.length += length;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.#bytes.length) return;
    let size = Math.max(FIRST_BYTES, this.#bytes.length);
    while (size < needed) size *= 2;
    const old = this.#bytes;
    const first = Math.min(this.length, old.length - this.#head);
    this.#bytes = (size === FIRST_BYTES ? spare.pop() : undefined) ?? new Uint8Array(size);
    copy(old, this.#head, this.#bytes, 0, first);
    copy(old, 0, this.#bytes, first, this.length - first);
    this.#head = 0;
  }
}
