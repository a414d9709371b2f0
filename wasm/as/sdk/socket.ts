// Sockets: those that the guest was handed, and the connections that come of them. A guest cannot
// bind, listen or connect; it has what it was given, as descriptors from 3 on.
//
// Bytes are given by their address and length: `dataStart` of a Uint8Array, or memory.data().
import {
  fdClose,
  fdFdstatGet,
  fdFdstatSetFlags,
  sockAccept,
  sockRecv,
  sockSend,
  sockShutdown,
} from "./preview1";

/** The first descriptor after the standard streams. */
export const FIRST_FD: i32 = 3;

/** For `shutdown`: nothing more is read. */
export const SHUT_RD: i32 = 1;
/** For `shutdown`: nothing more is sent. */
export const SHUT_WR: i32 = 2;
export const SHUT_RDWR: i32 = 3;

/** What `kindOf` answers. */
export const LISTENER: i32 = 1;
export const CONNECTION: i32 = 2;
/** Open, but no stream socket. */
export const OTHER: i32 = 0;

const FDFLAGS_NONBLOCK: i32 = 4;
const FILETYPE_SOCKET_STREAM: u8 = 6;
const RIGHTS_SOCK_ACCEPT: u64 = 1 << 29;

const iovec: usize = memory.data(8, 8);
const result: usize = memory.data(8, 8);
/** filetype at 0, flags at 2, rights at 8. */
const stat: usize = memory.data(24, 8);

/** LISTENER, CONNECTION, OTHER, or -EBADF. */
export function kindOf(fd: i32): i32 {
  const errno = fdFdstatGet(fd, stat);
  if (errno != 0) return -errno;
  if (load<u8>(stat) != FILETYPE_SOCKET_STREAM) return OTHER;
  return (load<u64>(stat, 8) & RIGHTS_SOCK_ACCEPT) != 0 ? LISTENER : CONNECTION;
}

/**
 * The next socket after descriptor `fd` that the guest was handed, or -1 if there is none:
 *
 *     for (let fd = nextSocket(); fd >= 0; fd = nextSocket(fd)) ...
 */
export function nextSocket(fd: i32 = FIRST_FD - 1): i32 {
  let kind = OTHER;
  while (kind == OTHER) kind = kindOf(++fd);
  return kind < 0 ? -1 : fd;
}

/** Whether calls on the descriptor wait, or answer -EAGAIN instead. 0, or a negated errno. */
export function setNonblocking(fd: i32, on: bool = true): i32 {
  return -fdFdstatSetFlags(fd, on ? FDFLAGS_NONBLOCK : 0);
}

/** Takes a connection that waits at a listener: its descriptor, or a negated errno. */
export function accept(listener: i32, nonblocking: bool = true): i32 {
  const errno = sockAccept(listener, nonblocking ? FDFLAGS_NONBLOCK : 0, result);
  return errno == 0 ? load<i32>(result) : -errno;
}

/** How many bytes came, at most `length`; 0 when the peer sends no more; or a negated errno. */
export function recv(fd: i32, bytes: usize, length: u32): i32 {
  store<u32>(iovec, <u32>bytes);
  store<u32>(iovec, length, 4);
  const errno = sockRecv(fd, iovec, 1, 0, result, result + 4);
  return errno == 0 ? load<i32>(result) : -errno;
}

/** How many bytes are on their way, maybe fewer than `length`; or a negated errno. */
export function send(fd: i32, bytes: usize, length: u32): i32 {
  store<u32>(iovec, <u32>bytes);
  store<u32>(iovec, length, 4);
  const errno = sockSend(fd, iovec, 1, 0, result);
  return errno == 0 ? load<i32>(result) : -errno;
}

/** Ends one direction (SHUT_RD, SHUT_WR) or both. 0, or a negated errno. */
export function shutdown(fd: i32, how: i32): i32 {
  return -sockShutdown(fd, how);
}

/** Gives a descriptor back, whatever it is of. 0, or a negated errno. */
export function close(fd: i32): i32 {
  return -fdClose(fd);
}
