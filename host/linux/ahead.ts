/**
 * What was received ahead (native/ahead.c), and the short ways of messages: a receive that is
 * satisfied by what was received never leaves JavaScript, and any other, and a send, leave it with
 * no argument and no answer (native/message.c). All else is native/ahead.c's.
 */
import { errnoName } from '../kernel/errno.js';
import { HostError } from '../kernel/error.js';
import { NOT_DONE, type ShortMessages } from '../kernel/kernel.js';
import type { Addon } from './addon.js';

/** Handles above this are never received from ahead. */
const HANDLES = 1 << 16;
const SLOTS = 1024;
const SLOT_BYTES = 2048;
/** A cache line more, so that the beginnings of slots do not share the same few sets of a cache. */
const STRIDE = SLOT_BYTES + 64;
/** The most that is copied here, a word at a time; memcpy is quicker with more. */
const SHORT_BYTES = 512;

/** Words of the board, all that is shared with the addon: first the message of native/message.c. */
const HANDLE = 0;
const AT = 1;
const LENGTH = 2;
const RESULT = 3;
/** A stack of free slots: how many there are, then they. */
const FREE = 16;
/** By handle: bytes that are held + 1, 0 for nothing, or a negated errno; where in the arena. */
const RECORDS = 1152;
const ARENA = RECORDS + 2 * HANDLES;
const WORDS = ARENA + (SLOTS * STRIDE) / 4;

export class Ahead implements ShortMessages {
  readonly #board = new Int32Array(WORDS);
  readonly #native: Addon;
  readonly #send: () => void;
  readonly #receive: () => void;
  /** The guest memory that the addon was told of. */
  #told: Int32Array = new Int32Array(0);
  #closed = false;

  /** `batches`: whether io_uring may be used. */
  constructor(native: Addon, batches: boolean) {
    this.#native = native;
    this.#send = native.messageSend;
    this.#receive = native.messageReceive;
    this.#board[FREE] = SLOTS;
    for (let slot = 0; slot < SLOTS; slot++) this.#board[FREE + 1 + slot] = slot;
    const result = native.aheadOpen(
      this.#board,
      FREE,
      SLOTS,
      RECORDS,
      HANDLES,
      ARENA,
      SLOT_BYTES,
      STRIDE,
      batches ? 1 : 0,
    );
    if (result < 0)
      throw new HostError(`this thread cannot receive ahead twice: ${errnoName(result)}`);
  }

  close(): void {
    this.#closed = true;
    this.#told = new Int32Array(0);
    this.#native.aheadClose();
    this.#native.messageClose();
  }

  receive(handle: number, words: Int32Array, iov: number): number {
    const board = this.#board;
    const at = iov >>> 2;
    if (iov & 3 || at + 1 >= words.length) return NOT_DONE;
    const base = words[at]! >>> 0;
    const room = words[at + 1]! >>> 0;
    if (room === 0 || base + room > words.length * 4) return NOT_DONE;
    const record = RECORDS + 2 * handle;
    const length = handle >>> 0 < HANDLES ? board[record]! - 1 : 0;
    const offset = length > 0 ? board[record + 1]! : 0;
    const slot = (offset / STRIDE) | 0;
    const whole = length > 0 && slot * STRIDE === offset; // nothing of it was taken before
    if (!whole || length > SHORT_BYTES || length > room || base & 3) {
      this.#tell(handle, words, base, room);
      this.#receive();
      return board[RESULT]!;
    }
    let from = ARENA + (offset >>> 2);
    let to = base >>> 2;
    for (const end = to + (length >>> 2); to < end; from++, to++) words[to] = board[from]!;
    // The last word may have bytes of nobody, and the guest's behind its room are its own.
    const left = (length & 3) * 8;
    if (left > 0) words[to] = merged(words[to]!, board[from]!, left);
    board[record] = 0;
    const top = board[FREE]! + 1;
    board[FREE] = top;
    board[FREE + top] = slot;
    return length;
  }

  send(handle: number, words: Int32Array, iov: number): number {
    const at = iov >>> 2;
    if (iov & 3 || at + 1 >= words.length) return NOT_DONE;
    const base = words[at]! >>> 0;
    const length = words[at + 1]! >>> 0;
    if (length === 0 || base + length > words.length * 4) return NOT_DONE;
    // An error that is told first.
    if (handle >>> 0 < HANDLES && this.#board[RECORDS + 2 * handle]! < 0) return NOT_DONE;
    this.#tell(handle, words, base, length);
    this.#send();
    return this.#board[RESULT]!;
  }

  /** `words` have a length, so that their buffer is where it was: see native/message.c. */
  #tell(handle: number, words: Int32Array, at: number, length: number): void {
    if (words !== this.#told) {
      // Another kernel of this thread may be the one that the addon knows by now.
      if (this.#closed) throw new HostError('this kernel was disposed of');
      const result = this.#native.messageOpen(this.#board, words);
      if (result < 0) throw new HostError(`guest memory cannot be shared: ${errnoName(result)}`);
      this.#told = words;
    }
    const board = this.#board;
    board[HANDLE] = handle;
    board[AT] = at;
    board[LENGTH] = length;
  }
}

/** `word` with the `bits` low bits of `other`. */
function merged(word: number, other: number, bits: number): number {
  const mask = (1 << bits) - 1;
  return (word & ~mask) | (other & mask);
}
