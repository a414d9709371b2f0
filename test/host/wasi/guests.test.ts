/** What each family of guests needs of a host: Go, wasi-libc, Rust, Zig and the event loops. */
import { load, sandbox } from 'pollux';
import { describe, expect, test } from 'vitest';

import { Clock } from '#host/kernel/kernel';
import { Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { dial, guestFile, runToEnd, textOf, wat } from '../../harness.js';
import { clock, FOREVER, HANGUP, MS, read, rigged, Type, write } from './rig.js';

const SOON = clock(2000n * MS, { userdata: 9999n });
const user = (events: { userdata: bigint }[]) =>
  events.map(({ userdata }) => Number(userdata)).sort((a, b) => a - b);

/** Exits with 0 if descriptors 0 to 6 have these filetypes and there is no seventh. */
const inventory = (types: number[]) =>
  wat(`(module
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    ${types
      .map(
        (type, fd) => `
      (if (call $stat (i32.const ${fd}) (i32.const 0)) (then (call $exit (i32.const ${10 + fd}))))
      (if (i32.ne (i32.load8_u (i32.const 0)) (i32.const ${type})) (then (call $exit (i32.const ${20 + fd}))))
      (if (i32.ne (i32.load16_u (i32.const 2)) (i32.const ${type === 6 ? 4 : 0})) (then (call $exit (i32.const ${30 + fd}))))`,
      )
      .join('')}
    (call $exit (i32.ne (call $stat (i32.const ${types.length}) (i32.const 0)) (i32.const 8)))))`);

describe('whole guests', () => {
  test('preopen order: streams, listeners and connections are numbered as they were given, sockets non-blocking', async () => {
    const other = await sandbox(await load(guestFile('blocking')), { listen: ['127.0.0.1:0'] });
    const options = {
      listen: ['127.0.0.1:0', '127.0.0.1:0'],
      connect: [other.address!],
      stdin: 'pipe' as const,
    };
    expect(await runToEnd(inventory([0, 0, 0, 6, 6, 6]), options)).toMatchObject({
      code: 0,
      reason: 'exit',
    });
    await other.stop();
  });

  test('SIGPIPE: a guest that writes to a client that is gone does not end the process', async () => {
    const binary = wat(`(module
      (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1) (data (i32.const 8) "\\20\\00\\00\\00\\00\\10\\00\\00")
      (func (export "_start") (local $errno i32)
        (drop (call $accept (i32.const 3) (i32.const 0) (i32.const 0)))
        (loop $again
          (local.set $errno (call $write (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 4)))
          (br_if $again (i32.or (i32.eqz (local.get $errno)) (i32.eq (local.get $errno) (i32.const ${WasiErrno.CONNRESET})))))
        (call $exit (local.get $errno))))`);
    const box = await sandbox(await load(binary), {
      listen: ['127.0.0.1:0,blocking'],
      timeoutMs: 10_000,
    });
    (await dial(box.address!)).destroy();
    expect(await box.exit).toMatchObject({ code: WasiErrno.PIPE, reason: 'exit' });
  });

  test('closed standard input: a guest that closes it and sleeps is not harmed', async () => {
    expect(await runToEnd(guestFile('close0'))).toMatchObject({ code: 0, stdout: 'still here\n' });
  });

  test('Rust: a listener that was asked for as blocking blocks in accept, and can be stopped there', async () => {
    const box = await sandbox(await load(guestFile('blocking')), {
      listen: ['127.0.0.1:0,blocking'],
    });
    const socket = await dial(box.address!);
    socket.end('hello');
    expect(await textOf(socket)).toBe('hello');
    const start = performance.now();
    expect(await box.stop()).toMatchObject({ reason: 'stopped' });
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('guests in Go', () => {
  test('G1, G2: whatever is wrong with a subscription, the call succeeds', () => {
    const rig = rigged();
    const asked = [
      read(-1),
      write(99),
      clock(0n, { clock: 99 }),
      { ...read(0), type: 9 },
      read(rig.file('/dev/null', 'w')),
    ];
    expect(rig.pollOneoff(asked)).toMatchObject({ errno: 0, count: asked.length });
  });

  test('G3: with no clock a poll waits until something is ready, here for the clock of its precision', () => {
    const rig = rigged();
    const { fd, peer } = rig.connection();
    const due = clock(5n * MS, { precisionNs: 1000n, userdata: 0n });
    expect(rig.ask(due, read(fd, 1))).toMatchObject([{ userdata: 0n, type: Type.CLOCK }]);
    peer.send('x');
    expect(rig.ask(read(fd, 1))).toMatchObject([{ userdata: 1n }]);
  });

  test('G4: the pattern of its idle loop, a look and then a wait, tells the truth both times', () => {
    const rig = rigged();
    const many = Array.from({ length: 20 }, () => rig.connection());
    const reads = many.map(({ fd }) => read(fd));
    for (const { fd, peer } of many) {
      expect(user(rig.ask(clock(0n), ...reads))).toEqual([1000]);
      peer.send('x');
      expect(user(rig.ask(...reads))).toEqual([fd]);
      expect(rig.take('fd_read', fd)).toBe('x');
    }
  });

  test('G6: an end wakes the reader and the writer', () => {
    const rig = rigged();
    const { fd, peer } = rig.connection();
    rig.give('fd_write', fd, 'never read');
    peer.close();
    const events = rig.ask(read(fd, 1), write(fd, 2));
    expect(user(events)).toEqual([1, 2]);
    expect(events.find(({ userdata }) => userdata === 1n)).toMatchObject({
      errno: 0,
      flags: HANGUP,
    });
  });

  test('G7: accept without flags, then fd_fdstat_get and NONBLOCK, then fd_read and fd_write', () => {
    const rig = rigged();
    const { fd, port } = rig.listen();
    const peer = rig.dial(port);
    rig.ask(read(fd), SOON);
    const accepted = rig.accept(fd, 0);
    expect(rig.fdstat(accepted)).toMatchObject({ errno: 0, type: 6, flags: 0 });
    expect(rig.nonblocking(accepted)).toBe(0);
    expect(rig.take('fd_read', accepted)).toBe(WasiErrno.AGAIN);
    expect(rig.give('fd_write', accepted, 'hi')).toBe(2);
    expect(peer.receive()).toBe('hi');
  });

  test('G8, G9, L1, Z: every descriptor is EBADF for fd_prestat_get, and a listener is non-blocking', () => {
    const rig = rigged();
    rig.pipe();
    rig.file('/dev/null');
    const { fd } = rig.listen();
    rig.connection();
    for (let each = 0; each < 10; each++) {
      expect(rig.call('fd_prestat_get', each, 512)).toBe(WasiErrno.BADF);
      expect(rig.call('fd_prestat_dir_name', each, 512, 10)).toBe(WasiErrno.BADF);
    }
    expect(rig.fdstat(fd)).toMatchObject({ type: 6, flags: 4 });
    expect(rig.accept(fd)).toBe(-WasiErrno.AGAIN);
  });

  test('G10: a standard stream refuses NONBLOCK, which Go tries when it starts, and goes on', async () => {
    const binary = wat(`(module
      (import "wasi_snapshot_preview1" "fd_fdstat_set_flags" (func $set (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (drop (call $set (i32.const 0) (i32.const 4))) (drop (call $set (i32.const 1) (i32.const 4)))
        (call $exit (call $set (i32.const 2) (i32.const 4)))))`);
    expect((await runToEnd(binary)).code).toBe(WasiErrno.NOTCAPABLE);
  });
});

describe('guests on wasi-libc', () => {
  test('L2, L3, L4: relative realtime, two subscriptions with one userdata, and a closed descriptor', () => {
    const rig = rigged();
    const { fd, peer } = rig.connection();
    const timeout = clock(10n * MS, { clock: Clock.REALTIME, userdata: 0n });
    expect(rig.ask(read(fd, 5), timeout)).toMatchObject([
      { userdata: 0n, type: Type.CLOCK, errno: 0 },
    ]);
    peer.send('x');
    rig.ask(read(fd), SOON);
    expect(
      rig
        .ask(read(fd, 5), write(fd, 5), timeout)
        .map(({ userdata, type }) => [userdata, type])
        .sort(),
    ).toEqual([
      [5n, 1],
      [5n, 2],
    ]);
    rig.call('fd_close', fd);
    expect(rig.ask(read(fd, 5), write(fd, 5), timeout).map(({ errno }) => errno)).toEqual([
      WasiErrno.BADF,
      WasiErrno.BADF,
    ]);
  });

  test.each([1, 30])(
    'L5: FIONREAD, one read and a clock of zero, is the true count, with %i connections polled before',
    (count) => {
      const rig = rigged();
      const many = Array.from({ length: count }, () => rig.connection());
      rig.ask(...many.map(({ fd }) => read(fd)), clock(0n));
      const available = (fd: number) =>
        rig.ask(read(fd, 1), clock(0n)).find(({ type }) => type === Type.READ)?.nbytes ?? 0n;
      const { fd, peer } = many.at(-1)!;
      expect(available(fd)).toBe(0n);
      peer.send('hello');
      rig.ask(read(fd), SOON);
      expect(available(fd)).toBe(5n);
      rig.take('sock_recv', fd, 2);
      expect(available(fd)).toBe(3n);
    },
  );

  test('L7: accept4 with SOCK_NONBLOCK gives a non-blocking connection', () => {
    const rig = rigged();
    const { fd, port } = rig.listen();
    rig.dial(port);
    rig.ask(read(fd), SOON);
    expect(rig.fdstat(rig.accept(fd, 4)).flags).toBe(4);
  });

  test('L8: the rights tell reading from writing, and the filetype a stream socket', () => {
    const rig = rigged();
    const { reader, writer } = rig.pipe();
    const mode = (fd: number) => rig.fdstat(fd).rights & BigInt(Right.FD_READ | Right.FD_WRITE);
    expect([mode(reader), mode(writer)]).toEqual([BigInt(Right.FD_READ), BigInt(Right.FD_WRITE)]);
    expect(rig.fdstat(rig.connection().fd).type).toBe(6);
    const { rights, type } = rig.fdstat(rig.file('/dev/null', 'r+'));
    expect([type, rights & BigInt(Right.FD_SEEK | Right.FD_TELL)]).toEqual([2, 0n]);
  });
});

describe('guests on event loops', () => {
  test('X: an absolute clock in the first place, past or to come, and a descriptor closed while subscribed', () => {
    const rig = rigged();
    const { fd } = rig.connection();
    const slot = (ns: bigint) =>
      clock(rig.kernel.now(Clock.MONOTONIC) + ns, {
        absolute: true,
        userdata: 0n,
        precisionNs: MS,
      });
    expect(user(rig.ask(slot(-MS), read(fd, 1)))).toEqual([0]);
    expect(user(rig.ask(slot(5n * MS), read(fd, 1)))).toEqual([0]);
    rig.call('fd_close', fd);
    expect(rig.ask(slot(60_000n * MS), read(fd, 1))).toMatchObject([
      { userdata: 1n, errno: WasiErrno.BADF },
    ]);
  });

  test('M: a timeout of u64::MAX is for ever, and does not wrap around to now', () => {
    const rig = rigged();
    const { fd, peer } = rig.connection();
    const forever = clock(FOREVER, { precisionNs: MS, userdata: 0n });
    expect(user(rig.ask(forever, read(fd, 1), clock(10n * MS)))).toEqual([1000]);
    peer.send('x');
    expect(user(rig.ask(forever, read(fd, 1)))).toEqual([1]);
  });
});
