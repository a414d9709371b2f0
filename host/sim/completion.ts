/**
 * The queue of operations in flight of one machine, as wasm/c/include/pollux.h has it: operations
 * are read from guest memory, and completions written to it. Every number of the guest's is checked
 * against the memory as it is now. What becomes of the operations is flight.ts's matter.
 */
import {
  COMPLETION,
  CompletionFlag,
  NOTES,
  Opcode,
  OPERATION,
  OperationFlag,
  RECV_BYTES,
  TARGET,
  type CompletionQueue,
} from '../kernel/completion.js';
import { Errno } from '../kernel/errno.js';
import { Flight, MOST_BYTES_IN_FLIGHT, MOST_SEND_BYTES } from './flight.js';
import { copy, word } from './iovec.js';
import type { Operation } from './operation.js';
import type { SimKernel } from './sim-kernel.js';
import type { Waiting } from './world.js';

const RESERVED = 10;

export class SimCompletions implements CompletionQueue, Waiting {
  readonly name = 'sim';
  readonly flight: Flight;
  readonly #kernel: SimKernel;
  #closed = false;
  // The reap that goes on.
  #completions = 0;
  #count = 0;
  #buffer = 0;
  #room = 0;
  #used = 0;
  #notes: Int32Array = new Int32Array(0);
  #deadlineNs = 0;

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
    this.flight = new Flight(kernel);
  }

  submit(operations: number, count: number, targets: Int32Array): number {
    this.#kernel.charge();
    if (this.#closed) return -Errno.EBADF;
    if (operations + count * OPERATION.SIZE > this.#kernel.bytes.length) return -Errno.EFAULT;
    if (count * TARGET.SIZE > targets.length) return -Errno.EFAULT;
    let taken = 0;
    while (taken < count) {
      const opcode = targets[taken * TARGET.SIZE + TARGET.OPCODE]!;
      const handle = targets[taken * TARGET.SIZE + TARGET.HANDLE]!;
      const known = opcode === (opcode & 0xff) ? opcode : 0;
      if (!this.#submit(operations + taken * OPERATION.SIZE, known, handle)) break;
      taken++;
    }
    this.flight.goOn();
    if (taken > 0) this.#kernel.world.progress();
    return taken;
  }

  /** Begins one operation: false if there is no room for it. */
  #submit(at: number, opcode: number, handle: number): boolean {
    const { flight } = this;
    const { bytes } = this.#kernel;
    if (opcode === Opcode.SEND && flight.bytesInFlight + MOST_SEND_BYTES > MOST_BYTES_IN_FLIGHT)
      return false;
    const operation = flight.take(opcode);
    if (operation === undefined) return false;
    operation.userdataLow = word(bytes, at + OPERATION.USERDATA);
    operation.userdataHigh = word(bytes, at + OPERATION.USERDATA + 4);
    const free = opcode === Opcode.TIMEOUT || opcode === Opcode.CANCEL;
    const result = handle < 0 && !free ? handle : this.#prepare(operation, at, handle);
    if (result < 0) {
      flight.settle(operation, result);
    } else if (opcode === Opcode.CLOSE) {
      flight.settle(operation, this.#kernel.end(handle));
    } else if (opcode === Opcode.CANCEL) {
      const low = word(bytes, at + OPERATION.ARGUMENT);
      flight.cancel(operation, low, word(bytes, at + OPERATION.ARGUMENT + 4));
    } else {
      flight.begin(operation);
    }
    return true;
  }

  /** What an operation needs before it can begin: 0, or the errno that it completes with. */
  #prepare(operation: Operation, at: number, handle: number): number {
    const { flight } = this;
    const { bytes } = this.#kernel;
    const { opcode } = operation;
    const flags = bytes[at + OPERATION.FLAGS]!;
    const repeats = opcode === Opcode.ACCEPT || opcode === Opcode.RECV;
    const reserved = bytes[at + RESERVED]! | bytes[at + RESERVED + 1]!;
    const wrong = reserved !== 0 || (flags & ~(repeats ? OperationFlag.MULTISHOT : 0)) !== 0;
    // The handle of a CLOSE is no longer the caller's, whatever else it says.
    if (opcode === Opcode.CLOSE) return 0;
    if (wrong || opcode < Opcode.ACCEPT || opcode > Opcode.CANCEL) return -Errno.EINVAL;
    operation.multishot = (flags & OperationFlag.MULTISHOT) !== 0;
    operation.length = word(bytes, at + OPERATION.LENGTH);
    if (opcode === Opcode.TIMEOUT) {
      const low = word(bytes, at + OPERATION.ARGUMENT);
      operation.from = word(bytes, at + OPERATION.ARGUMENT + 4) * 2 ** 32 + low;
      return 0;
    }
    if (opcode === Opcode.CANCEL) return 0;
    const channel = flight.channel(handle);
    if (channel === undefined) return -Errno.EBADF;
    if (opcode === Opcode.SEND) {
      operation.from = word(bytes, at + OPERATION.BYTES);
      if (operation.from + operation.length > bytes.length) return -Errno.EFAULT;
      operation.length = Math.min(operation.length, MOST_SEND_BYTES);
      flight.bytesInFlight += operation.length;
    }
    operation.channel = channel;
    return 0;
  }

  reap(
    completions: number,
    max: number,
    buffer: number,
    bufferBytes: number,
    min: number,
    timeoutNs: number,
    notes: Int32Array,
  ): number {
    const kernel = this.#kernel;
    const { world } = kernel;
    const { length } = kernel.bytes;
    kernel.charge();
    if (kernel.suspension?.resuming) return this.#go(max, min);
    notes[NOTES.COUNT] = 0;
    if (this.#closed) return -Errno.EBADF;
    if (completions + max * COMPLETION.SIZE > length) return -Errno.EFAULT;
    if (buffer + bufferBytes > length) return -Errno.EFAULT;
    if (max === 0 || bufferBytes < RECV_BYTES) return -Errno.EINVAL;
    if (notes.length < NOTES.HEADER + NOTES.SIZE) return -Errno.EINVAL;
    this.#completions = completions;
    this.#count = 0;
    this.#buffer = buffer;
    this.#room = bufferBytes;
    this.#used = 0;
    this.#notes = notes;
    this.#deadlineNs = world.now + (min > 0 ? timeoutNs : 0);
    return this.#go(max, min);
  }

  #go(max: number, min: number): number {
    const kernel = this.#kernel;
    for (;;) {
      // Called again, it goes on where it was left: at the wait.
      if (kernel.suspension?.resuming !== true) {
        const full = this.#tellAll(max);
        if (full || (this.#count > 0 && this.#count >= min)) return this.#count;
      }
      const result = kernel.block(this, this.#deadlineNs - kernel.world.now);
      if (result < 0) return this.#count > 0 ? this.#count : result;
      if (result === 0) return this.#count;
    }
  }

  /** Tells of what is over; true if there is no room for more. */
  #tellAll(max: number): boolean {
    const { flight } = this;
    const mostNotes = Math.floor((this.#notes.length - NOTES.HEADER) / NOTES.SIZE);
    flight.goOn();
    while (flight.over > 0) {
      if (this.#count === max || this.#notes[NOTES.COUNT] === mostNotes) return true;
      if (!this.#deliver()) return true;
    }
    return this.#count === max;
  }

  /** Tells of one operation that is over, and sees to what becomes of it; false: no room. */
  #deliver(): boolean {
    const { flight } = this;
    const overtaken = flight.overtakes();
    const operation = flight.peek(overtaken);
    const received = operation.opcode === Opcode.RECV && operation.result > 0;
    const offset = received ? this.#used : 0;
    if (received && operation.result > this.#room - this.#used) return false;
    flight.pull(overtaken);
    if (received) {
      const { bytes } = this.#kernel;
      copy(operation.bytes!, 0, bytes, this.#buffer + offset, operation.result);
      this.#used += operation.result;
      flight.giveBack(operation);
    }
    const result =
      operation.connection === undefined ? operation.result : this.#accepted(operation);
    const accepted = operation.opcode === Opcode.ACCEPT && result >= 0;
    const more = operation.multishot && (received || accepted);
    this.#tell(operation, result, more, offset);
    if (more) flight.again(operation);
    else flight.finish(operation, result);
    return true;
  }

  /** A connection: the guest's, if it has room for it; or else kept for its next ACCEPT. */
  #accepted(operation: Operation): number {
    const connection = operation.connection!;
    operation.connection = undefined;
    if (this.#notes[NOTES.ROOM]! > 0) {
      const handle = this.#kernel.open(connection);
      if (handle >= 0) {
        this.#notes[NOTES.ROOM]!--;
        return handle;
      }
    }
    operation.channel!.parked.push(connection);
    return -Errno.EMFILE;
  }

  /** Writes one completion, and takes note of it if the caller must look at it. */
  #tell(operation: Operation, result: number, more: boolean, offset: number): void {
    const { bytes } = this.#kernel;
    const index = this.#count++;
    const at = this.#completions + index * COMPLETION.SIZE;
    bytes.fill(0, at, at + COMPLETION.SIZE);
    put(bytes, at + COMPLETION.USERDATA, operation.userdataLow);
    put(bytes, at + COMPLETION.USERDATA + 4, operation.userdataHigh);
    put(bytes, at + COMPLETION.RESULT, result);
    bytes[at + COMPLETION.FLAGS] = more ? CompletionFlag.MORE : 0;
    bytes[at + COMPLETION.OPCODE] = operation.opcode;
    put(bytes, at + COMPLETION.OFFSET, offset);
    if (result >= 0 && operation.opcode !== Opcode.ACCEPT) return;
    const notes = this.#notes;
    const note = NOTES.HEADER + notes[NOTES.COUNT]!++ * NOTES.SIZE;
    notes[note + NOTES.INDEX] = index;
    notes[note + NOTES.RESULT] = result;
    notes[note + NOTES.HANDLE] = operation.channel?.handle ?? -1;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.flight.close();
  }

  ready(): number {
    if (this.#kernel.wakeFile.on) return -Errno.EINTR;
    return this.flight.stirring;
  }

  waitsFor(): string {
    const { handles } = this.flight;
    return handles.length === 0
      ? 'a completion, and nothing is in flight'
      : `a completion of what is in flight on handle ${handles.join(', ')}`;
  }
}

function put(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
