/**
 * The sockets that a caller grants, from the text that a person writes to what the kernel has open:
 * `[FD=]WHAT[,blocking]`, where WHAT is `HOST:PORT`, `udp:HOST:PORT`, `unix:PATH` or `fd:N`.
 */
import { lstatSync, unlinkSync } from 'node:fs';

import { errnoName } from '../host/kernel/errno.js';
import { HostError, UsageError } from '../host/kernel/error.js';
import { Readiness, Trigger } from '../host/kernel/readiness.js';
import { type LinuxKernel, Socket } from '../host/linux/linux-kernel.js';
import { formatAddress, parseGrant } from './grant.js';
import type { Plan } from './instance.js';
import { resolveGrant } from './resolve.js';

type Place =
  | { form: 'tcp' | 'udp'; host: string; port: number }
  | { form: 'unix'; path: string }
  | { form: 'fd'; which: string };

export type SocketOption = { fd: number | undefined; blocking: boolean } & Place;

/** What is open, and what it is called when the guest's addresses are listed. */
export interface GrantedSocket {
  socket: Plan['sockets'][number];
  name: string;
  /** Undoes what the opening left in the file system. */
  remove: () => void;
}

const BACKLOG = 4096;
/** sun_path of unix(7), with the zero at its end. */
const LONGEST_PATH = 107;
/** The first descriptor of those that sd_listen_fds(3) speaks of. */
const FIRST_PASSED = 3;
const FORM = /^(\d+=)?(udp|unix|fd):(.*?)(,blocking)?$/s;
const nothing = () => {};

/** Reads one grant. Throws `UsageError`. */
export function parseSocket(text: string): SocketOption {
  const match = FORM.exec(text);
  const [, number = '', form, rest = '', mode = ''] = match ?? [];
  // An address of TCP, or what is said to be none.
  if (form === undefined) return { form: 'tcp', ...parseGrant(text) };
  if (form === 'udp') return { form, ...parseGrant(`${number}${rest}${mode}`) };
  // The number and the mode are read, and found fault with, as those of an address are.
  const { fd, blocking } = parseGrant(`${number}0.0.0.0:0${mode}`);
  if (form === 'fd') {
    if (rest !== '') return { form, fd, blocking, which: rest };
    throw new UsageError(`"${text}" names no descriptor: write fd:N, or fd:NAME`);
  }
  const tooLong = Buffer.byteLength(rest) > LONGEST_PATH;
  if (rest !== '' && rest !== '@' && !tooLong && !rest.includes('\0'))
    return { form: 'unix', fd, blocking, path: rest };
  throw new UsageError(
    `"${text}" is no socket of this machine: write unix:PATH or unix:@NAME, ` +
      `of at most ${LONGEST_PATH} bytes`,
  );
}

/** A listener, or a socket that is bound for datagrams. Throws `UsageError`. */
export async function openListener(
  kernel: LinuxKernel,
  option: SocketOption,
): Promise<GrantedSocket> {
  const { fd, blocking } = option;
  const granted = (descriptor: number, kind: Plan['sockets'][number]['kind'], name: string) => ({
    socket: { fd, descriptor, kind, blocking },
    name,
    remove: nothing,
  });
  if (option.form === 'fd') {
    const [passed, kind] = passedSocket(kernel, option.which);
    if (kind === Socket.STREAM)
      throw new UsageError(`fd:${option.which} does not listen: it is a connection`);
    const name = nameOf(kernel, passed, kind === Socket.DATAGRAM) ?? `fd:${passed}`;
    const descriptor = must(kernel.adopt(passed), `cannot take over fd:${option.which}`);
    return granted(descriptor, kind === Socket.DATAGRAM ? 'datagram' : 'listener', name);
  }
  if (option.form === 'unix') {
    const { path } = option;
    const descriptor = must(kernel.local(path, BACKLOG), `cannot listen at unix:${path}`);
    const remove = path.startsWith('@') ? nothing : removal(path);
    return { ...granted(descriptor, 'listener', `unix:${path}`), remove };
  }
  const address = await resolveGrant(option);
  const isDatagram = option.form === 'udp';
  const opened = isDatagram ? kernel.datagram(address, true) : kernel.listen(address, BACKLOG);
  const prefix = isDatagram ? 'udp:' : '';
  const descriptor = must(opened, `cannot listen at ${prefix}${formatAddress(address)}`);
  const name = nameOf(kernel, descriptor, isDatagram);
  if (name === undefined) throw new HostError('a listener has no address');
  return granted(descriptor, isDatagram ? 'datagram' : 'listener', name);
}

