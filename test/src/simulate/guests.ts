/** Small guests for the simulator, in the text format, so that no compiler changes their calls. */
import { load, type Guest } from 'pollux/simulate';

import { wat } from '../../harness.js';

const WASI = 'wasi_snapshot_preview1';
const IMPORTS = `
  (import "${WASI}" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "${WASI}" "sock_recv" (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "${WASI}" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "${WASI}" "fd_close" (func $close (param i32) (result i32)))
  (import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "${WASI}" "sched_yield" (func $yield (result i32)))
  (import "${WASI}" "proc_exit" (func $exit (param i32)))`;

/** A guest of this text: functions, with the imports and a memory before them. */
export const guestOf = async (text: string): Promise<Guest> =>
  await load(wat(`(module ${IMPORTS} (memory (export "memory") 1) ${text})`));

/**
 * Echoes one connection after the other, in blocking mode; a call that was interrupted (INTR, 27)
 * is made again. `received` is done after each receive: the number of bytes is $n.
 */
export const echoing = (received = '') => `
  (data (i32.const 0) "\\40\\00\\00\\00\\00\\10\\00\\00")
  (func (export "_start") (local $fd i32) (local $n i32) (local $errno i32)
    (loop $next
      (br_if $next (call $accept (i32.const 3) (i32.const 0) (i32.const 16)))
      (local.set $fd (i32.load (i32.const 16)))
      (block $over
        (loop $more
          (local.set $errno (call $recv (local.get $fd)
            (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8) (i32.const 12)))
          (br_if $more (i32.eq (local.get $errno) (i32.const 27)))
          (br_if $over (local.get $errno))
          (local.set $n (i32.load (i32.const 8)))
          (br_if $over (i32.eqz (local.get $n)))
          ${received}
          (i32.store (i32.const 24) (i32.const 64))
          (i32.store (i32.const 28) (local.get $n))
          (loop $send
            (local.set $errno (call $send (local.get $fd)
              (i32.const 24) (i32.const 1) (i32.const 0) (i32.const 32)))
            (br_if $send (i32.eq (local.get $errno) (i32.const 27))))
          (br_if $over (local.get $errno))
          (br $more)))
      (drop (call $close (local.get $fd)))
      (br $next)))`;

/** Takes it for granted that a message of 32 bytes comes in one piece. */
export const expectsWhole = echoing(
  '(if (i32.ne (local.get $n) (i32.const 32)) (then (unreachable)))',
);

/** Takes a connection, and never reads from it. */
export const neverReads = `(func (export "_start")
  (loop $next (drop (call $accept (i32.const 3) (i32.const 0) (i32.const 16))) (br $next)))`;

/** Calls, and calls. */
export const spins = '(func (export "_start") (loop $next (drop (call $yield)) (br $next)))';

export const LISTEN = ['127.0.0.1:9000,blocking'];
export const ADDRESS = '127.0.0.1:9000';
