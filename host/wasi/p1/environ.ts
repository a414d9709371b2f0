/** environ_*: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#environ_get */
import { storeSizes, storeStrings } from './args.js';
import type { Process } from '../process.js';

export const environ = (process: Process) => ({
  get: (environ: number, buffer: number) =>
    storeStrings(process.memory, process.embedder.environ, environ, buffer),
  sizesGet: (countOut: number, bytesOut: number) =>
    storeSizes(process.memory, process.embedder.environ, countOut, bytesOut),
});
