/**
 * The part of the waist that is about files and directories. A path is given as (offset, length) of
 * UTF-8 bytes in guest memory, relative to a directory's handle, and is resolved beneath that
 * directory: no `..`, no absolute path and no symbolic link leads out of it (-EPERM). Every call
 * answers a number: ≥ 0 a result, < 0 a negated `Errno`.
 */

/** How `openAt` opens: a mask. Those up to TRUNCATE are WASI's `oflags`, bit for bit. */
export const Open = {
  CREATE: 1,
  DIRECTORY: 2,
  EXCLUSIVE: 4,
  TRUNCATE: 8,
  READ: 16,
  WRITE: 32,
  /** The last component of the path may be a symbolic link, which is followed. */
  FOLLOW: 64,
} as const;

/** What a file does with each write; the numbers are WASI's `fdflags`. */
export const FileFlag = { APPEND: 1, DSYNC: 2, NONBLOCK: 4, RSYNC: 8, SYNC: 16 } as const;

/** Which times are set, and from what; the numbers are WASI's `fstflags`. */
export const SetTime = { ATIME: 1, ATIME_NOW: 2, MTIME: 4, MTIME_NOW: 8 } as const;

/** Bytes of an entry of a directory before its name, WASI's `dirent`. */
export const DIRENT_BYTES = 24;

export interface FileSystem {
  /** The directory that the embedder calls `path`: a handle, or -ENOENT, -ENOTDIR, -EACCES, … */
  openRoot(path: string): number;

  /** Opens or creates a file or directory: a handle. `how`: `Open`; `flags`: `FileFlag`. */
  openAt(directory: number, path: number, length: number, how: number, flags: number): number;

  /** preadv(2), pwritev(2): the file's own offset stays as it is. */
  pread(file: number, iovs: number, iovsCount: number, offset: bigint): number;
  pwrite(file: number, iovs: number, iovsCount: number, offset: bigint): number;

  /** Sets `FileFlag`s APPEND, DSYNC, RSYNC, SYNC as far as fcntl(F_SETFL) can: 0 or an error. */
  setFlags(file: number, flags: number): number;
  /** The `FileFlag`s that hold now. */
  flags(file: number): number;

  /** posix_fadvise(2); the numbers of `advice` are WASI's. */
  advise(file: number, offset: bigint, length: bigint, advice: number): number;
  /** posix_fallocate(3). */
  allocate(file: number, offset: bigint, length: bigint): number;
  sync(file: number): number;
  datasync(file: number): number;
  /** ftruncate(2) */
  truncate(file: number, size: bigint): number;
  /** futimens(3): times in nanoseconds since 1970; `which`: `SetTime`. */
  setTimes(file: number, atime: bigint, mtime: bigint, which: number): number;

  /**
   * Fills guest memory with entries of a directory from `cookie` on (0n: from the start), each a
   * `dirent` of WASI with its name behind it, the last one cut off where the buffer ends. Answers
   * the bytes filled: fewer than `length` at the end of the directory only. A cookie stays good
   * while entries come and go.
   */
  readDirectory(directory: number, buffer: number, length: number, cookie: bigint): number;

  createDirectoryAt(directory: number, path: number, length: number): number;
  removeDirectoryAt(directory: number, path: number, length: number): number;
  unlinkAt(directory: number, path: number, length: number): number;
  /** Fills `stat` (indices: `Stat` of kernel.ts). */
  statAt(
    directory: number,
    path: number,
    length: number,
    follow: boolean,
    stat: BigUint64Array,
  ): number;
  setTimesAt(
    directory: number,
    path: number,
    length: number,
    follow: boolean,
    atime: bigint,
    mtime: bigint,
    which: number,
  ): number;
  /** Puts the target of a symbolic link into guest memory, cut off at `bytes`: its length there. */
  readLinkAt(
    directory: number,
    path: number,
    length: number,
    buffer: number,
    bytes: number,
  ): number;
  /** A symbolic link at the path with `target` in it, which must not be absolute (-EPERM). */
  symlinkAt(
    target: number,
    targetLength: number,
    directory: number,
    path: number,
    length: number,
  ): number;
  linkAt(
    from: number,
    fromPath: number,
    fromLength: number,
    follow: boolean,
    to: number,
    toPath: number,
    toLength: number,
  ): number;
  renameAt(
    from: number,
    fromPath: number,
    fromLength: number,
    to: number,
    toPath: number,
    toLength: number,
  ): number;
}
