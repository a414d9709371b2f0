/**
 * Operations in flight on Linux, by native/completion.c: with io_uring, or with a few threads where
 * a container forbids it. `POLLUX_ASYNC` chooses; by default it is io_uring if it can be had.
 */
import { NOTES, Opcode, TARGET, type CompletionQueue } from '../kernel/completion.js';
import { Errno, errnoName } from '../kernel/errno.js';
import { HostError, UsageError } from '../kernel/error.js';
import type { GuestMemory } from '../kernel/kernel.js';
import type { Addon } from './addon.js';
import { LONGEST_WAIT_NS } from './slices.js';

/** What POLLUX_ASYNC may say, and what is tried then, in order. */
const engines = new Map([
  ['', ['io_uring', 'threads']],
  ['uring', ['io_uring']],
  ['threads', ['threads']],
]);
/** Of the header of `notes`: all but ROOM is the addon's, which wants zeros at first. */
const TAKEN = 2;
const USED_BYTES = 3;
/** In that header, as an answer: the time of a slice is over, and another may follow. */
const SHORT = 4;

/** What a queue needs of its kernel. */
export interface Owner {
  memory(): GuestMemory;
  /** A handle that is new. */
  keep(handle: number): void;
  /** A handle that is closed already. */
  forget(handle: number): void;
}

/** Whether io_uring may be used at all. Throws as `wanted` does. */
export function mayUseRings(): boolean {
  return wanted().includes('io_uring');
}

/** The engines to try. Throws `UsageError` if POLLUX_ASYNC is none of its words. */
function wanted(): readonly string[] {
  const word = process.env['POLLUX_ASYNC'] ?? '';
  const names = engines.get(word);
  if (names) return names;
  throw new UsageError(
    `POLLUX_ASYNC is "${word}": it must be "uring" or "threads", or not be set at all`,
  );
}

export class LinuxCompletions implements CompletionQueue {
  readonly name: string;
  readonly #native: Addon;
  readonly #owner: Owner;
  #number = -1;

  /** Tries `names` in order; throws `HostError` if none can be had. */
  constructor(native: Addon, wake: number, owner: Owner, names = wanted()) {
    this.#native = native;
    this.#owner = owner;
    const opened = names.find((name) => (this.#number = native.queueOpen(name, wake)) >= 0);
    if (opened === undefined) {
      const reason = errnoName(this.#number);
      throw new HostError(`asynchronous I/O by ${names.join(' or ')} cannot be had: ${reason}`);
    }
    this.name = opened;
  }

  submit(operations: number, count: number, targets: Int32Array): number {
    const { bytes } = this.#owner.memory();
    const taken = this.#native.queueSubmit(this.#number, bytes, operations, count, targets);
    for (let at = 0; at < taken * TARGET.SIZE; at += TARGET.SIZE) {
      if (targets[at + TARGET.OPCODE] === Opcode.CLOSE && targets[at + TARGET.HANDLE]! >= 0) {
        this.#owner.forget(targets[at + TARGET.HANDLE]!);
      }
    }
    return taken;
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
    const { bytes } = this.#owner.memory();
    notes[NOTES.COUNT] = 0;
    notes[TAKEN] = 0;
    notes[USED_BYTES] = 0;
    let count: number;
    for (let leftNs = timeoutNs; ; leftNs -= LONGEST_WAIT_NS) {
      count = this.#native.queueReap(
        this.#number,
        bytes,
        completions,
        max,
        buffer,
        bufferBytes,
        min,
        Math.min(leftNs, LONGEST_WAIT_NS),
        notes,
      );
      if (count < 0 || leftNs <= LONGEST_WAIT_NS || notes[SHORT] === 0) break;
    }
    for (let i = 0, at: number = NOTES.HEADER; i < notes[NOTES.COUNT]!; i++, at += NOTES.SIZE) {
      if (notes[at + NOTES.RESULT]! >= 0) this.#owner.keep(notes[at + NOTES.RESULT]!);
    }
    return count;
  }

  close(): void {
    this.#native.queueClose(this.#number);
    this.#number = -Errno.EBADF; // which is no queue: the number may soon be another's
  }
}
