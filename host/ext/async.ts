/**
 * Asynchronous I/O: submit and reap. Operations and completions stay in guest memory, where the
 * kernel reads and writes them itself; what is done here is what only a table of descriptors can:
 * each operation gets its handle, each accepted connection its number, each error its errno.
 */
import {
  COMPLETION,
  NOTES,
  Opcode,
  OPERATION,
  RECV_BYTES,
  TARGET,
  type CompletionQueue,
} from '../kernel/completion.js';
import { Errno } from '../kernel/errno.js';
import { Descriptor, Right } from '../wasi/descriptors.js';
import { WasiErrno, wasiErrno } from '../wasi/errno.js';
import type { Process } from '../wasi/process.js';
import { Timeout } from './timeout.js';

/** Operations that go to the kernel at once; a longer submission goes in several. */
const BATCH = 1024;
/** Of one reap: those that a word must be said about. */
const MAX_NOTES = 512;
/** What the kernel passes through: from here on, errnos of WASI that no kernel has. */
const BEYOND_ERRNO = 4096;

class Asynchronous {
  readonly #process: Process;
  readonly #timeout: Timeout;
  readonly #targets = new Int32Array(BATCH * TARGET.SIZE);
  readonly #notes = new Int32Array(NOTES.HEADER + MAX_NOTES * NOTES.SIZE);
  /** By handle: the listeners that connections were asked of. */
  readonly #listeners = new Map<number, Descriptor>();
  /** Of one batch: what its CLOSEs have taken from the table. */
  readonly #closing: { index: number; fd: number; descriptor: Descriptor }[] = [];
  #queue: CompletionQueue | undefined;

  constructor(process: Process) {
    this.#process = process;
    this.#timeout = new Timeout(process);
  }

