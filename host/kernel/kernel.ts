/**
 * The waist: the verbs that every kernel has, real or simulated. Types and plain data only; no
 * other room is imported.
 *
 * A kernel is POSIX-shaped. It hands out small integers, handles, which a guest never sees. Buffers
 * are given as an array of (offset, length) pairs of u32 in guest memory, the iovec of WASI, and
 * bytes go between them and the kernel's own buffers with no copy in between. Every call answers
 * one number: ≥ 0 a result, < 0 a negated `Errno`. An I/O error is such a value and never an
 * exception. No call blocks, but `Kernel.waitFor`, and those of
 * `Poller`, `SignalQueue` and `CompletionQueue` that are made for waiting.
 */
import type { CompletionQueue } from './completion.js';
import type { FileSystem } from './file-system.js';
import type { Poller, PollerName } from './readiness.js';
import type { SignalQueue } from './signal.js';

/**
 * The guest's linear memory. `bytes` is a view of all of it, and is current only until guest code
 * runs again.
 */
export interface GuestMemory {
  readonly bytes: Uint8Array;
  /** The same as words of 32 bits, where it has them. */
  readonly words?: Int32Array;
}

/** No errno: see `ShortMessages`. */
export const NOT_DONE = -0x80000000;

/**
 * A quicker way for messages of one iovec on connections, where a kernel has one. `words`: all
 * of guest memory, of which `iov` and all that is there are checked. NOT_DONE: nothing was done,
 * and it takes `recv` or `send`, without flags, to do it.
 */
export interface ShortMessages {
  /** Receives into one iovec: what `Kernel.recv` answers. */
  receive(handle: number, words: Int32Array, iov: number): number;
  /** Sends one iovec: what `Kernel.send` answers. */
  send(handle: number, words: Int32Array, iov: number): number;
}

/**
 * What a handle is; the numbers are WASI's `filetype`. Pipes are UNKNOWN, for WASI has no name for
 * them.
 */
export const FileType = {
  UNKNOWN: 0,
  BLOCK_DEVICE: 1,
  CHARACTER_DEVICE: 2,
  DIRECTORY: 3,
  REGULAR_FILE: 4,
  SOCKET_DGRAM: 5,
  SOCKET_STREAM: 6,
  SYMBOLIC_LINK: 7,
} as const;
export type FileType = (typeof FileType)[keyof typeof FileType];

/** The clocks; the numbers are WASI's `clockid`, and POSIX's. */
export const Clock = { REALTIME: 0, MONOTONIC: 1, PROCESS_CPUTIME: 2, THREAD_CPUTIME: 3 } as const;
export type Clock = (typeof Clock)[keyof typeof Clock];

/**
 * Flags of `recv`. DATAGRAM: to the number of bytes `CUT_OFF` is added if the datagram was longer,
 * and who sent it is who `send` answers, where the socket is not connected.
 */
export const Receive = { PEEK: 1, WAITALL: 2, DATAGRAM: 4 } as const;
export const CUT_OFF = 2 ** 32;

/** What `shutdown` ends, as a mask. */
export const Shutdown = { RD: 1, WR: 2 } as const;

/** Where `seek` counts from; the numbers are WASI's `whence`. */
export const Whence = { SET: 0, CUR: 1, END: 2 } as const;

/**
 * Indices into what `stat` fills: u64s; times in nanoseconds since 1970. `TYPE` is a `FileType`.
 */
export const Stat = {
  DEV: 0,
  INO: 1,
  TYPE: 2,
  NLINK: 3,
  SIZE: 4,
  ATIME: 5,
  MTIME: 6,
  CTIME: 7,
} as const;
export const STAT_FIELDS = 8;

/**
 * An address of the internet family: `host` is an IP address in its text form, `port` 0 to 65535.
 */
export interface SocketAddress {
  host: string;
  port: number;
}

export interface Kernel {
  /** Says which kernel this is, as the first line of every trace. */
  readonly name: string;

  /** Files and directories. */
  readonly files: FileSystem;

  /** Names the memory that iovecs and offsets lie in, from now on. */
  attach(memory: GuestMemory): void;

  /**
   * A stream socket bound to `address` (port 0: any free one) that listens: a handle, or
   * -EADDRINUSE, -EACCES, …
   */
  listen(address: SocketAddress, backlog: number): number;

