/**
 * Open file descriptions of what lies on a simulated disk. They are always ready, and what they
 * lead to lives as long as they do.
 */
import { Errno } from '../kernel/errno.js';
import { FileFlag } from '../kernel/file-system.js';
import { FileType } from '../kernel/kernel.js';
import { Readiness } from '../kernel/readiness.js';
import { MOST_FILE_BYTES, type Content } from './content.js';
import type { Directory } from './directory.js';
import type { Disk } from './disk.js';
import { File } from './file.js';
import type { Inode } from './inode.js';
import type { Iovecs } from './iovec.js';

const { IN, OUT } = Readiness;
const { DSYNC, RSYNC, SYNC } = FileFlag;

/** Whether each write is synced: SYNC, which RSYNC is too, or DSYNC, which SYNC contains, or 0. */
const synchronous = (flags: number) => (flags & (SYNC | RSYNC) ? SYNC : flags & DSYNC);

export abstract class DiskFile extends File {
  abstract readonly inode: Inode;
  readonly disk: Disk;
  /** A mask of `FileFlag`. */
  flags: number;

  constructor(disk: Disk, flags: number) {
    super();
    this.disk = disk;
    this.flags = (flags & FileFlag.APPEND) | synchronous(flags);
  }

  abstract readAt(to: Iovecs, at: number): number;
  abstract writeAt(from: Iovecs, at: number): number;

  /** As fcntl(F_SETFL), which cannot change what is synced. */
  setFlags(flags: number): number {
    const wanted = synchronous(flags);
    const own = this.flags & (SYNC | DSYNC);
    if (wanted > own) return -Errno.EINVAL;
    this.flags = own | (flags & FileFlag.APPEND);
    return 0;
  }

  poll(): number {
    return IN | OUT;
  }

  override fill(stat: BigUint64Array): void {
    this.inode.fill(stat);
  }

  release(): void {
    this.inode.opens--;
    this.inode.left();
  }
}

export class OpenDirectory extends DiskFile {
  readonly type = FileType.DIRECTORY;
  readonly inode: Directory;

  constructor(disk: Disk, inode: Directory, flags = 0) {
    super(disk, flags);
    this.inode = inode;
    inode.opens++;
  }

  override read(to: Iovecs): number {
    return this.readAt(to);
  }

  override write(from: Iovecs): number {
    return this.writeAt(from);
  }

  readAt(to: Iovecs): number {
    return to.total === 0 ? 0 : -Errno.EISDIR;
  }

  writeAt(_from: Iovecs): number {
    return -Errno.EBADF;
  }
}

export class OpenFile extends DiskFile {
  readonly type = FileType.REGULAR_FILE;
  readonly inode: Content;
  readonly reads: boolean;
  readonly writes: boolean;
  #at = 0;

  constructor(disk: Disk, inode: Content, reads: boolean, writes: boolean, flags: number) {
    super(disk, flags);
    this.inode = inode;
    this.reads = reads;
    this.writes = writes;
    inode.opens++;
  }

  override read(to: Iovecs): number {
    const result = this.readAt(to, this.#at);
    if (result > 0) this.#at += result;
    return result;
  }

  override write(from: Iovecs): number {
    const at = this.flags & FileFlag.APPEND ? this.inode.size : this.#at;
    const result = this.writeAt(from, at);
    if (result > 0) this.#at = at + result;
    return result;
  }

  readAt(to: Iovecs, at: number): number {
    const { disk, inode } = this;
    if (!this.reads) return -Errno.EBADF;
    if (to.total === 0) return 0;
    disk.spend();
    if (disk.fails('read')) return -Errno.EIO;
    const total = Math.max(0, Math.min(to.total, inode.size - at));
    const read = inode.read(to, at, disk.part(total));
    inode.accessed();
    return read;
  }

  /** As pwrite(2) of Linux, at the end whatever `at` says if it appends. */
  writeAt(from: Iovecs, at: number): number {
    const { disk, inode, flags } = this;
    if (!this.writes) return -Errno.EBADF;
    if (from.total === 0) return 0;
    const start = flags & FileFlag.APPEND ? inode.size : at;
    const total = Math.min(from.total, MOST_FILE_BYTES - start);
    if (total <= 0) return -Errno.EFBIG;
    disk.spend();
    if (disk.fails('write')) return -Errno.EIO;
    if (disk.isFull()) return -Errno.ENOSPC;
    disk.writeBack(inode);
    const written = inode.write(from, start, disk.part(total));
    if (written === 0) return -Errno.ENOSPC;
    inode.modified();
    const failed = flags & (SYNC | DSYNC) ? disk.sync(inode) : 0;
    return failed < 0 ? failed : written;
  }

  override seek(offset: bigint, whence: number): number {
    const from = [0, this.#at, this.inode.size][whence]!;
    const to = BigInt(from) + offset;
    if (to < 0n || to > MOST_FILE_BYTES) return -Errno.EINVAL;
    this.#at = Number(to);
    return this.#at;
  }

  override readable(): number {
    return Math.max(0, this.inode.size - this.#at);
  }
}
