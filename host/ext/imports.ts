/**
 * The module `pollux` as a guest imports it: what preview1 lacks. Only here the names of the ABI
 * are spelt; each family's file says what its functions do. The ABI itself is that of
 * wasm/c/include/pollux.h.
 */
import type { Process, WasiFunction } from '../wasi/process.js';
import { asynchronous } from './async.js';
import { epoll } from './epoll.js';
import { fault } from './fault.js';
import { signal } from './signal.js';

export const MODULE = 'pollux';

/** What needs the kernel's queue of operations. */
export const queued: ReadonlySet<string> = new Set(['submit', 'reap']);
/** What signal-driven I/O is made of. */
export const signalled: ReadonlySet<string> = new Set(['signal_arm', 'signal_wait']);

/**
 * The parameters of each function, for transcripts: `>name` is where a u32 answer goes; the rest is
 * what goes in.
 */
export const parameters: Record<string, string> = {
  epoll_create: '>epfd',
  epoll_ctl: 'epfd op fd event',
  epoll_wait: 'epfd events max timeout_ns >count',
  signal_arm: 'fd on',
  signal_wait: 'signals max timeout_ns >count',
  submit: 'operations count >accepted',
  reap: 'completions max buffer length min timeout_ns >count',
  fault_maybe: 'label length >happens',
};

/** What may wait. */
export const waiting: ReadonlySet<string> = new Set(['epoll_wait', 'signal_wait', 'reap']);

/** What is of use only to a guest that was granted something. */
export const granted = { listener: /^submit$/ } as const;

const SIGNALS = "signals go to the guest's own thread, and a reactor shares Node's";
const COMPLETIONS = "no completion wakes Node's event loop, which a reactor lives in";

/** What a reactor cannot have, and why. */
export const commandOnly: ReadonlyMap<string, string> = new Map([
  ['signal_arm', SIGNALS],
  ['signal_wait', SIGNALS],
  ['submit', COMPLETIONS],
  ['reap', COMPLETIONS],
]);

/** By name: all functions of the module, for one process. */
export function extension(process: Process): Record<string, WasiFunction> {
  const family = {
    epoll: epoll(process),
    signal: signal(process),
    asynchronous: asynchronous(process),
    fault: fault(process),
  };
  return {
    epoll_create: family.epoll.create,
    epoll_ctl: family.epoll.control,
    epoll_wait: family.epoll.wait,
    signal_arm: family.signal.arm,
    signal_wait: family.signal.wait,
    submit: family.asynchronous.submit,
    reap: family.asynchronous.reap,
    fault_maybe: family.fault.maybe,
  };
}
