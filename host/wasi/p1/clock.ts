/** clock_*: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#clock_res_get */
import { Clock } from '../../kernel/kernel.js';
import { WasiErrno } from '../errno.js';
import type { Process } from '../process.js';

const isClock = (id: number): id is Clock => id >>> 0 <= Clock.THREAD_CPUTIME;

export const clock = (process: Process) => ({
  resGet(id: number, resolutionOut: number): number {
    resolutionOut >>>= 0;
    if (!isClock(id)) return WasiErrno.INVAL;
    if (!process.memory.holds(resolutionOut, 8)) return WasiErrno.FAULT;
    process.memory.setU64(resolutionOut, process.kernel.resolution(id));
    return WasiErrno.SUCCESS;
  },

  /** `precision` is how much the answer may lag; it never does. */
  timeGet(id: number, precision: bigint, timeOut: number): number {
    timeOut >>>= 0;
    if (!isClock(id)) return WasiErrno.INVAL;
    if (!process.memory.holds(timeOut, 8)) return WasiErrno.FAULT;
    process.memory.setU64(timeOut, process.kernel.now(id));
    return WasiErrno.SUCCESS;
  },
});
