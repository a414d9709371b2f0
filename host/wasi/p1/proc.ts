/** proc_*: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#proc_exit */
import type { Process } from '../process.js';

export const proc = (process: Process) => ({
  exit: (code: number): never => process.embedder.exit(code >>> 0),
});
