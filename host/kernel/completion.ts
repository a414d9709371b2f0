/**
 * Completions: the third of the three ways in which a kernel tells, after the fact, that an
 * operation is over (io_uring(7)). Types and numbers only. Operations and completions lie in guest
 * memory, in the layout of wasm/c/include/pollux.h, where a handle stands for a descriptor only in
 * what this interface says.
 */

/** What an operation does; the numbers are the ABI's. */
export const Opcode = {
  ACCEPT: 1,
  RECV: 2,
  SEND: 3,
  CLOSE: 4,
  TIMEOUT: 5,
  CANCEL: 6,
} as const;

/** Flags of an operation. */
export const OperationFlag = { MULTISHOT: 1 } as const;
/** Flags of a completion. */
export const CompletionFlag = { MORE: 1 } as const;

/** No completion of RECV carries more bytes. */
export const RECV_BYTES = 16384;

/** Layout of an operation in guest memory, in bytes. */
export const OPERATION = {
  USERDATA: 0,
  OPCODE: 8,
  FLAGS: 9,
  FD: 12,
  BYTES: 16,
  LENGTH: 20,
  ARGUMENT: 24,
  SIZE: 32,
} as const;

/** Layout of a completion in guest memory, in bytes. */
export const COMPLETION = {
  USERDATA: 0,
  RESULT: 8,
  FLAGS: 12,
  OPCODE: 13,
  OFFSET: 16,
  SIZE: 24,
} as const;

/** Operations in flight of one guest. */
export interface CompletionQueue {
  /** What does the work: `io_uring`, `threads`, … */
  readonly name: string;

  /**
   * Starts the `count` operations at offset `operations`, in order. `handles[i]` is the handle that
   * operation `i` is for; a negative one is a negated errno, with which the operation completes at
   * once. The bytes of a SEND are copied before this returns. Answers how many were taken (fewer:
   * too many are in flight), or -EFAULT.
   */
  submit(operations: number, count: number, handles: Int32Array): number;

  /**
   * Takes completions, oldest first, at most `max`, into guest memory at offset `completions`, and
   * received bytes to `buffer` (`bufferBytes` of them, at least `RECV_BYTES`). Waits until there are
   * `min`, at most `timeoutNs` nanoseconds (Infinity: for ever). RESULT of an ACCEPT is a handle
   * that is now the caller's; a negative RESULT is a negated errno of the kernel. Answers their
   * number, -EFAULT, or -EINTR: nothing was there, and `Kernel.wake` was called.
   */
  reap(
    completions: number,
    max: number,
    buffer: number,
    bufferBytes: number,
    min: number,
    timeoutNs: number,
  ): number;

  /** Cancels all that is in flight, and waits until none of it can touch memory any more. */
  close(): void;
}
