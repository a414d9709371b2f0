/**
 * Buffers of a call: where bytes go to, or come from, as iovecs in guest memory. Every offset and
 * length is checked against the memory as it is now, as the addon does on Linux (argument.c).
 */
import { Errno } from '../kernel/errno.js';

/** UIO_MAXIOV: a kernel takes no more in one call. */
const MOST = 1024;
/** MAX_RW_COUNT: a call moves no more. */
const MOST_BYTES = 0x7fff_f000;
/** Below this, a loop is quicker than the view that `set` needs. */
const SHORT_BYTES = 64;

export function copy(
  from: Uint8Array,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  length: number,
): void {
  if (length <= SHORT_BYTES) {
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      const here = fromAt + i;
      const there = toAt + i;
      to[there] = from[here]!;
      to[there + 1] = from[here + 1]!;
      to[there + 2] = from[here + 2]!;
      to[there + 3] = from[here + 3]!;
    }
    for (; i < length; i++) to[toAt + i] = from[fromAt + i]!;
  } else {
    to.set(from.subarray(fromAt, fromAt + length), toAt);
  }
}

/** The buffers of one call, in order. One object serves all calls of a kernel. */
export class Iovecs {
  bytes = new Uint8Array(0);
  count = 0;
  /** All of them together. */
  total = 0;
  readonly offsets = new Float64Array(MOST);
  readonly lengths = new Float64Array(MOST);

  /** One buffer that is no guest's. */
  one(bytes: Uint8Array, offset = 0, length = bytes.length - offset): this {
    this.bytes = bytes as Uint8Array<ArrayBuffer>;
    this.count = 1;
    this.offsets[0] = offset;
    this.lengths[0] = length;
    this.total = length;
    return this;
  }

  /**
   * The `count` iovecs at offset `iovs` of guest memory, without their first `skip` bytes: 0, or
   * -EFAULT.
   */
  gather(bytes: Uint8Array, iovs: number, count: number, skip: number): number {
    const size = bytes.length;
    if (iovs + count * 8 > size) return -Errno.EFAULT;
    this.bytes = bytes as Uint8Array<ArrayBuffer>;
    this.count = Math.min(count, MOST);
    let total = 0;
    for (let i = 0, at = iovs; i < this.count; i++, at += 8) {
      const offset = word(bytes, at);
      const length = word(bytes, at + 4);
      if (offset + length > size) return -Errno.EFAULT;
      const skipped = skip < length ? skip : length;
      skip -= skipped;
      this.offsets[i] = offset + skipped;
      this.lengths[i] = Math.min(length - skipped, MOST_BYTES - total);
      total += this.lengths[i]!;
    }
    this.total = total;
    return 0;
  }
}

/** The u32 at `at`. */
export function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}
