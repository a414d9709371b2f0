/**
 * What the calls of a guest are for the machine of its I/O model. Only here the names of the ABI
 * are spelt.
 */

export type CallKind =
  | 'receive'
  | 'send'
  | 'accept'
  | 'close'
  | 'poll'
  | 'register'
  | 'wait'
  | 'arm'
  | 'take signals'
  | 'submit'
  | 'reap'
  | 'yield';

const kinds: Readonly<Record<string, CallKind>> = {
  fd_close: 'close',
  fd_read: 'receive',
  fd_write: 'send',
  poll_oneoff: 'poll',
  sched_yield: 'yield',
  sock_accept: 'accept',
  sock_recv: 'receive',
  sock_send: 'send',
  epoll_ctl: 'register',
  epoll_wait: 'wait',
  signal_arm: 'arm',
  signal_wait: 'take signals',
  submit: 'submit',
  reap: 'reap',
};

/** It ends the guest, and does not come back. */
export const isExit = (name: string): boolean => name === 'proc_exit';

/** It copies between the guest and the kernel, and may wait before it does. */
export const isCopy = (name: string): boolean =>
  ['fd_pread', 'fd_pwrite'].includes(name) || ['receive', 'send'].includes(kinds[name] ?? '');

/** It says by its flags whether a descriptor waits: what it answers, or what it is given. */
export const isFlagging = (name: string): boolean =>
  name === 'fd_fdstat_set_flags' || kinds[name] === 'accept';

/** Undefined: it is none of the model's. */
export const kindOf = (name: string): CallKind | undefined => kinds[name];
