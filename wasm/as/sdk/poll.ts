// poll_oneoff as a list: what is waited for, and what of it is ready. select(2) and poll(2) in one;
// a list that is as it was the last time costs the host next to nothing.
//
//     const poll = new Poll();
//     poll.clear();
//     poll.read(listener, 0);
//     for (let i = 0, ready = poll.wait(); i < ready; i++) {
//       if (poll.userdata(i) == 0) ...
//     }
//
// Memory is only taken when the list becomes longer than it has ever been.
import { pollOneoff } from "./preview1";

// The layouts of the WASI types, in bytes.
const SUBSCRIPTION: usize = 48; // userdata at 0
const TAG: usize = 8;
const FD: usize = 16;
const CLOCK_ID: usize = 16;
const CLOCK_TIMEOUT: usize = 24;
const CLOCK_PRECISION: usize = 32;
const CLOCK_FLAGS: usize = 40;
const EVENT: usize = 32; // userdata at 0
const EVENT_ERRNO: usize = 8;
const EVENT_TYPE: usize = 10;
const EVENT_BYTES: usize = 16;
const EVENT_FLAGS: usize = 24;

const TYPE_CLOCK: u8 = 0;
const TYPE_READ: u8 = 1;
const TYPE_WRITE: u8 = 2;
const HANGUP: u16 = 1;
const MONOTONIC: u32 = 1;

const result: usize = memory.data(8, 8);

@final
export class Poll {
  /** How many subscriptions there are. */
  length: i32 = 0;
  private capacity: i32 = 0;
  private subscriptions: usize = 0;
  private events: usize = 0;

  /** Room for `capacity` subscriptions; it grows when there are more. */
  constructor(capacity: i32 = 64) {
    this.reserve(capacity);
  }

  /** Nothing is waited for any more. */
  clear(): void {
    this.length = 0;
  }

  /** Waits until something can be read, accepted, or is over; `userdata` comes back with it. */
  read(fd: i32, userdata: u64): void {
    this.subscribe(fd, TYPE_READ, userdata);
  }

  /** Waits until something can be sent, or is over. */
  write(fd: i32, userdata: u64): void {
    this.subscribe(fd, TYPE_WRITE, userdata);
  }

  /**
   * Waits until something is ready, and answers how many events there are; 0 when `timeoutNs` ran
   * out (0: only looks; negative: for ever); or a negated errno. Each event is one subscription.
   */
  wait(timeoutNs: i64 = -1): i32 {
    const count = timeoutNs < 0 ? this.length : this.subscribeClock(timeoutNs);
    const errno = pollOneoff(this.subscriptions, this.events, count, result);
    if (errno != 0) return -errno;
    const ready = load<i32>(result);
    return timeoutNs < 0 ? ready : this.withoutClock(ready);
  }

  /** The number that was given with event `i`'s subscription. */
  userdata(i: i32): u64 {
    return load<u64>(this.event(i));
  }

  /** 0, or what is wrong with the descriptor of event `i` (not negated). */
  errno(i: i32): i32 {
    return <i32>load<u16>(this.event(i), EVENT_ERRNO);
  }

  /** True if event `i` is of `write`, false if it is of `read`. */
  isWrite(i: i32): bool {
    return load<u8>(this.event(i), EVENT_TYPE) == TYPE_WRITE;
  }

  /** How many bytes there are to read, at least. */
  bytes(i: i32): u64 {
    return load<u64>(this.event(i), EVENT_BYTES);
  }

  /** True if the peer of event `i` sends no more; what it has sent is still to be read. */
  isHangup(i: i32): bool {
    return (load<u16>(this.event(i), EVENT_FLAGS) & HANGUP) != 0;
  }

  private event(i: i32): usize {
    return this.events + <usize>i * EVENT;
  }

  private subscribe(fd: i32, type: u8, userdata: u64): void {
    // One more stays free, for the clock.
    if (this.length + 1 >= this.capacity) this.reserve(this.capacity * 2);
    const subscription = this.subscriptions + <usize>this.length * SUBSCRIPTION;
    this.length++;
    store<u64>(subscription, userdata);
    store<u8>(subscription, type, TAG);
    store<i32>(subscription, fd, FD);
  }

  private subscribeClock(timeoutNs: i64): i32 {
    const subscription = this.subscriptions + <usize>this.length * SUBSCRIPTION;
    store<u64>(subscription, 0);
    store<u8>(subscription, TYPE_CLOCK, TAG);
    store<u32>(subscription, MONOTONIC, CLOCK_ID);
    store<u64>(subscription, timeoutNs, CLOCK_TIMEOUT);
    store<u64>(subscription, 0, CLOCK_PRECISION);
    store<u16>(subscription, 0, CLOCK_FLAGS);
    return this.length + 1;
  }

  /** Takes the clock's event out of the list, if it is there. */
  private withoutClock(ready: i32): i32 {
    for (let i = 0; i < ready; i++) {
      if (load<u8>(this.event(i), EVENT_TYPE) != TYPE_CLOCK) continue;
      memory.copy(this.event(i), this.event(--ready), EVENT);
      break;
    }
    return ready;
  }

  private reserve(capacity: i32): void {
    if (capacity < 2) capacity = 2;
    const subscriptions = heap.alloc(SUBSCRIPTION * <usize>capacity);
    memory.fill(subscriptions, 0, SUBSCRIPTION * <usize>capacity);
    memory.copy(subscriptions, this.subscriptions, SUBSCRIPTION * <usize>this.length);
    if (this.capacity > 0) {
      heap.free(this.subscriptions);
      heap.free(this.events);
    }
    this.subscriptions = subscriptions;
    this.events = heap.alloc(EVENT * <usize>capacity);
    this.capacity = capacity;
  }
}
