/** proc_*: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#proc_exit */
import { WasiErrno } from '../errno.js';
import type { Process } from '../process.js';

/** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#signal */
const Signal = {
  NONE: 0,
  CHLD: 16,
  CONT: 17,
  STOP: 18,
  TSTP: 19,
  TTIN: 20,
  TTOU: 21,
  URG: 22,
  WINCH: 27,
  SYS: 30,
} as const;
/** What POSIX ignores where there is no handler; a guest has none. */
const IGNORED: ReadonlySet<number> = new Set([
  Signal.NONE,
  Signal.CHLD,
  Signal.CONT,
  Signal.URG,
  Signal.WINCH,
]);
/** What would stop the guest until somebody lets it go on, which nobody can. */
const STOPS: ReadonlySet<number> = new Set([Signal.STOP, Signal.TSTP, Signal.TTIN, Signal.TTOU]);
/** A shell's exit code of a program that a signal ended is this and Linux's number of that. */
const SIGNALLED = 128;

export const proc = (process: Process) => ({
  exit: (code: number): never => process.embedder.exit(code >>> 0),

  /**
   * Every signal does what it does by default: most end the guest.
   * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#proc_raise
   */
  raise(signal: number): number {
    if (signal >>> 0 > Signal.SYS) return WasiErrno.INVAL;
    if (IGNORED.has(signal)) return WasiErrno.SUCCESS;
    if (STOPS.has(signal)) return WasiErrno.NOTSUP;
    // WASI leaves out SIGSTKFLT, which is Linux's 16.
    return process.embedder.exit(SIGNALLED + (signal < 16 ? signal : signal + 1));
  },
});