/** A connection, or a datagram socket with one peer. Throws `UsageError`. */
export async function openConnection(
  kernel: LinuxKernel,
  option: SocketOption,
): Promise<GrantedSocket> {
  const { fd, blocking } = option;
  const granted = (descriptor: number, kind: Plan['sockets'][number]['kind']) => ({
    socket: { fd, descriptor, kind, blocking },
    name: '',
    remove: nothing,
  });
  if (option.form === 'fd') {
    const [passed, kind] = passedSocket(kernel, option.which);
    if (kind === Socket.LISTENER)
      throw new UsageError(`fd:${option.which} is no connection: it listens`);
    const descriptor = must(kernel.adopt(passed), `cannot take over fd:${option.which}`);
    return granted(descriptor, kind === Socket.DATAGRAM ? 'datagram' : 'connection');
  }
  if (option.form === 'unix') {
    const { path } = option;
    return granted(
      must(kernel.local(path, undefined), `cannot connect to unix:${path}`),
      'connection',
    );
  }
  const address = await resolveGrant(option);
  const name = formatAddress(address);
  if (option.form === 'udp')
    return granted(
      must(kernel.datagram(address, false), `cannot connect to udp:${name}`),
      'datagram',
    );
  const descriptor = must(kernel.connect(address), `cannot connect to ${name}`);
  await writable(kernel, descriptor);
  must(kernel.socketError(descriptor), `cannot connect to ${name}`);
  return granted(descriptor, 'connection');
}

function must(result: number, what: string): number {
  if (result < 0) throw new UsageError(`${what}: ${errnoName(result)}`);
  return result;
}

function nameOf(kernel: LinuxKernel, descriptor: number, isDatagram: boolean): string | undefined {
  const address = kernel.localAddress(descriptor);
  if (typeof address === 'number') return undefined;
  return `${isDatagram ? 'udp:' : ''}${formatAddress(address)}`;
}

/**
 * The path of a listener is nobody's when it has ended. Somebody else may have removed it, or put
 * another thing in its place, or in that of a directory on the way to it (a guest that was granted
 * one): then it is left alone.
 */
function removal(path: string): () => void {
  const socket = lstatSync(path, { throwIfNoEntry: false });
  return () => {
    try {
      const { dev, ino } = lstatSync(path);
      if (dev === socket?.dev && ino === socket.ino) unlinkSync(path);
    } catch {
      // It is gone, which is all that is wanted.
    }
  };
}

/** What systemd, or who does as it does, has passed to this process: sd_listen_fds(3). */
function passedSocket(kernel: LinuxKernel, which: string): [descriptor: number, kind: number] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = process.env;
  const count = Number(LISTEN_FDS ?? 0);
  if (LISTEN_PID !== String(process.pid) || !(Number.isInteger(count) && count > 0)) {
    throw new UsageError(
      `fd:${which} was not passed: LISTEN_PID must be ${process.pid}, the number of this ` +
        'process, and LISTEN_FDS how many sockets it is passed',
    );
  }
  const names = LISTEN_FDNAMES.split(':').slice(0, count);
  const isNumber = /^\d+$/.test(which);
  const descriptor = isNumber ? Number(which) : FIRST_PASSED + names.indexOf(which);
  if (descriptor < FIRST_PASSED || descriptor >= FIRST_PASSED + count) {
    const last = FIRST_PASSED + count - 1;
    const choice = LISTEN_FDNAMES === '' ? '' : `, by name ${names.join(', ')}`;
    throw new UsageError(`fd:${which} was not passed: choose ${FIRST_PASSED} to ${last}${choice}`);
  }
  return [descriptor, must(kernel.inherited(descriptor), `fd:${which} is no socket`)];
}

/** Resolves when the outcome of a connect is known; Node's event loop goes on meanwhile. */
async function writable(kernel: LinuxKernel, handle: number): Promise<void> {
  const poller = kernel.poller('epoll');
  poller.set(handle, Readiness.OUT, Trigger.LEVEL, 0);
  await new Promise<void>((resolve) => {
    const unwatch = poller.watch(() => {
      unwatch();
      resolve();
    });
  });
  poller.remove(handle);
  poller.close();
}
