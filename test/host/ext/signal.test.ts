/** Signal-driven I/O for guests, and for the threads that share a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { load, sandbox } from 'pollux';
import { describe, expect, test, vi } from 'vitest';

import { OVERFLOW } from '#host/kernel/signal';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { Descriptor, Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { addressOf, dial, exchange, root } from '../../harness.js';
import { descriptorsOf, eventually, folder, killed, take } from '../../src/started.js';
import { descriptorsDownTo, native, openDescriptors, thread } from '../linux/thread.js';
import { clock, MS, read, Rig, rigged } from '../wasi/rig.js';
import { armsAndSpins, greetsBySignals, looksTooLate, waitsForSignals } from './guests.js';
import { guest, Guest, IN } from './rig.js';

const O_ASYNC = 0o20000;
const SECOND = 1000n * MS;
const listen = ['127.0.0.1:0'];

describe('signal_arm', () => {
  test('makes each arrival a signal with the descriptor and what it is', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    expect(own.rig.call('signal_arm', fd, 1)).toBe(0);
    expect(own.signals()).toEqual([]);
    for (const text of ['a', 'b']) {
      peer.send(text);
      expect(own.signals(SECOND)).toEqual([[fd, IN]]);
    }
    expect(own.signals()).toEqual([]);
    expect(own.rig.take('fd_read', fd)).toBe('ab');
    expect(own.rig.call('signal_arm', fd, 0)).toBe(0);
    peer.send('c');
    own.until(fd, IN);
    expect(own.signals()).toEqual([]);
  });

  test('tells of several descriptors, and of connections that wait, oldest first', () => {
    const own = guest();
    const many = Array.from({ length: 4 }, () => own.rig.connection());
    const { fd: listener, port } = own.rig.listen();
    for (const fd of [...many.map(({ fd }) => fd), listener])
      expect(own.rig.call('signal_arm', fd, 1)).toBe(0);
    const order = [2, 0, 3, 1];
    for (const i of order) {
      many[i]!.peer.send('x');
      own.until(many[i]!.fd, IN);
    }
    own.rig.dial(port);
    own.until(listener, IN);
    expect(own.signals(0n, 2)).toEqual(order.slice(0, 2).map((i) => [many[i]!.fd, IN]));
    expect(own.signals()).toEqual([
      ...order.slice(2).map((i) => [many[i]!.fd, IN]),
      [listener, IN],
    ]);
  });

  test('follows the descriptor where fd_renumber moves it, and ends where it is closed', () => {
    const own = guest();
    const [moved, gone] = [own.rig.connection(), own.rig.connection()];
    own.rig.call('signal_arm', moved.fd, 1);
    own.rig.call('signal_arm', gone.fd, 1);
    for (const { fd, peer } of [moved, gone]) {
      peer.send('x');
      own.until(fd, IN);
    }
    own.rig.call('fd_renumber', moved.fd, gone.fd);
    expect(own.signals()).toEqual([[gone.fd, IN]]);
    own.rig.call('fd_close', gone.fd);
    const young = own.rig.connection();
    young.peer.send('x');
    own.until(young.fd, IN);
    expect(own.signals()).toEqual([]);
  });

  test('answers an errno to whatever it cannot arm', () => {
    const own = guest();
    const { rig } = own;
    const { fd } = rig.connection();
    const { reader } = rig.pipe();
    expect(rig.call('signal_arm', 99, 1)).toBe(WasiErrno.BADF);
    expect(rig.call('signal_arm', -1, 0)).toBe(WasiErrno.BADF);
    for (const on of [2, -1, 256]) expect(rig.call('signal_arm', fd, on)).toBe(WasiErrno.INVAL);
    expect(rig.call('signal_arm', rig.file('package.json'), 1)).toBe(WasiErrno.PERM);
    expect(rig.call('signal_arm', rig.file('/dev/null'), 1)).toBe(WasiErrno.PERM);
    // What was inherited may be shared with other processes, whose signals these would be.
    const handle = rig.kernel.adopt(rig.descriptors.get(reader)!.handle);
    const inherited = rig.descriptors.add(Descriptor.stream(handle, 0, true, false));
    expect(rig.call('signal_arm', inherited, 1)).toBe(WasiErrno.PERM);
    expect(rig.call('signal_arm', reader, 1)).toBe(0);
    const without = rig.fdstat(fd).rights & ~BigInt(Right.POLL_FD_READWRITE);
    rig.call('fd_fdstat_set_rights', fd, without, 0n);
    expect(rig.call('signal_arm', fd, 1)).toBe(WasiErrno.NOTCAPABLE);
  });

  test('is refused with EBUSY for what somebody else is told of, until he no longer is', () => {
    const own = guest();
    const { rig } = own;
    const { fd, peer } = rig.connection();
    const handle = rig.kernel.adopt(rig.descriptors.get(fd)!.handle);
    const same = rig.descriptors.add(Descriptor.connection(handle, true));
    expect(rig.call('signal_arm', fd, 1)).toBe(0);
    expect(rig.call('signal_arm', same, 1)).toBe(WasiErrno.BUSY);
    peer.send('x');
    expect(own.signals(SECOND)).toEqual([[fd, IN]]);
    rig.call('fd_close', fd);
    expect(native.statusFlags(handle) & O_ASYNC).toBe(0);
    peer.send('x');
    expect(rig.call('signal_arm', same, 1)).toBe(0);
    expect(native.statusFlags(handle) & O_ASYNC).toBe(O_ASYNC);
    expect(rig.call('signal_arm', same, 0)).toBe(0);
    expect(native.statusFlags(handle) & O_ASYNC).toBe(0);
  });

  test('takes a retired listener, on which nothing happens', () => {
    const own = guest();
    const { fd, port } = own.rig.listen();
    own.rig.call('signal_arm', fd, 1);
    own.rig.dial(port);
    own.until(fd, IN);
    own.rig.descriptors.retireListeners();
    expect(own.signals(5n * MS)).toEqual([]);
    expect(own.rig.call('signal_arm', fd, 1)).toBe(0);
    expect(own.rig.call('signal_arm', fd, 0)).toBe(0);
    expect(own.signals(5n * MS)).toEqual([]);
  });
});

describe('signal_wait', () => {
  test('answers an errno where there is no room or no memory, and loses nothing', () => {
    const own = guest();
    const { rig } = own;
    const { fd, peer } = rig.connection();
    rig.call('signal_arm', fd, 1);
    peer.send('x');
    own.until(fd, IN);
    expect(rig.call('signal_wait', 4096, 0, 0n, 512)).toBe(WasiErrno.INVAL);
    for (const [at, most] of [
      [rig.size, 1],
      [rig.size - 8, 2],
      [0, -1],
      [-8, 1],
    ] as const)
      expect(rig.call('signal_wait', at, most, 0n, 512)).toBe(WasiErrno.FAULT);
    expect(rig.call('signal_wait', 4096, 1, 0n, rig.size - 3)).toBe(WasiErrno.FAULT);
    expect(rig.call('signal_wait', rig.size - 8, 1, 0n, 511)).toBe(0);
    expect(rig.view.getUint32(511, true)).toBe(1);
    expect(rig.view.getInt32(rig.size - 8, true)).toBe(fd);
  });

  test('ends no sooner than its timeout, also when a wake comes in between', () => {
    const own = guest();
    const interrupted = vi.spyOn(own.rig.process.embedder, 'interrupted');
    for (const ns of [1n, 999n, 2n * MS]) {
      for (const woken of [false, true]) {
        interrupted.mockClear();
        if (woken) own.rig.kernel.wake();
        const start = own.rig.kernel.now(1);
        expect(own.signals(ns)).toEqual([]);
        expect(own.rig.kernel.now(1) - start).toBeGreaterThanOrEqual(ns);
        expect(interrupted).toHaveBeenCalledTimes(woken ? 1 : 0);
      }
    }
  });

  test('of an embedded guest waits for nothing', () => {
    const own = guest({ embedded: true });
    expect(own.signals(-1n)).toEqual([]);
    expect(own.signals(SECOND)).toEqual([]);
    expect(own.rig.process.pendingTimeoutNs).toBe(1e9);
  });

  test('answers EBUSY to a second guest in the same thread, until the first is gone', () => {
    const first = new Guest(new Rig());
    expect(first.signals()).toEqual([]);
    const second = guest();
    const { fd } = second.rig.connection();
    expect(second.rig.call('signal_wait', 4096, 1, -1n, 512)).toBe(WasiErrno.BUSY);
    expect(second.rig.call('signal_arm', fd, 1)).toBe(WasiErrno.BUSY);
    first.rig.dispose();
    expect(second.rig.call('signal_arm', fd, 1)).toBe(0);
    expect(second.signals()).toEqual([]);
  });

  test('does not take what the same guest polls for', () => {
    const own = guest();
    const { fd, peer } = own.rig.connection();
    own.rig.call('signal_arm', fd, 1);
    peer.send('x');
    expect(own.rig.ask(read(fd, 5), clock(SECOND))).toMatchObject([{ userdata: 5n }]);
    expect(own.signals()).toEqual([[fd, IN]]);
  });
});

describe('a process', () => {
  /** The signals that the main thread blocks, as the kernel prints them. */
  const blocked = () => /^SigBlk:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;

  test('has its signals, its flags and its descriptors back when a guest is gone', () => {
    const before = [blocked(), openDescriptors().length];
    const own = new Guest(new Rig());
    const { fd, peer } = own.rig.connection();
    own.rig.call('signal_arm', fd, 1);
    expect(blocked()).not.toBe(before[0]);
    const kernel = new LinuxKernel();
    const shared = kernel.adopt(own.rig.descriptors.get(fd)!.handle);
    peer.send('x');
    own.until(fd, IN);
    own.rig.dispose();
    expect(native.statusFlags(shared) & O_ASYNC).toBe(0);
    kernel.dispose();
    expect([blocked(), openDescriptors().length]).toEqual(before);
  });

  test('whose threads all are told of their own descriptors mixes up none', async () => {
    const before = openDescriptors().length;
    const code = `
      native.signalOpen();
      const ends = new Int32Array(2);
      native.openPipe(ends);
      native.signalArm(ends[0], 1);
      const memory = new Uint8Array([8, 0, 0, 0, 1, 0, 0, 0, 120]);
      const signals = new Int32Array(64);
      port.postMessage('ready');
      port.once('message', () => {
        let own = 0, others = 0;
        for (let i = 0; i < 2000; i++) {
          native.writev(ends[1], memory, 0, 1, 0, 0);
          const count = native.signalWait(signals, 1e9, -1);
          for (let j = 0; j < count; j++) signals[2 * j] === ends[0] ? own++ : others++;
          native.readv(ends[0], memory, 0, 1, 0, 0);
        }
        port.postMessage({ own, others });
        port.close();
      });`;
    const threads = await Promise.all(Array.from({ length: 4 }, () => thread(code)));
    const answers = await Promise.all(
      threads.map(async ({ worker }) => {
        const answered = once(worker, 'message');
        const ended = once(worker, 'exit');
        worker.postMessage('go');
        const [answer] = (await answered) as unknown[];
        await ended;
        return answer;
      }),
    );
    expect(answers).toEqual(answers.map(() => ({ own: 2000, others: 0 })));
    expect(await descriptorsDownTo(before)).toBe(before);
  });

  test.each([
    ['while it waits', 'native.signalWait(new Int32Array(8), Infinity, data.wake);'],
    ['while signals come and nobody takes them', 'for (;;) native.writev(ends[1], m, 0, 1, 0, 0);'],
    [
      'while it arms and closes',
      `for (;;) {
        native.openPipe(ends); native.signalArm(ends[0], 1);
        native.writev(ends[1], m, 0, 1, 0, 0); native.close(ends[0]); native.close(ends[1]);
      }`,
    ],
  ])('is not harmed by a thread that is terminated %s', async (_, loop) => {
    const before = openDescriptors().length;
    const wake = native.eventOpen();
    const ends = new Int32Array(2);
    native.openPipe(ends);
    const code = `
      const m = new Uint8Array([8, 0, 0, 0, 1, 0, 0, 0, 120]);
      native.signalOpen();
      const shared = native.duplicate(data.reader);
      native.signalArm(shared, 1);
      const ends = new Int32Array(2);
      native.openPipe(ends);
      native.signalArm(ends[0], 1);
      port.postMessage('ready');
      ${loop}`;
    for (let i = 0; i < 5; i++) {
      const { worker } = await thread(code, { wake, reader: ends[0] });
      expect(native.statusFlags(ends[0]!) & O_ASYNC).toBe(O_ASYNC);
      const ended = worker.terminate();
      native.eventSignal(wake, 1);
      await ended;
      native.eventSignal(wake, 0);
      expect(native.statusFlags(ends[0]!) & O_ASYNC).toBe(0);
    }
    // Nobody is its owner any more.
    expect(native.signalOpen()).toBe(0);
    expect(native.signalArm(ends[0]!, 1)).toBe(0);
    native.signalClose();
    for (const fd of [...ends, wake]) native.close(fd);
    expect(await descriptorsDownTo(before)).toBe(before);
  });
});

