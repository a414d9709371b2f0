/** Entries of a directory as WASI's `dirent`s, the last one cut off where the buffer ends. */
import { DIRENT_BYTES } from '../kernel/file-system.js';
import type { Inode } from './inode.js';

export class Dirents {
  /** How many bytes of the buffer there are entries in. */
  filled = 0;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  readonly #room: number;
  readonly #head = new DataView(new ArrayBuffer(DIRENT_BYTES));

  /** The buffer is `room` bytes from `at` on. */
  constructor(bytes: Uint8Array, at: number, room: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#room = room;
  }

  /** `cookie` is that of what follows. False: there is no room for another one. */
  add(cookie: number, inode: Inode, name: string): boolean {
    const head = this.#head;
    head.setBigUint64(0, BigInt(cookie), true);
    head.setBigUint64(8, inode.number, true);
    head.setUint32(16, name.length, true);
    head.setUint8(20, inode.type);
    for (let i = 0; i < DIRENT_BYTES; i++) this.#put(head.getUint8(i));
    for (let i = 0; i < name.length; i++) this.#put(name.charCodeAt(i));
    return this.filled < this.#room;
  }

  #put(byte: number): void {
    if (this.filled < this.#room) this.#bytes[this.#at + this.filled++] = byte;
  }
}
