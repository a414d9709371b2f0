/**
 * What the calls of a guest are for, by the names of their ABIs, which are spelt here and nowhere
 * else of the page.
 */

export type Purpose =
  | 'accept'
  | 'receive'
  | 'send'
  | 'wait'
  | 'watch'
  | 'arm'
  | 'await signal'
  | 'submit'
  | 'reap'
  | 'shutdown'
  | 'close'
  | 'other';

const purposes: Readonly<Record<string, Purpose>> = {
  sock_accept: 'accept',
  sock_recv: 'receive',
  fd_read: 'receive',
  sock_send: 'send',
  fd_write: 'send',
  poll_oneoff: 'wait',
  epoll_wait: 'wait',
  epoll_ctl: 'watch',
  signal_arm: 'arm',
  signal_wait: 'await signal',
  submit: 'submit',
  reap: 'reap',
  sock_shutdown: 'shutdown',
  fd_close: 'close',
};

export const purposeOf = (name: string): Purpose => purposes[name] ?? 'other';
