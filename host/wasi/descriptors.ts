/**
 * The table of a guest's file descriptors, with the rights that each carries. A guest's number is
 * never the kernel's: it is an index into this table, the lowest free one for whatever is new.
 */
import { HostError } from '../kernel/error.js';
import { FileType, type Kernel } from '../kernel/kernel.js';

/**
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#rights, those that are used
 */
export const Right = {
  FD_READ: 1 << 1,
  FD_SEEK: 1 << 2,
  FD_FDSTAT_SET_FLAGS: 1 << 3,
  FD_TELL: 1 << 5,
  FD_WRITE: 1 << 6,
  FD_FILESTAT_GET: 1 << 21,
  POLL_FD_READWRITE: 1 << 27,
  SOCK_SHUTDOWN: 1 << 28,
  SOCK_ACCEPT: 1 << 29,
} as const;

const COMMON = Right.FD_FDSTAT_SET_FLAGS | Right.FD_FILESTAT_GET | Right.POLL_FD_READWRITE;
/** What a connected socket may do. */
export const CONNECTION_RIGHTS = COMMON | Right.FD_READ | Right.FD_WRITE | Right.SOCK_SHUTDOWN;
/** What a listener may do. FD_WRITE: tokio waits for both directions of everything. */
export const LISTENER_RIGHTS = COMMON | Right.FD_READ | Right.FD_WRITE | Right.SOCK_ACCEPT;

export class Descriptor {
  /** The kernel's number for it. */
  readonly handle: number;
  /** The guest's number for it, while it is open. */
  fd = -1;
  readonly type: FileType;
  /** True for stream and datagram sockets. */
  readonly socket: boolean;
  /** A mask of `Right`. */
  rights: number;
  /** The rights of what is opened or accepted from it. */
  inheriting: number;
  nonblocking: boolean;
  /** True for a listener that was taken out of service: nothing is ever ready on it again. */
  retired = false;
  /** True for what the guest got by accept: the drain at the end waits for these to be closed. */
  accepted = false;

  constructor(
    handle: number,
    type: FileType,
    rights: number,
    inheriting: number,
    nonblocking: boolean,
  ) {
    this.handle = handle;
    this.type = type;
    this.socket = type === FileType.SOCKET_STREAM || type === FileType.SOCKET_DGRAM;
    this.rights = rights;
    this.inheriting = inheriting;
    this.nonblocking = nonblocking;
  }

  /** Closes what is behind it; answers what the kernel does. */
  close(kernel: Kernel): number {
    return kernel.close(this.handle);
  }

  get listener(): boolean {
    return (this.rights & Right.SOCK_ACCEPT) !== 0;
  }

  /** A connected socket. */
  static connection(handle: number, nonblocking: boolean): Descriptor {
    return new Descriptor(handle, FileType.SOCKET_STREAM, CONNECTION_RIGHTS, 0, nonblocking);
  }

  /** A listening socket. */
  static listener(handle: number, nonblocking: boolean): Descriptor {
    return new Descriptor(
      handle,
      FileType.SOCKET_STREAM,
      LISTENER_RIGHTS,
      CONNECTION_RIGHTS,
      nonblocking,
    );
  }

  /**
   * A standard stream: only a regular file can be sought in (isatty(3) of wasi-libc looks at just
   * that).
   */
  static stream(handle: number, type: FileType, read: boolean, write: boolean): Descriptor {
    const rights =
      COMMON |
      (read ? Right.FD_READ : 0) |
      (write ? Right.FD_WRITE : 0) |
      (type === FileType.REGULAR_FILE ? Right.FD_SEEK | Right.FD_TELL : 0) |
      (type === FileType.SOCKET_STREAM ? Right.SOCK_SHUTDOWN : 0);
    return new Descriptor(handle, type, rights, 0, false);
  }
}

export class Descriptors {
  readonly #kernel: Kernel;
  readonly #table: (Descriptor | undefined)[] = [];
  /** No number below it is free. */
  #lowest = 0;
  #connections = 0;
  #open = 0;
  /** The most descriptors that the guest may have open at once. */
  readonly limit: number;
  /** Called when a number changed its meaning. */
  changed: (fd: number) => void = () => {};
  /** Called when the last of the accepted connections was closed. */
  drained: () => void = () => {};

  constructor(kernel: Kernel, limit: number) {
    this.#kernel = kernel;
    this.limit = limit;
  }

  /** The accepted connections that are open. */
  get connections(): number {
    return this.#connections;
  }

  /** How many more could be open. */
  get room(): number {
    return this.limit - this.#open;
  }

  get(fd: number): Descriptor | undefined {
    return this.#table[fd];
  }

  /** True if no number below `limit` is free. */
  get full(): boolean {
    while (this.#table[this.#lowest]) this.#lowest++;
    return this.#lowest >= this.limit;
  }

  /**
   * Puts `descriptor` at the lowest free number, which must exist (see `full`), and answers the
   * number.
   */
  add(descriptor: Descriptor): number {
    if (this.full) throw new HostError('the descriptor table is full, and was not asked');
    this.put(this.#lowest, descriptor);
    return this.#lowest;
  }

  /** Puts `descriptor` at the number `fd`, which must be free. */
  put(fd: number, descriptor: Descriptor): void {
    if (descriptor.accepted) this.#connections++;
    this.attach(fd, descriptor);
  }

  /**
   * Closes `fd`: what the kernel answers, or undefined if it is not open. The number is free in any
   * case.
   */
  close(fd: number): number | undefined {
    const descriptor = this.detach(fd);
    if (!descriptor) return undefined;
    const result = descriptor.close(this.#kernel);
    this.closed(descriptor);
    return result;
  }

  /**
   * The first half of a close: the number `fd` is free. Its handle is the caller's to close, before
   * it calls `closed`; `attach` takes this back.
   */
  detach(fd: number): Descriptor | undefined {
    const descriptor = this.#table[fd];
    if (!descriptor) return undefined;
    this.#table[fd] = undefined;
    this.#open--;
    if (fd < this.#lowest) this.#lowest = fd;
    this.changed(fd);
    return descriptor;
  }

  attach(fd: number, descriptor: Descriptor): void {
    this.#table[fd] = descriptor;
    descriptor.fd = fd;
    this.#open++;
    this.changed(fd);
  }

  /** The second half of a close: what is behind a descriptor that was detached is closed. */
  closed(descriptor: Descriptor): void {
    if (descriptor.accepted && --this.#connections === 0) this.drained();
  }

  /** Moves `from` to the number `to`, closing what is there. Both must be open, and differ. */
  renumber(from: number, to: number): void {
    const descriptor = this.#table[from]!;
    this.close(to);
    this.#table[from] = undefined;
    this.#table[to] = descriptor;
    descriptor.fd = to;
    if (from < this.#lowest) this.#lowest = from;
    this.changed(from);
    this.changed(to);
  }

  /** Takes every listener out of service; connections go on. */
  retireListeners(): void {
    for (const [fd, descriptor] of this.#table.entries()) {
      if (!descriptor?.listener || descriptor.retired) continue;
      this.#kernel.retire(descriptor.handle);
      descriptor.retired = true;
      this.changed(fd);
    }
  }
}
