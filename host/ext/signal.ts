/**
 * signal_*: signal-driven I/O, fcntl(2) with F_SETOWN_EX, F_SETSIG and O_ASYNC, and sigwaitinfo(2),
 * for a guest. It is told of a descriptor by the number that this has now.
 */
import { Errno } from '../kernel/errno.js';
import { OVERFLOW, SIGNAL_STRIDE } from '../kernel/signal.js';
import { type Descriptor, Right } from '../wasi/descriptors.js';
import { WasiErrno, wasiErrno } from '../wasi/errno.js';
import type { Process } from '../wasi/process.js';
import { Timeout } from './timeout.js';

const SIGNAL_BYTES = 8;
/** The most signals of one wait; what is left is told by the next. */
const MOST_SIGNALS = 4096;

export const signal = (process: Process) => {
  const { kernel, descriptors } = process;
  const timeout = new Timeout(process);
  const queue = kernel.signals();
  /** By handle: what was armed. */
  const armed: Descriptor[] = [];
  let signals = new Int32Array(0);

  return {
    arm(fd: number, on: number): number {
      const descriptor = descriptors.get(fd >>> 0);
      if (!descriptor) return WasiErrno.BADF;
      if (on !== 0 && on !== 1) return WasiErrno.INVAL;
      if (!(descriptor.rights & Right.POLL_FD_READWRITE)) return WasiErrno.NOTCAPABLE;
      // Nothing ever happens on it.
      if (descriptor.retired) return WasiErrno.SUCCESS;
      const result = queue.arm(descriptor.handle, on === 1);
      if (result < 0) return wasiErrno(result);
      armed[descriptor.handle] = descriptor;
      return WasiErrno.SUCCESS;
    },

    wait(signalsOut: number, most: number, timeoutNs: bigint, countOut: number): number {
      signalsOut >>>= 0;
      most >>>= 0;
      countOut >>>= 0;
      const { memory } = process;
      if (most === 0) return WasiErrno.INVAL;
      if (!memory.holds(signalsOut, most * SIGNAL_BYTES) || !memory.holds(countOut, 4))
        return WasiErrno.FAULT;
      const words = Math.min(most, MOST_SIGNALS) * SIGNAL_STRIDE;
      if (signals.length !== words) signals = new Int32Array(words);
      let leftNs = timeout.begin(timeoutNs);
      let count: number;
      while ((count = queue.wait(signals, leftNs)) === -Errno.EINTR) {
        if (process.interrupt()) return WasiErrno.INTR;
        leftNs = timeout.leftNs;
      }
      if (count < 0) return wasiErrno(count);
      for (let i = 0, at = signalsOut; i < count; i++, at += SIGNAL_BYTES) {
        const handle = signals[i * SIGNAL_STRIDE]!;
        memory.setU32(at, handle === OVERFLOW ? OVERFLOW : armed[handle]!.fd);
        memory.setU32(at + 4, signals[i * SIGNAL_STRIDE + 1]!);
      }
      memory.setU32(countOut, count);
      return WasiErrno.SUCCESS;
    },
  };
};
