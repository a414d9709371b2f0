/**
 * Operations in flight and how they end on Linux alone: waits that another thread wakes, threads
 * that are terminated, descriptors that are left, arguments that are wrong, and POLLUX_ASYNC.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { Errno } from '#host/kernel/errno';
import { HostError, UsageError } from '#host/kernel/error';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import {
  accept,
  again,
  Caller,
  close,
  linuxEngines,
  MIB,
  pattern,
  recv,
  timeout,
  type Told,
} from '../asynchronous.js';
import { descriptorsDownTo, native, openDescriptors, thread } from './thread.js';

const MS = 1e6;

function caller(engine: string): Caller {
  const made = new Caller(engine);
  onTestFinished(() => made.dispose());
  return made;
}

describe.each(linuxEngines)('by %s', (engine) => {
  describe('a wait', () => {
    test('that is ended by wake takes what is there, also after its first slice', async () => {
      const my = caller(engine);
      my.submit(timeout(0, { userdata: 1 }));
      const { worker } = await thread(
        `setTimeout(() => native.eventSignal(data.wake, 1), 2300); port.postMessage(0);`,
        { wake: (my.kernel as LinuxKernel).wakeHandle },
      );
      expect((my.tryReap(2, Infinity) as Told[]).map(({ userdata }) => userdata)).toEqual([1]);
      expect(my.tryReap(2, Infinity)).toBe(-Errno.EINTR);
      await worker.terminate();
    });

    test('is ended by wake from another thread while it blocks', async () => {
      const my = caller(engine);
      const { worker } = await thread(
        `setTimeout(() => native.eventSignal(data.wake, 1), 100); port.postMessage(0);`,
        { wake: (my.kernel as LinuxKernel).wakeHandle },
      );
      expect(my.tryReap(1, Infinity)).toBe(-Errno.EINTR);
      await worker.terminate();
    });
  });

  describe('hostile arguments', () => {
    test('of a reap that say what cannot be are EINVAL', () => {
      const memory = new Uint8Array(2 * MIB);
      for (const header of [
        [-1, 0, 0, 0, 0],
        [0, 0, -1, 0, 0],
        [0, 0, 2, 0, 0],
        [0, 0, 0, -1, 0],
        [0, 0, 0, MIB + 1, 0],
        [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 0],
      ]) {
        const bad = new Int32Array(20);
        bad.set(header);
        const number = native.queueOpen(engine, -1);
        const answer = native.queueReap(number, memory, 0, 1, 0, MIB, 0, Number.NaN, bad);
        expect(answer).toBe(-Errno.EINVAL);
        native.queueClose(number);
      }
    });

    test('of the addon itself are refused', () => {
      const memory = new Uint8Array(64);
      const wrong = [undefined, null, {}, 'x', -1, 16, 1e9, 0.5, Number.NaN] as never[];
      for (const queue of wrong) {
        expect(native.queueSubmit(queue, memory, 0, 0, new Int32Array(2))).toBe(-Errno.EBADF);
        expect(native.queueReap(queue, memory, 0, 0, 0, 0, 0, 0, new Int32Array(9))).toBe(
          -Errno.EBADF,
        );
        expect(native.queueClose(queue)).toBe(0);
      }
      const queue = native.queueOpen(engine, -1);
      for (const what of wrong) {
        expect(native.queueSubmit(queue, what, 0, 1, new Int32Array(2))).toBe(-Errno.EFAULT);
        expect(native.queueSubmit(queue, memory, 0, 1, what)).toBe(-Errno.EFAULT);
        expect(native.queueReap(queue, memory, 0, 1, 0, 0, 0, 0, what)).toBe(-Errno.EFAULT);
        expect(native.queueReap(queue, what, 0, 1, 0, 0, 0, 0, new Int32Array(9))).toBe(
          -Errno.EFAULT,
        );
      }
      native.queueClose(queue);
      expect(native.queueOpen('kqueue', -1)).toBe(-Errno.EINVAL);
      expect(native.queueOpen('x'.repeat(100), -1)).toBe(-Errno.EINVAL);
    });
  });

  describe('the end', () => {
    /** Everything at once in flight, on `count` connections, some of it unreaped. */
    function busy(my: Caller, count: number): void {
      const { listener, port } = my.listen();
      my.submit(accept(listener, again), timeout(1e15), timeout(0));
      for (let i = 0; i < count; i++) {
        const { own, peer } = my.pair();
        my.submit(recv(own, again));
        my.peerSend(peer, pattern(100_000));
        my.submit(...Array.from({ length: 60 }, () => my.send(own, pattern(65536))));
        if (i % 2) my.submit(close(own));
        my.dial(port);
      }
      my.tryReap(3, MS, { max: 3 });
      my.room = 0;
      my.tryReap(count, MS);
    }

    test('of a queue ends all that is in flight, and every descriptor is closed', async () => {
      const before = openDescriptors().length;
      for (let i = 0; i < 5; i++) {
        const my = new Caller(engine);
        busy(my, 10);
        expect(openDescriptors().length).toBeGreaterThan(before + 20);
        my.dispose();
        my.dispose();
      }
      expect(await descriptorsDownTo(before)).toBe(before);
    });

    const reaping = `native.queueReap(queue, memory, 4096, 64, 8192, 65536, 1, Infinity, notes);`;
    test.each([
      ['while it is idle', ''],
      ['while it is blocked in a reap', reaping],
      ['while it reaps again and again', `for (;;) { notes.fill(0, 0, 4); ${reaping} }`],
      [
        'while it submits again and again',
        `for (;;) { submit(3, a, 0, 10, 0n); submit(2, b, 0, 0, 0n); submit(6, -1, 0, 0, 1n); }`,
      ],
    ])('of a thread that is terminated %s', async (_, code) => {
      const before = openDescriptors().length;
      const wake = native.eventOpen();
      for (let i = 0; i < 4; i++) {
        const { worker } = await thread(
          `const queue = native.queueOpen(data.engine, data.wake);
           const memory = new Uint8Array(1 << 20);
           const view = new DataView(memory.buffer);
           const notes = new Int32Array(3000);
           const listener = native.listen('127.0.0.1', 0, 100);
           const a = native.connect('127.0.0.1', native.localAddress(listener).port);
           native.waitFor(listener, 1, 1e9, -1);
           const b = native.accept(listener);
           const submit = (opcode, fd, bytes, length, argument, flags = 0) => {
             view.setBigUint64(0, 1n, true);
             view.setUint8(9, flags);
             view.setUint32(16, bytes, true);
             view.setUint32(20, length, true);
             view.setBigUint64(24, argument, true);
             return native.queueSubmit(queue, memory, 0, 1, new Int32Array([opcode, fd]));
           };
           submit(1, listener, 0, 0, 0n, 1);
           submit(2, a, 0, 0, 0n, 1);
           submit(2, b, 0, 0, 0n, 1);
           submit(5, -1, 0, 0, 10n ** 15n);
           for (let i = 0; i < 200; i++) submit(3, i % 2 ? a : b, 0, 65536, 0n);
           for (let i = 0; i < 9; i++) native.connect('127.0.0.1', native.localAddress(listener).port);
           port.postMessage(0);
           ${code}`,
          { wake, engine },
        );
        await sleep(10);
        const ended = worker.terminate();
        native.eventSignal(wake, 1);
        await ended;
        native.eventSignal(wake, 0);
      }
      native.close(wake);
      expect(await descriptorsDownTo(before)).toBe(before);
    });
  });
});

describe('POLLUX_ASYNC', () => {
  const chosen = (word: string | undefined) => {
    vi.stubEnv('POLLUX_ASYNC', word);
    const kernel = new LinuxKernel();
    onTestFinished(() => {
      vi.unstubAllEnvs();
      kernel.dispose();
    });
    return kernel.completions().name;
  };

  test('chooses what does the work', () => {
    expect(chosen('threads')).toBe('threads');
    expect(chosen(undefined)).toBe(linuxEngines[0]);
    if (linuxEngines.includes('io_uring')) expect(chosen('uring')).toBe('io_uring');
  });

  test('that is neither is one sentence', () => {
    expect(() => chosen('aio')).toThrow(UsageError);
    expect(() => chosen('aio')).toThrow(/^POLLUX_ASYNC is "aio": it must be [^\n]+$/);
  });

  test('an engine that cannot be had is one sentence', () => {
    const kernel = new LinuxKernel();
    onTestFinished(() => kernel.dispose());
    expect(() => kernel.completions(['kqueue'])).toThrow(HostError);
    expect(kernel.completions(['kqueue', 'threads']).name).toBe('threads');
  });
});
