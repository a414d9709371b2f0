/** The cases of every kernel over Linux with each of its backends, and what Linux alone has. */
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Errno } from '#host/kernel/errno';
import { pollerNames, Readiness, Trigger, WAKE } from '#host/kernel/readiness';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { root } from '../../harness.js';
import { kernelCases } from '../../kernel.cases.js';
import { semanticsCases } from '../../semantics.cases.js';
import { descriptorsDownTo, openDescriptors, thread } from './thread.js';

const { IN, OUT, ERR, HUP, RDHUP } = Readiness;
const EVERYTHING = IN | OUT | RDHUP;

let kernel: LinuxKernel;
let descriptors: number;
beforeEach(() => {
  descriptors = openDescriptors().length;
  kernel = new LinuxKernel();
});
afterEach(async () => {
  kernel.dispose();
  expect(await descriptorsDownTo(descriptors), 'open descriptors').toBe(descriptors);
});

function pipe(): [reader: number, writer: number] {
  const ends = new Int32Array(2);
  expect(kernel.pipe(ends)).toBe(0);
  return [ends[0]!, ends[1]!];
}

function portOf(socket: number): number {
  const address = kernel.localAddress(socket);
  if (typeof address === 'number') throw new Error(`a socket has no address: ${address}`);
  return address.port;
}

/** A temporary file, open for reading and writing, and closed and removed when the test is done. */
function withFile(run: (descriptor: number, path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'pollux-'));
  const path = join(folder, 'file');
  writeFileSync(path, 'contents');
  const descriptor = openSync(path, 'r+');
  try {
    run(descriptor, path);
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  }
}

