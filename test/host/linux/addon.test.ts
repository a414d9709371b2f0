/** The addon's functions as a hostile caller has them: no argument may hurt the process. */
import type { Addon } from '#host/linux/addon';
import { Errno } from '#host/kernel/errno';
import { Readiness } from '#host/kernel/readiness';
import { afterAll, describe, expect, test } from 'vitest';

import { native, openDescriptors, openFlags } from './thread.js';

const { IN, OUT } = Readiness;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const EFAULT = -Errno.EFAULT;
/** What ends the process, or takes from it what it needs: a child process of its own tries these. */
const final = new Set(['quit', 'keepDescriptors', 'restrictThreads', 'filterCalls']);
const names = (Object.keys(native) as (keyof Addon)[]).filter((name) => !final.has(name));
/** The functions with no types, as JavaScript has them. */
const loose = native as unknown as Record<string, (...args: unknown[]) => unknown>;

const opened: number[] = [];
const keep = (fd: number): number => {
  expect(fd).toBeGreaterThanOrEqual(0);
  opened.push(fd);
  return fd;
};
afterAll(() => {
  for (const fd of opened) native.close(fd);
});

function pipe(): [reader: number, writer: number] {
  const ends = new Int32Array(2);
  expect(native.openPipe(ends)).toBe(0);
  return [keep(ends[0]!), keep(ends[1]!)];
}

async function connection(): Promise<{ client: number; server: number }> {
  const listener = keep(native.listen('127.0.0.1', 0, 8));
  const address = native.localAddress(listener);
  if (typeof address === 'number') throw new Error(`a listener has no address: ${address}`);
  const client = keep(native.connect('127.0.0.1', address.port));
  expect(native.waitFor(listener, IN, 1e9, -1)).toBe(IN);
  const server = keep(native.accept(listener));
  expect(native.waitFor(client, OUT, 1e9, -1)).toBe(OUT);
  return { client, server };
}

/** Memory with iovecs at its start. */
function memoryOf(bytes: Uint8Array, ...iovecs: [at: number, length: number][]): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  iovecs.forEach(([at, length], i) => {
    view.setUint32(i * 8, at, true);
    view.setUint32(i * 8 + 4, length, true);
  });
  return bytes;
}

