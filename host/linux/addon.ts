/**
 * Loads the addon, `prebuilds/<platform>-<arch>/pollux.node`, and says what is in it; refuses with
 * one sentence where there is none. The functions are those of native/*.c and answer a number ≥ 0,
 * or a negated errno.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';

import { HostError } from '../kernel/error.js';
import type { SocketAddress } from '../kernel/kernel.js';

type AtPath = (
  directory: number,
  memory: Uint8Array,
  path: number,
  length: number,
  how: number,
) => number;

type FromTo = (
  from: number,
  memory: Uint8Array,
  fromPath: number,
  fromLength: number,
  to: number,
  toPath: number,
  toLength: number,
  how: number,
) => number;

export interface Addon {
  aheadOpen(
    board: Int32Array,
    free: number,
    slots: number,
    records: number,
    handles: number,
    arena: number,
    slotBytes: number,
    stride: number,
    batches: 0 | 1,
  ): number;
  aheadClose(): number;
  messageOpen(board: Int32Array, memory: Int32Array): number;
  messageSend(): number | undefined;
  messageReceive(): number | undefined;
  messageClose(): number;
  pollerOpen(name: string, wake: number): number;
  pollerSet(poller: number, fd: number, interest: number, trigger: number, token: number): number;
  pollerRemove(poller: number, fd: number): number;
  pollerWait(poller: number, events: Int32Array, timeoutNs: number): number;
  pollerClose(poller: number): number;
  waitFor(fd: number, interest: number, timeoutNs: number, wake: number): number;
  eventOpen(): number;
  eventSignal(fd: number, on: 0 | 1): number;

  signalOpen(): number;
  signalArm(fd: number, on: 0 | 1): number;
  signalWait(signals: Int32Array, timeoutNs: number, wake: number): number;
  signalClose(): number;

  queueOpen(engine: string, wake: number): number;
  queueSubmit(
    queue: number,
    memory: Uint8Array,
    operations: number,
    count: number,
    targets: Int32Array,
  ): number;
  queueReap(
    queue: number,
    memory: Uint8Array,
    completions: number,
    max: number,
    buffer: number,
    bufferBytes: number,
    min: number,
    timeoutNs: number,
    notes: Int32Array,
  ): number;
  queueClose(queue: number): number;

  listen(host: string, port: number, backlog: number): number;
  connect(host: string, port: number): number;
  socketError(fd: number): number;
  accept(fd: number): number;
  localAddress(fd: number): SocketAddress | number;
  recv(
    fd: number,
    memory: Uint8Array,
    iovs: number,
    iovsCount: number,
    skip: number,
    flags: number,
  ): number;
  send(fd: number, memory: Uint8Array, iovs: number, iovsCount: number, skip: number): number;
  recvOne(fd: number, memory: Uint8Array, iov: number): number;
  sendOne(fd: number, memory: Uint8Array, iov: number): number;
  datagram(host: string, port: number, bound: 0 | 1): number;
  local(path: string, backlog: number): number;
  inherited(fd: number): number;
  answerSender(
    fd: number,
    memory: Uint8Array,
    iovs: number,
    iovsCount: number,
    skip: number,
  ): number;
  shutdown(fd: number, how: number): number;
  retire(fd: number): number;

  readv(fd: number, memory: Uint8Array, iovs: number, iovsCount: number, skip: number): number;
  writev(fd: number, memory: Uint8Array, iovs: number, iovsCount: number, skip: number): number;
  readOne(fd: number, memory: Uint8Array, iov: number): number;
  writeOne(fd: number, memory: Uint8Array, iov: number): number;
  seek(fd: number, offset: bigint, whence: number): number;
  stat(fd: number, fields: BigUint64Array): number;
  readable(fd: number): number;
  openPipe(ends: Int32Array): number;
  openNull(): number;
  duplicate(fd: number): number;
  statusFlags(fd: number): number;
  release(fd: number): number;
  close(fd: number): number;

  pread(fd: number, memory: Uint8Array, iovs: number, iovsCount: number, offset: bigint): number;
  pwrite(fd: number, memory: Uint8Array, iovs: number, iovsCount: number, offset: bigint): number;
  fileFlags(fd: number): number;
  setFileFlags(fd: number, flags: number): number;
  advise(fd: number, offset: bigint, length: bigint, advice: number): number;
  allocate(fd: number, offset: bigint, length: bigint): number;
  sync(fd: number, dataOnly: 0 | 1): number;
  truncate(fd: number, size: bigint): number;
  setTimes(fd: number, atime: bigint, mtime: bigint, which: number): number;
  readDirectory(
    fd: number,
    memory: Uint8Array,
    buffer: number,
    length: number,
    cookie: bigint,
  ): number;

  hasOpenat2(): 0 | 1;
  openRoot(path: string): number;
  openAt(
    directory: number,
    memory: Uint8Array,
    path: number,
    length: number,
    how: number,
    flags: number,
  ): number;
  createDirectoryAt: AtPath;
  removeDirectoryAt: AtPath;
  unlinkAt: AtPath;
  statAt(
    directory: number,
    memory: Uint8Array,
    path: number,
    length: number,
    how: number,
    fields: BigUint64Array,
  ): number;
  setTimesAt(
    directory: number,
    memory: Uint8Array,
    path: number,
    length: number,
    how: number,
    atime: bigint,
    mtime: bigint,
    which: number,
  ): number;
  readLinkAt(
    directory: number,
    memory: Uint8Array,
    path: number,
    length: number,
    buffer: number,
    bytes: number,
    how: number,
  ): number;
  symlinkAt(
    memory: Uint8Array,
    target: number,
    targetLength: number,
    directory: number,
    path: number,
    length: number,
    how: number,
  ): number;
  linkAt: FromTo;
  renameAt: FromTo;

  now(clock: number): bigint;
  resolution(clock: number): bigint;
  fillRandom(memory: Uint8Array, offset: number, length: number): number;
  giveWay(): number;

  endWithParent(): number;
  quit(code: number): never;
  keepDescriptors(): number;
  cpuTime(id: number, thread: 0 | 1): number;
  threadId(): number;
  landlockVersion(): number;
  restrictThreads(directories: Int32Array, count: number): number;
  filterCalls(wanted: number): number;
  countCalls(count: BigUint64Array | undefined): number;

  watch(poller: number, callback: () => void): (() => void) | number;
}

let loaded: Addon | undefined;

/**
 * The addon, or a HostError that says in a sentence why there is none. `POLLUX_ADDON` names another
 * file, for its own tests.
 */
export function addon(): Addon {
  if (loaded) return loaded;
  const built = new URL(`../../../prebuilds/${platform}-${arch}/pollux.node`, import.meta.url);
  const file = process.env['POLLUX_ADDON'] ?? fileURLToPath(built);
  if (!existsSync(file)) {
    throw new HostError(
      `pollux has no native addon for ${platform}-${arch} (${file} is missing): ` +
        'the package carries the one for linux-x64; in a checkout, ./build.sh native builds one, ' +
        'with a C compiler',
    );
  }
  try {
    return (loaded = createRequire(import.meta.url)(file) as Addon);
  } catch (error) {
    const { message } = error as Error;
    throw new HostError(`the native addon cannot be loaded: ${message}`, { cause: error });
  }
}
