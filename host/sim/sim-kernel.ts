/**
 * The kernel that is made of a log of choices: one machine of a `World`. It does what Linux does,
 * or something else that Linux might do; docs/SIMULATOR.md says where it cannot.
 */
import { Errno } from '../kernel/errno.js';
import { Clock, type GuestMemory, type Kernel, type SocketAddress } from '../kernel/kernel.js';
import { Readiness, type PollerName } from '../kernel/readiness.js';
import { Realtime } from './clock.js';
import { SimCompletions } from './completion.js';
import { Disk } from './disk.js';
import { SimEpoll } from './epoll.js';
import type { File } from './file.js';
import { Null, Retired, Wake } from './inert.js';
import { Iovecs } from './iovec.js';
import { Peer } from './peer.js';
import { openPipe } from './pipe.js';
import { SimPoll } from './poll.js';
import { Random } from './random.js';
import type { SimPoller } from './readiness.js';
import { SimFiles } from './sim-files.js';
import { SimSelect } from './select.js';
import { SimSignals } from './signal.js';
import type { Suspension } from './suspension.js';
import { WaitForOne } from './wait.js';
import { waitPoints, type WaitPoints, type Waiting, type World } from './world.js';

export interface KernelOptions {
  /** Its name in the world: of labels, and in messages. */
  host?: string;
  /** How many handles may be open at once. */
  maxHandles?: number;
  /** What its disk is, if that was another machine's before. */
  disk?: Disk;
}

/** One for all: a call uses it, and is over. */
const iovecs = new Iovecs();

export class SimKernel implements Kernel {
  readonly name: string = 'sim';
  readonly disk: Disk;
  readonly files = new SimFiles(this);
  readonly world: World;
  readonly host: string;
  /** What `wake` makes ready. */
  readonly wakeFile = new Wake();
  readonly pollers = new Set<SimPoller>();
  /** For a guest that shares its world with others: how it waits. */
  suspension: Suspension | undefined = undefined;
  readonly #files: (File | undefined)[] = [];
  /** Closed, but not to be given out again while operations are in flight on them. */
  readonly #held = new Set<number>();
  readonly #maxHandles: number;
  // What is chosen.
  readonly waits: WaitPoints;
  readonly #realtime: Realtime;
  readonly #emfile: string;
  readonly #enobufs: string;
  #signals: SimSignals | undefined;
  #completions: SimCompletions | undefined;
  /** No handle below it is free. */
  #lowest = 0;
  #calls = 0;
  #memory: GuestMemory = { bytes: new Uint8Array(0) };
  readonly #one = new WaitForOne(this);
  #random: Random | undefined;

  constructor(world: World, options: KernelOptions) {
    this.world = world;
    this.host = options.host ?? `guest ${world.kernels.length + 1}`;
    this.disk = options.disk ?? new Disk(world, this.host);
    this.waits = waitPoints(world.choices, this.host);
    this.#realtime = this.disk.clock = new Realtime(this);
    this.#emfile = `${this.host}/emfile`;
    this.#enobufs = `${this.host}/enobufs`;
    this.#maxHandles = options.maxHandles ?? 1 << 20;
  }

  attach(memory: GuestMemory): void {
    this.#memory = memory;
  }

  /** The memory that is attached, as it is now. */
  get bytes(): Uint8Array {
    return this.#memory.bytes;
  }

  // Handles.

  /** What a handle stands for. */
  file(handle: number): File | undefined {
    return this.#files[handle];
  }

