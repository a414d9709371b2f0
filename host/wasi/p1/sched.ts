/** sched_yield: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#sched_yield */
import { WasiErrno } from '../errno.js';
import type { Process } from '../process.js';

export const sched = (process: Process) => ({
  yield(): number {
    process.kernel.yield();
    // A guest that is always busy waits nowhere: it obeys here.
    process.embedder.interrupted();
    return WasiErrno.SUCCESS;
  },
});
