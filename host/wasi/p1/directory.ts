/**
 * fd_* of directories: which were granted, and what is in them.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_prestat_get
 */
import { DIRENT_BYTES } from '../../kernel/file-system.js';
import { FileType } from '../../kernel/kernel.js';
import { type Descriptor, Right } from '../descriptors.js';
import { WasiErrno, wasiErrno } from '../errno.js';
import type { Memory } from '../memory.js';
import type { Process } from '../process.js';

const PRESTAT_BYTES = 8;
/** Where the length of the name is in a `dirent`. */
const NAME_LENGTH_AT = 16;
const SMALL = 1n << 30n;

/**
 * The cookies of one directory, which fit into a long of C (telldir(3)): a kernel's may be any
 * number, and ext4's are hashes. One that is large is told as a number of its own.
 */
class Cookies {
  readonly #large: bigint[] = [];
  readonly #numbers = new Map<bigint, bigint>();

  /** The guest's for the kernel's. */
  given(cookie: bigint): bigint {
    if (cookie < SMALL) return cookie;
    let number = this.#numbers.get(cookie);
    if (number === undefined) {
      number = SMALL + BigInt(this.#large.length);
      this.#large.push(cookie);
      this.#numbers.set(cookie, number);
    }
    return number;
  }

  /** The kernel's for the guest's; undefined for one that was not given. */
  meant(number: bigint): bigint | undefined {
    return number < SMALL ? number : this.#large[Number(number - SMALL)];
  }

  /** Puts the guest's in the place of the kernel's. */
  replace(memory: Memory, buffer: number, used: number): void {
    for (let at = buffer, end = buffer + used; at + 8 <= end;) {
      memory.setU64(at, this.given(memory.u64(at)));
      if (at + DIRENT_BYTES > end) return;
      at += DIRENT_BYTES + memory.u32(at + NAME_LENGTH_AT);
    }
  }
}

export const directory = (process: Process, cookies = new WeakMap<Descriptor, Cookies>()) => ({
  /**
   * EBADF for all but granted directories, sockets too: it ends the search of every guest (ENOTDIR
   * kills wasi-libc).
   * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_prestat_get
   */
  prestatGet(fd: number, prestatOut: number): number {
    prestatOut >>>= 0;
    const { memory } = process;
    const name = process.descriptors.get(fd >>> 0)?.preopen;
    if (name === undefined) return WasiErrno.BADF;
    if (!memory.holds(prestatOut, PRESTAT_BYTES)) return WasiErrno.FAULT;
    memory.setU32(prestatOut, 0); // the tag: a directory, there is no other
    memory.setU32(prestatOut + 4, name.length);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_prestat_dir_name */
  prestatDirName(fd: number, path: number, length: number): number {
    path >>>= 0;
    length >>>= 0;
    const { memory } = process;
    const name = process.descriptors.get(fd >>> 0)?.preopen;
    if (name === undefined) return WasiErrno.BADF;
    if (length < name.length) return WasiErrno.NAMETOOLONG;
    if (!memory.holds(path, name.length)) return WasiErrno.FAULT;
    memory.bytes.set(name, path);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_readdir */
  readdir(fd: number, buffer: number, length: number, cookie: bigint, usedOut: number): number {
    buffer >>>= 0;
    length >>>= 0;
    usedOut >>>= 0;
    const { memory, kernel } = process;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (descriptor.type !== FileType.DIRECTORY) return WasiErrno.NOTDIR;
    const refusal = descriptor.refusal(Right.FD_READDIR);
    if (refusal) return refusal;
    if (!memory.holds(buffer, length) || !memory.holds(usedOut, 4)) return WasiErrno.FAULT;
    const known = cookies.get(descriptor) ?? new Cookies();
    cookies.set(descriptor, known);
    const from = known.meant(BigInt.asUintN(64, cookie));
    if (from === undefined) return WasiErrno.INVAL;
    const used = kernel.files.readDirectory(descriptor.handle, buffer, length, from);
    if (used < 0) return wasiErrno(used);
    known.replace(memory, buffer, used);
    memory.setU32(usedOut, used);
    return WasiErrno.SUCCESS;
  },
});
