// epoll(7), of module "pollux": a set that the kernel keeps, so that waiting costs no more with ten
// thousand idle connections than with one. wasm/c/include/pollux.h says the ABI.
import { epollCreate, epollCtl, epollWait } from "./pollux";
import { close } from "./socket";

export const EPOLLIN: u32 = 0x1;
export const EPOLLPRI: u32 = 0x2;
export const EPOLLOUT: u32 = 0x4;
/** Always told. */
export const EPOLLERR: u32 = 0x8;
/** Always told. */
export const EPOLLHUP: u32 = 0x10;
/** The peer sends no more. */
export const EPOLLRDHUP: u32 = 0x2000;
/** Of several guests that wait, only some are woken. */
export const EPOLLEXCLUSIVE: u32 = 1 << 28;
/** Told once, and then not again before `modify`. */
export const EPOLLONESHOT: u32 = 1 << 30;
/** Told when it comes to be, not as long as it is: read and send until -EAGAIN. */
export const EPOLLET: u32 = 1 << 31;

const ADD: i32 = 1;
const DELETE: i32 = 2;
const MODIFY: i32 = 3;
const EVENT: i32 = 16; // events at 0, data at 8

const result: usize = memory.data(8, 8);
const change: usize = memory.data(16, 8);

@final
export class Epoll {
  /** The set's own descriptor, or a negated errno if there is none. */
  readonly fd: i32;
  private list: StaticArray<u8>;
  private max: u32;

  /** A new set, of which one `wait` answers at most `max` events. */
  constructor(max: u32 = 256) {
    const errno = epollCreate(result);
    this.fd = errno == 0 ? load<i32>(result) : -errno;
    this.list = new StaticArray<u8>(<i32>max * EVENT);
    this.max = max;
  }

  /** Takes a descriptor in; `data` comes back with its events. 0, or a negated errno. */
  add(fd: i32, events: u32, data: u64): i32 {
    return this.control(ADD, fd, events, data);
  }

  /** Asks for something else, and to be told anew. 0, or a negated errno. */
  modify(fd: i32, events: u32, data: u64): i32 {
    return this.control(MODIFY, fd, events, data);
  }

  /** Takes a descriptor out; closing it does so too. 0, or a negated errno. */
  remove(fd: i32): i32 {
    return this.control(DELETE, fd, 0, 0);
  }

  /**
   * Waits until something is ready, and answers how many events there are; 0 when `timeoutNs` ran
   * out (0: only looks; negative: for ever); or a negated errno.
   */
  wait(timeoutNs: i64 = -1): i32 {
    const errno = epollWait(this.fd, changetype<usize>(this.list), this.max, timeoutNs, result);
    return errno == 0 ? load<i32>(result) : -errno;
  }

  /** What event `i` is: a mask of EPOLLIN, EPOLLOUT, ... */
  events(i: i32): u32 {
    return load<u32>(changetype<usize>(this.list) + i * EVENT);
  }

  /** The number that was given with the descriptor of event `i`. */
  data(i: i32): u64 {
    return load<u64>(changetype<usize>(this.list) + i * EVENT, 8);
  }

  close(): i32 {
    return close(this.fd);
  }

  private control(op: i32, fd: i32, events: u32, data: u64): i32 {
    store<u32>(change, events);
    store<u64>(change, data, 8);
    return -epollCtl(this.fd, op, fd, change);
  }
}
