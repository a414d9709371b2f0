/**
 * The kernel as a guest's thread has it: each verb is asked of the world's thread, which answers
 * when it is its time. The guest's memory is shared, so that no byte of it goes this way.
 */
import { NOTES, TARGET, type CompletionQueue } from '../../../host/kernel/completion.js';
import type { FileSystem } from '../../../host/kernel/file-system.js';
import type { Clock, Kernel, SocketAddress } from '../../../host/kernel/kernel.js';
import {
  EVENT_STRIDE,
  pollerNames,
  type Poller,
  type PollerName,
} from '../../../host/kernel/readiness.js';
import type { SignalQueue } from '../../../host/kernel/signal.js';
import { LAYOUT, Said, Turn, verbs, type Shared, type Verb } from './verb.js';

/** What a verb throws when the run is over. */
export const ABORTED = Symbol('aborted');

const numberOf = Object.fromEntries(verbs.map((verb, i) => [verb, i])) as Record<Verb, number>;

export class ProxyKernel implements Kernel {
  readonly name = 'sim';
  readonly files = {} as FileSystem; // none yet
  readonly shared: Shared;
  /** How long the guest's memory is now. */
  memoryBytes: () => number = () => 0;

  constructor(shared: Shared) {
    this.shared = shared;
  }

  /** A call of the guest begins; mostly the world need not know before it asks for something. */
  begin(): void {
    const { control } = this.shared;
    if (control[LAYOUT.IDLING] !== 0) this.#say(Said.CALL);
    control[LAYOUT.FIRST] = 1;
  }

  /** Asks the world: a number. */
  ask(verb: Verb, ...args: number[]): number {
    const { control, numbers, clock } = this.shared;
    numbers.set(args);
    clock[1] = this.memoryBytes();
    control[LAYOUT.VERB] = numberOf[verb];
    this.#say(Said.VERB);
    control[LAYOUT.FIRST] = 0;
    return numbers[0]!;
  }

  /** Says it to the world, and waits until that has answered. */
  #say(said: number): void {
    const { control } = this.shared;
    control[LAYOUT.SAID] = said;
    // oxlint-disable-next-line typescript/only-throw-error
    if (control[LAYOUT.ABORT] !== 0) throw ABORTED;
    this.shared.pass(Turn.WORLD);
    // oxlint-disable-next-line typescript/only-throw-error
    if (control[LAYOUT.ABORT] !== 0) throw ABORTED;
  }

  /** The memory is handed over when it is there. */
  attach(): void {}

  listen(address: SocketAddress, backlog: number): number {
    return this.ask('listen', this.shared.setText(address.host), address.port, backlog);
  }

  connect(address: SocketAddress): number {
    return this.ask('connect', this.shared.setText(address.host), address.port);
  }

  socketError(socket: number): number {
    return this.ask('socketError', socket);
  }

  accept(listener: number): number {
    return this.ask('accept', listener);
  }

  localAddress(socket: number): SocketAddress | number {
    const length = this.ask('localAddress', socket);
    return length < 0 ? length : (JSON.parse(this.shared.text(length)) as SocketAddress);
  }

  recv(socket: number, iovs: number, iovsCount: number, flags: number, skip: number): number {
    return this.ask('recv', socket, iovs, iovsCount, flags, skip);
  }

  send(socket: number, iovs: number, iovsCount: number, skip: number): number {
    return this.ask('send', socket, iovs, iovsCount, skip);
  }

  shutdown(socket: number, how: number): number {
    return this.ask('shutdown', socket, how);
  }

  retire(listener: number): number {
    return this.ask('retire', listener);
  }

  pipe(ends: Int32Array): number {
    const result = this.ask('pipe');
    ends.set(this.shared.words.subarray(0, 2));
    return result;
  }

  readv(handle: number, iovs: number, iovsCount: number): number {
    return this.ask('readv', handle, iovs, iovsCount);
  }

  writev(handle: number, iovs: number, iovsCount: number, skip: number): number {
    return this.ask('writev', handle, iovs, iovsCount, skip);
  }

  seek(handle: number, offset: bigint, whence: number): number {
    this.shared.big[0] = offset;
    return this.ask('seek', handle, whence);
  }

  stat(handle: number, stat: BigUint64Array): number {
    const result = this.ask('stat', handle);
    stat.set(new BigUint64Array(this.shared.words.buffer, LAYOUT.WORDS, stat.length));
    return result;
  }

  readable(handle: number): number {
    return this.ask('readable', handle);
  }

  close(handle: number): number {
    return this.ask('close', handle);
  }

  waitFor(handle: number, interest: number, timeoutNs: number): number {
    return this.ask('waitFor', handle, interest, timeoutNs);
  }

  poller(name: PollerName): Poller {
    const number = this.ask('poller', pollerNames.indexOf(name));
    const { words } = this.shared;
    return {
      name,
      set: (...args) => this.ask('pollerSet', number, ...args),
      remove: (handle) => this.ask('pollerRemove', number, handle),
      wait: (events, timeoutNs) => {
        const most = Math.min(events.length, words.length);
        const count = this.ask('pollerWait', number, most, timeoutNs);
        if (count > 0) events.set(words.subarray(0, count * EVENT_STRIDE));
        return count;
      },
      close: () => void this.ask('pollerClose', number),
    };
  }

  signals(): SignalQueue {
    const { words } = this.shared;
    return {
      arm: (handle, on) => this.ask('signalArm', handle, Number(on)),
      wait: (signals, timeoutNs) => {
        const most = Math.min(signals.length, words.length);
        const count = this.ask('signalWait', most, timeoutNs);
        signals.set(words.subarray(0, most));
        return count;
      },
      close: () => void this.ask('signalClose'),
    };
  }

  completions(): CompletionQueue {
    const { words } = this.shared;
    return {
      name: 'sim',
      submit: (operations, count, targets) => {
        words.set(targets.subarray(0, count * TARGET.SIZE));
        return this.ask('submit', operations, count);
      },
      reap: (completions, max, buffer, bufferBytes, min, timeoutNs, notes) => {
        const { length } = notes;
        words[NOTES.ROOM] = notes[NOTES.ROOM]!;
        const where = [completions, max, buffer, bufferBytes] as const;
        const count = this.ask('reap', ...where, min, timeoutNs, length);
        notes.set(words.subarray(0, length));
        return count;
      },
      close: () => void this.ask('completionClose'),
    };
  }

  wake(): void {
    this.ask('wake');
  }

  awake(): void {
    this.ask('awake');
  }

  now(clock: Clock): bigint {
    this.ask('now', clock);
    return this.shared.big[0]!;
  }

  resolution(clock: Clock): bigint {
    this.ask('resolution', clock);
    return this.shared.big[0]!;
  }

  random(offset: number, length: number): number {
    return this.ask('random', offset, length);
  }

  maybe(label: number, length: number): number {
    return this.ask('maybe', label, length);
  }

  yield(): void {
    this.ask('yield');
  }

  /** The world disposes of its kernels itself. */
  dispose(): void {}
}
