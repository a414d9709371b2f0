/**
 * fd_* that read, write and move, of whatever is open; file.ts and directory.ts have the rest.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_close
 */
import { Errno } from '../../kernel/errno.js';
import { FileFlag } from '../../kernel/file-system.js';
import { FileType, Whence } from '../../kernel/kernel.js';
import { Readiness } from '../../kernel/readiness.js';
import { type Descriptor, Right } from '../descriptors.js';
import { WasiErrno, wasiErrno } from '../errno.js';
import { untilReady, type Process } from '../process.js';
import { bytesOf, MAX_IOVS, receive, transmit, writeRest } from './sock.js';

const FDSTAT_BYTES = 24;
const FDFLAGS =
  FileFlag.APPEND | FileFlag.DSYNC | FileFlag.NONBLOCK | FileFlag.RSYNC | FileFlag.SYNC;

/** The `FileFlag`s of a descriptor: NONBLOCK is the guest's own, the others are the file's. */
function flagsOf(process: Process, { handle, type, nonblocking }: Descriptor): number {
  const own = nonblocking ? FileFlag.NONBLOCK : 0;
  if (type !== FileType.REGULAR_FILE) return own;
  const flags = process.kernel.files.flags(handle);
  return flags < 0 ? own : (flags & ~FileFlag.NONBLOCK) | own;
}

/** Why a descriptor has no place to read, write, or move to: an errno, SUCCESS if it has. */
function unseekable({ type }: Descriptor): number {
  if (type === FileType.REGULAR_FILE) return WasiErrno.SUCCESS;
  return type === FileType.DIRECTORY ? WasiErrno.ISDIR : WasiErrno.SPIPE;
}

/**
 * Writes, unless that is more than the guest may write to files and streams: then nothing is
 * written, and the answer is -EDQUOT.
 */
function withinRoom(process: Process, iovs: number, count: number, write: () => number): number {
  if (process.room === Infinity) return write();
  // Iovecs that lie elsewhere are for the kernel to refuse.
  const known = process.memory.holds(iovs, Math.min(count, MAX_IOVS) * 8);
  if (known && bytesOf(process, iovs, count) > process.room) return -Errno.EDQUOT;
  const bytes = write();
  if (bytes > 0) process.room -= bytes;
  return bytes;
}

/**
 * Writes everything in blocking mode, or until an error; some bytes and an error are some bytes.
 */
function writeStream(process: Process, stream: Descriptor, iovs: number, count: number): number {
  const { kernel } = process;
  const first = kernel.writev(stream.handle, iovs, count, 0);
  // Nearly always that is all, of a file and of a stream alike.
  if (count === 1 && first >= 0 && first === process.memory.u32(iovs + 4)) return first;
  // Of a file, what was not written there is no room for.
  if (stream.type === FileType.REGULAR_FILE) return first;
  if (stream.nonblocking || (first < 0 && first !== -Errno.EAGAIN)) return first;
  return writeRest(process, stream, iovs, count, first, (skip) =>
    kernel.writev(stream.handle, iovs, count, skip),
  );
}

function readStream(process: Process, stream: Descriptor, iovs: number, count: number): number {
  const { kernel } = process;
  const first = kernel.readv(stream.handle, iovs, count);
  if (first !== -Errno.EAGAIN) return first;
  const again = () => kernel.readv(stream.handle, iovs, count);
  return untilReady(process, stream, Readiness.IN, again, first);
}

