/**
 * Completions: the third of the three ways in which a kernel tells, after the fact, that an
 * operation is over (io_uring(7)). Types and numbers only. Operations and completions lie in guest
 * memory, in the layout of wasm/c/include/pollux.h. Handles never do: they go beside it, so that no
 * guest can forge one.
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

/**
 * `targets` of `submit` holds pairs of 32-bit integers: the opcode of an operation, as the caller
 * has read it, and the handle that it is for.
 */
export const TARGET = { OPCODE: 0, HANDLE: 1, SIZE: 2 } as const;

/**
 * `notes` of `reap`, 32-bit integers: what the caller must look at. A header, of which the caller
 * sets ROOM, how many connections it has room for; and then, for each completion of an ACCEPT, or
 * with an error, its index among the completions, its result, and the handle that its operation was
 * for. The rest of the header is the kernel's own.
 */
export const NOTES = {
  COUNT: 0,
  ROOM: 1,
  HEADER: 5,
  INDEX: 0,
  RESULT: 1,
  HANDLE: 2,
  SIZE: 3,
} as const;

/**
 * Operations in flight of one guest. Those on one handle in one direction (ACCEPT and RECV; SEND)
 * are done one after the other: SENDs in order; of several RECVs any may get what comes next, as
 * with io_uring(7) itself, although the kernel of host/linux keeps their order too. A handle that
 * is closed while operations are in flight on it stays open until they have ended.
 */
export interface CompletionQueue {
  /** What does the work: `io_uring`, `threads`, … */
  readonly name: string;

  /**
   * Starts the `count` operations at offset `operations`, in order, each for its pair of `targets`.
   * A negative handle is a negated errno, with which the operation completes at once; TIMEOUT and
   * CANCEL are for none. The bytes of a SEND are copied before this returns. The handle of a CLOSE
   * is closed, and no longer the caller's. Answers how many were taken (fewer: too many are in
   * flight), or -EFAULT.
   */
  submit(operations: number, count: number, targets: Int32Array): number;

  /**
   * Takes completions, oldest first, at most `max`, into guest memory at offset `completions`, and
   * received bytes to `buffer` (`bufferBytes` of them, at least `RECV_BYTES`). Waits until there
   * are `min`, or until no other would fit, at most `timeoutNs` nanoseconds (Infinity: for ever).
   * The result of an ACCEPT is a handle that is now the caller's; a connection for which it has no
   * room waits for its next ACCEPT, and this one ends with -EMFILE. A negative result is a negated
   * errno of the kernel. Answers their number, -EFAULT, -EINVAL, or -EINTR: nothing was there, and
   * `Kernel.wake` was called.
   */
  reap(
    completions: number,
    max: number,
    buffer: number,
    bufferBytes: number,
    min: number,
    timeoutNs: number,
    notes: Int32Array,
  ): number;

  /** Cancels all that is in flight, and waits until none of it can touch memory any more. */
  close(): void;
}