  /** The lowest free handle, for `file` from now on; or -EMFILE. */
  open(file: File): number {
    const handle = this.#lowestFree();
    if (handle >= this.#maxHandles) return -Errno.EMFILE;
    this.#files[handle] = file;
    file.users++;
    this.#lowest = handle + 1;
    return handle;
  }

  /** True if there is no handle left. */
  get full(): boolean {
    return this.#lowestFree() >= this.#maxHandles;
  }

  close(handle: number): number {
    this.charge();
    return this.end(handle);
  }

  /** Closes a handle, at once or when nothing is in flight on it any more. */
  end(handle: number): number {
    const file = this.#files[handle];
    if (file === undefined) return -Errno.EBADF;
    this.#forget(handle);
    this.#files[handle] = undefined;
    if (this.#completions?.flight.holds(handle)) this.#held.add(handle);
    else this.free(handle, file);
    return 0;
  }

  /** A handle that was closed may be given out again. */
  free(handle: number, file: File): void {
    this.#held.delete(handle);
    if (handle < this.#lowest) this.#lowest = handle;
    file.drop();
  }

  retire(listener: number): number {
    this.charge();
    const file = this.#files[listener];
    if (file === undefined) return -Errno.EBADF;
    this.#forget(listener);
    const inert = new Retired();
    inert.users++;
    this.#files[listener] = inert;
    this.#completions?.flight.retire(listener, inert);
    file.drop();
    return 0;
  }

  /** A pipe that an actor writes to and the guest reads: its handle, and the actor's end. */
  input(): { handle: number; peer: Peer } {
    const { reader, writer } = openPipe();
    reader.shared = true;
    return { handle: this.open(reader), peer: new Peer(writer, this.world.scheduler) };
  }

  /** A pipe that the guest writes to and an actor reads: its handle, and the actor's end. */
  output(): { handle: number; peer: Peer } {
    const { reader, writer } = openPipe();
    writer.shared = true;
    return { handle: this.open(writer), peer: new Peer(reader, this.world.scheduler) };
  }

  /** The null device. */
  openNull(): number {
    return this.open(new Null());
  }

  pipe(ends: Int32Array): number {
    this.charge();
    const { reader, writer } = openPipe();
    const first = this.open(reader);
    if (first < 0) return first;
    const second = this.open(writer);
    if (second < 0) {
      this.close(first);
      return second;
    }
    ends[0] = first;
    ends[1] = second;
    return 0;
  }

  // Sockets.

  listen(address: SocketAddress, backlog: number): number {
    this.charge();
    return this.#opened(this.world.network.listen(address, backlog));
  }

  connect(address: SocketAddress): number {
    this.charge();
    return this.#opened(this.world.network.connect(address));
  }

  socketError(socket: number): number {
    this.charge();
    return this.#files[socket]?.takeError() ?? -Errno.EBADF;
  }

  accept(listener: number): number {
    this.charge();
    const file = this.#files[listener];
    if (file === undefined) return -Errno.EBADF;
    const refusal = this.#refusal(file);
    return refusal === 0 ? this.#opened(file.accept()) : refusal;
  }

  localAddress(socket: number): SocketAddress | number {
    this.charge();
    return this.#files[socket]?.address() ?? -Errno.EBADF;
  }

  recv(socket: number, iovs: number, iovsCount: number, flags: number, skip: number): number {
    this.charge();
    if (iovecs.gather(this.bytes, iovs, iovsCount, skip) < 0) return -Errno.EFAULT;
    const file = this.#files[socket];
    return file === undefined ? -Errno.EBADF : this.#moved(file.recv(iovecs, flags));
  }

  send(socket: number, iovs: number, iovsCount: number, skip: number): number {
    this.charge();
    if (iovecs.gather(this.bytes, iovs, iovsCount, skip) < 0) return -Errno.EFAULT;
    const file = this.#files[socket];
    return file === undefined ? -Errno.EBADF : this.#moved(file.send(iovecs));
  }

  shutdown(socket: number, how: number): number {
    this.charge();
    return this.#files[socket]?.shutdown(how) ?? -Errno.EBADF;
  }

  // Files.

  readv(handle: number, iovs: number, iovsCount: number): number {
    this.charge();
    if (iovecs.gather(this.bytes, iovs, iovsCount, 0) < 0) return -Errno.EFAULT;
    const file = this.#files[handle];
    return file === undefined ? -Errno.EBADF : this.#moved(file.read(iovecs));
  }

  writev(handle: number, iovs: number, iovsCount: number, skip: number): number {
    this.charge();
    if (iovecs.gather(this.bytes, iovs, iovsCount, skip) < 0) return -Errno.EFAULT;
    const file = this.#files[handle];
    return file === undefined ? -Errno.EBADF : this.#moved(file.write(iovecs));
  }

  seek(handle: number, offset: bigint, whence: number): number {
    this.charge();
    if (whence < 0 || whence > 2) return -Errno.EINVAL;
    return this.#files[handle]?.seek(offset, whence) ?? -Errno.EBADF;
  }

  stat(handle: number, stat: BigUint64Array): number {
    this.charge();
    const file = this.#files[handle];
    if (file === undefined) return -Errno.EBADF;
    file.fill(stat, handle + 1);
    return 0;
  }

  readable(handle: number): number {
    this.charge();
    return this.#files[handle]?.readable() ?? -Errno.EBADF;
  }

  // Waiting.

  waitFor(handle: number, interest: number, timeoutNs: number): number {
    this.charge();
    const file = this.#files[handle];
    if (file === undefined) return -Errno.EBADF;
    return this.block(this.#one.for(file, handle, interest), timeoutNs);
  }

  poller(name: PollerName): SimPoller {
    const kinds = { epoll: SimEpoll, poll: SimPoll, select: SimSelect };
    const poller = new kinds[name](this);
    this.pollers.add(poller);
    return poller;
  }

  signals(): SimSignals {
    return (this.#signals ??= new SimSignals(this));
  }

  completions(): SimCompletions {
    return (this.#completions ??= new SimCompletions(this));
  }

  wake(): void {
    this.wakeFile.set(true);
  }

  awake(): void {
    this.wakeFile.set(false);
  }

  /** The world goes on until `waiting` is ready: what it answers, 0 when time is over. */
  block(waiting: Waiting, timeoutNs: number): number {
    if (this.suspension !== undefined) return this.suspension.block(waiting, timeoutNs);
    return this.world.block(this, waiting, timeoutNs);
  }

  // Time and chance.

  now(clock: Clock): bigint {
    this.charge();
    if (clock === Clock.REALTIME) return this.#realtime.now();
    if (clock === Clock.MONOTONIC) return BigInt(this.nowNs);
    if (clock === Clock.PROCESS_CPUTIME || clock === Clock.THREAD_CPUTIME)
      return BigInt(this.#calls * this.world.callNs);
    return 0n;
  }

  resolution(clock: Clock): bigint {
    this.charge();
    return clock >= Clock.REALTIME && clock <= Clock.THREAD_CPUTIME ? 1n : 0n;
  }

  random(offset: number, length: number): number {
    this.charge();
    if (offset + length > this.bytes.length) return -Errno.EFAULT;
    this.#random ??= new Random(this.world.choices.choose(`${this.host}/random`, 2 ** 32));
    this.#random.fill(this.bytes, offset, length);
    return 0;
  }

  maybe(label: number, length: number): number {
    this.charge();
    const { bytes } = this;
    let text = '';
    for (let at = label; at < label + length; at++) text += String.fromCharCode(bytes[at]!);
    return this.world.choices.choose(`${this.host}/${text}/maybe`, 2);
  }

  yield(): void {
    this.charge();
  }

  /** A call begins, and takes its time. */
  charge(): void {
    const { suspension } = this;
    if (suspension?.resuming) return;
    this.#calls++;
    if (suspension === undefined) this.world.charge();
    else suspension.charge();
  }

  /** The time of its guest. */
  get nowNs(): number {
    return this.suspension?.nowNs ?? this.world.now;
  }

  /** What its guest waits for, if that shares its world with others and waits. */
  get suspended(): string | undefined {
    return this.suspension?.waitsFor();
  }

  dispose(): void {
    this.#signals?.close();
    this.#completions?.close();
    for (const poller of this.pollers) poller.close();
    const files = this.#files.splice(0);
    for (const file of files) file?.drop();
    this.#lowest = 0;
  }

  #forget(handle: number): void {
    for (const poller of this.pollers) poller.forget(handle);
    this.#signals?.forget(handle);
  }

  /** A handle for what was made, if it was. */
  #opened(made: File | number): number {
    if (typeof made === 'number') return made;
    this.world.progress();
    const handle = this.open(made);
    if (handle < 0) made.release();
    return handle;
  }

  #lowestFree(): number {
    let handle = this.#lowest;
    while (this.#files[handle] !== undefined || this.#held.has(handle)) handle++;
    return handle;
  }

  /** Why a connection that waits is not accepted, and waits on: a negated errno, or 0. */
  #refusal(listener: File): number {
    if (this.full) return -Errno.EMFILE;
    const { choices } = this.world;
    if (choices.calm === true || !(listener.poll() & Readiness.IN)) return 0;
    if (choices.choose(this.#emfile, 2) === 1) return -Errno.EMFILE;
    return choices.choose(this.#enobufs, 2) === 1 ? -Errno.ENOBUFS : 0;
  }

  #moved(result: number): number {
    if (result > 0) this.world.progress();
    return result;
  }
}
