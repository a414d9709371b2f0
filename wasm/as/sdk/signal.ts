// Signal-driven I/O, of module "pollux": the kernel sends a signal when a descriptor can go on.
// Nothing of the guest is interrupted; it takes its signals when it asks for them.
// wasm/c/include/pollux.h says the ABI.
import { signalArm, signalWait } from "./pollux";

/** Instead of a descriptor: signals were lost, so look at every armed descriptor. */
export const OVERFLOW: i32 = -1;

const SIGNAL: i32 = 8; // fd at 0, band at 4

const result: usize = memory.data(8, 8);

/**
 * From now on there is a signal whenever I/O becomes possible on `fd`. What was there before tells
 * nothing, and one signal may stand for several messages: read until -EAGAIN. 0, or a negated
 * errno.
 */
export function arm(fd: i32): i32 {
  return -signalArm(fd, 1);
}

/** No signals any more. 0, or a negated errno. */
export function disarm(fd: i32): i32 {
  return -signalArm(fd, 0);
}

@final
export class Signals {
  private list: StaticArray<u8>;
  private max: u32;

  /** Room for what one `wait` answers, at most `max` signals. */
  constructor(max: u32 = 256) {
    this.list = new StaticArray<u8>(<i32>max * SIGNAL);
    this.max = max;
  }

  /**
   * Takes the signals that are pending, oldest first, and waits for one if there is none: how many,
   * 0 when `timeoutNs` ran out (0: only looks; negative: for ever), or a negated errno.
   */
  wait(timeoutNs: i64 = -1): i32 {
    const errno = signalWait(changetype<usize>(this.list), this.max, timeoutNs, result);
    return errno == 0 ? load<i32>(result) : -errno;
  }

  /** The descriptor of signal `i`, or OVERFLOW. */
  fd(i: i32): i32 {
    return load<i32>(changetype<usize>(this.list) + i * SIGNAL);
  }

  /** What became possible: a mask of EPOLLIN, EPOLLOUT, ... */
  band(i: i32): u32 {
    return load<u32>(changetype<usize>(this.list) + i * SIGNAL, 4);
  }
}
