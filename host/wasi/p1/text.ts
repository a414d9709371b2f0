/** Paths as a guest gives them: whether the bytes are a string of WASI that can name a file. */
import { WasiErrno } from '../errno.js';
import type { Memory } from '../memory.js';

/** Linux takes none that is longer (PATH_MAX, with its terminating zero). */
const LONGEST_PATH = 4095;

/** Why `length` bytes from `offset` on are no path: an errno, SUCCESS if they are one. */
export function pathFault(memory: Memory, offset: number, length: number): number {
  if (!memory.holds(offset, length)) return WasiErrno.FAULT;
  if (length > LONGEST_PATH) return WasiErrno.NAMETOOLONG;
  const { bytes } = memory;
  const end = offset + length;
  for (let at = offset; at < end;) {
    const byte = bytes[at]!;
    if (byte === 0) return WasiErrno.INVAL;
    if (byte < 0x80) {
      at++;
      continue;
    }
    const size = scalarSize(bytes, at, end);
    if (size === 0) return WasiErrno.ILSEQ;
    at += size;
  }
  return WasiErrno.SUCCESS;
}

/**
 * The bytes of the Unicode scalar value that begins at `at`, above ASCII, in UTF-8; 0 for what is
 * none: an overlong form, a surrogate, what lies beyond U+10FFFF, or is cut off.
 */
function scalarSize(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + size > end) return 0;
  const second = bytes[at + 1]!;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let i = at + 2; i < at + size; i++) if ((bytes[i]! & 0xc0) !== 0x80) return 0;
  return size;
}
