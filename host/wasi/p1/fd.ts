/**
 * fd_*: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_advise
 *
 * What standard streams and sockets need. What only files need is in `unbuilt` of imports.ts.
 */
import { Errno } from '../../kernel/errno.js';
import { FileType, Stat, STAT_FIELDS, Whence } from '../../kernel/kernel.js';
import { Readiness } from '../../kernel/readiness.js';
import { type Descriptor, Right } from '../descriptors.js';
import { WasiErrno, wasiErrno } from '../errno.js';
import { untilReady, type Process } from '../process.js';
import { receive, transmit, writeRest } from './sock.js';

const FDFLAGS_NONBLOCK = 4;
const FDSTAT_BYTES = 24;
const FILESTAT_BYTES = 64;

/**
 * Writes everything in blocking mode, or until an error; some bytes and an error are some bytes.
 */
function writeStream(process: Process, stream: Descriptor, iovs: number, count: number): number {
  const { kernel } = process;
  const first = kernel.writev(stream.handle, iovs, count, 0);
  if (stream.nonblocking || (first < 0 && first !== -Errno.EAGAIN)) return first;
  return writeRest(process, stream, iovs, count, first, (skip) =>
    kernel.writev(stream.handle, iovs, count, skip),
  );
}

export const fd = (process: Process) => ({
  close(fd: number): number {
    const result = process.descriptors.close(fd >>> 0);
    if (result === undefined) return WasiErrno.BADF;
    return result < 0 ? wasiErrno(result) : WasiErrno.SUCCESS;
  },

  fdstatGet(fd: number, statOut: number): number {
    statOut >>>= 0;
    const { memory } = process;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (!memory.holds(statOut, FDSTAT_BYTES)) return WasiErrno.FAULT;
    memory.bytes.fill(0, statOut, statOut + FDSTAT_BYTES);
    memory.setU8(statOut, descriptor.type);
    memory.setU16(statOut + 2, descriptor.nonblocking ? FDFLAGS_NONBLOCK : 0);
    memory.setU64(statOut + 8, BigInt(descriptor.rights >>> 0));
    memory.setU64(statOut + 16, BigInt(descriptor.inheriting >>> 0));
    return WasiErrno.SUCCESS;
  },

  /** NONBLOCK is the guest's own: it never reaches a descriptor that other processes share. */
  fdstatSetFlags(fd: number, flags: number): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (!(descriptor.rights & Right.FD_FDSTAT_SET_FLAGS)) return WasiErrno.NOTCAPABLE;
    if (flags & ~FDFLAGS_NONBLOCK) return flags & ~31 ? WasiErrno.INVAL : WasiErrno.NOTSUP;
    descriptor.nonblocking = (flags & FDFLAGS_NONBLOCK) !== 0;
    return WasiErrno.SUCCESS;
  },

  /** Rights can be given up, never gained. */
  fdstatSetRights(fd: number, base: bigint, inheriting: bigint): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const has = (rights: bigint, wanted: bigint) => (BigInt.asUintN(64, wanted) & ~rights) === 0n;
    if (!has(BigInt(descriptor.rights), base) || !has(BigInt(descriptor.inheriting), inheriting)) {
      return WasiErrno.NOTCAPABLE;
    }
    descriptor.rights = Number(BigInt.asUintN(64, base));
    descriptor.inheriting = Number(BigInt.asUintN(64, inheriting));
    process.descriptors.changed(fd >>> 0);
    return WasiErrno.SUCCESS;
  },

  filestatGet(fd: number, statOut: number): number {
    statOut >>>= 0;
    const { memory } = process;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (!(descriptor.rights & Right.FD_FILESTAT_GET)) return WasiErrno.NOTCAPABLE;
    if (!memory.holds(statOut, FILESTAT_BYTES)) return WasiErrno.FAULT;
    const stat = new BigUint64Array(STAT_FIELDS);
    const result = process.kernel.stat(descriptor.handle, stat);
    if (result < 0) return wasiErrno(result);
    memory.bytes.fill(0, statOut, statOut + FILESTAT_BYTES);
    memory.setU64(statOut, stat[Stat.DEV]!);
    memory.setU64(statOut + 8, stat[Stat.INO]!);
    memory.setU8(statOut + 16, descriptor.type);
    for (const [index, field] of [
      Stat.NLINK,
      Stat.SIZE,
      Stat.ATIME,
      Stat.MTIME,
      Stat.CTIME,
    ].entries()) {
      memory.setU64(statOut + 24 + index * 8, stat[field]!);
    }
    return WasiErrno.SUCCESS;
  },

  /**
   * No directory is granted, and a socket is none: EBADF ends the search of every guest (ENOTDIR
   * kills wasi-libc).
   */
  prestatGet: (_fd: number, _prestatOut: number): number => WasiErrno.BADF,

  prestatDirName: (_fd: number, _path: number, _length: number): number => WasiErrno.BADF,

  read(fd: number, iovs: number, count: number, bytesOut: number): number {
    iovs >>>= 0;
    count >>>= 0;
    bytesOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (!(descriptor.rights & Right.FD_READ)) return WasiErrno.NOTCAPABLE;
    const { memory, kernel } = process;
    if (!memory.holds(bytesOut, 4)) return WasiErrno.FAULT;
    const bytes = descriptor.socket
      ? receive(process, descriptor, iovs, count, 0)
      : untilReady(process, descriptor, Readiness.IN, () =>
          kernel.readv(descriptor.handle, iovs, count),
        );
    if (bytes < 0) return wasiErrno(bytes);
    memory.setU32(bytesOut, bytes);
    return WasiErrno.SUCCESS;
  },

  /** POSIX's dup2 and close in one: both must be open. */
  renumber(from: number, to: number): number {
    from >>>= 0;
    to >>>= 0;
    const { descriptors } = process;
    if (!descriptors.get(from) || !descriptors.get(to)) return WasiErrno.BADF;
    if (from !== to) descriptors.renumber(from, to);
    return WasiErrno.SUCCESS;
  },

  seek(fd: number, offset: bigint, whence: number, offsetOut: number): number {
    offsetOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (descriptor.type !== FileType.REGULAR_FILE) return WasiErrno.SPIPE;
    if (!(descriptor.rights & Right.FD_SEEK)) return WasiErrno.NOTCAPABLE;
    if (whence >>> 0 > Whence.END) return WasiErrno.INVAL;
    if (!process.memory.holds(offsetOut, 8)) return WasiErrno.FAULT;
    const result = process.kernel.seek(descriptor.handle, offset, whence);
    if (result < 0) return wasiErrno(result);
    process.memory.setU64(offsetOut, BigInt(result));
    return WasiErrno.SUCCESS;
  },

  tell(fd: number, offsetOut: number): number {
    offsetOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (descriptor.type !== FileType.REGULAR_FILE) return WasiErrno.SPIPE;
    if (!(descriptor.rights & Right.FD_TELL)) return WasiErrno.NOTCAPABLE;
    if (!process.memory.holds(offsetOut, 8)) return WasiErrno.FAULT;
    const result = process.kernel.seek(descriptor.handle, 0n, Whence.CUR);
    if (result < 0) return wasiErrno(result);
    process.memory.setU64(offsetOut, BigInt(result));
    return WasiErrno.SUCCESS;
  },

  write(fd: number, iovs: number, count: number, bytesOut: number): number {
    iovs >>>= 0;
    count >>>= 0;
    bytesOut >>>= 0;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (!(descriptor.rights & Right.FD_WRITE)) return WasiErrno.NOTCAPABLE;
    const { memory } = process;
    if (!memory.holds(bytesOut, 4)) return WasiErrno.FAULT;
    const bytes = descriptor.socket
      ? transmit(process, descriptor, iovs, count)
      : writeStream(process, descriptor, iovs, count);
    if (bytes < 0) return wasiErrno(bytes);
    memory.setU32(bytesOut, bytes);
    return WasiErrno.SUCCESS;
  },
});
