/** Guests in the text format that use module `pollux`. */
import { wat } from '../../harness.js';

const imports = `
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "pollux" "epoll_create" (func $epoll_create (param i32) (result i32)))
  (import "pollux" "epoll_ctl" (func $epoll_ctl (param i32 i32 i32 i32) (result i32)))
  (import "pollux" "epoll_wait" (func $epoll_wait (param i32 i32 i32 i64 i32) (result i32)))`;
const signals = `
  (import "pollux" "signal_arm" (func $signal_arm (param i32 i32) (result i32)))
  (import "pollux" "signal_wait" (func $signal_wait (param i32 i32 i64 i32) (result i32)))`;

/**
 * Answers of calls lie at 0: the interest set's number at 0, a count at 4, an accepted connection
 * at 8, bytes at 12. At 16 lies an iovec of `hello`, at 64 an event, at 1024 what was told.
 */
const common = `
  (memory (export "memory") 4)
  (data (i32.const 16) "\\30\\00\\00\\00\\05\\00\\00\\00")
  (data (i32.const 48) "hello")
  ;; Ends the guest with what is no success.
  (func $must (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
  (func $watch (param $fd i32) (param $events i32)
    (i32.store (i32.const 64) (local.get $events))
    (i32.store (i32.const 72) (local.get $fd))
    (call $must (call $epoll_ctl
      (i32.load (i32.const 0)) (i32.const 1) (local.get $fd) (i32.const 64))))
  (func $look (param $timeout i64) (result i32)
    (call $must (call $epoll_wait
      (i32.load (i32.const 0)) (i32.const 1024) (i32.const 64) (local.get $timeout) (i32.const 4)))
    (i32.load (i32.const 4)))
  (func $next (result i32)
    (call $must (call $accept (i32.const 3) (i32.const 0) (i32.const 8))) (i32.load (i32.const 8)))
  (func $greet (param $fd i32)
    (call $must (call $write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 12))))`;

/** A command whose `_start` is `body`. */
export const command = (body: string) =>
  wat(`(module ${imports} ${signals} ${common} (func (export "_start") ${body}))`);

/** A reactor that begins with `initialize`, and whose turn is `turn`. */
export const reactor = (initialize: string, turn: string) =>
  wat(`(module ${imports} ${common} (global $turns (mut i32) (i32.const 0))
    (func (export "_initialize") (call $must (call $epoll_create (i32.const 0))) ${initialize})
    (func (export "turn") (result i32)
      (global.set $turns (i32.add (global.get $turns) (i32.const 1))) ${turn} (i32.const 0)))`);

/** Waits for signals of the listener for ever. */
export const waitsForSignals = command(`
  (call $must (call $signal_arm (i32.const 3) (i32.const 1)))
  (loop $again
    (call $must (call $signal_wait (i32.const 1024) (i32.const 8) (i64.const -1) (i32.const 4)))
    (br $again))`);

/** Waits for events of the listener for ever, and accepts nothing but that. */
export const waitsForEvents = command(`
  (call $must (call $epoll_create (i32.const 0)))
  (call $watch (i32.const 3) (i32.const 0x80000001))
  (loop $again
    (drop (call $look (i64.const -1)))
    (br $again))`);

/** Arms the listener, and computes for ever. */
export const armsAndSpins = command(`
  (call $must (call $signal_arm (i32.const 3) (i32.const 1)))
  (call $must (call $epoll_create (i32.const 0)))
  (call $watch (i32.const 3) (i32.const 1))
  (loop $for_ever (br $for_ever))`);

/**
 * Arms a connection, greets, and takes signals only when there is a second connection: ends with 1
 * if the first signal says that there were too many, else with 2.
 */
export const looksTooLate = command(`(local $fd i32)
  (local.set $fd (call $next))
  (call $must (call $signal_arm (local.get $fd) (i32.const 1)))
  (call $greet (local.get $fd))
  (drop (call $next))
  (call $must (call $signal_wait (i32.const 1024) (i32.const 64) (i64.const 0) (i32.const 4)))
  (call $exit (select (i32.const 1) (i32.const 2)
    (i32.eq (i32.load (i32.const 1024)) (i32.const -1))))`);

const greetsAll = `
  (loop $more
    (if (i32.eqz (call $accept (i32.const 3) (i32.const 4) (i32.const 8)))
      (then
        (call $greet (i32.load (i32.const 8)))
        (call $must (call $close (i32.load (i32.const 8))))
        (br $more))))`;

/** Accepts by signals, greets each client, and closes the connection. */
export const greetsBySignals = command(`
  (call $must (call $signal_arm (i32.const 3) (i32.const 1)))
  (loop $again
    ${greetsAll}
    (call $must (call $signal_wait (i32.const 1024) (i32.const 1) (i64.const -1) (i32.const 4)))
    (br $again))`);

/** The same by an interest set, in an event loop. */
export const greetsInALoop = reactor(
  '(call $watch (i32.const 3) (i32.const 0x80000001))',
  `(drop (call $look (i64.const -1))) ${greetsAll}`,
);

/** Is called again when its wait is over, four times in all, and ends with its turns. */
export const countsTurns = reactor(
  '',
  `(drop (call $look (i64.const 10000000)))
  (if (i32.eq (global.get $turns) (i32.const 4)) (then (call $exit (global.get $turns))))`,
);

/** Closes its interest set in a turn that the set itself asked for, and ends a turn later. */
export const closesItsSet = reactor(
  '(call $watch (i32.const 3) (i32.const 1))',
  `(if (call $look (i64.const -1))
    (then
      (call $must (call $close (i32.load (i32.const 0))))
      (call $must (call $epoll_create (i32.const 0)))
      (call $exit (i32.const 77))))`,
);