describe('arguments of the wrong kind', () => {
  const wrong = [
    undefined,
    null,
    true,
    'text',
    '',
    {},
    [],
    1n,
    -1n,
    Symbol('s'),
    () => {},
    new Date(0),
    new Uint8Array(0),
  ];

  test('no function minds being called with nothing', () => {
    for (const name of names) expect(['number', 'bigint']).toContain(typeof loose[name]!());
  });

  test.each(names.map((name) => [name]))('%s minds no type in any place', (name) => {
    for (const one of wrong) {
      for (const other of wrong) {
        const result = loose[name]!(one, other, one, other, one, other, one, other, one, other);
        expect(['number', 'bigint']).toContain(typeof result);
        if (name === 'eventOpen' || name === 'openNull')
          expect(native.close(result as number)).toBe(0);
      }
    }
  });

  test('a number that is no descriptor is not taken for one', () => {
    for (const fd of [
      NaN,
      Infinity,
      -Infinity,
      2 ** 31,
      2 ** 32,
      2 ** 32 + 1,
      2 ** 53,
      -(2 ** 31),
      -1,
      1e300,
    ]) {
      expect(native.statusFlags(fd)).toBe(-Errno.EBADF);
      expect(native.duplicate(fd)).toBe(-Errno.EBADF);
      expect(native.close(fd)).toBe(-Errno.EBADF);
      expect(native.release(fd)).toBe(-Errno.EBADF);
      expect(native.retire(fd)).toBe(-Errno.EBADF);
      expect(native.eventSignal(fd, 1)).toBe(-Errno.EBADF);
      expect(native.waitFor(fd, IN, Infinity, -1)).toBe(-Errno.EBADF);
      expect(native.pollerWait(fd, new Int32Array(3), Infinity)).toBe(-Errno.EBADF);
      expect(native.pollerClose(fd)).toBe(0);
      expect(native.watch(fd, () => {})).toBe(-Errno.EBADF);
    }
  });

  test('a set takes no room for a descriptor that is not open', () => {
    const before = process.memoryUsage().rss;
    for (const name of ['epoll', 'poll', 'select']) {
      const poller = native.pollerOpen(name, -1);
      expect(native.pollerSet(poller, 2 ** 31 - 1, IN, 0, 1)).toBe(-Errno.EBADF);
      expect(native.pollerRemove(poller, 2 ** 31 - 1)).toBe(-Errno.ENOENT);
      native.pollerClose(poller);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 26);
  });

  test('an array of smaller elements is not written beyond its end', () => {
    const poller = native.pollerOpen('epoll', -1);
    const [, writer] = pipe();
    native.pollerSet(poller, writer, OUT, 0, 1);
    for (const array of [
      new Uint8Array(12),
      new Int16Array(12),
      new DataView(new ArrayBuffer(96)),
    ] as unknown[]) {
      expect(native.pollerWait(poller, array as Int32Array, 0)).toBe(EFAULT);
      expect(native.openPipe(array as Int32Array)).toBe(EFAULT);
      expect(native.stat(writer, array as BigUint64Array)).toBe(EFAULT);
    }
    expect(native.pollerWait(poller, new Int32Array(2), 0)).toBe(-Errno.EINVAL);
    expect(native.openPipe(new Int32Array(1))).toBe(EFAULT);
    expect(native.stat(writer, new BigUint64Array(7))).toBe(EFAULT);
    native.pollerClose(poller);
  });

  test('any mix of arguments, right and wrong, gives a number', async () => {
    const before = openDescriptors().length;
    const poller = native.pollerOpen('epoll', -1);
    const { client, server } = await connection();
    const [reader, writer] = pipe();
    const good = [poller, client, server, reader, writer];
    const numbers = [-1, 3e4, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, NaN, 1.5, -0.5, 2 ** 53];
    const offsets = [0, 1, 7, 8, 1000, 4095, 4096, 1024, 1025, ...numbers];
    const arrays = [
      memoryOf(new Uint8Array(4096), [64, 100], [0, 4096]),
      new Int32Array(6),
      new BigUint64Array(8),
    ];
    const other = [
      '127.0.0.1',
      '::1',
      'epoll',
      'select',
      0n,
      -(2n ** 80n),
      new Uint8Array(0),
      undefined,
      {},
    ];
    const timeouts = [0, -1, 1, 1000, -Infinity, undefined, 'soon'];
    let seed = 1;
    const pick = <T>(from: readonly T[]): T => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return from[Math.floor((seed / 2 ** 32) * from.length)]!;
    };
    const any = () =>
      pick<unknown>(pick<readonly unknown[]>([good, numbers, offsets, arrays, other]));
    const fd = () => pick<unknown>([...good, ...numbers, undefined, 'x']);
    const oneself = new Set(['close', 'release', 'retire', 'shutdown']);
    const first = new Set([
      'listen',
      'connect',
      'pollerOpen',
      'now',
      'resolution',
      'fillRandom',
      'openPipe',
    ]);
    for (const name of names) {
      if (oneself.has(name)) continue;
      for (let i = 0; i < 2000; i++) {
        const args = [first.has(name) ? any() : fd(), any(), any(), any(), any(), any()];
        if (name === 'waitFor' || name === 'pollerWait') args[2] = pick(timeouts);
        if (name === 'signalWait') args.splice(0, 2, any(), pick(timeouts));
        if (name === 'pollerClose' && args[0] === poller) continue;
        const result = loose[name]!(...args);
        expect(
          typeof result === 'number' || typeof result === 'bigint' || name === 'localAddress',
        ).toBe(true);
        if (name === 'pollerOpen' && (result as number) >= 0) native.pollerClose(result as number);
        const opens = [
          'listen',
          'connect',
          'accept',
          'duplicate',
          'eventOpen',
          'openNull',
        ].includes(name);
        if (opens && (result as number) >= 0) expect(native.close(result as number)).toBe(0);
        if (name === 'openPipe' && result === 0)
          for (const end of args[0] as Int32Array) native.close(end);
      }
    }
    native.pollerClose(poller);
    for (const handle of opened.splice(0)) native.close(handle);
    expect(openDescriptors().length).toBeLessThanOrEqual(before);
  });
});