  /**
   * A stream socket that begins to connect to `address`: a handle, or -ENETUNREACH, … It is ready
   * for OUT as soon as the outcome is known, which `socketError` tells.
   */
  connect(address: SocketAddress): number;

  /** Takes a socket's pending error (SO_ERROR): 0, or -ECONNREFUSED, -ECONNRESET, … */
  socketError(socket: number): number;

  /**
   * The next connection that waits at `listener`: a handle, -EAGAIN if there is none, or an error
   * of accept(2).
   */
  accept(listener: number): number;

  /** The address that a socket is bound to, or -ENOTSOCK, -EBADF. */
  localAddress(socket: number): SocketAddress | number;

  /**
   * Receives from a socket (recvmsg(2)) into the `iovsCount` iovecs at offset `iovs`. Answers a
   * number of bytes; 0: the peer has shut down. `flags`: `Receive`. -EAGAIN: nothing is there;
   * -EFAULT: a buffer lies outside of guest memory. The first `skip` bytes of the buffers are left
   * out: they hold what earlier calls received.
   */
  recv(socket: number, iovs: number, iovsCount: number, flags: number, skip: number): number;

  /**
   * Sends to a socket (sendmsg(2)): a number of bytes, maybe fewer than given. A closed peer:
   * -EPIPE, never SIGPIPE. The first `skip` bytes of the buffers are left out: earlier calls sent
   * them.
   */
  send(socket: number, iovs: number, iovsCount: number, skip: number): number;

  readonly short?: ShortMessages | undefined;

  /** Shuts down one half of a connection, or both: a mask of `Shutdown`. */
  shutdown(socket: number, how: number): number;

  /**
   * Takes a listener out of service: its address is free again, nothing is ever ready on it, accept
   * is -EAGAIN.
   */
  retire(listener: number): number;

  /** A pipe: fills `ends` with the handles of its read and its write end. */
  pipe(ends: Int32Array): number;

  /**
   * Reads from a file, pipe or terminal (readv(2)); -EAGAIN instead of waiting, whatever the
   * handle's own mode.
   */
  readv(handle: number, iovs: number, iovsCount: number): number;

  /**
   * Writes to a file, pipe or terminal (writev(2)); -EAGAIN instead of waiting, whatever the
   * handle's own mode. The first `skip` bytes of the buffers are left out: earlier calls wrote
   * them.
   */
  writev(handle: number, iovs: number, iovsCount: number, skip: number): number;

  /** Moves the offset of a file; answers the new one, in bytes from its start. */
  seek(handle: number, offset: bigint, whence: number): number;

  /** Fills `stat` (`STAT_FIELDS` u64s, indices: `Stat`). */
  stat(handle: number, stat: BigUint64Array): number;

  /** How many bytes could be read at once (FIONREAD). */
  readable(handle: number): number;

  close(handle: number): number;

  /**
   * Waits until `handle` is ready for `interest` (`Readiness`), at most `timeoutNs` nanoseconds
   * (Infinity: for ever). Answers the mask of what is ready, 0 when time ran out, or -EINTR:
   * interrupted, or `wake` was called.
   */
  waitFor(handle: number, interest: number, timeoutNs: number): number;

  /** A new interest set; throws `HostError` where there cannot be another. */
  poller(name: PollerName): Poller;

  /** The queue of signals, which is open from its first use on. */
  signals(): SignalQueue;

  /**
   * The queue of operations in flight, which is open from the first call on; throws `HostError`
   * where there cannot be one, `UsageError` where the choice of what does the work is none.
   */
  completions(): CompletionQueue;

  /**
   * Ends the wait that goes on now, or else the next one. The only verb that may be called from
   * another thread.
   */
  wake(): void;

  /** Makes waits possible again after a `wake`. */
  awake(): void;

  /** The time of a clock in nanoseconds; 0n for a clock that the kernel lacks. */
  now(clock: Clock): bigint;

  /** The resolution of a clock in nanoseconds. */
  resolution(clock: Clock): bigint;

  /** Fills guest memory with random bytes: 0, or -EFAULT. */
  random(offset: number, length: number): number;

  /**
   * A fault point of the guest's own, with the `length` bytes of memory at `label` for a name: 1 if
   * its fault shall happen now, which it does in a simulated world only, and 0 otherwise.
   */
  maybe(label: number, length: number): number;

  /** Lets another thread run (sched_yield(2)). */
  yield(): void;

  /** Closes every handle, every poller, and the queues of signals and of operations. */
  dispose(): void;
}
