/**
 * The table of a guest's file descriptors, with the rights that each carries. A guest's number is
 * never the kernel's: it is an index into this table, the lowest free one for whatever is new.
 */
import { HostError } from '../kernel/error.js';
import { FileType, type Kernel } from '../kernel/kernel.js';
import { WasiErrno } from './errno.js';

/** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#rights */
export const Right = {
  FD_DATASYNC: 1 << 0,
  FD_READ: 1 << 1,
  FD_SEEK: 1 << 2,
  FD_FDSTAT_SET_FLAGS: 1 << 3,
  FD_SYNC: 1 << 4,
  FD_TELL: 1 << 5,
  FD_WRITE: 1 << 6,
  FD_ADVISE: 1 << 7,
  FD_ALLOCATE: 1 << 8,
  PATH_CREATE_DIRECTORY: 1 << 9,
  PATH_CREATE_FILE: 1 << 10,
  PATH_LINK_SOURCE: 1 << 11,
  PATH_LINK_TARGET: 1 << 12,
  PATH_OPEN: 1 << 13,
  FD_READDIR: 1 << 14,
  PATH_READLINK: 1 << 15,
  PATH_RENAME_SOURCE: 1 << 16,
  PATH_RENAME_TARGET: 1 << 17,
  PATH_FILESTAT_GET: 1 << 18,
  PATH_FILESTAT_SET_SIZE: 1 << 19,
  PATH_FILESTAT_SET_TIMES: 1 << 20,
  FD_FILESTAT_GET: 1 << 21,
  FD_FILESTAT_SET_SIZE: 1 << 22,
  FD_FILESTAT_SET_TIMES: 1 << 23,
  PATH_SYMLINK: 1 << 24,
  PATH_REMOVE_DIRECTORY: 1 << 25,
  PATH_UNLINK_FILE: 1 << 26,
  POLL_FD_READWRITE: 1 << 27,
  SOCK_SHUTDOWN: 1 << 28,
  SOCK_ACCEPT: 1 << 29,
} as const;

const COMMON = Right.FD_FDSTAT_SET_FLAGS | Right.FD_FILESTAT_GET | Right.POLL_FD_READWRITE;
/** What a connected socket may do. */
export const CONNECTION_RIGHTS = COMMON | Right.FD_READ | Right.FD_WRITE | Right.SOCK_SHUTDOWN;
/** What a listener may do. */
export const LISTENER_RIGHTS = COMMON | Right.FD_READ | Right.SOCK_ACCEPT;
const SYNC = Right.FD_SYNC | Right.FD_DATASYNC;
/** What a regular file may do. */
export const FILE_RIGHTS =
  COMMON |
  SYNC |
  Right.FD_READ |
  Right.FD_SEEK |
  Right.FD_TELL |
  Right.FD_WRITE |
  Right.FD_ADVISE |
  Right.FD_ALLOCATE |
  Right.FD_FILESTAT_SET_SIZE |
  Right.FD_FILESTAT_SET_TIMES;
/** What changes something under a directory's name, or under another that it gives away. */
const CHANGING =
  Right.PATH_CREATE_DIRECTORY |
  Right.PATH_CREATE_FILE |
  Right.PATH_LINK_SOURCE |
  Right.PATH_LINK_TARGET |
  Right.PATH_RENAME_SOURCE |
  Right.PATH_RENAME_TARGET |
  Right.PATH_FILESTAT_SET_SIZE |
  Right.PATH_FILESTAT_SET_TIMES |
  Right.PATH_SYMLINK |
  Right.PATH_REMOVE_DIRECTORY |
  Right.PATH_UNLINK_FILE |
  Right.FD_FILESTAT_SET_TIMES;
/** What a directory may do: no more than it can, for a guest asks `path_open` for what it has. */
export const DIRECTORY_RIGHTS =
  CHANGING |
  SYNC |
  Right.FD_FDSTAT_SET_FLAGS |
  Right.FD_FILESTAT_GET |
  Right.PATH_OPEN |
  Right.FD_READDIR |
  Right.PATH_READLINK |
  Right.PATH_FILESTAT_GET;
