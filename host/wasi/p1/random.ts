/** random_get: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#random_get */
import { WasiErrno, wasiErrno } from '../errno.js';
import type { Process } from '../process.js';

/** In pieces, so that a guest that wants gigabytes can be stopped between two of them. */
const PIECE_BYTES = 1 << 20;

export const random = (process: Process) => ({
  get(buffer: number, length: number): number {
    buffer >>>= 0;
    length >>>= 0;
    if (!process.memory.holds(buffer, length)) return WasiErrno.FAULT;
    for (let done = 0; done < length; done += PIECE_BYTES) {
      const result = process.kernel.random(buffer + done, Math.min(PIECE_BYTES, length - done));
      if (result < 0) return wasiErrno(result);
    }
    return WasiErrno.SUCCESS;
  },
});