describe('a guest with signals', () => {
  test('serves by them', async () => {
    const box = await sandbox(await load(greetsBySignals), { listen });
    const greetings = Array.from({ length: 50 }, () => exchange(box.address!, ''));
    for (const greeting of await Promise.all(greetings)) expect(String(greeting)).toBe('hello');
    expect(await box.stop()).toEqual({ code: 0, reason: 'stopped' });
  });

  test.each([
    ['stop', waitsForSignals],
    ['drain', waitsForSignals],
    ['stop', armsAndSpins],
  ] as const)('ends at once by %s', async (how, binary) => {
    const box = await sandbox(await load(binary), { listen });
    (await dial(box.address!)).destroy();
    await eventually(() => false, 20);
    const end = how === 'stop' ? box.stop() : box.drain(10_000);
    expect(await end).toEqual({ code: 0, reason: 'stopped' });
  });

  test('leaves no descriptor behind, however it ends', async () => {
    const guests = await Promise.all([waitsForSignals, armsAndSpins].map((each) => load(each)));
    const cycle = async () => {
      for (const each of guests) {
        const box = await sandbox(each, { listen });
        (await dial(box.address!)).destroy();
        await box.stop();
      }
    };
    await cycle();
    await eventually(() => false, 50);
    const before = descriptorsOf();
    for (let i = 0; i < 10; i++) await cycle();
    expect(await eventually(() => descriptorsOf() <= before)).toBe(true);
  }, 60_000);

  test('is told that there were more than the system queues, and is not harmed', async () => {
    const file = join(folder(), 'late.wasm');
    writeFileSync(file, looksTooLate);
    const pollux = ['run', '--listen', '127.0.0.1:0,blocking', file];
    const child = killed(
      spawn('prlimit', ['--sigpending=8', process.execPath, `${root}dist/src/cli.js`, ...pollux], {
        stdio: ['ignore', 'inherit', 'pipe'],
      }),
    );
    const ended = once(child, 'exit');
    const address = await addressOf(child);
    const socket = await dial(address);
    socket.setNoDelay(true);
    expect(String(await take(socket, 5))).toBe('hello');
    // One by one, for what leaves together may arrive as one.
    for (let i = 0; i < 60; i++) {
      socket.write('x');
      await sleep(2);
    }
    const second = await dial(address);
    const [code] = (await ended) as unknown[];
    socket.destroy();
    second.destroy();
    expect(code).toBe(1);
  });

  test('that is woken finds what came before it, and the number of no descriptor is -1', () => {
    expect(OVERFLOW).toBe(-1);
    const own = new Guest(rigged());
    const { fd, peer } = own.rig.connection();
    own.rig.call('signal_arm', fd, 1);
    peer.send('x');
    own.until(fd, IN);
    own.rig.kernel.wake();
    expect(own.signals(-1n)).toEqual([[fd, IN]]);
  });
});
