/**
 * path_*: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_create_directory
 *
 * That no path leads out of its directory is the kernel's business. Here are the rights, and what
 * makes a descriptor of what was opened.
 */
import { Errno } from '../../kernel/errno.js';
import { FileFlag, Open } from '../../kernel/file-system.js';
import { FileType, Stat, STAT_FIELDS } from '../../kernel/kernel.js';
import {
  Descriptor,
  DIRECTORY_RIGHTS,
  FILE_RIGHTS,
  Right,
  WRITING_RIGHTS,
} from '../descriptors.js';
import { WasiErrno, wasiErrno } from '../errno.js';
import type { Process } from '../process.js';
import { areSetTimes, FILESTAT_BYTES, storeFilestat } from './file.js';
import { pathFault } from './text.js';

const LOOKUP_FOLLOW = 1;
const OFLAGS = Open.CREATE | Open.DIRECTORY | Open.EXCLUSIVE | Open.TRUNCATE;
const FDFLAGS =
  FileFlag.APPEND | FileFlag.DSYNC | FileFlag.NONBLOCK | FileFlag.RSYNC | FileFlag.SYNC;
/** What a file is opened for writing for. */
const WRITES = Right.FD_WRITE | Right.FD_ALLOCATE | Right.FD_FILESTAT_SET_SIZE;

/** Filled and read within one call: a new one would cost more than the system call. */
const stat = new BigUint64Array(STAT_FIELDS);

/** What `path_open` was asked for. */
interface Request {
  path: number;
  length: number;
  /** A mask of `Open`, but for READ and WRITE. */
  how: number;
  /** A mask of `FileFlag`. */
  flags: number;
  rights: number;
  inheriting: number;
}

/** Rights that exist; a guest that asks for others gets none of them. */
const rightsOf = (rights: bigint): number => Number(BigInt.asUintN(30, rights));

/**
 * What a guest means that asks a directory for what it shows that it hands on: openat(2) of
 * wasi-libc leaves out the right to write, but not the others that it asks for to write.
 */
function meant({ reading, inheriting }: Descriptor, rights: number): number {
  const writes = Right.FD_ALLOCATE | Right.FD_FILESTAT_SET_SIZE;
  return reading && (rights & writes) === writes ? rights | (inheriting & Right.FD_WRITE) : rights;
}

/** Why a directory may not do what takes `rights` to a path: an errno, SUCCESS if it may. */
function fault(
  process: Process,
  directory: Descriptor | undefined,
  rights: number,
  path: number,
  length: number,
): number {
  if (!directory) return WasiErrno.BADF;
  if (directory.type !== FileType.DIRECTORY) return WasiErrno.NOTDIR;
  return directory.refusal(rights) || pathFault(process.memory, path, length);
}

/** Why a directory may not open what is asked for: an errno, SUCCESS if it may. */
function openFault(directory: Descriptor, { how, flags, rights, inheriting }: Request): number {
  if (how & Open.DIRECTORY && how & (Open.CREATE | Open.TRUNCATE)) return WasiErrno.INVAL;
  let needed = rights | inheriting;
  if (flags & FileFlag.DSYNC) needed |= Right.FD_DATASYNC;
  if (flags & (FileFlag.RSYNC | FileFlag.SYNC)) needed |= Right.FD_SYNC;
  if (needed & ~directory.inheriting) return WasiErrno.NOTCAPABLE;
  return directory.readOnly && rights & Right.FD_WRITE ? WasiErrno.ROFS : WasiErrno.SUCCESS;
}

/** Opens: a handle, or a negated errno of the kernel. */
function open(process: Process, directory: Descriptor, request: Request): number {
  const { path, length, how, flags, rights } = request;
  const { files } = process.kernel;
  const openAs = (access: number) =>
    files.openAt(directory.handle, path, length, how | access, flags & ~FileFlag.NONBLOCK);
  if (directory.readOnly) return openAs(Open.READ);
  const reads = rights & (Right.FD_READ | Right.FD_READDIR) ? Open.READ : 0;
  if (!(rights & WRITES) && !(how & Open.TRUNCATE)) return openAs(Open.READ);
  const handle = openAs(reads | Open.WRITE);
  // Who wants all rights that a file may have, but not to write, may well mean a directory.
  const means = rights & Right.FD_WRITE || how & Open.TRUNCATE;
  return handle === -Errno.EISDIR && !means ? openAs(Open.READ) : handle;
}

