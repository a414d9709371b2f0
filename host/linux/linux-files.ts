/**
 * Files and directories of Linux, by native/{path,directory,regular}.c. A path is resolved by
 * native/beneath.c: with openat2(2), or component by component where that cannot be had.
 * `POLLUX_PATHS` chooses.
 */
import { Errno } from '../kernel/errno.js';
import { UsageError } from '../kernel/error.js';
import { Open, type FileSystem } from '../kernel/file-system.js';
import type { GuestMemory } from '../kernel/kernel.js';
import type { Addon } from './addon.js';

/** What POLLUX_PATHS may say. */
export const resolutions = ['openat2', 'walk'] as const;
export type Resolution = (typeof resolutions)[number];

/** Of the addon's `how`, beside `Open`: the path is walked. */
const WALK = 128;

/** What a file system needs of its kernel. */
export interface Owner {
  memory(): GuestMemory;
  /** A handle that is new, or a negated errno, which is answered. */
  keep(handle: number): number;
  /** True for what other processes may share. */
  foreign(handle: number): boolean;
}

/**
 * How paths are resolved, if nobody has said it. Throws `UsageError` if POLLUX_PATHS is none of its
 * words.
 */
function wanted(native: Addon): Resolution {
  const word = process.env['POLLUX_PATHS'] ?? '';
  if (word === '') return native.hasOpenat2() === 1 ? 'openat2' : 'walk';
  const resolution = resolutions.find((each) => each === word);
  if (resolution) return resolution;
  throw new UsageError(
    `POLLUX_PATHS is "${word}": it must be "openat2" or "walk", or not be set at all`,
  );
}

export class LinuxFiles implements FileSystem {
  readonly resolution: Resolution;
  readonly #native: Addon;
  readonly #owner: Owner;
  readonly #walk: number;

  constructor(native: Addon, owner: Owner, resolution = wanted(native)) {
    this.resolution = resolution;
    this.#native = native;
    this.#owner = owner;
    this.#walk = resolution === 'walk' ? WALK : 0;
  }

  get #bytes(): Uint8Array {
    return this.#owner.memory().bytes;
  }

  #how(follow: boolean): number {
    return this.#walk | (follow ? Open.FOLLOW : 0);
  }

  openRoot(path: string): number {
    return this.#owner.keep(this.#native.openRoot(path));
  }

  openAt(directory: number, path: number, length: number, how: number, flags: number): number {
    return this.#owner.keep(
      this.#native.openAt(directory, this.#bytes, path, length, how | this.#walk, flags),
    );
  }

  pread(file: number, iovs: number, iovsCount: number, offset: bigint): number {
    return this.#native.pread(file, this.#bytes, iovs, iovsCount, offset);
  }

  pwrite(file: number, iovs: number, iovsCount: number, offset: bigint): number {
    return this.#native.pwrite(file, this.#bytes, iovs, iovsCount, offset);
  }

  /** What other processes share keeps the flags that it has. */
  setFlags(file: number, flags: number): number {
    if (this.#owner.foreign(file)) return flags === this.flags(file) ? 0 : -Errno.EOPNOTSUPP;
    return this.#native.setFileFlags(file, flags);
  }

  flags(file: number): number {
    return this.#native.fileFlags(file);
  }

  advise(file: number, offset: bigint, length: bigint, advice: number): number {
    return this.#native.advise(file, offset, length, advice);
  }

  allocate(file: number, offset: bigint, length: bigint): number {
    return this.#native.allocate(file, offset, length);
  }

  sync(file: number): number {
    return this.#native.sync(file, 0);
  }

  datasync(file: number): number {
    return this.#native.sync(file, 1);
  }

  truncate(file: number, size: bigint): number {
    return this.#native.truncate(file, size);
  }

  setTimes(file: number, atime: bigint, mtime: bigint, which: number): number {
    return this.#native.setTimes(file, atime, mtime, which);
  }

  readDirectory(directory: number, buffer: number, length: number, cookie: bigint): number {
    return this.#native.readDirectory(directory, this.#bytes, buffer, length, cookie);
  }

  createDirectoryAt(directory: number, path: number, length: number): number {
    return this.#native.createDirectoryAt(directory, this.#bytes, path, length, this.#walk);
  }

  removeDirectoryAt(directory: number, path: number, length: number): number {
    return this.#native.removeDirectoryAt(directory, this.#bytes, path, length, this.#walk);
  }

  unlinkAt(directory: number, path: number, length: number): number {
    return this.#native.unlinkAt(directory, this.#bytes, path, length, this.#walk);
  }

  statAt(
    directory: number,
    path: number,
    length: number,
    follow: boolean,
    stat: BigUint64Array,
  ): number {
    return this.#native.statAt(directory, this.#bytes, path, length, this.#how(follow), stat);
  }

  setTimesAt(
    directory: number,
    path: number,
    length: number,
    follow: boolean,
    atime: bigint,
    mtime: bigint,
    which: number,
  ): number {
    const how = this.#how(follow);
    return this.#native.setTimesAt(directory, this.#bytes, path, length, how, atime, mtime, which);
  }

  readLinkAt(
    directory: number,
    path: number,
    length: number,
    buffer: number,
    bytes: number,
  ): number {
    const memory = this.#bytes;
    return this.#native.readLinkAt(directory, memory, path, length, buffer, bytes, this.#walk);
  }

  symlinkAt(
    target: number,
    targetLength: number,
    directory: number,
    path: number,
    length: number,
  ): number {
    const memory = this.#bytes;
    return this.#native.symlinkAt(
      memory,
      target,
      targetLength,
      directory,
      path,
      length,
      this.#walk,
    );
  }

  linkAt(
    from: number,
    fromPath: number,
    fromLength: number,
    follow: boolean,
    to: number,
    toPath: number,
    toLength: number,
  ): number {
    return this.#native.linkAt(
      from,
      this.#bytes,
      fromPath,
      fromLength,
      to,
      toPath,
      toLength,
      this.#how(follow),
    );
  }

  renameAt(
    from: number,
    fromPath: number,
    fromLength: number,
    to: number,
    toPath: number,
    toLength: number,
  ): number {
    return this.#native.renameAt(
      from,
      this.#bytes,
      fromPath,
      fromLength,
      to,
      toPath,
      toLength,
      this.#walk,
    );
  }
}
