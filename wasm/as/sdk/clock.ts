// Time: now, and later. Nanoseconds everywhere.
import { clockTimeGet, pollOneoff } from "./preview1";

export const SECOND_NS: i64 = 1_000_000_000;
export const MILLISECOND_NS: i64 = 1_000_000;

const REALTIME: i32 = 0;
const MONOTONIC: i32 = 1;

const result: usize = memory.data(8, 8);
/** A subscription to a clock: id at 16, timeout at 24. */
const subscription: usize = memory.data(48, 8);
const event: usize = memory.data(32, 8);

/** Nanoseconds of a clock that never goes back; only differences mean something. */
export function now(): i64 {
  return clockTimeGet(MONOTONIC, 1, result) == 0 ? load<i64>(result) : 0;
}

/** Nanoseconds since 1970. */
export function wallClock(): i64 {
  return clockTimeGet(REALTIME, 1, result) == 0 ? load<i64>(result) : 0;
}

/** Does nothing for so long. 0, or a negated errno. */
export function sleep(ns: i64): i32 {
  store<u32>(subscription, MONOTONIC, 16);
  store<i64>(subscription, max<i64>(ns, 0), 24);
  return -pollOneoff(subscription, event, 1, result);
}
