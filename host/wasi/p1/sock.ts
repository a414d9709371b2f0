/**
 * sock_*: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#sock_accept
 *
 * fd_read and fd_write of a socket come down to `receive` and `transmit` here. The first try of
 * each is written out, for it nearly always succeeds and costs nothing beside the kernel's own
 * work; waiting is the exception.
 */
import { Errno } from '../../kernel/errno.js';
import { CUT_OFF, FileType, NOT_DONE, Receive, Shutdown } from '../../kernel/kernel.js';
import { Readiness } from '../../kernel/readiness.js';
import { Descriptor, Right } from '../descriptors.js';
import { WasiErrno, wasiErrno } from '../errno.js';
import { untilReady, type Process } from '../process.js';

const FDFLAGS_NONBLOCK = 4;
/** A flag of what sock_recv answers. */
const RECV_DATA_TRUNCATED = 1;
/** The kernel moves no more in one call. */
const MOST_BYTES = 0x7fffffff;
/** The kernel takes no more iovecs in one call. */
export const MAX_IOVS = 1024;

/**
 * Receives into iovecs: bytes, or a negated errno of the kernel. PEEK answers what is there, with
 * WAITALL too: the kernel cannot tell when more has come than was seen already.
 */
export function receive(
  process: Process,
  socket: Descriptor,
  iovs: number,
  count: number,
  flags: number,
): number {
  const { kernel } = process;
  if (socket.type === FileType.SOCKET_DGRAM) return receiveOne(process, socket, iovs, count, flags);
  const all = (flags & (Receive.WAITALL | Receive.PEEK)) === Receive.WAITALL;
  const first = kernel.recv(socket.handle, iovs, count, flags, 0);
  if (first > 0 && !all) return first;
  if (first === 0 || (first < 0 && first !== -Errno.EAGAIN)) return first;
  const total = bytesOf(process, iovs, count);
  // Linux would wait for a byte to be there, although there is no room for one.
  if (total === 0) return 0;
  if (socket.nonblocking) return first;
  let done = 0;
  let last: number | undefined = first;
  const rest = () => kernel.recv(socket.handle, iovs, count, flags, done);
  while (done < total) {
    // Waits for the first byte, or with WAITALL for the last one; an end or an error after some
    // bytes is told next time.
    const more = untilReady(process, socket, Readiness.IN, rest, last);
    if (more <= 0) return done > 0 ? done : more;
    done += more;
    if (!all) break;
    last = undefined;
  }
  return done;
}

/** One datagram, of which what there is no room for is lost: then `CUT_OFF` is added. */
function receiveOne(
  process: Process,
  socket: Descriptor,
  iovs: number,
  count: number,
  flags: number,
): number {
  const how = (flags & Receive.PEEK) | Receive.DATAGRAM;
  const receive = () => process.kernel.recv(socket.handle, iovs, count, how, 0);
  return untilReady(process, socket, Readiness.IN, receive);
}

/**
 * Sends iovecs: bytes, or a negated errno of the kernel. In blocking mode it waits until everything
 * is on its way.
 */
export function transmit(
  process: Process,
  socket: Descriptor,
  iovs: number,
  count: number,
): number {
  const { kernel } = process;
  const first = kernel.send(socket.handle, iovs, count, 0);
  if (socket.nonblocking || (first < 0 && first !== -Errno.EAGAIN)) return first;
  return writeRest(process, socket, iovs, count, first, (skip) =>
    kernel.send(socket.handle, iovs, count, skip),
  );
}

/**
 * The rest of a write in blocking mode, of which the first try took `first` bytes, or was refused
 * (-EAGAIN): waits until everything is written. Some bytes and an error are some bytes.
 */
export function writeRest(
  process: Process,
  descriptor: Descriptor,
  iovs: number,
  count: number,
  first: number,
  write: (skip: number) => number,
): number {
  const total = bytesOf(process, iovs, count);
  let done = 0;
  let last: number | undefined = first;
  while (done < total) {
    const more = untilReady(process, descriptor, Readiness.OUT, () => write(done), last);
    if (more <= 0) return done > 0 ? done : more;
    done += more;
    last = undefined;
  }
  return done;
}

/**
 * The bytes that iovecs span, which were checked already; at most what one call takes, 1,024 of
 * them and 2 GiB.
 */
export function bytesOf(process: Process, iovs: number, count: number): number {
  let total = 0;
  for (let i = 0, at = iovs + 4; i < Math.min(count, MAX_IOVS); i++, at += 8)
    total += process.memory.u32(at);
  return Math.min(total, 0x7ffff000);
}

/**
 * The handle of a connection for which short messages have their quicker way, if `out` is a place
 * for the number of their bytes; or -1. Words that lie in no memory any more have a length of 0.
 */
function plain({ descriptors }: Process, fd: number, words: Int32Array, out: number): number {
  const { plain } = descriptors;
  if (out & 3 || out >>> 2 >= words.length || fd >>> 0 >= plain.length) return -1;
  return plain[fd]!;
}

