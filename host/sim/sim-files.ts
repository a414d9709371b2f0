/**
 * The files and directories of one simulated machine: the verbs of `FileSystem` over its disk, each
 * with the answers of Linux.
 */
import { Errno } from '../kernel/errno.js';
import { Open, SetTime, type FileSystem } from '../kernel/file-system.js';
import { Content, MOST_FILE_BYTES } from './content.js';
import { Directory, FIRST_PLACE } from './directory.js';
import { Dirents } from './dirent.js';
import type { Disk } from './disk.js';
import { absent, link, make, removeDirectory, rename, unlink } from './entry.js';
import { SymbolicLink, type Inode } from './inode.js';
import { Iovecs } from './iovec.js';
import { DiskFile, OpenDirectory, OpenFile } from './open-file.js';
import { isDots, Last, missing, pathAt, resolve, type Place } from './path.js';
import type { SimKernel } from './sim-kernel.js';

const MOST_ADVICE = 5;
/** Why nothing is opened; the first is for the benign choice. */
const REFUSALS = [0, Errno.EMFILE, Errno.ENFILE];
/** No cookie is greater. */
const MOST_COOKIE = 2 ** 52;

export class SimFiles implements FileSystem {
  readonly #kernel: SimKernel;
  /** Made when it is needed, for most runs have no file. */
  #iovecs: Iovecs | undefined;

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
  }

  get #disk(): Disk {
    return this.#kernel.disk;
  }

  // Opening.

  openRoot(path: string): number {
    const root = this.#disk.root(path);
    return root === undefined ? -Errno.ENOENT : this.#opened(new OpenDirectory(this.#disk, root));
  }

  openAt(directory: number, path: number, length: number, how: number, flags: number): number {
    const creates = (how & Open.CREATE) !== 0;
    const exclusive = creates && (how & Open.EXCLUSIVE) !== 0;
    this.#kernel.charge();
    const text = this.#path(path, length);
    if (typeof text === 'number') return text;
    if (creates && how & Open.DIRECTORY) return -Errno.EINVAL;
    const refusal = this.#refusal();
    if (refusal < 0) return refusal;
    const follows = how & Open.FOLLOW && !exclusive;
    const last = follows ? (creates ? Last.CREATE : Last.FOLLOW) : creates ? Last.ENTRY : Last.STAY;
    const place = this.#place(directory, text, last);
    if (typeof place === 'number') return place;
    this.#disk.spend();
    let inode: Inode | number | undefined = place.inode;
    if (creates) {
      if (place.slash && !isDots(place.name)) return -Errno.EISDIR;
      if (exclusive && inode !== undefined) return -Errno.EEXIST;
      if (inode instanceof Directory) return -Errno.EISDIR;
      inode ??= make(this.#disk, place, () => new Content(this.#disk));
    }
    if (inode === undefined) return missing(place);
    if (typeof inode === 'number') return inode;
    return this.#open(inode, place.slash ? how | Open.DIRECTORY : how, flags);
  }

  #open(inode: Inode, how: number, flags: number): number {
    const disk = this.#disk;
    const writes = (how & Open.WRITE) !== 0;
    if (how & Open.DIRECTORY && !(inode instanceof Directory)) return -Errno.ENOTDIR;
    if (inode instanceof SymbolicLink) return -Errno.ELOOP;
    if (inode instanceof Directory) {
      if (writes || how & Open.TRUNCATE) return -Errno.EISDIR;
      return this.#opened(new OpenDirectory(disk, inode, flags));
    }
    const content = inode as Content;
    if (how & Open.TRUNCATE) {
      content.resize(0);
      content.modified();
    }
    const reads = !writes || (how & Open.READ) !== 0;
    return this.#opened(new OpenFile(disk, content, reads, writes, flags));
  }

  #opened(file: DiskFile): number {
    const handle = this.#kernel.open(file);
    if (handle < 0) file.release();
    this.#kernel.world.progress();
    return handle;
  }

  /** Why nothing is opened: a negated errno, or 0. */
  #refusal(): number {
    const { full, host, world } = this.#kernel;
    if (full) return -Errno.EMFILE;
    return -REFUSALS[world.choices.choose(`${host}/open/nfile`, REFUSALS.length)]!;
  }

  // What is open.

  pread(file: number, iovs: number, iovsCount: number, offset: bigint): number {
    return this.#move(file, iovs, iovsCount, offset, (open, all, at) => open.readAt(all, at));
  }

  pwrite(file: number, iovs: number, iovsCount: number, offset: bigint): number {
    return this.#move(file, iovs, iovsCount, offset, (open, all, at) => open.writeAt(all, at));
  }

  #move(
    handle: number,
    iovs: number,
    iovsCount: number,
    offset: bigint,
    act: (file: DiskFile, all: Iovecs, at: number) => number,
  ): number {
    const { bytes, world } = this.#kernel;
    const all = (this.#iovecs ??= new Iovecs());
    if (all.gather(bytes, iovs, iovsCount, 0) < 0) return -Errno.EFAULT;
    return this.#on(handle, -Errno.ESPIPE, (file) => {
      if (offset < 0n || offset + BigInt(all.total) >= 1n << 63n) return -Errno.EINVAL;
      // Behind the end of all files there is nothing.
      const at = offset < MOST_FILE_BYTES ? Number(offset) : MOST_FILE_BYTES;
      const result = act(file, all, at);
      if (result > 0) world.progress();
      return result;
    });
  }

  setFlags(file: number, flags: number): number {
    return this.#on(file, 0, (open) => open.setFlags(flags));
  }

  flags(file: number): number {
    return this.#on(file, 0, (open) => open.flags);
  }

  advise(file: number, _offset: bigint, length: bigint, advice: number): number {
    const known = length >= 0n && advice >= 0 && advice <= MOST_ADVICE;
    return this.#on(file, -Errno.ESPIPE, () => (known ? 0 : -Errno.EINVAL));
  }

  allocate(file: number, offset: bigint, length: bigint): number {
    return this.#on(file, -Errno.ESPIPE, (open) => {
      if (offset < 0n || length <= 0n) return -Errno.EINVAL;
      if (!(open instanceof OpenFile) || !open.writes) return -Errno.EBADF;
      if (offset + length > MOST_FILE_BYTES) return -Errno.EFBIG;
      if (this.#disk.isFull()) return -Errno.ENOSPC;
      if (!open.inode.allocate(Number(offset), Number(length))) return -Errno.ENOSPC;
      open.inode.modified();
      return 0;
    });
  }

  sync(file: number): number {
    return this.#on(file, -Errno.EINVAL, ({ inode }) => this.#disk.sync(inode));
  }

  datasync(file: number): number {
    return this.sync(file);
  }

  truncate(file: number, size: bigint): number {
    return this.#on(file, -Errno.EINVAL, (open) => {
      if (size < 0n || !(open instanceof OpenFile) || !open.writes) return -Errno.EINVAL;
      if (size > MOST_FILE_BYTES) return -Errno.EFBIG;
      open.inode.resize(Number(size));
      open.inode.modified();
      return 0;
    });
  }

  setTimes(file: number, atime: bigint, mtime: bigint, which: number): number {
    if (!areTimes(which)) return -Errno.EINVAL;
    return this.#on(file, 0, ({ inode }) => this.#setTimes(inode, atime, mtime, which));
  }

  /** Does something with what is open on the disk; `other` is the answer for all else. */
  #on(handle: number, other: number, act: (file: DiskFile) => number): number {
    this.#kernel.charge();
    const file = this.#kernel.file(handle);
    if (file === undefined) return -Errno.EBADF;
    return file instanceof DiskFile ? act(file) : other;
  }

  #setTimes(inode: Inode, atime: bigint, mtime: bigint, which: number): number {
    const { ATIME, ATIME_NOW, MTIME, MTIME_NOW } = SetTime;
    const now = this.#disk.now();
    if (which & (ATIME | ATIME_NOW)) inode.accessedNs = which & ATIME ? atime : now;
    if (which & (MTIME | MTIME_NOW)) inode.modifiedNs = which & MTIME ? mtime : now;
    if (which !== 0) inode.changedNs = now;
    return 0;
  }

  // Directories, and what is in them.

  readDirectory(handle: number, buffer: number, length: number, cookie: bigint): number {
    const { bytes } = this.#kernel;
    const disk = this.#disk;
    if (buffer + length > bytes.length) return -Errno.EFAULT;
    return this.#on(handle, -Errno.ENOTDIR, ({ inode }) => {
      if (!(inode instanceof Directory)) return -Errno.ENOTDIR;
      // Not even itself: then Linux, too, finds nothing in it.
      if (inode.removed) return 0;
      disk.spend();
      if (disk.fails('read')) return -Errno.EIO;
      const list = new Dirents(bytes, buffer, length);
      const from = cookie >= 0n && cookie < MOST_COOKIE ? Number(cookie) : MOST_COOKIE;
      if (from < 1) list.add(1, inode, '.');
      // Where that leads is nobody's business who was given this directory alone.
      if (from < 2) list.add(2, inode, '..');
      const { order, first } = inode.list(Math.max(from, FIRST_PLACE - 1), () => disk.listing());
      for (let i = first; i < order.length; i++) {
        const { place, inode: entry, name } = order[i]!;
        if (!list.add(place, entry, name)) break;
      }
      inode.accessed();
      return list.filled;
    });
  }

  createDirectoryAt(directory: number, path: number, length: number): number {
    return this.#in(directory, path, length, (place) => {
      const { inode, directory: parent } = place;
      if (inode !== undefined) return -Errno.EEXIST;
      const made = make(this.#disk, place, () => new Directory(this.#disk, parent));
      return typeof made === 'number' ? made : 0;
    });
  }

  removeDirectoryAt(directory: number, path: number, length: number): number {
    return this.#in(directory, path, length, (place) => removeDirectory(this.#disk, place));
  }

  unlinkAt(directory: number, path: number, length: number): number {
    return this.#in(directory, path, length, (place) => unlink(this.#disk, place));
  }

  statAt(
    directory: number,
    path: number,
    length: number,
    follow: boolean,
    stat: BigUint64Array,
  ): number {
    const inode = this.#found(directory, path, length, follow);
    if (typeof inode === 'number') return inode;
    inode.fill(stat);
    return 0;
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
    const text = this.#path(path, length);
    if (typeof text === 'string' && !areTimes(which)) return -Errno.EINVAL;
    const inode = this.#found(directory, path, length, follow);
    return typeof inode === 'number' ? inode : this.#setTimes(inode, atime, mtime, which);
  }

  readLinkAt(
    directory: number,
    path: number,
    length: number,
    buffer: number,
    bytes: number,
  ): number {
    const memory = this.#kernel.bytes;
    if (buffer + bytes > memory.length) return -Errno.EFAULT;
    const inode = this.#found(directory, path, length, false);
    if (typeof inode === 'number') return inode;
    if (!(inode instanceof SymbolicLink)) return -Errno.EINVAL;
    const filled = Math.min(bytes, inode.size);
    for (let i = 0; i < filled; i++) memory[buffer + i] = inode.target.charCodeAt(i);
    return filled;
  }

  symlinkAt(
    target: number,
    targetLength: number,
    directory: number,
    path: number,
    length: number,
  ): number {
    const text = this.#path(target, targetLength);
    if (typeof text === 'number') return text;
    return this.#in(directory, path, length, (place) => {
      const refusal = absent(place);
      if (refusal < 0) return refusal;
      const made = make(this.#disk, place, () => new SymbolicLink(this.#disk, text));
      return typeof made === 'number' ? made : 0;
    });
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
    this.#kernel.charge();
    const fromText = this.#path(fromPath, fromLength);
    const toText = this.#path(toPath, toLength);
    if (typeof fromText === 'number') return fromText;
    if (typeof toText === 'number') return toText;
    const source = this.#place(from, fromText, follow ? Last.FOLLOW : Last.STAY);
    if (typeof source === 'number') return source;
    if (source.slash || isDots(source.name)) {
      if (source.inode === undefined) return missing(source);
      return source.inode instanceof Directory ? -Errno.EPERM : -Errno.ENOTDIR;
    }
    // A link is looked at before anything else is, to be followed.
    if (follow && source.inode === undefined) return missing(source);
    const place = this.#place(to, toText, Last.ENTRY);
    return typeof place === 'number' ? place : link(this.#disk, source, place);
  }

  renameAt(
    from: number,
    fromPath: number,
    fromLength: number,
    to: number,
    toPath: number,
    toLength: number,
  ): number {
    this.#kernel.charge();
    const fromText = this.#path(fromPath, fromLength);
    const toText = this.#path(toPath, toLength);
    if (typeof fromText === 'number') return fromText;
    if (typeof toText === 'number') return toText;
    const source = this.#place(from, fromText, Last.ENTRY);
    if (typeof source === 'number') return source;
    const place = this.#place(to, toText, Last.ENTRY);
    return typeof place === 'number' ? place : rename(this.#disk, source, place);
  }

  /** A path of the guest's, or a negated errno. */
  #path(path: number, length: number): string | number {
    return pathAt(this.#kernel.bytes, path, length);
  }

  /** Where a path leads, or a negated errno. */
  #place(handle: number, path: string, last: Last): Place | number {
    const file = this.#kernel.file(handle);
    if (file === undefined) return -Errno.EBADF;
    return file instanceof OpenDirectory ? resolve(file.inode, path, last) : -Errno.ENOTDIR;
  }

  /** Does something to an entry of a directory: what `act` answers. */
  #in(handle: number, path: number, length: number, act: (place: Place) => number): number {
    this.#kernel.charge();
    const text = this.#path(path, length);
    const place = typeof text === 'number' ? text : this.#place(handle, text, Last.ENTRY);
    if (typeof place === 'number') return place;
    this.#kernel.world.progress();
    return act(place);
  }

  /** What lies at a path, or a negated errno. */
  #found(handle: number, path: number, length: number, follow: boolean): Inode | number {
    this.#kernel.charge();
    const text = this.#path(path, length);
    if (typeof text === 'number') return text;
    const place = this.#place(handle, text, follow ? Last.FOLLOW : Last.STAY);
    if (typeof place === 'number') return place;
    const { inode, slash } = place;
    if (inode === undefined) return missing(place);
    return slash && !(inode instanceof Directory) ? -Errno.ENOTDIR : inode;
  }
}

/** True for what says of each time at most one thing. */
function areTimes(which: number): boolean {
  const { ATIME, ATIME_NOW, MTIME, MTIME_NOW } = SetTime;
  const [atimes, mtimes] = [ATIME | ATIME_NOW, MTIME | MTIME_NOW];
  return which <= (atimes | mtimes) && (which & atimes) < atimes && (which & mtimes) < mtimes;
}
