/**
 * fault_*: fault points of the guest's own. It asks whether something of its own making shall go
 * wrong now; the simulated kernel decides, by chance, and the real one always says no.
 */
import { WasiErrno } from '../wasi/errno.js';
import type { Process } from '../wasi/process.js';

/** A label is a name, not a text. */
const LONGEST_LABEL = 64;

export const fault = (process: Process) => ({
  maybe(label: number, length: number, happensOut: number): number {
    label >>>= 0;
    length >>>= 0;
    happensOut >>>= 0;
    const { memory, kernel } = process;
    if (length > LONGEST_LABEL) return WasiErrno.INVAL;
    if (!memory.holds(label, length) || !memory.holds(happensOut, 4)) return WasiErrno.FAULT;
    memory.setU32(happensOut, kernel.maybe(label, length));
    return WasiErrno.SUCCESS;
  },
});
