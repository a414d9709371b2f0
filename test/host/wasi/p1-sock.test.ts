/** The functions of preview1 that move bytes over sockets, as a guest finds them. */
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { load, sandbox } from 'pollux';
import { expect, test } from 'vitest';

import { Descriptor } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { dial, wat } from '../../harness.js';
import { clock, MS, read, rigged } from './rig.js';

const SOON = clock(2000n * MS, { userdata: 9999n });
const OUT = 512;

test('sock_recv with PEEK leaves the bytes there, and with WAITALL waits for all of them', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection(false);
  peer.send('hello');
  rig.ask(read(fd), SOON);
  for (const flags of [1, 1, 3, 3]) expect(rig.take('sock_recv', fd, 4, flags)).toBe('hell');
  expect(rig.take('sock_recv', fd, 100, 3)).toBe('hello');
  expect(rig.take('sock_recv', fd, 5, 2)).toBe('hello');
  peer.send('the rest');
  peer.shutdown(2);
  expect(rig.take('sock_recv', fd, 100, 2)).toBe('the rest');
  expect(rig.take('sock_recv', fd, 100, 2)).toBe('');
  expect(rig.take('sock_recv', fd, 100, 4)).toBe(WasiErrno.INVAL);
});

test('sock_recv spreads what comes over its buffers, and sock_send gathers it', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  peer.send('abcdefgh');
  rig.ask(read(fd), SOON);
  rig.bytes.fill(0, 2000, 3000);
  const iovs = rig.iovs([1, 0, 3, 100], 2000);
  expect(rig.call('sock_recv', fd, iovs, 4, 0, OUT, OUT + 4)).toBe(0);
  expect([rig.view.getUint32(OUT, true), rig.text(2000, 9)]).toEqual([8, 'abcdefgh\0']);
  rig.iovs([2, 0, 6], 2000);
  expect(rig.call('sock_send', fd, iovs, 3, 0, OUT)).toBe(0);
  expect(peer.receive()).toBe('abcdefgh');
  expect(rig.call('sock_send', fd, iovs, 3, 1, OUT)).toBe(WasiErrno.INVAL);
});

test('no iovecs and empty ones move nothing and wait for nothing', () => {
  const rig = rigged();
  const { fd } = rig.connection(false);
  const { reader, writer } = rig.pipe();
  for (const count of [0, 1]) {
    const iovs = rig.iovs([0]);
    for (const [name, ...values] of [
      ['fd_write', fd, iovs, count, OUT],
      ['sock_send', fd, iovs, count, 0, OUT],
      ['fd_write', writer, iovs, count, OUT],
      ['fd_read', rig.file('package.json'), iovs, count, OUT],
      ['sock_recv', fd, iovs, count, 0, OUT, OUT + 4],
      ['fd_read', reader, iovs, count, OUT],
    ] as const) {
      rig.view.setUint32(OUT, 99, true);
      expect([name, rig.call(name, ...values), rig.view.getUint32(OUT, true)]).toEqual([
        name,
        0,
        0,
      ]);
    }
  }
});

test('more iovecs than one call takes are a partial write for a non-blocking socket', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  const count = 2000;
  for (let i = 0; i < count; i++) {
    rig.view.setUint32(65536 + i * 8, 1024 + (i % 26), true);
    rig.view.setUint32(65536 + i * 8 + 4, 1, true);
  }
  rig.bytes.set(new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz'), 1024);
  expect(rig.call('fd_write', fd, 65536, count, OUT)).toBe(0);
  const sent = rig.view.getUint32(OUT, true);
  expect(sent).toBe(1024);
  expect(peer.receive()).toHaveLength(sent);
});

test('a full table is EMFILE, and the client waits in the queue of the listener until there is room', () => {
  const rig = rigged({ limit: 2 });
  const { fd, port } = rig.listen();
  const spare = rig.descriptors.add(
    Descriptor.listener(rig.kernel.listen({ host: '127.0.0.1', port: 0 }, 1), true),
  );
  const peer = rig.dial(port);
  rig.ask(read(fd), SOON);
  expect(rig.accept(fd)).toBe(-WasiErrno.MFILE);
  rig.call('fd_close', spare);
  expect(rig.accept(fd)).toBe(spare);
  expect(rig.give('fd_write', spare, 'hi')).toBe(2);
  expect(peer.receive()).toBe('hi');
});

/**
 * Accepts one client on descriptor 3, sends it 8 MiB by `send` in one call, and exits with 0 if
 * that call took it all.
 */
const sender = (send: string) =>
  wat(`(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send" (func $sock_send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 160)
  (func (export "_start")
    (if (call $accept (i32.const 3) (i32.const 0) (i32.const 0)) (then (call $exit (i32.const 2))))
    (memory.fill (i32.const 65536) (i32.const 120) (i32.const 8388608))
    (i32.store (i32.const 8) (i32.const 65536))
    (i32.store (i32.const 12) (i32.const 8388608))
    (if ${send} (then (call $exit (i32.const 3))))
    (call $exit (i32.ne (i32.load (i32.const 4)) (i32.const 8388608)))))`);

test.each([
  [
    'fd_write',
    '(call $fd_write (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 4))',
  ],
  [
    'sock_send',
    '(call $sock_send (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 4))',
  ],
])('a blocking %s of 8 MiB to a slow reader sends all of it', async (_, send) => {
  const box = await sandbox(await load(sender(send)), {
    listen: ['127.0.0.1:0,blocking'],
    timeoutMs: 15_000,
  });
  const socket = await dial(box.address!);
  await sleep(50);
  const received = textOf(socket);
  const slow = setInterval(() => (socket.isPaused() ? socket.resume() : socket.pause()), 5);
  expect(await box.exit).toMatchObject({ code: 0, reason: 'exit' });
  clearInterval(slow);
  socket.resume();
  expect((await received).length).toBe(8 << 20);
  socket.destroy();
});
