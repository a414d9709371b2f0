/**
 * The real kernel behind the waist: Linux, by way of the addon. A handle is a descriptor of the
 * process. It decides nothing: what a verb means is said in host/kernel/kernel.ts, how it is done
 * in native/*.c.
 */
import { Errno, errnoName } from '../kernel/errno.js';
import { HostError } from '../kernel/error.js';
import {
  FileType,
  NOT_DONE,
  Stat,
  STAT_FIELDS,
  type Clock,
  type GuestMemory,
  type Kernel,
  type SocketAddress,
} from '../kernel/kernel.js';
import type { Poller, PollerName } from '../kernel/readiness.js';
import { addon, type Addon } from './addon.js';
import { Ahead } from './ahead.js';
import { LinuxCompletions, mayUseRings } from './linux-completions.js';
import { LinuxFiles, type Resolution } from './linux-files.js';
import { LinuxSignals } from './linux-signals.js';
import { inSlices } from './slices.js';

/** An interest set of Linux; the backend is the addon's. */
export class LinuxPoller implements Poller {
  readonly name: PollerName;
  readonly #native: Addon;
  readonly #siblings: Set<Poller>;
  #number: number;

  /** `siblings`: what it is a member of while it is open. */
  constructor(native: Addon, name: PollerName, wake: number, siblings: Set<Poller>) {
    this.name = name;
    this.#native = native;
    this.#siblings = siblings;
    this.#number = native.pollerOpen(name, wake);
    if (this.#number < 0) {
      const tooHigh = name === 'select' && this.#number === -Errno.EINVAL;
      const reason = tooHigh ? 'it takes no descriptor above 1023' : errnoName(this.#number);
      throw new HostError(`an interest set by ${name} cannot be made: ${reason}`);
    }
    siblings.add(this);
  }

  set(handle: number, interest: number, trigger: number, token: number): number {
    return this.#native.pollerSet(this.#number, handle, interest, trigger, token);
  }

  remove(handle: number): number {
    return this.#native.pollerRemove(this.#number, handle);
  }

  wait(events: Int32Array, timeoutNs: number): number {
    return inSlices(timeoutNs, (sliceNs) => this.#native.pollerWait(this.#number, events, sliceNs));
  }

  close(): void {
    this.#native.pollerClose(this.#number);
    this.#siblings.delete(this);
    this.#number = -1; // which is no set: the number may soon be another's
  }

  /**
   * Calls `callback` from Node's event loop whenever something in the set is ready (epoll only).
   * Answers a function that ends that; until then the loop stays alive.
   */
  watch(callback: () => void): () => void {
    const unwatch = this.#native.watch(this.#number, callback);
    if (typeof unwatch === 'number') {
      throw new HostError(
        `Node's event loop cannot watch a set of ${this.name}: ${errnoName(unwatch)}`,
      );
    }
    return unwatch;
  }
}

/** Kinds of sockets that a process may be started with. */
export const Socket = { LISTENER: 1, STREAM: 2, DATAGRAM: 3 } as const;

export class LinuxKernel implements Kernel {
  readonly name: string = 'linux';
  readonly files: LinuxFiles;
  readonly #native: Addon = addon();
  #wake: number;
  readonly #ownsWake: boolean;
  readonly #handles = new Set<number>();
  readonly #pollers = new Set<Poller>();
  #signals: LinuxSignals | undefined;
  #completions: LinuxCompletions | undefined;
  readonly #retired = new Set<number>();
  /** What was adopted and is no socket: other processes may share it. */
  readonly #foreign = new Set<number>();
  #ahead: Ahead | undefined;
  /** Of memory that has no words of its own. */
  #made = new Int32Array(0);
  #memory: GuestMemory = { bytes: new Uint8Array(0) };

  /**
   * `wake`: the eventfd of a kernel in another thread that shall be able to wake this one. `ahead`:
   * what waits find readable is received at once, which nobody notices but by the time that it
   * takes; for the one kernel of a thread. `calls`: counts the system calls that are made on
   * sockets and to wait, for whoever shares it; for one kernel of a thread too. `paths`: how
   * they are resolved, instead of what the environment says.
   */
  constructor({
    wake,
    ahead = false,
    calls,
    paths,
  }: { wake?: number; ahead?: boolean; calls?: BigUint64Array; paths?: Resolution } = {}) {
    const owner = {
      memory: () => this.#memory,
      keep: (handle: number) => this.#keep(handle),
      foreign: (handle: number) => this.#foreign.has(handle),
    };
    this.files = new LinuxFiles(this.#native, owner, paths);
    this.#ownsWake = wake === undefined;
    this.#wake = wake ?? this.#native.eventOpen();
    if (ahead) this.#ahead = new Ahead(this.#native, mayUseRings());
    if (calls) this.#native.countCalls(calls);
    if (this.#wake < 0) throw new HostError(`an eventfd cannot be made: ${errnoName(this.#wake)}`);
  }

  /**
   * The eventfd that `wake` signals; good in every thread of the process while this kernel lives.
   */
  get wakeHandle(): number {
    return this.#wake;
  }

  attach(memory: GuestMemory): void {
    this.#memory = memory;
  }

  listen(address: SocketAddress, backlog: number): number {
    return this.#keep(this.#native.listen(address.host, address.port, backlog));
  }

  connect(address: SocketAddress): number {
    return this.#keep(this.#native.connect(address.host, address.port));
  }

  socketError(socket: number): number {
    return this.#native.socketError(socket);
  }

  accept(listener: number): number {
    const handle = this.#native.accept(listener);
    if (handle >= 0) return this.#keep(handle);
    return handle === -Errno.ENOTSOCK && this.#retired.has(listener) ? -Errno.EAGAIN : handle;
  }

  localAddress(socket: number): SocketAddress | number {
    return this.#native.localAddress(socket);
  }

  recv(socket: number, iovs: number, iovsCount: number, flags: number, skip: number): number {
    const { bytes } = this.#memory;
    if (iovsCount === 1 && flags === 0 && skip === 0) {
      const received = this.#ahead?.receive(socket, this.#words(), iovs) ?? NOT_DONE;
      if (received !== NOT_DONE) return received;
      return this.#native.recvOne(socket, bytes, iovs);
    }
    return this.#native.recv(socket, bytes, iovs, iovsCount, skip, flags);
  }

  get short(): Ahead | undefined {
    return this.#ahead;
  }

  /** Guest memory as words: its own, where it has them. */
  #words(): Int32Array {
    const { words, bytes } = this.#memory;
    if (words) return words;
    const { buffer, byteOffset, length } = bytes;
    const made = this.#made;
    if (made.buffer !== buffer || made.byteOffset !== byteOffset || made.length !== length >>> 2)
      this.#made = new Int32Array(buffer as ArrayBuffer, byteOffset, length >>> 2);
    return this.#made;
  }

  send(socket: number, iovs: number, iovsCount: number, skip: number): number {
    const sent = this.#send(socket, iovs, iovsCount, skip);
    if (sent !== -Errno.EDESTADDRREQ) return sent;
    return this.#native.answerSender(socket, this.#memory.bytes, iovs, iovsCount, skip);
  }

  #send(socket: number, iovs: number, iovsCount: number, skip: number): number {
    const { bytes } = this.#memory;
    if (iovsCount === 1 && skip === 0) {
      const sent = this.#ahead?.send(socket, this.#words(), iovs) ?? NOT_DONE;
      if (sent !== NOT_DONE) return sent;
      return this.#native.sendOne(socket, bytes, iovs);
    }
    return this.#native.send(socket, bytes, iovs, iovsCount, skip);
  }

  /** A datagram socket: bound to `address`, or connected to it. */
  datagram(address: SocketAddress, bound: boolean): number {
    return this.#keep(this.#native.datagram(address.host, address.port, bound ? 1 : 0));
  }

  /** A stream socket at a path or `@name` of this machine: one that listens, or is connected. */
  local(path: string, backlog: number | undefined): number {
    return this.#keep(this.#native.local(path, backlog ?? -1));
  }

  /** What a descriptor is that this process was started with: a `Socket`, or a negated errno. */
  inherited(descriptor: number): number {
    return this.#native.inherited(descriptor);
  }

  shutdown(socket: number, how: number): number {
    return this.#native.shutdown(socket, how);
  }

  retire(listener: number): number {
    const result = this.#native.retire(listener);
    if (result === 0) this.#retired.add(listener);
    return result;
  }

  pipe(ends: Int32Array): number {
    const result = this.#native.openPipe(ends);
    if (result === 0) {
      this.#keep(ends[0]!);
      this.#keep(ends[1]!);
    }
    return result;
  }

  readv(handle: number, iovs: number, iovsCount: number): number {
    const { bytes } = this.#memory;
    return iovsCount === 1
      ? this.#native.readOne(handle, bytes, iovs)
      : this.#native.readv(handle, bytes, iovs, iovsCount, 0);
  }

  writev(handle: number, iovs: number, iovsCount: number, skip: number): number {
    const { bytes } = this.#memory;
    return iovsCount === 1 && skip === 0
      ? this.#native.writeOne(handle, bytes, iovs)
      : this.#native.writev(handle, bytes, iovs, iovsCount, skip);
  }

  seek(handle: number, offset: bigint, whence: number): number {
    return this.#native.seek(handle, offset, whence);
  }

  stat(handle: number, stat: BigUint64Array): number {
    return this.#native.stat(handle, stat);
  }

  readable(handle: number): number {
    return this.#native.readable(handle);
  }

  close(handle: number): number {
    if (!this.#handles.has(handle)) return -Errno.EBADF;
    this.#forget(handle);
    return this.#native.close(handle);
  }

  waitFor(handle: number, interest: number, timeoutNs: number): number {
    return inSlices(timeoutNs, (sliceNs) =>
      this.#native.waitFor(handle, interest, sliceNs, this.#wake),
    );
  }

  poller(name: PollerName): LinuxPoller {
    return new LinuxPoller(this.#native, name, this.#wake, this.#pollers);
  }

  signals(): LinuxSignals {
    return (this.#signals ??= new LinuxSignals(this.#native, this.#wake, this.#foreign));
  }

  /** `engines`: what to try, in order, instead of what the environment says. */
  completions(engines?: readonly string[]): LinuxCompletions {
    if (this.#completions) return this.#completions;
    const owner = {
      memory: () => this.#memory,
      keep: (handle: number) => this.#keep(handle),
      forget: (handle: number) => this.#forget(handle),
    };
    this.#completions = new LinuxCompletions(this.#native, this.#wake, owner, engines);
    return this.#completions;
  }

  wake(): void {
    this.#native.eventSignal(this.#wake, 1);
  }

  awake(): void {
    this.#native.eventSignal(this.#wake, 0);
  }

  now(clock: Clock): bigint {
    return this.#native.now(clock);
  }

  resolution(clock: Clock): bigint {
    return this.#native.resolution(clock);
  }

  random(offset: number, length: number): number {
    return this.#native.fillRandom(this.#memory.bytes, offset, length);
  }

  maybe(): number {
    return 0;
  }

  yield(): void {
    this.#native.giveWay();
  }

  dispose(): void {
    this.#signals?.close();
    this.#completions?.close();
    for (const poller of this.#pollers) poller.close();
    for (const handle of this.#handles) this.#native.close(handle);
    this.#ahead?.close();
    this.#ahead = undefined;
    this.#handles.clear();
    if (this.#ownsWake) this.#native.close(this.#wake);
    this.#wake = -1; // a wake that comes too late must not reach another descriptor of that number
  }

  /**
   * A handle of this kernel for a descriptor that somebody else opened and may close: a duplicate
   * of it.
   */
  adopt(descriptor: number): number {
    const handle = this.#keep(this.#native.duplicate(descriptor));
    if (handle < 0) return handle;
    const stat = new BigUint64Array(STAT_FIELDS);
    const known = this.#native.stat(handle, stat) === 0;
    const type = known ? Number(stat[Stat.TYPE]) : FileType.UNKNOWN;
    const socket = type === FileType.SOCKET_STREAM || type === FileType.SOCKET_DGRAM;
    if (!socket) this.#foreign.add(handle);
    return handle;
  }

  /** The null device, for a guest that is given no stream. */
  openNull(): number {
    return this.#keep(this.#native.openNull());
  }

  /** Ends this process, whatever it does, when the thread that started it ends. */
  endWithParent(): void {
    this.#native.endWithParent();
  }

  /** What a descriptor was opened for. */
  access(handle: number): { read: boolean; write: boolean } {
    const mode = this.#native.statusFlags(handle) & 3;
    return { read: mode !== 1, write: mode !== 0 };
  }

  /**
   * Gives a handle away: the caller closes the descriptor by other means. -EBUSY while something
   * that was received ahead is to be received yet.
   */
  release(handle: number): number {
    const result = this.#native.release(handle);
    if (result < 0) return result;
    this.#forget(handle);
    return handle;
  }

  #keep(handle: number): number {
    if (handle >= 0) this.#handles.add(handle);
    return handle;
  }

  #forget(handle: number): void {
    this.#handles.delete(handle);
    this.#retired.delete(handle);
    this.#foreign.delete(handle);
  }
}