describe('guest memory', () => {
  const SIZE = 65536;
  type Call = (memory: Uint8Array, iovs: number, count: number) => number;
  const calls = async (): Promise<[name: string, call: Call][]> => {
    const { client, server } = await connection();
    const [reader, writer] = pipe();
    return [
      ['recv', (memory, iovs, count) => native.recv(server, memory, iovs, count, 0, 0)],
      ['send', (memory, iovs, count) => native.send(client, memory, iovs, count, 0)],
      ['readv', (memory, iovs, count) => native.readv(reader, memory, iovs, count, 0)],
      ['writev', (memory, iovs, count) => native.writev(writer, memory, iovs, count, 0)],
    ];
  };

  test('iovecs that lie outside of it are EFAULT', async () => {
    const memory = memoryOf(new Uint8Array(SIZE), [64, 8]);
    for (const [, call] of await calls()) {
      expect(call(memory, SIZE, 1)).toBe(EFAULT);
      expect(call(memory, SIZE - 7, 1)).toBe(EFAULT);
      expect(call(memory, 0, SIZE / 8 + 1)).toBe(EFAULT);
      expect(call(memory, 0, 0xffffffff)).toBe(EFAULT);
      expect(call(memory, 0xffffffff, 0xffffffff)).toBe(EFAULT);
      expect(call(memory, 0xfffffff8, 1)).toBe(EFAULT);
      expect(call(memory, -8, 1)).toBe(EFAULT);
    }
  });

  test('buffers that lie outside of it are EFAULT, whichever of several they are', async () => {
    const outside: [number, number][] = [
      [SIZE, 1],
      [SIZE + 1, 0],
      [SIZE - 1, 2],
      [0, SIZE + 1],
      [0xffffffff, 1],
      [0xffffffff, 0xffffffff],
      [64, 0xffffffff],
    ];
    for (const [, call] of await calls()) {
      for (const each of outside) {
        expect(call(memoryOf(new Uint8Array(SIZE), each), 0, 1)).toBe(EFAULT);
        expect(call(memoryOf(new Uint8Array(SIZE), [64, 8], each, [64, 8]), 0, 3)).toBe(EFAULT);
      }
    }
  });

  test('as many iovecs as the system takes are taken of more', async () => {
    const { client, server } = await connection();
    const memory = new Uint8Array(SIZE);
    const iovecs = Array.from({ length: 1100 }, (_, i): [number, number] => [32768 + i, 1]);
    memoryOf(memory, ...iovecs);
    for (let i = 0; i < 1100; i++) memory[32768 + i] = i % 251;
    for (const [count, sent] of [
      [0, 0],
      [1, 1],
      [1023, 1023],
      [1024, 1024],
      [1025, 1024],
      [1100, 1024],
    ] as const) {
      expect(native.send(client, memory, 0, count, 0)).toBe(sent);
      if (sent === 0) continue;
      expect(native.waitFor(server, IN, 1e9, -1)).toBe(IN);
      const into = memoryOf(new Uint8Array(SIZE), [1024, 2048]);
      expect(native.recv(server, into, 0, 1, 0, 0)).toBe(sent);
      expect(into.subarray(1024, 1024 + sent)).toEqual(memory.subarray(32768, 32768 + sent));
    }
  });

  test('what is received goes round the bytes that are skipped, and nowhere else', async () => {
    const { client, server } = await connection();
    const text = memoryOf(new Uint8Array(SIZE).fill(0x61), [64, 10]);
    expect(native.send(client, text, 0, 1, 0)).toBe(10);
    native.waitFor(server, IN, 1e9, -1);
    const memory = memoryOf(new Uint8Array(SIZE), [100, 4], [200, 4], [300, 100]);
    expect(native.recv(server, memory, 0, 3, 6, 0)).toBe(10);
    const touched = [...memory.entries()]
      .filter(([at, byte]) => at >= 24 && byte !== 0)
      .map(([at]) => at);
    expect(touched).toEqual([202, 203, ...Array.from({ length: 8 }, (_, i) => 300 + i)]);
    expect(native.send(client, memory, 0, 3, 0xffffffff)).toBe(0);
  });

  test('a buffer that was given away is EFAULT', async () => {
    for (const [, call] of await calls()) {
      const memory = memoryOf(new Uint8Array(SIZE), [64, 8]);
      structuredClone(memory, { transfer: [memory.buffer] });
      expect(call(memory, 0, 1)).toBe(EFAULT);
      expect(native.fillRandom(memory, 0, 1)).toBe(EFAULT);
    }
    const events = new Int32Array(3);
    structuredClone(events, { transfer: [events.buffer] });
    const poller = native.pollerOpen('poll', -1);
    expect(native.pollerWait(poller, events, 0)).toBeLessThan(0);
    native.pollerClose(poller);
    expect(native.openPipe(events)).toBe(EFAULT);
  });

  test('a view from before memory.grow is EFAULT, and nothing is taken', async () => {
    const { client, server } = await connection();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    const stale = memoryOf(new Uint8Array(memory.buffer), [64, 8]);
    const part = new Uint8Array(memory.buffer, 4096);
    expect(native.send(client, stale, 0, 1, 0)).toBe(8);
    native.waitFor(server, IN, 1e9, -1);
    memory.grow(1);
    for (const view of [stale, part]) {
      expect(native.recv(server, view, 0, 1, 0, 0)).toBe(EFAULT);
      expect(native.send(client, view, 0, 1, 0)).toBe(EFAULT);
      expect(native.fillRandom(view, 0, 0)).toBe(EFAULT);
    }
    const fresh = new Uint8Array(memory.buffer);
    expect(native.recv(server, fresh, 0, 1, 0, 0)).toBe(8);
  });

  test('shared memory is read and written in place, also after it grew', async () => {
    const { client, server } = await connection();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
    const view = memoryOf(new Uint8Array(memory.buffer), [64, 8]);
    memory.grow(1);
    expect(native.fillRandom(view, 64, 8)).toBe(0);
    const sent = view.slice(64, 72);
    expect(native.send(client, view, 0, 1, 0)).toBe(8);
    native.waitFor(server, IN, 1e9, -1);
    view.fill(0, 64, 72);
    expect(native.recv(server, view, 0, 1, 0, 0)).toBe(8);
    expect(view.slice(64, 72)).toEqual(sent);
    expect(native.fillRandom(view, SIZE, 1)).toBe(EFAULT);
    const grown = new Uint8Array(memory.buffer);
    expect(native.fillRandom(grown, 2 * SIZE - 1, 1)).toBe(0);
  });

  test('a view of a part of memory ends where it ends', async () => {
    const whole = new Uint8Array(SIZE);
    const part = memoryOf(whole.subarray(1000, 1100), [64, 36]);
    for (const [, call] of await calls()) {
      expect(call(part, 0, 1)).not.toBe(EFAULT);
      expect(call(memoryOf(whole.subarray(1000, 1100), [64, 37]), 0, 1)).toBe(EFAULT);
      memoryOf(part, [64, 36]);
    }
    expect(native.fillRandom(part, 99, 2)).toBe(EFAULT);
    expect(native.fillRandom(part, 99, 1)).toBe(0);
    expect(whole[1100]).toBe(0);
  });
});