  submit(operations: number, count: number, acceptedOut: number): number {
    operations >>>= 0;
    count >>>= 0;
    acceptedOut >>>= 0;
    const { memory } = this.#process;
    if (!memory.holds(operations, count * OPERATION.SIZE)) return WasiErrno.FAULT;
    if (!memory.holds(acceptedOut, 4)) return WasiErrno.FAULT;
    const queue = (this.#queue ??= this.#process.kernel.completions());
    let taken = 0;
    let batch = 0;
    for (let wanted = 0; taken < count && batch === wanted; taken += batch) {
      wanted = Math.min(count - taken, BATCH);
      const at = operations + taken * OPERATION.SIZE;
      for (let i = 0; i < wanted; i++) this.#aim(at + i * OPERATION.SIZE, i);
      batch = Math.max(queue.submit(at, wanted, this.#targets), 0);
      if (this.#closing.length > 0) this.#finishClosing(batch);
    }
    memory.setU32(acceptedOut, taken);
    return WasiErrno.SUCCESS;
  }

  reap(
    completions: number,
    max: number,
    buffer: number,
    length: number,
    min: number,
    timeout: bigint,
    countOut: number,
  ): number {
    completions >>>= 0;
    max >>>= 0;
    buffer >>>= 0;
    length >>>= 0;
    countOut >>>= 0;
    const { memory, descriptors, kernel } = this.#process;
    if (max === 0 || length < RECV_BYTES) return WasiErrno.INVAL;
    if (!memory.holds(completions, max * COMPLETION.SIZE)) return WasiErrno.FAULT;
    if (!memory.holds(buffer, length) || !memory.holds(countOut, 4)) return WasiErrno.FAULT;
    const queue = (this.#queue ??= kernel.completions());
    const notes = this.#notes;
    let leftNs = min === 0 ? 0 : this.#timeout.begin(timeout);
    for (;;) {
      notes[NOTES.ROOM] = descriptors.room;
      const count = queue.reap(completions, max, buffer, length, min >>> 0, leftNs, notes);
      if (count >= 0) {
        for (let i = 0; i < notes[NOTES.COUNT]!; i++) this.#look(completions, i);
        memory.setU32(countOut, count);
        return WasiErrno.SUCCESS;
      }
      if (count !== -Errno.EINTR) return wasiErrno(count);
      if (this.#process.interrupt()) return WasiErrno.INTR;
      if (min !== 0) leftNs = this.#timeout.leftNs;
    }
  }

  /** Finds what operation `index` of a batch, at `at`, is for. */
  #aim(at: number, index: number): void {
    const { memory } = this.#process;
    const opcode = memory.u8(at + OPERATION.OPCODE);
    this.#targets[index * TARGET.SIZE + TARGET.OPCODE] = opcode;
    this.#targets[index * TARGET.SIZE + TARGET.HANDLE] =
      opcode === Opcode.CLOSE
        ? this.#close(memory.u32(at + OPERATION.FD), index, at)
        : this.#handle(opcode, memory.u32(at + OPERATION.FD));
  }

  #handle(opcode: number, fd: number): number {
    if (opcode < Opcode.ACCEPT || opcode > Opcode.CANCEL) return -Errno.EINVAL;
    if (opcode > Opcode.CLOSE) return -1;
    const descriptor = this.#process.descriptors.get(fd);
    if (!descriptor) return -Errno.EBADF;
    if (!descriptor.socket) return -Errno.ENOTSOCK;
    if (opcode === Opcode.ACCEPT) {
      if (!descriptor.listener && !descriptor.inheriting) return -Errno.EINVAL;
      this.#listeners.set(descriptor.handle, descriptor);
    }
    const right =
      opcode === Opcode.ACCEPT
        ? Right.SOCK_ACCEPT
        : opcode === Opcode.RECV
          ? Right.FD_READ
          : Right.FD_WRITE;
    if (!(descriptor.rights & right)) return -BEYOND_ERRNO - WasiErrno.NOTCAPABLE;
    return descriptor.handle;
  }

  #close(fd: number, index: number, at: number): number {
    const { descriptors, memory } = this.#process;
    if (memory.u8(at + OPERATION.FLAGS) !== 0) return -Errno.EINVAL;
    const descriptor = descriptors.detach(fd);
    if (!descriptor) return -Errno.EBADF;
    this.#closing.push({ index, fd, descriptor });
    // An interest set is no handle of the kernel's, and its CLOSE nothing but a completion with 0.
    return descriptor.handle < 0 ? -BEYOND_ERRNO : descriptor.handle;
  }

  /** A batch is over: `taken` of its operations were taken, and what others wanted closed stays. */
  #finishClosing(taken: number): void {
    const { descriptors, kernel } = this.#process;
    const closing = this.#closing.splice(0);
    for (const { index, fd, descriptor } of closing) {
      if (index >= taken) descriptors.attach(fd, descriptor);
    }
    for (const { index, descriptor } of closing) {
      if (index >= taken) continue;
      if (descriptor.handle < 0) descriptor.close(kernel);
      descriptors.closed(descriptor);
    }
  }

  /** Gives the guest its own numbers in place of the kernel's. */
  #look(completions: number, note: number): void {
    const { memory, descriptors } = this.#process;
    const at = NOTES.HEADER + note * NOTES.SIZE;
    const result = this.#notes[at + NOTES.RESULT]!;
    let own: number;
    if (result <= -BEYOND_ERRNO) {
      own = result + BEYOND_ERRNO;
    } else if (result < 0) {
      own = -wasiErrno(result);
    } else {
      const listener = this.#listeners.get(this.#notes[at + NOTES.HANDLE]!)!;
      const connection = Descriptor.connection(result, true);
      connection.rights &= listener.inheriting;
      connection.accepted = true;
      own = descriptors.add(connection);
    }
    const index = this.#notes[at + NOTES.INDEX]!;
    memory.setU32(completions + index * COMPLETION.SIZE + COMPLETION.RESULT, own);
  }
}

export const asynchronous = (process: Process) => {
  const family = new Asynchronous(process);
  return { submit: family.submit.bind(family), reap: family.reap.bind(family) };
};
