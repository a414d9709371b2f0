/** args_*: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#args_get */
import { WasiErrno } from '../errno.js';
import type { Memory } from '../memory.js';
import type { Process } from '../process.js';

/**
 * Stores the strings from `buffer` on, each with its terminating zero, and their addresses from
 * `pointers` on.
 */
export function storeStrings(
  memory: Memory,
  strings: readonly Uint8Array[],
  pointers: number,
  buffer: number,
): number {
  pointers >>>= 0;
  buffer >>>= 0;
  const bytes = totalBytes(strings);
  if (!memory.holds(pointers, strings.length * 4) || !memory.holds(buffer, bytes))
    return WasiErrno.FAULT;
  for (const string of strings) {
    memory.setU32(pointers, buffer);
    memory.bytes.set(string, buffer);
    memory.setU8(buffer + string.length, 0);
    pointers += 4;
    buffer += string.length + 1;
  }
  return WasiErrno.SUCCESS;
}

export function storeSizes(
  memory: Memory,
  strings: readonly Uint8Array[],
  countOut: number,
  bytesOut: number,
): number {
  countOut >>>= 0;
  bytesOut >>>= 0;
  if (!memory.holds(countOut, 4) || !memory.holds(bytesOut, 4)) return WasiErrno.FAULT;
  memory.setU32(countOut, strings.length);
  memory.setU32(bytesOut, totalBytes(strings));
  return WasiErrno.SUCCESS;
}

function totalBytes(strings: readonly Uint8Array[]): number {
  return strings.reduce((bytes, string) => bytes + string.length + 1, 0);
}

export const args = (process: Process) => ({
  get: (argv: number, buffer: number) =>
    storeStrings(process.memory, process.embedder.args, argv, buffer),
  sizesGet: (argcOut: number, bytesOut: number) =>
    storeSizes(process.memory, process.embedder.args, argcOut, bytesOut),
});