describe('descriptors', () => {
  test('what this thread did not open cannot be closed, released or retired', () => {
    for (const fd of [0, 1, 2]) {
      expect(native.close(fd)).toBe(-Errno.EBADF);
      expect(native.release(fd)).toBe(-Errno.EBADF);
      expect(native.retire(fd)).toBe(-Errno.EBADF);
    }
    const fd = native.openNull();
    expect(native.close(fd)).toBe(0);
    expect(native.close(fd)).toBe(-Errno.EBADF);
  });

  test('what was released is no longer watched, and is closed by others', () => {
    const poller = native.pollerOpen('poll', -1);
    const [, writer] = pipe();
    native.pollerSet(poller, writer, OUT, 0, 1);
    const copy = keep(native.duplicate(writer));
    native.pollerSet(poller, copy, OUT, 0, 2);
    expect(native.release(copy)).toBe(0);
    expect(native.pollerWait(poller, new Int32Array(9), 0)).toBe(1);
    expect(native.close(copy)).toBe(-Errno.EBADF);
    expect(openDescriptors()).toContain(copy);
    native.pollerClose(poller);
  });

  test('all are closed by exec, and sockets and pipes never wait', async () => {
    const { client, server } = await connection();
    const nonblocking = [
      ...pipe(),
      client,
      server,
      keep(native.listen('::1', 0, 1)),
      keep(native.eventOpen()),
    ];
    for (const fd of nonblocking) expect(openFlags(fd) & O_NONBLOCK).toBe(O_NONBLOCK);
    for (const fd of [...nonblocking, keep(native.openNull()), keep(native.duplicate(client))]) {
      expect(openFlags(fd) & O_CLOEXEC).toBe(O_CLOEXEC);
    }
    const known = new Set(openDescriptors());
    const pollers = ['epoll', 'poll', 'select'].map((name) => native.pollerOpen(name, -1));
    const unwatch = native.watch(pollers[0]!, () => {}) as () => void;
    for (const fd of openDescriptors().filter((each) => !known.has(each))) {
      expect(openFlags(fd) & O_CLOEXEC).toBe(O_CLOEXEC);
    }
    unwatch();
    for (const poller of pollers) native.pollerClose(poller);
    const listener = keep(native.listen('127.0.0.1', 0, 1));
    expect(native.retire(listener)).toBe(0);
    expect(openFlags(listener) & O_CLOEXEC).toBe(O_CLOEXEC);
  });

  test('a set of a name that is none is refused', () => {
    for (const name of ['', 'kqueue', 'epoll\0', 'e'.repeat(1000)])
      expect(native.pollerOpen(name, -1)).toBe(-Errno.EINVAL);
  });

  test('a wake descriptor that is none is refused by epoll, and harmless for the others', () => {
    expect(native.pollerOpen('epoll', 30_000)).toBe(-Errno.EBADF);
    expect(native.pollerOpen('select', 30_000)).toBe(-Errno.EINVAL);
    const events = new Int32Array(3);
    for (const name of ['epoll', 'poll', 'select']) {
      const poller = native.pollerOpen(name, -1);
      expect(native.pollerWait(poller, events, 1000)).toBe(0);
      native.pollerClose(poller);
    }
  });

  test('a wait without a number for its end is ended by a wake', () => {
    const wake = keep(native.eventOpen());
    expect(native.eventSignal(wake, 1)).toBe(0);
    for (const timeout of [NaN, Infinity, 1e300, 4e18]) {
      for (const name of ['epoll', 'poll', 'select']) {
        const poller = native.pollerOpen(name, wake);
        expect(native.pollerWait(poller, new Int32Array(3), timeout)).toBe(1);
        native.pollerClose(poller);
      }
      expect(native.waitFor(keep(native.duplicate(wake)), OUT << 1, timeout, wake)).toBe(
        -Errno.EINTR,
      );
    }
    native.eventSignal(wake, 0);
    expect(native.eventSignal(wake, 0)).toBe(-Errno.EAGAIN);
  });
});