describe.each(pollerNames)('Linux by %s', (backend) => {
  for (const { name, backends, run } of [...kernelCases, ...semanticsCases]) {
    test(name, ({ skip }) => {
      skip(
        backends !== undefined && !backends.includes(backend),
        `${backend} cannot: only ${backends} can`,
      );
      run(kernel, backend);
    });
  }

  test('a connection that was reset while it waited is accepted, and says so', async () => {
    const listener = kernel.listen({ host: '127.0.0.1', port: 0 }, 8);
    const client = connect(portOf(listener), '127.0.0.1');
    await new Promise((resolve) => client.once('connect', resolve));
    expect(kernel.waitFor(listener, IN, 1e9)).toBe(IN);
    client.resetAndDestroy();
    await sleep(10);
    const server = kernel.accept(listener);
    expect(server).toBeGreaterThanOrEqual(0);
    const poller = kernel.poller(backend);
    poller.set(server, EVERYTHING, Trigger.LEVEL, 1);
    const events = new Int32Array(3);
    expect(poller.wait(events, 1e9)).toBe(1);
    expect(events[0]).toBe(backend === 'select' ? IN | OUT : IN | OUT | RDHUP | HUP | ERR);
    kernel.attach({ bytes: new Uint8Array([8, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) });
    expect(kernel.recv(server, 0, 1, 0, 0)).toBe(-Errno.ECONNRESET);
    expect(kernel.recv(server, 0, 1, 0, 0)).toBe(0);
  });

  test('closing a handle removes it also while another of the same description lives', () => {
    const [reader, writer] = pipe();
    kernel.attach({ bytes: new Uint8Array([8, 0, 0, 0, 1, 0, 0, 0, 120]) });
    expect(kernel.writev(writer, 0, 1, 0)).toBe(1);
    const [one, other] = [kernel.adopt(reader), kernel.adopt(reader)];
    const poller = kernel.poller(backend);
    const events = new Int32Array(9);
    poller.set(one, IN, Trigger.LEVEL, 1);
    poller.set(other, IN, Trigger.LEVEL, 2);
    expect(poller.wait(events, 0)).toBe(2);
    kernel.close(one);
    expect(poller.wait(events, 0)).toBe(1);
    expect(events[1]).toBe(2);
    expect(poller.remove(one)).toBe(-Errno.ENOENT);
    kernel.close(other);
    expect(poller.wait(events, 0)).toBe(0);
  });

  test(`a regular file is ${backend === 'epoll' ? 'EPERM' : 'always ready'}`, () => {
    withFile((descriptor) => {
      const handle = kernel.adopt(descriptor);
      const poller = kernel.poller(backend);
      const set = poller.set(handle, EVERYTHING, Trigger.LEVEL, 5);
      const events = new Int32Array(3);
      if (backend === 'epoll') {
        expect(set).toBe(-Errno.EPERM);
        expect(poller.wait(events, 0)).toBe(0);
        expect(poller.remove(handle)).toBe(-Errno.ENOENT);
      } else {
        expect(set).toBe(0);
        expect(poller.wait(events, Infinity)).toBe(1);
        expect([...events.subarray(0, 2)]).toEqual([IN | OUT, 5]);
      }
      expect(kernel.waitFor(handle, IN | OUT, Infinity)).toBe(IN | OUT);
    });
  });

  test('a wake from another thread ends a wait', async () => {
    const { worker } = await thread(
      `import(data.module).then(({ LinuxKernel }) => {
        const kernel = new LinuxKernel({ wake: data.wake });
        const poller = kernel.poller(data.backend);
        const events = new Int32Array(3);
        port.postMessage('waiting');
        const count = poller.wait(events, Infinity);
        const one = kernel.waitFor(kernel.openNull(), 0, Infinity);
        port.postMessage({ count, events: [...events.subarray(0, 2)], one });
        kernel.dispose();
      });`,
      { module: `${root}dist/host/linux/linux-kernel.js`, wake: kernel.wakeHandle, backend },
    );
    const answer = new Promise((resolve) => worker.once('message', resolve));
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    await sleep(10);
    kernel.wake();
    expect(await answer).toEqual({ count: 1, events: [IN, WAKE], one: -Errno.EINTR });
    await exit;
  });

  test('the two hundredth set is like the first', () => {
    const [reader, writer] = pipe();
    kernel.attach({ bytes: new Uint8Array([8, 0, 0, 0, 1, 0, 0, 0, 120]) });
    kernel.writev(writer, 0, 1, 0);
    const sets = Array.from({ length: 200 }, () => kernel.poller(backend));
    const events = new Int32Array(3);
    for (const set of sets) expect(set.set(reader, IN, Trigger.LEVEL, 1)).toBe(0);
    for (const set of sets) expect(set.wait(events, 0)).toBe(1);
    sets[30]!.close();
    const again = kernel.poller(backend);
    expect(again.wait(events, 0)).toBe(0);
    kernel.close(reader);
    for (const set of [...sets.slice(31), again]) expect(set.wait(events, 0)).toBe(0);
  });
});

test('select refuses a handle of 1024 or more, and poll and epoll do not', ({ skip }) => {
  const limit = Number(
    /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity,
  );
  skip(limit < 1200, `this process may open ${limit} descriptors only`);
  const pollers = pollerNames.map((name) => kernel.poller(name));
  let writer: number;
  do [, writer] = pipe();
  while (writer < 1024);
  const events = new Int32Array(3);
  for (const poller of pollers) {
    const set = poller.set(writer, OUT, Trigger.LEVEL, 1);
    expect(set).toBe(poller.name === 'select' ? -Errno.EINVAL : 0);
    expect(poller.wait(events, 0)).toBe(poller.name === 'select' ? 0 : 1);
    if (poller.name === 'select') expect(poller.remove(writer)).toBe(-Errno.ENOENT);
  }
  const late = new LinuxKernel();
  expect(() => late.poller('select')).toThrow(
    'an interest set by select cannot be made: it takes no descriptor above 1023',
  );
  late.poller('poll').close();
  late.dispose();
});

describe('a kernel of Linux', () => {
  test('closes all it has when it is disposed of, and nothing more when that is done again', () => {
    const before = openDescriptors().length;
    const disposed = new LinuxKernel();
    for (let i = 0; i < 10; i++) {
      disposed.pipe(new Int32Array(2));
      disposed.listen({ host: '127.0.0.1', port: 0 }, 1);
      disposed.openNull();
    }
    for (const name of pollerNames) disposed.poller(name);
    disposed.dispose();
    expect(openDescriptors().length).toBe(before);
    const successors = new LinuxKernel();
    const [reader] = pipe();
    const held = openDescriptors().length;
    disposed.dispose();
    expect(openDescriptors().length).toBe(held);
    expect(kernel.readable(reader)).toBe(0);
    successors.dispose();
  });

  test('does not wake whoever has its descriptors after it is disposed of', () => {
    withFile((_, path) => {
      const disposed = new LinuxKernel();
      const number = disposed.wakeHandle;
      disposed.dispose();
      const descriptor = openSync(path, constants.O_RDWR);
      expect(descriptor).toBe(number);
      disposed.wake();
      disposed.awake();
      closeSync(descriptor);
      expect(readFileSync(path, 'utf8')).toBe('contents');
    });
  });

  test('closes only its own handles', () => {
    const other = new LinuxKernel();
    const handle = other.openNull();
    expect(kernel.close(handle)).toBe(-Errno.EBADF);
    expect(other.close(handle)).toBe(0);
    for (const standard of [0, 1, 2]) expect(kernel.close(standard)).toBe(-Errno.EBADF);
    other.dispose();
  });

  test('adopts a duplicate, and leaves the descriptor to who opened it', () => {
    withFile((descriptor) => {
      const handle = kernel.adopt(descriptor);
      expect(handle).not.toBe(descriptor);
      expect(kernel.access(handle)).toEqual({ read: true, write: true });
      kernel.attach({ bytes: new Uint8Array(64).fill(64, 4, 5).fill(8, 0, 1).fill(8, 4, 5) });
      expect(kernel.readv(handle, 0, 1)).toBe(8);
      expect(kernel.readv(handle, 0, 1)).toBe(0);
      expect(kernel.seek(handle, -3n, 2)).toBe(5);
      expect(kernel.seek(handle, -1n, 0)).toBe(-Errno.EINVAL);
      expect(kernel.readable(handle)).toBe(3);
      expect(kernel.close(handle)).toBe(0);
      expect(openDescriptors()).toContain(descriptor);
    });
    expect(kernel.adopt(30_000)).toBe(-Errno.EBADF);
    expect(kernel.access(kernel.openNull())).toEqual({ read: true, write: true });
  });

  test('gives handles away with no descriptor lost', () => {
    const [reader, writer] = pipe();
    expect(kernel.release(reader)).toBe(reader);
    expect(kernel.close(reader)).toBe(-Errno.EBADF);
    closeSync(reader);
    expect(kernel.close(writer)).toBe(0);
  });
});
