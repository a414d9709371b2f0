/**
 * The module `pollux` as a guest imports it: what preview1 lacks. Only here the names of the ABI
 * are spelt; each family's file says what its functions do. The ABI itself is that of
 * wasm/c/include/pollux.h.
 */
import { WasiErrno } from '../wasi/errno.js';
import { Asynchronous } from './async.js';
import type { Process, WasiFunction } from '../wasi/process.js';
import { epoll } from './epoll.js';
import { signal } from './signal.js';

export const MODULE = 'pollux';

/** What is not built yet: it answers ENOSYS. */
export const unbuilt: readonly string[] = [];

/** What needs the kernel's queue of operations. */
export const asynchronous: ReadonlySet<string> = new Set(['submit', 'reap']);

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
};

/** What may wait. */
export const waiting: ReadonlySet<string> = new Set(['epoll_wait', 'signal_wait', 'reap']);

/**
 * What a reactor cannot have: signals are queued for the thread, which there is Node's own, and is
 * shared with others.
 */
export const commandOnly: ReadonlySet<string> = new Set(['signal_arm', 'signal_wait']);

/** By name: all functions of the module, for one process. */
export function extension(process: Process): Record<string, WasiFunction> {
  const family = {
    epoll: epoll(process),
    signal: signal(process),
  };
  const functions: Record<string, WasiFunction> = {
    epoll_create: family.epoll.create,
    epoll_ctl: family.epoll.control,
    epoll_wait: family.epoll.wait,
    signal_arm: family.signal.arm,
    signal_wait: family.signal.wait,
  };
  for (const name of unbuilt) functions[name] = () => WasiErrno.NOSYS;
  const async = new Asynchronous(process);
  functions['submit'] = async.submit.bind(async);
  functions['reap'] = async.reap.bind(async);
  return functions;
}
