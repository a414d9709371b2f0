/**
 * fd_* that look after a file: its attributes, its room, what is on its disk.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_advise
 */
import { SetTime } from '../../kernel/file-system.js';
import { FileType, Stat, STAT_FIELDS } from '../../kernel/kernel.js';
import { Right } from '../descriptors.js';
import { WasiErrno, wasiErrno } from '../errno.js';
import type { Memory } from '../memory.js';
import type { Process } from '../process.js';

export const FILESTAT_BYTES = 64;
const LAST_ADVICE = 5;

/** What a kernel says of a file, as the guest is told; there must be room for it. */
export function storeFilestat(memory: Memory, at: number, stat: BigUint64Array): void {
  memory.setU64(at, stat[Stat.DEV]!);
  memory.setU64(at + 8, stat[Stat.INO]!);
  memory.setU64(at + 16, stat[Stat.TYPE]!);
  memory.setU64(at + 24, stat[Stat.NLINK]!);
  memory.setU64(at + 32, stat[Stat.SIZE]!);
  memory.setU64(at + 40, stat[Stat.ATIME]!);
  memory.setU64(at + 48, stat[Stat.MTIME]!);
  memory.setU64(at + 56, stat[Stat.CTIME]!);
}

/** True for flags that say of each time at most one thing. */
export function areSetTimes(flags: number): boolean {
  const atimes = SetTime.ATIME | SetTime.ATIME_NOW;
  const mtimes = SetTime.MTIME | SetTime.MTIME_NOW;
  if (flags & ~(atimes | mtimes)) return false;
  return (flags & atimes) !== atimes && (flags & mtimes) !== mtimes;
}

export const file = (process: Process) => ({
  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_advise */
  advise(fd: number, offset: bigint, length: bigint, advice: number): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    // wasi-libc's posix_fadvise(3) is held to EBADF for what is no file.
    if (!descriptor || descriptor.type !== FileType.REGULAR_FILE) return WasiErrno.BADF;
    const refusal = descriptor.refusal(Right.FD_ADVISE);
    if (refusal) return refusal;
    if (advice >>> 0 > LAST_ADVICE) return WasiErrno.INVAL;
    return wasiErrno(process.kernel.files.advise(descriptor.handle, offset, length, advice));
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_allocate */
  allocate(fd: number, offset: bigint, length: bigint): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (descriptor.type === FileType.DIRECTORY) return WasiErrno.ISDIR;
    const refusal = descriptor.refusal(Right.FD_ALLOCATE);
    if (refusal) return refusal;
    if (process.embedder.strict) return WasiErrno.NOTSUP;
    // It takes as much of the disk as writing it would.
    const bytes = Number(BigInt.asUintN(64, length));
    if (bytes > process.room) return WasiErrno.DQUOT;
    const result = process.kernel.files.allocate(descriptor.handle, offset, length);
    if (result === 0) process.room -= bytes;
    return wasiErrno(result);
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_datasync */
  datasync(fd: number): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const refusal = descriptor.refusal(Right.FD_DATASYNC);
    if (refusal) return refusal;
    return wasiErrno(process.kernel.files.datasync(descriptor.handle));
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_filestat_get */
  filestatGet(fd: number, statOut: number): number {
    statOut >>>= 0;
    const { memory } = process;
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const refusal = descriptor.refusal(Right.FD_FILESTAT_GET);
    if (refusal) return refusal;
    if (!memory.holds(statOut, FILESTAT_BYTES)) return WasiErrno.FAULT;
    const stat = new BigUint64Array(STAT_FIELDS);
    const result = process.kernel.stat(descriptor.handle, stat);
    if (result < 0) return wasiErrno(result);
    stat[Stat.TYPE] = BigInt(descriptor.type);
    storeFilestat(memory, statOut, stat);
    return WasiErrno.SUCCESS;
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_filestat_set_size */
  filestatSetSize(fd: number, size: bigint): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    if (descriptor.type === FileType.DIRECTORY) return WasiErrno.ISDIR;
    const refusal = descriptor.refusal(Right.FD_FILESTAT_SET_SIZE);
    if (refusal) return refusal;
    return wasiErrno(process.kernel.files.truncate(descriptor.handle, size));
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_filestat_set_times */
  filestatSetTimes(fd: number, atime: bigint, mtime: bigint, flags: number): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const refusal = descriptor.refusal(Right.FD_FILESTAT_SET_TIMES);
    if (refusal) return refusal;
    if (!areSetTimes(flags)) return WasiErrno.INVAL;
    const [a, m] = [BigInt.asUintN(64, atime), BigInt.asUintN(64, mtime)];
    return wasiErrno(process.kernel.files.setTimes(descriptor.handle, a, m, flags));
  },

  /** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_sync */
  sync(fd: number): number {
    const descriptor = process.descriptors.get(fd >>> 0);
    if (!descriptor) return WasiErrno.BADF;
    const refusal = descriptor.refusal(Right.FD_SYNC);
    if (refusal) return refusal;
    return wasiErrno(process.kernel.files.sync(descriptor.handle));
  },
});