/** What nothing beneath a directory that is granted for reading may do. */
export const WRITING_RIGHTS =
  CHANGING | Right.FD_WRITE | Right.FD_ALLOCATE | Right.FD_FILESTAT_SET_SIZE;

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
  /** True for a file or directory that the guest opened by its path. */
  opened = false;
  /** Of a directory that was granted: its name for the guest, in UTF-8. */
  preopen: Uint8Array | undefined;
  /** True for a directory that was granted for reading, and all that is opened beneath it. */
  readOnly = false;
  /**
   * True for a directory that was opened for reading: it does not show that it hands on the right
   * to write. faccessat(2) of wasi-libc takes what it shows for an answer, as it is on wasmtime.
   */
  reading = false;

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

  /** True for a connection that never waits, and may both be sent to and received from. */
  get isPlain(): boolean {
    const rights = Right.FD_READ | Right.FD_WRITE;
    const stream = this.type === FileType.SOCKET_STREAM && !this.listener;
    return stream && this.nonblocking && (this.rights & rights) === rights;
  }

  /** Closes what is behind it; answers what the kernel does. */
  close(kernel: Kernel): number {
    return kernel.close(this.handle);
  }

  /** Why it may not do what takes `rights`: an errno of WASI, SUCCESS if it may. */
  refusal(rights: number): number {
    const missing = rights & ~this.rights;
    if (missing === 0) return WasiErrno.SUCCESS;
    return this.readOnly && missing & WRITING_RIGHTS ? WasiErrno.ROFS : WasiErrno.NOTCAPABLE;
  }

  get listener(): boolean {
    return (this.rights & Right.SOCK_ACCEPT) !== 0;
  }

  /** A connected socket. */
  static connection(handle: number, nonblocking: boolean): Descriptor {
    return new Descriptor(handle, FileType.SOCKET_STREAM, CONNECTION_RIGHTS, 0, nonblocking);
  }

  /** A datagram socket. */
  static datagram(handle: number, nonblocking: boolean): Descriptor {
    return new Descriptor(handle, FileType.SOCKET_DGRAM, CONNECTION_RIGHTS, 0, nonblocking);
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

  /** A directory that is granted: what is opened beneath it may be whatever it is. */
  static preopen(handle: number, name: Uint8Array, readOnly: boolean): Descriptor {
    const rights = readOnly ? DIRECTORY_RIGHTS & ~WRITING_RIGHTS : DIRECTORY_RIGHTS;
    const inheriting = DIRECTORY_RIGHTS | FILE_RIGHTS;
    const directory = new Descriptor(handle, FileType.DIRECTORY, rights, inheriting, false);
    directory.preopen = name;
    directory.readOnly = readOnly;
    return directory;
  }

  /**
   * A standard stream: only a regular file can be sought in (isatty(3) of wasi-libc looks at just
   * that). Its flags are not the guest's to set, as wasmtime has it and wasi-libc's tests expect.
   */
  static stream(handle: number, type: FileType, read: boolean, write: boolean): Descriptor {
    const rights =
      (COMMON & ~Right.FD_FDSTAT_SET_FLAGS) |
      (read ? Right.FD_READ : 0) |
      (write ? Right.FD_WRITE : 0) |
      (type === FileType.REGULAR_FILE ? Right.FD_SEEK | Right.FD_TELL : 0);
    return new Descriptor(handle, type, rights, 0, false);
  }
}

export class Descriptors {
  readonly #kernel: Kernel;
  readonly #table: (Descriptor | undefined)[] = [];
  /** By number: the handle of what `isPlain`, or -1. */
  plain = new Int32Array(64).fill(-1);
  /** No number below it is free. */
  #lowest = 0;
  #connections = 0;
  #open = 0;
  #files = 0;
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

  /** The files and directories that are open and that the guest opened by their paths. */
  get files(): number {
    return this.#files;
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
    if (descriptor.opened) this.#files--;
    if (fd < this.#lowest) this.#lowest = fd;
    this.note(fd);
    this.changed(fd);
    return descriptor;
  }

  attach(fd: number, descriptor: Descriptor): void {
    this.#table[fd] = descriptor;
    descriptor.fd = fd;
    this.#open++;
    if (descriptor.opened) this.#files++;
    this.note(fd);
    this.changed(fd);
  }

  /** To be called when something of it became different. */
  note(fd: number): void {
    if (fd >= this.plain.length) {
      const larger = new Int32Array(fd * 2).fill(-1);
      larger.set(this.plain);
      this.plain = larger;
    }
    const descriptor = this.#table[fd];
    this.plain[fd] = descriptor?.isPlain ? descriptor.handle : -1;
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
    this.note(from);
    this.note(to);
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
