/** Entries of a directory as WASI's `dirent`s, the last one cut off where the buffer ends. */
import { DIRENT_BYTES } from '../kernel/file-system.js';
import type { Inode } from './inode.js';

export class Dirents {
  /** How many bytes of the buffer there are entries in. */
  filled = 0;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  readonly #room: number;
  readonly #head = new Uint8Array(DIRENT_BYTES);
  readonly #fields = new DataView(this.#head.buffer);

  /** The buffer is `room` bytes from `at` on. */
  constructor(bytes: Uint8Array, at: number, room: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#room = room;
  }

  /** `cookie` is that of what follows. False: there is no room for another one. */
  add(cookie: number, inode: Inode, name: string): boolean {
    const fields = this.#fields;
    const at = this.#at + this.filled;
    const room = this.#room - this.filled;
    fields.setBigUint64(0, BigInt(cookie), true);
    fields.setBigUint64(8, inode.number, true);
    fields.setUint32(16, name.length, true);
    fields.setUint8(20, inode.type);
    this.#bytes.set(this.#head.subarray(0, room), at);
    const named = Math.min(name.length, room - DIRENT_BYTES);
    for (let i = 0; i < named; i++) this.#bytes[at + DIRENT_BYTES + i] = name.charCodeAt(i);
    this.filled += Math.min(room, DIRENT_BYTES + name.length);
    return this.filled < this.#room;
  }
}
