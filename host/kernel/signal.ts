/**
 * Signal-driven I/O: the second of the three ways in which a kernel tells that an operation may go
 * on (fcntl(2): F_SETOWN_EX, F_SETSIG, O_ASYNC). Types and numbers only. Signals are taken when
 * they are asked for; no handler ever runs.
 */

/** In place of a handle: the queue of signals overflowed, and some were lost. */
export const OVERFLOW = -1;

/** `signals` of `SignalQueue.wait` holds pairs of 32-bit integers: handle, band. */
export const SIGNAL_STRIDE = 2;

/**
 * The queue of real-time signals of one guest. It opens at its first use, and then belongs to the
 * thread, which can have one: both calls answer -EBUSY if there is another, or -EMFILE.
 */
export interface SignalQueue {
  /**
   * Queues a signal whenever I/O becomes possible on `handle` (`on`), or no longer, and then takes
   * back what was queued for it; closing the handle does the same. Answers 0, or -EBADF; -EPERM for
   * what is neither a socket nor a pipe that this kernel made; -EBUSY for what signals somebody
   * else, in this process or in another.
   */
  arm(handle: number, on: boolean): number;

  /**
   * Takes signals, oldest first, at most as many as `signals` has room for; waits at most
   * `timeoutNs` nanoseconds (0: only looks; Infinity: for ever) for the first one. Each is a
   * handle, or `OVERFLOW`, and a mask of `Readiness`. Answers their number, 0 when time ran out, or
   * -EINTR: interrupted, or `Kernel.wake` was called.
   */
  wait(signals: Int32Array, timeoutNs: number): number;

  /** Disarms every handle; both other calls answer -EBADF from then on. */
  close(): void;
}
