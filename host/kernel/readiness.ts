/**
 * Readiness: the first of the three ways in which a kernel tells that an operation may go on
 * (poll(2), epoll(7)). Types and numbers only. A `Poller` is one interest set; Linux has three
 * backends with the same functions in the same order.
 */

/** What may be asked for and answered, as a bit mask; the numbers of poll(2) and epoll(7). */
export const Readiness = {
  IN: 0x1,
  PRI: 0x2,
  OUT: 0x4,
  /** Always answered, asked for or not. */
  ERR: 0x8,
  /** Always answered, asked for or not. */
  HUP: 0x10,
  NVAL: 0x20,
  /** The peer shut down its writing half. */
  RDHUP: 0x2000,
  /** Asked for only: of the sets that watch a handle with this, not all need be woken by it. */
  EXCLUSIVE: 0x1000_0000,
} as const;

/**
 * When an event is told, as a bit mask: as long as it holds, when it newly arises, once until `set`
 * again.
 */
export const Trigger = { LEVEL: 0, EDGE: 1, ONESHOT: 2 } as const;
export type Trigger = (typeof Trigger)[keyof typeof Trigger];

/** The backends of Linux, newest first. */
export const pollerNames = ['epoll', 'poll', 'select'] as const;
export type PollerName = (typeof pollerNames)[number];

/** The token of the event that says `Kernel.wake` was called; no other event carries it. */
export const WAKE = -1;

/**
 * `events` of `Poller.wait` holds triples of 32-bit integers: readiness mask, token, and one that
 * means nothing.
 */
export const EVENT_STRIDE = 3;

export interface Poller {
  readonly name: PollerName;

  /**
   * Watches `handle` for `interest` (a mask of `Readiness`), or changes what it is watched for;
   * `trigger` is a mask of `Trigger`; `token` (≥ 0) comes back with its events. Setting it again
   * re-arms an edge or a oneshot. Answers 0, or: -EBADF not open; -EPERM cannot be waited for and
   * is always ready (a regular file, by epoll only); -EINVAL beyond the backend's limit (select:
   * FD_SETSIZE, 1024), what it lacks (all but epoll: level only, and never EXCLUSIVE), or EXCLUSIVE
   * with more than IN, OUT, ERR and HUP, with ONESHOT, or before or after another `set` of the same
   * handle; -ENOMEM, -ENOSPC.
   */
  set(handle: number, interest: number, trigger: number, token: number): number;

  /**
   * No longer watches `handle`. Answers 0, or -ENOENT if it was not watched. Closing a handle does
   * the same.
   */
  remove(handle: number): number;

  /**
   * Waits until something is ready, at most `timeoutNs` nanoseconds (0: only looks; Infinity: for
   * ever), and fills `events`. Answers the number of events, 0 when time ran out, or -EINTR. A wait
   * ends no sooner than its timeout.
   */
  wait(events: Int32Array, timeoutNs: number): number;

  close(): void;
}
