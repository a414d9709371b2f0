/**
 * A guest's place at the functions of preview1 and of module pollux, taken by a test: real memory,
 * real descriptors of the real kernel, and the far ends of the sockets in a kernel of their own. It
 * runs no WebAssembly, and answers what the functions answered.
 */
import { closeSync, openSync } from 'node:fs';

import { onTestFinished } from 'vitest';

import { Clock, FileType } from '#host/kernel/kernel';
import { Readiness, type Poller, type PollerName } from '#host/kernel/readiness';
import { extension } from '#host/ext/imports';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { Descriptor, Descriptors, FILE_RIGHTS, Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { Memory } from '#host/wasi/memory';
import { preview1 } from '#host/wasi/p1/imports';
import { Process } from '#host/wasi/process';

export const Type = { CLOCK: 0, READ: 1, WRITE: 2 } as const;
export const HANGUP = 1;
export const MS = 1_000_000n;
export const HOUR = 3_600_000n * MS;
export const FOREVER = 0xffff_ffff_ffff_ffffn;
export const Oflag = { CREATE: 1, DIRECTORY: 2, EXCLUSIVE: 4, TRUNCATE: 8 } as const;
/** The parameters that are i64; all others are i32. */
export const WIDE: ReadonlySet<string> = new Set(
  'offset len rights_base rights_inheriting size atim mtim cookie precision timeout_ns'.split(' '),
);
const PAGE_BYTES = 65536;

/**
 * Where the rig keeps what it passes, unless a test says otherwise; all below 1 MiB is the rig's.
 */
const AT = {
  iovs: 16,
  out: 512,
  flags: 528,
  data: 1024,
  input: 1 << 20,
  output: 5 << 20,
  count: 8,
} as const;

export interface Subscription {
  type: number;
  userdata: bigint;
  fd?: number;
  clock?: number;
  timeoutNs?: bigint;
  absolute?: boolean;
  precisionNs?: bigint;
}

export interface Event {
  userdata: bigint;
  errno: number;
  type: number;
  nbytes: bigint;
  flags: number;
}

export const read = (fd: number, userdata = fd): Subscription => ({
  type: Type.READ,
  userdata: BigInt(userdata),
  fd,
});
export const write = (fd: number, userdata = fd): Subscription => ({
  type: Type.WRITE,
  userdata: BigInt(userdata),
  fd,
});
export const clock = (timeoutNs: bigint, more: Partial<Subscription> = {}): Subscription => ({
  type: Type.CLOCK,
  userdata: 1000n,
  clock: Clock.MONOTONIC,
  timeoutNs,
  ...more,
});

/** What proc_exit throws here. */
export class Exited extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

export interface RigOptions {
  poller?: PollerName;
  embedded?: boolean;
  edge?: boolean;
  strict?: boolean;
  limit?: number;
  pages?: number;
  shared?: boolean;
  ahead?: boolean;
  args?: string[];
  environ?: string[];
}

/** The far end of a guest's connection. */
export class Peer {
  readonly #kernel: LinuxKernel;
  readonly #bytes: Uint8Array;
  readonly handle: number;

  constructor(kernel: LinuxKernel, bytes: Uint8Array, handle: number) {
    this.#kernel = kernel;
    this.#bytes = bytes;
    this.handle = handle;
  }

  /** Sends what fits; answers a number of bytes or a negated errno. */
  send(text: string | Uint8Array): number {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    this.#bytes.set(bytes, 8);
    new Uint32Array(this.#bytes.buffer).set([8, bytes.length]);
    return this.#kernel.send(this.handle, 0, 1, 0);
  }

  /** Receives what is there within a second: the bytes, '' at the end, or a negated errno. */
  receive(length = 65536): string | number {
    if (this.#kernel.waitFor(this.handle, Readiness.IN, 1e9) === 0) return 'nothing in a second';
    new Uint32Array(this.#bytes.buffer).set([8, length]);
    const bytes = this.#kernel.recv(this.handle, 0, 1, 0, 0);
    return bytes < 0 ? bytes : new TextDecoder().decode(this.#bytes.subarray(8, 8 + bytes));
  }

  shutdown(how: number): void {
    this.#kernel.shutdown(this.handle, how);
  }

  /** With bytes that were never received this resets the connection. */
  close(): void {
    this.#kernel.close(this.handle);
  }
}

export class Rig {
  readonly kernel: LinuxKernel;
  readonly world = new LinuxKernel();
  readonly descriptors: Descriptors;
  readonly process: Process;
  readonly memory: WebAssembly.Memory;
  readonly functions: Record<string, (...values: (number | bigint)[]) => number>;
  readonly warnings: string[] = [];
  /** The interest sets that an event loop would watch; the first one is that of poll_oneoff. */
  readonly watched: Poller[] = [];
  readonly #peerBytes = new Uint8Array(1 << 20);

  constructor(options: RigOptions = {}) {
    const {
      poller = 'epoll',
      embedded = false,
      limit = 65536,
      pages = 256,
      shared = false,
    } = options;
    this.kernel = new LinuxKernel({ ahead: options.ahead ?? false });
    const encode = (texts: string[] = []) => texts.map((text) => new TextEncoder().encode(text));
    this.descriptors = new Descriptors(this.kernel, limit);
    this.process = new Process(this.kernel, this.descriptors, {
      args: encode(options.args),
      environ: encode(options.environ),
      poller,
      embedded,
      edge: options.edge,
      strict: options.strict,
      watch: (poller) => {
        this.watched.push(poller);
        return () => this.watched.splice(this.watched.indexOf(poller), 1);
      },
      exit: (code) => {
        throw new Exited(code);
      },
      interrupted: () => {},
      warn: (sentence) => this.warnings.push(sentence),
    });
    const { functions } = preview1(this.process);
    const all = { ...functions, ...extension(this.process) };
    this.functions = all as unknown as typeof this.functions;
    this.memory = new WebAssembly.Memory({
      initial: pages,
      maximum: Math.min(pages + 256, 65536),
      shared,
    });
    this.process.attach(new Memory(this.memory));
    this.world.attach({ bytes: this.#peerBytes });
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  get size(): number {
    return this.memory.buffer.byteLength;
  }

  grow(pages = 1): number {
    return this.memory.grow(pages) * PAGE_BYTES;
  }

  /**
   * Calls a function with what a guest's integers look like when they arrive: i32 signed, i64 as
   * bigint.
   */
  call(name: string, ...values: (number | bigint)[]): number {
    const signed = values.map((value) =>
      typeof value === 'number' ? value | 0 : BigInt.asIntN(64, value),
    );
    return this.functions[name]!(...signed);
  }

  // Descriptors.

  /** A listener at a free port of loopback, as a guest is given one. */
  listen(nonblocking = true): { fd: number; port: number } {
    const handle = this.kernel.listen({ host: '127.0.0.1', port: 0 }, 128);
    const address = this.kernel.localAddress(handle);
    if (typeof address === 'number') throw new Error(`no listener: ${address}`);
    return {
      fd: this.descriptors.add(Descriptor.listener(handle, nonblocking)),
      port: address.port,
    };
  }

  dial(port: number): Peer {
    const handle = this.world.connect({ host: '127.0.0.1', port });
    this.world.waitFor(handle, Readiness.OUT, 1e9);
    return new Peer(this.world, this.#peerBytes, handle);
  }

  /** A connection that the guest accepted. */
  connection(nonblocking = true): { fd: number; peer: Peer } {
    const { fd: listener, port } = this.listen();
    const peer = this.dial(port);
    this.ask(read(listener), clock(1000n * MS));
    const errno = this.call('sock_accept', listener, nonblocking ? 4 : 0, AT.out);
    if (errno !== 0) throw new Error(`no connection: ${errno}`);
    const accepted = this.view.getUint32(AT.out, true);
    this.call('fd_renumber', accepted, listener);
    return { fd: listener, peer };
  }

  /** A file that the test opened, as a standard stream. */
  file(path: string, flags = 'r'): number {
    const descriptor = openSync(path, flags);
    const handle = this.kernel.adopt(descriptor);
    closeSync(descriptor);
    const { read: readable, write: writable } = this.kernel.access(handle);
    const type = path.startsWith('/dev/') ? FileType.CHARACTER_DEVICE : FileType.REGULAR_FILE;
    return this.descriptors.add(streamWithFlags(handle, type, readable, writable));
  }

  /** A directory that is granted. */
  directory(path: string, { name = '/', readOnly = false } = {}): number {
    const handle = this.kernel.files.openRoot(path);
    if (handle < 0) throw new Error(`no directory ${path}: ${handle}`);
    return this.descriptors.add(
      Descriptor.preopen(handle, new TextEncoder().encode(name), readOnly),
    );
  }

  /** path_open: the new descriptor, or the errno, negated; by default with all rights there are. */
  open(
    directory: number,
    path: string,
    { oflags = 0, follow = false, rights = FILE_RIGHTS, inheriting = 0, flags = 0 } = {},
  ): number {
    const length = this.put(path);
    const [base, more] = [BigInt(rights), BigInt(inheriting)];
    const lookup = follow ? 1 : 0;
    const given = [directory, lookup, AT.data, length, oflags, base, more, flags, AT.out];
    const errno = this.call('path_open', ...given);
    return errno === 0 ? this.view.getUint32(AT.out, true) : -errno;
  }

  /** Puts a text where paths are looked for; answers its length. */
  put(text: string): number {
    const bytes = new TextEncoder().encode(text);
    this.bytes.set(bytes, AT.data);
    return bytes.length;
  }

  /** Both ends of a pipe, in the guest's hand. */
  pipe(): { reader: number; writer: number } {
    const ends = new Int32Array(2);
    this.kernel.pipe(ends);
    const reader = this.descriptors.add(streamWithFlags(ends[0]!, FileType.UNKNOWN, true, false));
    const writer = this.descriptors.add(streamWithFlags(ends[1]!, FileType.UNKNOWN, false, true));
    return { reader, writer };
  }

  nonblocking(fd: number): number {
    return this.call('fd_fdstat_set_flags', fd, 4);
  }

  // Calls with their memory.

  /** poll_oneoff with everything that comes back. */
  pollOneoff(
    subscriptions: Subscription[],
    at: { input?: number; output?: number; count?: number } = {},
  ) {
    const { input = AT.input, output = AT.output, count: countOut = AT.count } = at;
    const { view } = this;
    subscriptions.forEach((each, i) => encode(view, input + i * 48, each));
    view.setUint32(countOut, 0xdead, true);
    const start = process.hrtime.bigint();
    const errno = this.call('poll_oneoff', input, output, subscriptions.length, countOut);
    const tookNs = process.hrtime.bigint() - start;
    const count = this.view.getUint32(countOut, true);
    const events = Array.from({ length: errno === 0 ? count : 0 }, (_, i) =>
      decode(this.view, output + i * 32),
    );
    return { errno, count, events, tookNs };
  }

  /** The events of a poll_oneoff that must succeed. */
  ask(...subscriptions: Subscription[]): Event[] {
    const { errno, events } = this.pollOneoff(subscriptions);
    if (errno !== WasiErrno.SUCCESS) throw new Error(`poll_oneoff answered ${errno}`);
    return events;
  }

  /**
   * Puts down iovecs for a buffer of `lengths`, one behind the other from `at` on; answers their
   * address.
   */
  iovs(lengths: number[], at: number = AT.data): number {
    lengths.reduce((start, length, i) => {
      this.view.setUint32(AT.iovs + i * 8, start, true);
      this.view.setUint32(AT.iovs + i * 8 + 4, length, true);
      return start + length;
    }, at);
    return AT.iovs;
  }

  /** fd_read or sock_recv: the bytes as text, or the errno as a number. */
  take(name: 'fd_read' | 'sock_recv', fd: number, length = 4096, flags = 0): string | number {
    const iovs = this.iovs([length]);
    const errno =
      name === 'fd_read'
        ? this.call(name, fd, iovs, 1, AT.out)
        : this.call(name, fd, iovs, 1, flags, AT.out, AT.flags);
    return errno === 0 ? this.text(AT.data, this.view.getUint32(AT.out, true)) : errno;
  }

  /** fd_write or sock_send: the number of bytes, or the errno, negated. */
  give(name: 'fd_write' | 'sock_send', fd: number, text: string): number {
    const bytes = new TextEncoder().encode(text);
    const iovs = this.iovs([bytes.length]);
    this.bytes.set(bytes, AT.data);
    const errno =
      name === 'fd_write'
        ? this.call(name, fd, iovs, 1, AT.out)
        : this.call(name, fd, iovs, 1, 0, AT.out);
    return errno === 0 ? this.view.getUint32(AT.out, true) : -errno;
  }

  /** sock_accept: the new descriptor, or the errno, negated. */
  accept(listener: number, flags = 0): number {
    const errno = this.call('sock_accept', listener, flags, AT.out);
    return errno === 0 ? this.view.getUint32(AT.out, true) : -errno;
  }

  text(at: number, length: number): string {
    return new TextDecoder().decode(this.bytes.slice(at, at + length));
  }

  fdstat(fd: number) {
    const errno = this.call('fd_fdstat_get', fd, AT.out);
    const { view } = this;
    return {
      errno,
      type: view.getUint8(AT.out),
      flags: view.getUint16(AT.out + 2, true),
      rights: view.getBigUint64(AT.out + 8, true),
      inheriting: view.getBigUint64(AT.out + 16, true),
    };
  }

  dispose(): void {
    this.kernel.dispose();
    this.world.dispose();
  }
}

/** A rig for the test that runs now, taken down with it. */
export function rigged(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  onTestFinished(() => rig.dispose());
  return rig;
}

/** A pipe or file that the guest may make non-blocking, as one that it opened by its path. */
function streamWithFlags(...given: Parameters<typeof Descriptor.stream>): Descriptor {
  const descriptor = Descriptor.stream(...given);
  descriptor.rights |= Right.FD_FDSTAT_SET_FLAGS;
  return descriptor;
}

function encode(view: DataView, at: number, subscription: Subscription): void {
  for (let i = 0; i < 48; i += 8) view.setBigUint64(at + i, 0n, true);
  view.setBigUint64(at, subscription.userdata, true);
  view.setUint8(at + 8, subscription.type);
  view.setUint32(at + 16, subscription.clock ?? subscription.fd ?? 0, true);
  view.setBigUint64(at + 24, subscription.timeoutNs ?? 0n, true);
  view.setBigUint64(at + 32, subscription.precisionNs ?? 0n, true);
  view.setUint16(at + 40, subscription.absolute ? 1 : 0, true);
}

function decode(view: DataView, at: number): Event {
  return {
    userdata: view.getBigUint64(at, true),
    errno: view.getUint16(at + 8, true),
    type: view.getUint8(at + 10),
    nbytes: view.getBigUint64(at + 16, true),
    flags: view.getUint16(at + 24, true),
  };
}
