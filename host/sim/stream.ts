/** Standard streams: bytes that are there from the beginning, and bytes that are collected. */
import { FileType } from '../kernel/kernel.js';
import { Readiness } from '../kernel/readiness.js';
import { File } from './file.js';
import { copy, type Iovecs } from './iovec.js';

/** Of a stream no more than this is kept. */
const MOST_BYTES = 1 << 24;

/** Is read from, to its end. */
export class Source extends File {
  readonly type = FileType.UNKNOWN;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  poll(): number {
    return this.readable() > 0 ? Readiness.IN : Readiness.IN | Readiness.HUP;
  }

  override read(to: Iovecs): number {
    let read = 0;
    for (let i = 0; i < to.count; i++) {
      const length = Math.min(to.lengths[i]!, this.readable());
      copy(this.#bytes, this.#at, to.bytes, to.offsets[i]!, length);
      this.#at += length;
      read += length;
    }
    return read;
  }

  override readable(): number {
    return this.#bytes.length - this.#at;
  }

  release(): void {}
}

/** Takes what is written, and keeps it. */
export class Sink extends File {
  readonly type = FileType.UNKNOWN;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** What was written so far. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  poll(): number {
    return Readiness.OUT;
  }

  override write(from: Iovecs): number {
    const total = Math.min(from.total, MOST_BYTES - this.#length);
    if (this.#length + total > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(1024, (this.#length + total) * 2));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    let left = total;
    for (let i = 0; i < from.count && left > 0; i++) {
      const length = Math.min(from.lengths[i]!, left);
      copy(from.bytes, from.offsets[i]!, this.#bytes, this.#length, length);
      this.#length += length;
      left -= length;
    }
    return from.total;
  }

  release(): void {}
}
