/**
 * What was received ahead (native/ahead.c), and the short ways of short messages: a receive that is
 * satisfied by what was received never leaves JavaScript, and a send leaves it with no argument and
 * no answer. All else is native/ahead.c's.
 */
import { errnoName } from '../kernel/errno.js';
import { HostError } from '../kernel/error.js';
import type { Addon } from './addon.js';

/** Handles above this are never received from ahead. */
const HANDLES = 1 << 16;
const SLOTS = 1024;
const SLOT_BYTES = 2048;
/** A cache line more, so that the beginnings of slots do not share the same few sets of a cache. */
const STRIDE = SLOT_BYTES + 64;
/** The most that is copied here, a word at a time; memcpy is quicker with more. */
const SHORT_BYTES = 512;
/** Words of the message that is sent. */
const OUTGOING = { HANDLE: 0, LENGTH: 1, RESULT: 2, BYTES: 3 } as const;

export class Ahead {
  /** By handle: bytes that are held + 1, 0 for nothing, or a negated errno. */
  readonly #held = new Int32Array(HANDLES);
  /** By handle: where in the arena. */
  readonly #offsets = new Int32Array(HANDLES);
  /** A stack of slots: how many there are, then they. */
  readonly #free = Int32Array.from({ length: SLOTS + 1 }, (_, i) => (i === 0 ? SLOTS : i - 1));
  readonly #arena = new Uint8Array(SLOTS * STRIDE);
  readonly #arenaWords = new Int32Array(this.#arena.buffer);
  readonly #outgoing = new Int32Array(OUTGOING.BYTES + SHORT_BYTES / 4);
  readonly #outgoingBytes = new Uint8Array(this.#outgoing.buffer, OUTGOING.BYTES * 4);
  #bytes = new Uint8Array(0);
  #words = new Int32Array(0);

  readonly #native: Addon;

  constructor(native: Addon) {
    this.#native = native;
    const result = native.aheadOpen(
      this.#held,
      this.#offsets,
      this.#free,
      this.#arena,
      SLOT_BYTES,
      this.#outgoing,
    );
    if (result < 0)
      throw new HostError(`this thread cannot receive ahead twice: ${errnoName(result)}`);
  }

  close(): void {
    this.#native.aheadClose();
  }

  /**
   * Receives from `handle` into the iovec at offset `iov` of guest memory: the number of bytes, or
   * 0 if the addon has to be asked.
   */
  receive(handle: number, bytes: Uint8Array, iov: number): number {
    const length = this.#held[handle]! - 1;
    if (!(length > 0 && length <= SHORT_BYTES)) return 0;
    if (bytes !== this.#bytes) this.#remember(bytes);
    const words = this.#words;
    const at = iov >>> 2;
    const base = words[at]! >>> 0;
    const room = words[at + 1]! >>> 0;
    if ((iov | base) & 3 || room < length || base + room > words.length * 4) return 0;
    const offset = this.#offsets[handle]!;
    const slot = (offset / STRIDE) | 0;
    if (slot * STRIDE !== offset) return 0; // some of it was taken before
    const from = this.#arenaWords;
    let i = offset >>> 2;
    let to = base >>> 2;
    for (const end = to + (length >>> 2); to < end; i++, to++) words[to] = from[i]!;
    for (let left = length & ~3; left < length; left++)
      bytes[base + left] = this.#arena[offset + left]!;
    this.#held[handle] = 0;
    const free = this.#free;
    const top = free[0]! + 1;
    free[0] = top;
    free[top] = slot;
    return length;
  }

  /**
   * Sends to `handle` what the iovec at offset `iov` of guest memory names: what the kernel
   * answers, or 0 if the addon has to be asked.
   */
  send(handle: number, bytes: Uint8Array, iov: number): number {
    if (bytes !== this.#bytes) this.#remember(bytes);
    const words = this.#words;
    const at = iov >>> 2;
    const base = words[at]! >>> 0;
    const length = words[at + 1]! >>> 0;
    if ((iov | base) & 3 || length === 0 || length > SHORT_BYTES) return 0;
    if (base + length > words.length * 4) return 0;
    if (!(this.#held[handle]! >= 0)) return 0; // an error that is told first
    const outgoing = this.#outgoing;
    outgoing[OUTGOING.HANDLE] = handle;
    outgoing[OUTGOING.LENGTH] = length;
    let from = base >>> 2;
    let to: number = OUTGOING.BYTES;
    for (const end = from + (length >>> 2); from < end; from++, to++) outgoing[to] = words[from]!;
    for (let left = length & ~3; left < length; left++)
      this.#outgoingBytes[left] = bytes[base + left]!;
    this.#native.sendShort();
    return outgoing[OUTGOING.RESULT]!;
  }

  #remember(bytes: Uint8Array): void {
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
    const aligned = bytes.byteOffset % 4 === 0;
    this.#words = new Int32Array(
      bytes.buffer as ArrayBuffer,
      aligned ? bytes.byteOffset : 0,
      aligned ? bytes.length >>> 2 : 0,
    );
  }
}
