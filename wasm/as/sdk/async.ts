// Asynchronous I/O, of module "pollux": operations are submitted, and tell when they are done; the
// guest is in neither phase of them. wasm/c/include/pollux.h says the ABI.
//
//     const io = new Async();
//     io.accept(listener, 0);
//     for (;;) {
//       for (let i = 0, done = io.wait(); i < done; i++) {
//         if (io.result(i) < 0) ...
//       }
//     }
import { EAGAIN } from "./errno";
import { reap, submit } from "./pollux";

/** What an operation is, and what `opcode` answers. */
export const ACCEPT: u8 = 1;
export const RECV: u8 = 2;
export const SEND: u8 = 3;
export const CLOSE: u8 = 4;
export const TIMEOUT: u8 = 5;
export const CANCEL: u8 = 6;

/** No completion of a RECV has more bytes than this. */
export const RECV_BYTES: u32 = 16384;

const MULTISHOT: u8 = 1;
const MORE: u8 = 1;

const OPERATION: i32 = 32;
const COMPLETION: i32 = 24;
const MOST_OPERATIONS: u32 = 256;
/** How long a wait may last when something could not be started. */
const RETRY_NS: i64 = 1_000_000;

const result: usize = memory.data(8, 8);

@final
export class Async {
  private queued: u32 = 0;
  private operations: StaticArray<u8> = new StaticArray<u8>(OPERATION * <i32>MOST_OPERATIONS);
  private max: u32;
  private completions: StaticArray<u8>;
  private buffer: StaticArray<u8>;

  /** One `wait` answers at most `max` completions, with at most `bufferBytes` received. */
  constructor(max: u32 = 256, bufferBytes: u32 = 4 * RECV_BYTES) {
    this.max = max;
    this.completions = new StaticArray<u8>(COMPLETION * <i32>(max + MOST_OPERATIONS));
    this.buffer = new StaticArray<u8>(<i32>bufferBytes);
  }

  /** Connections, again and again until an error or `cancel`. Result: a non-blocking descriptor. */
  accept(listener: i32, userdata: u64): i32 {
    return this.queue(ACCEPT, MULTISHOT, listener, 0, 0, 0, userdata);
  }

  /** What comes next, at most `length` bytes (0: no limit). Result: bytes, 0 at the end. */
  recv(fd: i32, userdata: u64, length: u32 = 0): i32 {
    return this.queue(RECV, 0, fd, 0, length, 0, userdata);
  }

  /** What comes, again and again until the end, an error or `cancel`. */
  recvEverything(fd: i32, userdata: u64): i32 {
    return this.queue(RECV, MULTISHOT, fd, 0, 0, 0, userdata);
  }

  /** Result: how many bytes were sent, maybe fewer. They must stay as they are until `wait`. */
  send(fd: i32, bytes: usize, length: u32, userdata: u64): i32 {
    return this.queue(SEND, 0, fd, bytes, length, 0, userdata);
  }

  /** Gives the descriptor back when its turn comes. Result: 0. */
  close(fd: i32, userdata: u64): i32 {
    return this.queue(CLOSE, 0, fd, 0, 0, 0, userdata);
  }

  /** Result: -ETIMEDOUT, when it is over. */
  timeout(ns: i64, userdata: u64): i32 {
    return this.queue(TIMEOUT, 0, 0, 0, 0, ns, userdata);
  }

  /** Result: 0, or -ENOENT; what was submitted with `target` completes with -ECANCELED. */
  cancel(target: u64, userdata: u64): i32 {
    return this.queue(CANCEL, 0, 0, 0, 0, target, userdata);
  }

  /**
   * Starts what was asked for since the last time, which `wait` does anyway. How many operations
   * are still to be started, because too many are in flight; or a negated errno.
   */
  submit(): i32 {
    if (this.queued == 0) return 0;
    const from = changetype<usize>(this.operations);
    const errno = submit(from, this.queued, result);
    if (errno != 0) return -errno;
    const accepted = load<u32>(result);
    this.queued -= accepted;
    memory.copy(from, from + accepted * OPERATION, this.queued * OPERATION);
    return <i32>this.queued;
  }

  /**
   * Submits, and takes what is done: how many completions, after waiting for the first one; 0 when
   * `timeoutNs` ran out (0: only looks; negative: for ever); or a negated errno.
   *
   * What could not be started, because too much is in flight, is among them, with -EAGAIN: it may
   * be asked for again.
   */
  wait(timeoutNs: i64 = -1): i32 {
    const refused = this.submit();
    if (refused < 0) return refused;
    for (let i = 0; i < refused; i++) this.refuse(i);
    this.queued = 0;
    if (refused > 0 && (timeoutNs < 0 || timeoutNs > RETRY_NS)) timeoutNs = RETRY_NS;
    const errno = reap(
      this.completion(refused),
      this.max,
      changetype<usize>(this.buffer),
      <u32>this.buffer.length,
      timeoutNs == 0 ? 0 : 1,
      timeoutNs,
      result,
    );
    if (errno != 0) return refused > 0 ? refused : -errno;
    return refused + load<i32>(result);
  }

  /** The number that was given with the operation of completion `i`. */
  userdata(i: i32): u64 {
    return load<u64>(this.completion(i));
  }

  /** Its result, or a negated errno. */
  result(i: i32): i32 {
    return load<i32>(this.completion(i), 8);
  }

  /** True if the operation goes on: there will be another completion of it. */
  more(i: i32): bool {
    return (load<u8>(this.completion(i), 12) & MORE) != 0;
  }

  /** ACCEPT, RECV, ... */
  opcode(i: i32): u8 {
    return load<u8>(this.completion(i), 13);
  }

  /** Where the bytes of a RECV are, until the next `wait`. */
  bytes(i: i32): usize {
    return changetype<usize>(this.buffer) + load<u32>(this.completion(i), 16);
  }

  private completion(i: i32): usize {
    return changetype<usize>(this.completions) + i * COMPLETION;
  }

  /** Makes a completion of operation `i`, which was not started. */
  private refuse(i: i32): void {
    const operation = changetype<usize>(this.operations) + i * OPERATION;
    const completion = this.completion(i);
    store<u64>(completion, load<u64>(operation));
    store<i32>(completion, -EAGAIN, 8);
    store<u8>(completion, 0, 12);
    store<u8>(completion, load<u8>(operation, 8), 13);
  }

  private queue(
    opcode: u8,
    flags: u8,
    fd: i32,
    bytes: usize,
    length: u32,
    argument: u64,
    userdata: u64,
  ): i32 {
    if (this.queued == MOST_OPERATIONS) {
      const waiting = this.submit();
      if (waiting < 0) return waiting;
      if (this.queued == MOST_OPERATIONS) return -EAGAIN;
    }
    const at = changetype<usize>(this.operations) + this.queued++ * OPERATION;
    store<u64>(at, userdata);
    store<u8>(at, opcode, 8);
    store<u8>(at, flags, 9);
    store<u16>(at, 0, 10);
    store<i32>(at, fd, 12);
    store<u32>(at, <u32>bytes, 16);
    store<u32>(at, length, 20);
    store<u64>(at, argument, 24);
    return 0;
  }
}
