/** Guests in the text format that do asynchronous I/O. */
import { wat } from '../../harness.js';

/**
 * An operation lies at 0, what submit answers at 40, what reap answers at 44; completions lie at
 * 1024, and received bytes at 65536.
 */
const common = `
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "pollux" "submit" (func $submit (param i32 i32 i32) (result i32)))
  (import "pollux" "reap" (func $reap (param i32 i32 i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 32)
  ;; Ends the guest with what is no success.
  (func $must (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
  (func $do (param $userdata i64) (param $opcode i32) (param $flags i32) (param $fd i32)
    (param $bytes i32) (param $length i32) (param $argument i64)
    (i64.store (i32.const 0) (local.get $userdata))
    (i32.store (i32.const 8) (local.get $opcode))
    (i32.store8 (i32.const 9) (local.get $flags))
    (i32.store (i32.const 12) (local.get $fd))
    (i32.store (i32.const 16) (local.get $bytes))
    (i32.store (i32.const 20) (local.get $length))
    (i64.store (i32.const 24) (local.get $argument))
    (call $must (call $submit (i32.const 0) (i32.const 1) (i32.const 40)))
    (if (i32.ne (i32.load (i32.const 40)) (i32.const 1)) (then (call $exit (i32.const 200)))))
  (func $take (param $min i32) (param $timeout i64) (result i32)
    (call $must (call $reap (i32.const 1024) (i32.const 256) (i32.const 65536) (i32.const 1048576)
      (local.get $min) (local.get $timeout) (i32.const 44)))
    (i32.load (i32.const 44)))`;

const guest = (body: string) => wat(`(module ${common} (func (export "_start") ${body}))`);

/**
 * Echoes: the userdata of an operation is its descriptor. With each completion its memory grows by
 * `pages`; a client that closes its half gets the rest, and the end.
 */
export const echoes = (pages = 0) =>
  guest(`(local $at i32) (local $left i32) (local $fd i32) (local $result i32) (local $opcode i32)
  (call $do (i64.const 3) (i32.const 1) (i32.const 1) (i32.const 3)
    (i32.const 0) (i32.const 0) (i64.const 0))
  (loop $again
    (local.set $left (call $take (i32.const 1) (i64.const -1)))
    (local.set $at (i32.const 1024))
    (loop $each
      (if (local.get $left) (then
        (local.set $fd (i32.wrap_i64 (i64.load (local.get $at))))
        (local.set $result (i32.load offset=8 (local.get $at)))
        (local.set $opcode (i32.load8_u offset=13 (local.get $at)))
        (if (i32.eq (local.get $opcode) (i32.const 1)) (then ;; ACCEPT: RECV again and again
          (call $do (i64.extend_i32_u (local.get $result)) (i32.const 2) (i32.const 1)
            (local.get $result) (i32.const 0) (i32.const 0) (i64.const 0))))
        (if (i32.eq (local.get $opcode) (i32.const 2)) (then
          (if (i32.gt_s (local.get $result) (i32.const 0))
            (then ;; SEND it back
              (call $do (i64.extend_i32_u (local.get $fd)) (i32.const 3) (i32.const 0)
                (local.get $fd)
                (i32.add (i32.const 65536) (i32.load offset=16 (local.get $at)))
                (local.get $result) (i64.const 0)))
            (else ;; CLOSE
              (call $do (i64.extend_i32_u (local.get $fd)) (i32.const 4) (i32.const 0)
                (local.get $fd) (i32.const 0) (i32.const 0) (i64.const 0))))))
        (drop (memory.grow (i32.const ${pages})))
        (local.set $at (i32.add (local.get $at) (i32.const 24)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each))))
    (br $again))`);

/** Waits for connections for ever, with a timer beside. */
export const waits = guest(`
  (call $do (i64.const 1) (i32.const 1) (i32.const 1) (i32.const 3)
    (i32.const 0) (i32.const 0) (i64.const 0))
  (call $do (i64.const 2) (i32.const 5) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i64.const 1000000000000000))
  (loop $again (drop (call $take (i32.const 200) (i64.const -1))) (br $again))`);

/** Only looks, again and again, and submits a timer each time. */
export const spins = guest(`
  (loop $again
    (call $do (i64.const 2) (i32.const 5) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i64.const 0))
    (drop (call $take (i32.const 0) (i64.const 0)))
    (br $again))`);

/** Ends with the number of completions that a millisecond has. */
export const counts = guest(`
  (call $do (i64.const 2) (i32.const 5) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i64.const 1000000))
  (call $exit (call $take (i32.const 1) (i64.const -1)))`);

/** Traps with a lot in flight. */
export const traps = guest(`
  (call $do (i64.const 1) (i32.const 1) (i32.const 1) (i32.const 3)
    (i32.const 0) (i32.const 0) (i64.const 0))
  (drop (call $take (i32.const 1) (i64.const -1)))
  (call $do (i64.const 1) (i32.const 2) (i32.const 1) (i32.load (i32.const 1032))
    (i32.const 0) (i32.const 0) (i64.const 0))
  unreachable`);

/** A reactor, which may not have this. */
export const reactor = wat(`(module
  (import "pollux" "reap" (func (param i32 i32 i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "turn")))`);