/** A descriptor for what was opened, or a negated errno of the kernel: then that is closed. */
function described(
  { kernel }: Process,
  directory: Descriptor,
  handle: number,
  { flags, rights, inheriting }: Request,
): Descriptor | number {
  const result = kernel.stat(handle, stat);
  if (result < 0) {
    kernel.close(handle);
    return result;
  }
  const type = Number(stat[Stat.TYPE]) as FileType;
  const own = type === FileType.DIRECTORY ? DIRECTORY_RIGHTS : FILE_RIGHTS;
  const granted = rights & own & (directory.readOnly ? ~WRITING_RIGHTS : ~0);
  const descriptor = new Descriptor(
    handle,
    type,
    granted,
    type === FileType.DIRECTORY ? inheriting : 0,
    (flags & FileFlag.NONBLOCK) !== 0,
  );
  descriptor.reading = (rights & (Right.FD_READ | Right.FD_WRITE)) === Right.FD_READ;
  descriptor.readOnly = directory.readOnly;
  return descriptor;
}

export const path = (process: Process) => ({
  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_create_directory */
  createDirectory(fd: number, path: number, length: number): number {
    path >>>= 0;
    length >>>= 0;
    const directory = process.descriptors.get(fd >>> 0);
    const refusal = fault(process, directory, Right.PATH_CREATE_DIRECTORY, path, length);
    if (refusal) return refusal;
    return wasiErrno(process.kernel.files.createDirectoryAt(directory!.handle, path, length));
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_filestat_get */
  filestatGet(fd: number, flags: number, path: number, length: number, statOut: number): number {
    path >>>= 0;
    length >>>= 0;
    statOut >>>= 0;
    const directory = process.descriptors.get(fd >>> 0);
    const refusal = fault(process, directory, Right.PATH_FILESTAT_GET, path, length);
    if (refusal) return refusal;
    if (flags & ~LOOKUP_FOLLOW) return WasiErrno.INVAL;
    if (!process.memory.holds(statOut, FILESTAT_BYTES)) return WasiErrno.FAULT;
    const follow = (flags & LOOKUP_FOLLOW) !== 0;
    const { files } = process.kernel;
    const result = files.statAt(directory!.handle, path, length, follow, stat);
    if (result < 0) return wasiErrno(result);
    storeFilestat(process.memory, statOut, stat);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_filestat_set_times */
  filestatSetTimes(
    fd: number,
    flags: number,
    path: number,
    length: number,
    atime: bigint,
    mtime: bigint,
    which: number,
  ): number {
    path >>>= 0;
    length >>>= 0;
    const directory = process.descriptors.get(fd >>> 0);
    const refusal = fault(process, directory, Right.PATH_FILESTAT_SET_TIMES, path, length);
    if (refusal) return refusal;
    if (flags & ~LOOKUP_FOLLOW || !areSetTimes(which)) return WasiErrno.INVAL;
    const follow = (flags & LOOKUP_FOLLOW) !== 0;
    const [a, m] = [BigInt.asUintN(64, atime), BigInt.asUintN(64, mtime)];
    const { files } = process.kernel;
    return wasiErrno(files.setTimesAt(directory!.handle, path, length, follow, a, m, which));
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_link */
  link(
    fromFd: number,
    flags: number,
    fromPath: number,
    fromLength: number,
    toFd: number,
    toPath: number,
    toLength: number,
  ): number {
    fromPath >>>= 0;
    fromLength >>>= 0;
    toPath >>>= 0;
    toLength >>>= 0;
    const from = process.descriptors.get(fromFd >>> 0);
    const to = process.descriptors.get(toFd >>> 0);
    const refusal =
      fault(process, from, Right.PATH_LINK_SOURCE, fromPath, fromLength) ||
      fault(process, to, Right.PATH_LINK_TARGET, toPath, toLength);
    if (refusal) return refusal;
    if (flags & ~LOOKUP_FOLLOW) return WasiErrno.INVAL;
    const follow = (flags & LOOKUP_FOLLOW) !== 0;
    return wasiErrno(
      process.kernel.files.linkAt(
        from!.handle,
        fromPath,
        fromLength,
        follow,
        to!.handle,
        toPath,
        toLength,
      ),
    );
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_open */
  open(
    fd: number,
    dirflags: number,
    path: number,
    length: number,
    oflags: number,
    rightsBase: bigint,
    rightsInheriting: bigint,
    fdflags: number,
    fdOut: number,
  ): number {
    path >>>= 0;
    length >>>= 0;
    fdOut >>>= 0;
    const { descriptors, memory } = process;
    const directory = descriptors.get(fd >>> 0);
    const needed =
      Right.PATH_OPEN |
      (oflags & Open.CREATE ? Right.PATH_CREATE_FILE : 0) |
      (oflags & Open.TRUNCATE ? Right.PATH_FILESTAT_SET_SIZE : 0);
    const refusal = fault(process, directory, needed, path, length);
    if (refusal) return refusal;
    if (dirflags & ~LOOKUP_FOLLOW || oflags & ~OFLAGS || fdflags & ~FDFLAGS) return WasiErrno.INVAL;
    if (!memory.holds(fdOut, 4)) return WasiErrno.FAULT;
    const request = {
      path,
      length,
      how: oflags | (dirflags & LOOKUP_FOLLOW ? Open.FOLLOW : 0),
      flags: fdflags,
      rights: meant(directory!, rightsOf(rightsBase)),
      inheriting: rightsOf(rightsInheriting),
    };
    const wrong = openFault(directory!, request);
    if (wrong) return wrong;
    // Asked first, so that nothing is created or cut off for nothing.
    if (descriptors.full || descriptors.files >= process.maxFiles) return WasiErrno.MFILE;
    const handle = open(process, directory!, request);
    if (handle < 0) return wasiErrno(handle);
    const opened = described(process, directory!, handle, request);
    if (typeof opened === 'number') return wasiErrno(opened);
    opened.opened = true;
    memory.setU32(fdOut, descriptors.add(opened));
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_readlink */
  readlink(
    fd: number,
    path: number,
    length: number,
    buffer: number,
    bytes: number,
    usedOut: number,
  ): number {
    path >>>= 0;
    length >>>= 0;
    buffer >>>= 0;
    bytes >>>= 0;
    usedOut >>>= 0;
    const { memory, kernel } = process;
    const directory = process.descriptors.get(fd >>> 0);
    const refusal = fault(process, directory, Right.PATH_READLINK, path, length);
    if (refusal) return refusal;
    if (!memory.holds(buffer, bytes) || !memory.holds(usedOut, 4)) return WasiErrno.FAULT;
    const used = kernel.files.readLinkAt(directory!.handle, path, length, buffer, bytes);
    if (used < 0) return wasiErrno(used);
    memory.setU32(usedOut, used);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_remove_directory */
  removeDirectory(fd: number, path: number, length: number): number {
    path >>>= 0;
    length >>>= 0;
    const directory = process.descriptors.get(fd >>> 0);
    const refusal = fault(process, directory, Right.PATH_REMOVE_DIRECTORY, path, length);
    if (refusal) return refusal;
    return wasiErrno(process.kernel.files.removeDirectoryAt(directory!.handle, path, length));
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_rename */
  rename(
    fromFd: number,
    fromPath: number,
    fromLength: number,
    toFd: number,
    toPath: number,
    toLength: number,
  ): number {
    fromPath >>>= 0;
    fromLength >>>= 0;
    toPath >>>= 0;
    toLength >>>= 0;
    const from = process.descriptors.get(fromFd >>> 0);
    const to = process.descriptors.get(toFd >>> 0);
    const refusal =
      fault(process, from, Right.PATH_RENAME_SOURCE, fromPath, fromLength) ||
      fault(process, to, Right.PATH_RENAME_TARGET, toPath, toLength);
    if (refusal) return refusal;
    const { files } = process.kernel;
    return wasiErrno(
      files.renameAt(from!.handle, fromPath, fromLength, to!.handle, toPath, toLength),
    );
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_symlink */
  symlink(target: number, targetLength: number, fd: number, path: number, length: number): number {
    target >>>= 0;
    targetLength >>>= 0;
    path >>>= 0;
    length >>>= 0;
    const directory = process.descriptors.get(fd >>> 0);
    const refusal =
      fault(process, directory, Right.PATH_SYMLINK, path, length) ||
      pathFault(process.memory, target, targetLength);
    if (refusal) return refusal;
    // What a link leads to is kept on the disk as what is written to a file is.
    if (targetLength > process.room) return WasiErrno.DQUOT;
    const { files } = process.kernel;
    const result = files.symlinkAt(target, targetLength, directory!.handle, path, length);
    if (result === 0) process.room -= targetLength;
    return wasiErrno(result);
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#path_unlink_file */
  unlinkFile(fd: number, path: number, length: number): number {
    path >>>= 0;
    length >>>= 0;
    const directory = process.descriptors.get(fd >>> 0);
    const refusal = fault(process, directory, Right.PATH_UNLINK_FILE, path, length);
    if (refusal) return refusal;
    return wasiErrno(process.kernel.files.unlinkAt(directory!.handle, path, length));
  },
});
