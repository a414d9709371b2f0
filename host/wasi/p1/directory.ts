/**
 * fd_* of directories: which were granted, and what is in them.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fd_prestat_get
 */
import { FileType } from '../../kernel/kernel.js';
import { Right } from '../descriptors.js';
import { WasiErrno, wasiErrno } from '../errno.js';
import type { Process } from '../process.js';

const PRESTAT_BYTES = 8;

export const directory = (process: Process) => ({
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
    const from = BigInt.asUintN(64, cookie);
    const used = kernel.files.readDirectory(descriptor.handle, buffer, length, from);
    if (used < 0) return wasiErrno(used);
    memory.setU32(usedOut, used);
    return WasiErrno.SUCCESS;
  },
});