export const fd = (process: Process) => ({
  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_close */
  close(fd: number): number {
    const result = process.descriptors.close(fd >>> 0);
    if (result === undefined) return WasiErrno.BADF;
    return result < 0 ? wasiErrno(result) : WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_fdstat_get */
  fdstatGet(fd: number, statOut: number): number {
    statOut >>>= 0;
    const { memory } = process;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (!memory.holds(statOut, FDSTAT_BYTES)) return WasiErrno.FAULT;
    memory.bytes.fill(0, statOut, statOut + FDSTAT_BYTES);
    memory.setU8(statOut, descriptor.type);
    memory.setU16(statOut + 2, flagsOf(process, descriptor));
    memory.setU64(statOut + 8, BigInt(descriptor.rights >>> 0));
    const hidden = descriptor.reading ? Right.FD_WRITE : 0;
    memory.setU64(statOut + 16, BigInt((descriptor.inheriting & ~hidden) >>> 0));
    return WasiErrno.SUCCESS;
  },

  /**
   * NONBLOCK is the guest's own: it never reaches a descriptor that other processes share.
   * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_fdstat_set_flags
   */
  fdstatSetFlags(fd: number, flags: number): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const refusal = descriptor.refusal(Right.FD_FDSTAT_SET_FLAGS);
    if (refusal) return refusal;
    if (flags & ~FDFLAGS) return WasiErrno.INVAL;
    const others = flags & ~FileFlag.NONBLOCK;
    if (others !== (flagsOf(process, descriptor) & ~FileFlag.NONBLOCK)) {
      if (descriptor.type !== FileType.REGULAR_FILE) return WasiErrno.NOTSUP;
      const result = process.kernel.files.setFlags(descriptor.handle, others);
      if (result < 0) return wasiErrno(result);
    }
    descriptor.nonblocking = (flags & FileFlag.NONBLOCK) !== 0;
    process.descriptors.note(fd >>> 0);
    return WasiErrno.SUCCESS;
  },

  /**
   * Rights can be given up, never gained.
   * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_fdstat_set_rights
   */
  fdstatSetRights(fd: number, base: bigint, inheriting: bigint): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const has = (rights: bigint, wanted: bigint) => (BigInt.asUintN(64, wanted) & ~rights) === 0n;
    if (!has(BigInt(descriptor.rights), base) || !has(BigInt(descriptor.inheriting), inheriting)) {
      return WasiErrno.NOTCAPABLE;
    }
    descriptor.rights = Number(BigInt.asUintN(64, base));
    descriptor.inheriting = Number(BigInt.asUintN(64, inheriting));
    process.descriptors.note(fd >>> 0);
    process.descriptors.changed(fd >>> 0);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_pread */
  pread(fd: number, iovs: number, count: number, offset: bigint, bytesOut: number): number {
    bytesOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const refusal = unseekable(descriptor) || descriptor.refusal(Right.FD_READ | Right.FD_SEEK);
    if (refusal) return refusal;
    const { memory, kernel } = process;
    if (!memory.holds(bytesOut, 4)) return WasiErrno.FAULT;
    const bytes = kernel.files.pread(descriptor.handle, iovs >>> 0, count >>> 0, offset);
    if (bytes < 0) return wasiErrno(bytes);
    memory.setU32(bytesOut, bytes);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_pwrite */
  pwrite(fd: number, iovs: number, count: number, offset: bigint, bytesOut: number): number {
    bytesOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const refusal = unseekable(descriptor) || descriptor.refusal(Right.FD_WRITE | Right.FD_SEEK);
    if (refusal) return refusal;
    const { memory, kernel } = process;
    if (!memory.holds(bytesOut, 4)) return WasiErrno.FAULT;
    const write = () => kernel.files.pwrite(descriptor.handle, iovs >>> 0, count >>> 0, offset);
    const bytes = withinRoom(process, iovs >>> 0, count >>> 0, write);
    if (bytes < 0) return wasiErrno(bytes);
    memory.setU32(bytesOut, bytes);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_read */
  read(fd: number, iovs: number, count: number, bytesOut: number): number {
    iovs >>>= 0;
    count >>>= 0;
    bytesOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (descriptor.type === FileType.DIRECTORY) return WasiErrno.ISDIR;
    if (!(descriptor.rights & Right.FD_READ)) return WasiErrno.NOTCAPABLE;
    const { memory } = process;
    if (!memory.holds(bytesOut, 4)) return WasiErrno.FAULT;
    let bytes: number;
    if (descriptor.type === FileType.REGULAR_FILE)
      bytes = process.kernel.readv(descriptor.handle, iovs, count);
    else if (descriptor.socket) bytes = receive(process, descriptor, iovs, count, 0);
    else bytes = readStream(process, descriptor, iovs, count);
    if (bytes < 0) return wasiErrno(bytes);
    memory.setU32(bytesOut, bytes);
    return WasiErrno.SUCCESS;
  },

  /**
   * POSIX's dup2 and close in one: both must be open.
   * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_renumber
   */
  renumber(from: number, to: number): number {
    from >>>= 0;
    to >>>= 0;
    const { descriptors } = process;
    if (!descriptors.get(from) || !descriptors.get(to)) return WasiErrno.BADF;
    if (from !== to) descriptors.renumber(from, to);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_seek */
  seek(fd: number, offset: bigint, whence: number, offsetOut: number): number {
    offsetOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    // Who moves nothing may ask where it is.
    const asks = offset === 0n && whence === Whence.CUR;
    const may = asks ? Right.FD_SEEK | Right.FD_TELL : Right.FD_SEEK;
    const refusal = unseekable(descriptor);
    if (refusal) return refusal;
    if (!(descriptor.rights & may)) return WasiErrno.NOTCAPABLE;
    if (whence >>> 0 > Whence.END) return WasiErrno.INVAL;
    if (!process.memory.holds(offsetOut, 8)) return WasiErrno.FAULT;
    const result = process.kernel.seek(descriptor.handle, offset, whence);
    if (result < 0) return wasiErrno(result);
    process.memory.setU64(offsetOut, BigInt(result));
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_tell */
  tell(fd: number, offsetOut: number): number {
    offsetOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const refusal = unseekable(descriptor);
    if (refusal) return refusal;
    if (!(descriptor.rights & (Right.FD_TELL | Right.FD_SEEK))) return WasiErrno.NOTCAPABLE;
    if (!process.memory.holds(offsetOut, 8)) return WasiErrno.FAULT;
    const result = process.kernel.seek(descriptor.handle, 0n, Whence.CUR);
    if (result < 0) return wasiErrno(result);
    process.memory.setU64(offsetOut, BigInt(result));
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_write */
  write(fd: number, iovs: number, count: number, bytesOut: number): number {
    iovs >>>= 0;
    count >>>= 0;
    bytesOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (descriptor.type === FileType.DIRECTORY) return WasiErrno.ISDIR;
    if (!(descriptor.rights & Right.FD_WRITE)) return descriptor.refusal(Right.FD_WRITE);
    const { memory } = process;
    if (!memory.holds(bytesOut, 4)) return WasiErrno.FAULT;
    const bytes = descriptor.socket
      ? transmit(process, descriptor, iovs, count)
      : withinRoom(process, iovs, count, () => writeStream(process, descriptor, iovs, count));
    if (bytes < 0) return wasiErrno(bytes);
    memory.setU32(bytesOut, bytes);
    return WasiErrno.SUCCESS;
  },
});
