/**
 * The module `pollux` as a guest imports it: what preview1 lacks. Only here the names of the ABI
 * are spelt; each family's file says what its functions do. The ABI itself is that of
 * wasm/c/include/pollux.h.
 */
import { WasiErrno } from '../wasi/errno.js';
import { Asynchronous } from './async.js';
import type { Process, WasiFunction } from '../wasi/process.js';

export const MODULE = 'pollux';

/** What is not built yet: it answers ENOSYS. */
export const unbuilt = [
  'epoll_create',
  'epoll_ctl',
  'epoll_wait',
  'signal_arm',
  'signal_wait',
] as const;

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

/** By name: all functions of the module, for one process. */
export function extension(process: Process): Record<string, WasiFunction> {
  const functions: Record<string, WasiFunction> = {};
  for (const name of unbuilt) functions[name] = () => WasiErrno.NOSYS;
  const async = new Asynchronous(process);
  functions['submit'] = async.submit.bind(async);
  functions['reap'] = async.reap.bind(async);
  return functions;
}