export const sock = (process: Process) => ({
  accept(fd: number, flags: number, fdOut: number): number {
    fdOut >>>= 0;
    const listener = process.descriptors.get(fd >>> 0);
    if (!listener) return WasiErrno.BADF;
    if (!listener.socket) return WasiErrno.NOTSOCK;
    if (!listener.listener) return listener.inheriting ? WasiErrno.NOTCAPABLE : WasiErrno.INVAL;
    if (flags & ~FDFLAGS_NONBLOCK) return WasiErrno.INVAL;
    if (!process.memory.holds(fdOut, 4)) return WasiErrno.FAULT;
    // Asked first, so that the connection stays in the listener's queue.
    if (process.descriptors.full) return WasiErrno.MFILE;
    const accept = () => process.kernel.accept(listener.handle);
    let handle = accept();
    if (handle === -Errno.EAGAIN) {
      if (listener.nonblocking) return WasiErrno.AGAIN;
      handle = untilReady(process, listener, Readiness.IN, accept, handle);
    }
    if (handle < 0) return wasiErrno(handle);
    const connection = Descriptor.connection(handle, (flags & FDFLAGS_NONBLOCK) !== 0);
    connection.rights &= listener.inheriting;
    connection.accepted = true;
    process.memory.setU32(fdOut, process.descriptors.add(connection));
    return WasiErrno.SUCCESS;
  },

  recv(
    fd: number,
    iovs: number,
    count: number,
    flags: number,
    bytesOut: number,
    flagsOut: number,
  ): number {
    const { short } = process.kernel;
    if (count === 1 && flags === 0 && short !== undefined && !(flagsOut & 1)) {
      const { words } = process.memory;
      const handle = plain(process, fd, words, bytesOut);
      if (handle >= 0 && flagsOut >>> 2 < words.length) {
        const bytes = short.receive(handle, words, iovs);
        if (bytes >= 0) {
          words[bytesOut >>> 2] = bytes;
          process.memory.setU16(flagsOut >>> 0, 0);
          return WasiErrno.SUCCESS;
        }
        if (bytes !== NOT_DONE) return wasiErrno(bytes);
      }
    }
    iovs >>>= 0;
    count >>>= 0;
    bytesOut >>>= 0;
    flagsOut >>>= 0;
    const socket = process.descriptors.get(fd >>> 0);
    if (!socket) return WasiErrno.BADF;
    if (!socket.socket) return WasiErrno.NOTSOCK;
    if (!(socket.rights & Right.FD_READ)) return WasiErrno.NOTCAPABLE;
    if (flags & ~(Receive.PEEK | Receive.WAITALL)) return WasiErrno.INVAL;
    const { memory } = process;
    if (!memory.holds(bytesOut, 4) || !memory.holds(flagsOut, 2)) return WasiErrno.FAULT;
    const bytes = receive(process, socket, iovs, count, flags);
    if (bytes < 0) return wasiErrno(bytes);
    const cutOff = bytes > MOST_BYTES;
    memory.setU32(bytesOut, cutOff ? bytes - CUT_OFF : bytes);
    memory.setU16(flagsOut, cutOff ? RECV_DATA_TRUNCATED : 0);
    return WasiErrno.SUCCESS;
  },

  send(fd: number, iovs: number, count: number, flags: number, bytesOut: number): number {
    const { short } = process.kernel;
    if (count === 1 && flags === 0 && short !== undefined) {
      const { words } = process.memory;
      const handle = plain(process, fd, words, bytesOut);
      if (handle >= 0) {
        const bytes = short.send(handle, words, iovs);
        if (bytes >= 0) {
          words[bytesOut >>> 2] = bytes;
          return WasiErrno.SUCCESS;
        }
        if (bytes !== NOT_DONE) return wasiErrno(bytes);
      }
    }
    iovs >>>= 0;
    count >>>= 0;
    bytesOut >>>= 0;
    const socket = process.descriptors.get(fd >>> 0);
    if (!socket) return WasiErrno.BADF;
    if (!socket.socket) return WasiErrno.NOTSOCK;
    if (!(socket.rights & Right.FD_WRITE)) return WasiErrno.NOTCAPABLE;
    if (flags !== 0) return WasiErrno.INVAL;
    const { memory } = process;
    if (!memory.holds(bytesOut, 4)) return WasiErrno.FAULT;
    const bytes = transmit(process, socket, iovs, count);
    if (bytes < 0) return wasiErrno(bytes);
    memory.setU32(bytesOut, bytes);
    return WasiErrno.SUCCESS;
  },

  shutdown(fd: number, how: number): number {
    const socket = process.descriptors.get(fd >>> 0);
    if (!socket) return WasiErrno.BADF;
    if (!socket.socket) return WasiErrno.NOTSOCK;
    if (!(socket.rights & Right.SOCK_SHUTDOWN)) return WasiErrno.NOTCAPABLE;
    if (how === 0 || how & ~(Shutdown.RD | Shutdown.WR)) return WasiErrno.INVAL;
    const result = process.kernel.shutdown(socket.handle, how);
    return result < 0 ? wasiErrno(result) : WasiErrno.SUCCESS;
  },
});
