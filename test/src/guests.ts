/** Small guests in the text format, each of which answers one question by its exit code. */
import { wat } from '../harness.js';

const WASI = 'wasi_snapshot_preview1';
const PROC_EXIT = `(import "${WASI}" "proc_exit" (func $exit (param i32)))`;
const FDSTAT_GET = `(import "${WASI}" "fd_fdstat_get" (func $fdstat (param i32 i32) (result i32)))`;

/** Ends with `code`. */
export const exits = (code: number) =>
  wat(
    `(module ${PROC_EXIT} (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const ${code}))))`,
  );

/** Returns from _start, and imports nothing. */
export const returns = wat('(module (memory (export "memory") 1) (func (export "_start")))');

/** Counts the descriptors from 3 to 999 that are open. */
export const countsDescriptors = wat(`(module ${PROC_EXIT} ${FDSTAT_GET}
  (memory (export "memory") 1)
  (func (export "_start") (local $fd i32) (local $open i32)
    (local.set $fd (i32.const 3))
    (loop $each
      (if (i32.eqz (call $fdstat (local.get $fd) (i32.const 64)))
        (then (local.set $open (i32.add (local.get $open) (i32.const 1)))))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $fd) (i32.const 1000))))
    (call $exit (local.get $open))))`);

/**
 * The code of `describes` for a descriptor: whether it is a listener, is non-blocking, and its file
 * type.
 */
export const described = ({ listener = false, nonblocking = true, type = 6 }) =>
  (listener ? 64 : 0) + (nonblocking ? 32 : 0) + type;

/** Says what the descriptor `fd` is (see `described`), or 128 and the errno if it is not open. */
export const describes = (fd: number) =>
  wat(`(module ${PROC_EXIT} ${FDSTAT_GET}
  (memory (export "memory") 1)
  (func (export "_start") (local $errno i32)
    (local.set $errno (call $fdstat (i32.const ${fd}) (i32.const 64)))
    (if (local.get $errno) (then (call $exit (i32.add (i32.const 128) (local.get $errno)))))
    (call $exit (i32.add (i32.load8_u (i32.const 64)) (i32.add
      (i32.shl (i32.and (i32.load16_u (i32.const 66)) (i32.const 4)) (i32.const 3))
      (i32.and (i32.shr_u (i32.load (i32.const 72)) (i32.const 23)) (i32.const 64)))))))`);

/** Writes "hello" to descriptor `fd`, and ends with the errno of that. */
export const greets = (fd: number) =>
  wat(`(module ${PROC_EXIT}
  (import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00") (data (i32.const 16) "hello")
  (func (export "_start")
    (call $exit (call $write (i32.const ${fd}) (i32.const 0) (i32.const 1) (i32.const 8)))))`);

/** Ends itself, catches that end, and writes "hello" to its connection nevertheless. */
export const catchesItsEnd = wat(
  `(module ${PROC_EXIT}
  (import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00") (data (i32.const 16) "hello")
  (func (export "_start")
    (try (do (call $exit (i32.const 9))) (catch_all))
    (drop (call $write (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 8)))))`,
);

/** Traps in its start function, before anything was exported to the host. */
export const trapsAtStart = wat(
  `(module (memory (export "memory") 1)
  (func $boom unreachable) (start $boom) (func (export "_start")))`,
);

/**
 * A reactor whose turn is `body`; it may call $write_tick, and $poll(deadline) which answers the
 * number of events.
 */
export const reactor = (body: string, more = '') =>
  wat(`(module ${PROC_EXIT}
  (import "${WASI}" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "${WASI}" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "${WASI}" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00") (data (i32.const 16) "tick\\0a")
  (global $count (mut i32) (i32.const 0))
  (global $deadline (mut i64) (i64.const 0))
  (func $write_tick (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $now (result i64)
    (drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 32)))
    (i64.load (i32.const 32)))
  ;; Asks for the moment $at of the monotonic clock: the host comes back when it is there.
  (func $poll (param $at i64) (result i32)
    (i32.store8 (i32.const 72) (i32.const 0))
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (local.get $at))
    (i32.store16 (i32.const 104) (i32.const 1))
    (drop (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 40)))
    (i32.load (i32.const 40)))
  ${more}
  (func (export "turn") (result i32) ${body}))`);
