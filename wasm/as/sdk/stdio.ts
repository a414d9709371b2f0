// The standard streams: reading, writing and saying a sentence, without a print for numbers and
// objects; `Text` puts those together.
import { EAGAIN, EINTR } from "./errno";
import { fdRead, fdWrite } from "./preview1";

export const STDIN: i32 = 0;
export const STDOUT: i32 = 1;
export const STDERR: i32 = 2;

/** A longer string is written in pieces. */
const PIECE: i32 = 256;

const iovec: usize = memory.data(8, 8);
const result: usize = memory.data(8, 8);
const piece: usize = memory.data(1024, 8);

/** How many bytes came, at most `length`; 0 at the end; or a negated errno. */
export function read(fd: i32, bytes: usize, length: u32): i32 {
  store<u32>(iovec, <u32>bytes);
  store<u32>(iovec, length, 4);
  const errno = fdRead(fd, iovec, 1, result);
  return errno == 0 ? load<i32>(result) : -errno;
}

/** How many bytes were written, maybe fewer than `length`; or a negated errno. */
export function write(fd: i32, bytes: usize, length: u32): i32 {
  store<u32>(iovec, <u32>bytes);
  store<u32>(iovec, length, 4);
  const errno = fdWrite(fd, iovec, 1, result);
  return errno == 0 ? load<i32>(result) : -errno;
}

/** Writes all of it, however often it takes. 0, or a negated errno. */
export function writeAll(fd: i32, bytes: usize, length: u32): i32 {
  while (length > 0) {
    const written = write(fd, bytes, length);
    if (written == -EAGAIN || written == -EINTR) continue;
    if (written < 0) return written;
    bytes += written;
    length -= written;
  }
  return 0;
}

/** Writes a string as UTF-8. 0, or a negated errno. */
export function print(text: string, fd: i32 = STDOUT): i32 {
  let at = 0;
  while (at < text.length) {
    let count = min(PIECE, text.length - at);
    // The two halves of a character stay together.
    const last = text.charCodeAt(at + count - 1);
    if ((last & 0xfc00) == 0xd800 && at + count < text.length) count--;
    const from = changetype<usize>(text) + ((<usize>at) << 1);
    const length = <u32>String.UTF8.encodeUnsafe(from, count, piece);
    const errno = writeAll(fd, piece, length);
    if (errno < 0) return errno;
    at += count;
  }
  return 0;
}

/** A sentence for whoever runs the guest: a line on stderr. */
export function log(sentence: string): void {
  print(sentence, STDERR);
  print("\n", STDERR);
}
