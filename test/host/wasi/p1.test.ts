/** The functions of preview1, family by family, as a guest finds them. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';

import { expect, onTestFinished, test } from 'vitest';

import { Clock } from '#host/kernel/kernel';
import { Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { parameters, preview1 } from '#host/wasi/p1/imports';
import { wat } from '../../harness.js';
import { clock, Exited, MS, read, rigged, Type, WIDE, type Rig } from './rig.js';

const SOON = clock(2000n * MS, { userdata: 9999n });
const OUT = 512;

/** args_get or environ_get: the strings. */
function strings(rig: Rig, family: 'args' | 'environ'): string[] {
  expect(rig.call(`${family}_sizes_get`, OUT, OUT + 4)).toBe(0);
  const [count, bytes] = [rig.view.getUint32(OUT, true), rig.view.getUint32(OUT + 4, true)];
  rig.bytes.fill(0xff, 1024, 8192);
  expect(rig.call(`${family}_get`, 1024, 4096)).toBe(0);
  expect(rig.bytes[4096 + bytes]).toBe(0xff);
  expect(rig.view.getUint32(1024 + count * 4, true)).toBe(0xffff_ffff);
  return Array.from({ length: count }, (_, i) => {
    const at = rig.view.getUint32(1024 + i * 4, true);
    return rig.text(at, rig.bytes.indexOf(0, at) - at);
  });
}

/** A zero for each parameter. */
const nothing = (name: string) =>
  parameters[name]!.split(' ').map((each) => (WIDE.has(each) ? 0n : 0));

test('every function of preview1 is there, and answers to nonsense', () => {
  const rig = rigged();
  const names = Object.keys(preview1(rig.process).functions).sort();
  expect(names).toEqual(Object.keys(parameters).sort());
  expect(names.length).toBe(46);
  for (const name of names)
    if (!name.startsWith('proc_'))
      expect(rig.call(name, ...nothing(name)), name).not.toBe(WasiErrno.NOSYS);
});

test('proc_raise does what a signal does by default', () => {
  const rig = rigged();
  const [TERM, SYS, CHLD, TSTP] = [15, 30, 16, 19];
  expect(() => rig.call('proc_raise', TERM)).toThrow(new Exited(143));
  expect(() => rig.call('proc_raise', SYS)).toThrow(new Exited(159));
  expect(rig.call('proc_raise', 0)).toBe(WasiErrno.SUCCESS);
  expect(rig.call('proc_raise', CHLD)).toBe(WasiErrno.SUCCESS);
  expect(rig.call('proc_raise', TSTP)).toBe(WasiErrno.NOTSUP);
  expect(rig.call('proc_raise', 31)).toBe(WasiErrno.INVAL);
  expect(rig.call('proc_raise', -1)).toBe(WasiErrno.INVAL);
});

test.each(['args', 'environ'] as const)(
  '%s come as they were given, each with its terminating zero',
  (family) => {
    const given = ['first', '', 'NAME=value', 'Grüße, 世界', '𝄞'.repeat(100)];
    expect(strings(rigged({ [family]: given }), family)).toEqual(given);
    expect(strings(rigged(), family)).toEqual([]);
  },
);

test.each(['args', 'environ'] as const)(
  '%s that do not fit into memory are EFAULT, and nothing is written',
  (family) => {
    const rig = rigged({ [family]: ['abc', 'def'] });
    rig.bytes.fill(7);
    for (const [pointers, buffer] of [
      [rig.size - 7, 0],
      [0, rig.size - 7],
      [-1, 0],
      [0, -8],
    ] as const) {
      expect(rig.call(`${family}_get`, pointers, buffer)).toBe(WasiErrno.FAULT);
    }
    expect(rig.call(`${family}_sizes_get`, rig.size - 3, 0)).toBe(WasiErrno.FAULT);
    expect(rig.call(`${family}_sizes_get`, 0, rig.size - 3)).toBe(WasiErrno.FAULT);
    expect(rig.bytes.every((byte) => byte === 7)).toBe(true);
    expect(rig.call(`${family}_get`, rig.size - 8, 0)).toBe(0);
    expect(rig.call(`${family}_get`, 0, rig.size - 8)).toBe(0);
  },
);

test('the monotonic clock never goes back, and the realtime clock is the time of day', () => {
  const rig = rigged();
  let last = 0n;
  for (let i = 0; i < 1000; i++) {
    expect(rig.call('clock_time_get', Clock.MONOTONIC, 0n, OUT)).toBe(0);
    const now = rig.view.getBigUint64(OUT, true);
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
  expect(rig.call('clock_time_get', Clock.REALTIME, 1n, OUT)).toBe(0);
  expect(Math.abs(Number(rig.view.getBigUint64(OUT, true) / MS) - Date.now())).toBeLessThan(1000);
});

test('every clock has a resolution and a time, and there are four', () => {
  const rig = rigged();
  for (const id of Object.values(Clock)) {
    expect(rig.call('clock_res_get', id, OUT)).toBe(0);
    expect(rig.view.getBigUint64(OUT, true)).toBeGreaterThan(0n);
    expect(rig.view.getBigUint64(OUT, true)).toBeLessThanOrEqual(10n * MS);
    expect(rig.call('clock_time_get', id, 0n, OUT)).toBe(0);
    expect(rig.view.getBigUint64(OUT, true)).toBeGreaterThan(0n);
  }
  for (const id of [4, 1000, -1]) {
    expect(rig.call('clock_res_get', id, OUT)).toBe(WasiErrno.INVAL);
    expect(rig.call('clock_time_get', id, 0n, OUT)).toBe(WasiErrno.INVAL);
  }
});

test('random_get fills all that was asked for and nothing more, and never twice with the same', () => {
  const rig = rigged();
  const seen = new Set<string>();
  for (const length of [16, 255, 4096, (1 << 20) + 17, 3 << 20]) {
    rig.bytes.fill(0);
    expect(rig.call('random_get', 1001, length)).toBe(0);
    const filled = rig.bytes.slice(1001, 1001 + length);
    expect(rig.bytes[1000]).toBe(0);
    expect(rig.bytes[1001 + length]).toBe(0);
    expect(filled.slice(-16).some((byte) => byte !== 0)).toBe(true);
    if (length > 1000)
      expect(Math.abs(filled.reduce((sum, byte) => sum + byte, 0) / length - 127.5)).toBeLessThan(
        8,
      );
    seen.add(filled.slice(0, 16).join());
  }
  expect(seen.size).toBe(5);
  expect(rig.call('random_get', rig.size, 0)).toBe(0);
  expect(rig.call('random_get', rig.size - 1, 2)).toBe(WasiErrno.FAULT);
});

test('sched_yield comes back, and proc_exit does not', () => {
  const rig = rigged();
  expect(rig.call('sched_yield')).toBe(0);
  expect(() => rig.call('proc_exit', -1)).toThrow(new Exited(0xffff_ffff));
});

test('fd_fdstat_get and fd_filestat_get say what a descriptor is', () => {
  const rig = rigged();
  const { reader, writer } = rig.pipe();
  const kinds: [number, number, number][] = [
    [reader, 0, Right.FD_READ],
    [writer, 0, Right.FD_WRITE],
    [rig.file('package.json'), 4, Right.FD_READ | Right.FD_SEEK | Right.FD_TELL],
    [rig.file('/dev/null', 'w'), 2, Right.FD_WRITE],
    [rig.file('/dev/null', 'r+'), 2, Right.FD_READ | Right.FD_WRITE],
    [rig.listen().fd, 6, Right.FD_READ | Right.SOCK_ACCEPT],
    [rig.connection().fd, 6, Right.FD_READ | Right.FD_WRITE | Right.SOCK_SHUTDOWN],
  ];
  const own = Object.values(Right).reduce((mask, right) => mask | right);
  const common = Right.FD_FDSTAT_SET_FLAGS | Right.FD_FILESTAT_GET | Right.POLL_FD_READWRITE;
  for (const [fd, type, rights] of kinds) {
    expect(rig.fdstat(fd)).toMatchObject({ errno: 0, type });
    expect(rig.fdstat(fd).rights & BigInt(own)).toBe(BigInt(rights | common));
    expect(rig.call('fd_filestat_get', fd, 1024)).toBe(0);
    expect(rig.view.getUint8(1024 + 16)).toBe(type);
  }
});

test('fd_filestat_get tells the size and the times of a file', () => {
  const rig = rigged();
  const directory = mkdtempSync(join(tmpdir(), 'pollux-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'file'), 'twelve bytes');
  const before = BigInt(Date.now() - 60_000) * MS;
  const fd = rig.file(join(directory, 'file'));
  expect(rig.call('fd_filestat_get', fd, 1024)).toBe(0);
  const fields = Array.from({ length: 8 }, (_, i) => rig.view.getBigUint64(1024 + i * 8, true));
  expect(fields.slice(2, 5)).toEqual([4n, 1n, 12n]);
  for (const time of fields.slice(5)) expect(time).toBeGreaterThan(before);
});

test('fd_seek and fd_tell move in a file, and in nothing else', () => {
  const rig = rigged();
  const fd = rig.file('package.json');
  const all = readFileSync('package.json', 'utf8');
  const seek = (offset: bigint, whence: number) =>
    rig.call('fd_seek', fd, offset, whence, OUT + 8) || rig.view.getBigUint64(OUT + 8, true);
  expect(seek(5n, 0)).toBe(5n);
  expect(rig.take('fd_read', fd, 10)).toBe(all.slice(5, 15));
  expect(seek(-5n, 1)).toBe(10n);
  expect(rig.call('fd_tell', fd, OUT)).toBe(0);
  expect(rig.view.getBigUint64(OUT, true)).toBe(10n);
  expect(seek(-10n, 2)).toBe(BigInt(all.length - 10));
  expect(rig.take('fd_read', fd)).toBe(all.slice(-10));
  expect(rig.take('fd_read', fd)).toBe('');
  expect(seek(-1n, 0)).toBe(WasiErrno.INVAL);
  expect(seek(-(1n << 63n), 1)).toBe(WasiErrno.INVAL);
  expect(seek(0n, 3)).toBe(WasiErrno.INVAL);
  expect(seek(0n, -1)).toBe(WasiErrno.INVAL);
  for (const other of [rig.pipe().reader, rig.connection().fd, rig.file('/dev/null')]) {
    expect(rig.call('fd_seek', other, 0n, 0, OUT)).toBe(WasiErrno.SPIPE);
    expect(rig.call('fd_tell', other, OUT)).toBe(WasiErrno.SPIPE);
  }
});

test('fd_renumber closes what it replaces, keeps what it moves, and refuses what is not open', () => {
  const rig = rigged();
  const a = rig.connection();
  const b = rig.connection();
  b.peer.send('from b');
  rig.ask(read(b.fd), SOON);
  expect(rig.call('fd_renumber', b.fd, a.fd)).toBe(0);
  expect(a.peer.receive()).toBe('');
  expect(rig.take('fd_read', a.fd)).toBe('from b');
  expect(rig.fdstat(b.fd).errno).toBe(WasiErrno.BADF);
  expect(rig.call('fd_renumber', a.fd, a.fd)).toBe(0);
  expect(rig.give('fd_write', a.fd, 'x')).toBe(1);
  for (const [from, to] of [
    [a.fd, 50],
    [50, a.fd],
    [50, 50],
    [-1, a.fd],
    [a.fd, -1],
  ] as const) {
    expect(rig.call('fd_renumber', from, to)).toBe(WasiErrno.BADF);
  }
});

test('a poll after fd_renumber follows the descriptor to its new number', () => {
  const rig = rigged();
  const a = rig.connection();
  const b = rig.connection();
  rig.ask(read(a.fd, 1), read(b.fd, 2), clock(0n));
  rig.call('fd_renumber', b.fd, a.fd);
  b.peer.send('x');
  expect(rig.ask(read(a.fd, 1), SOON)).toMatchObject([{ userdata: 1n, errno: 0, nbytes: 1n }]);
  expect(rig.ask(read(b.fd, 2))).toMatchObject([{ userdata: 2n, errno: WasiErrno.BADF }]);
});

test('rights can be given up and not be had back, and what needs them is refused', () => {
  const rig = rigged();
  const { fd } = rig.connection();
  const set = (base: bigint, inheriting = 0n) =>
    rig.call('fd_fdstat_set_rights', fd, base, inheriting);
  const { rights } = rig.fdstat(fd);
  expect(set(rights)).toBe(0);
  expect(set(rights | (1n << 63n))).toBe(WasiErrno.NOTCAPABLE);
  expect(set(-1n)).toBe(WasiErrno.NOTCAPABLE);
  expect(set(rights, 1n)).toBe(WasiErrno.NOTCAPABLE);
  expect(set(BigInt(Right.FD_READ))).toBe(0);
  expect(set(rights)).toBe(WasiErrno.NOTCAPABLE);
  expect(rig.take('fd_read', fd)).toBe(WasiErrno.AGAIN);
  expect(rig.give('fd_write', fd, 'x')).toBe(-WasiErrno.NOTCAPABLE);
  expect(rig.give('sock_send', fd, 'x')).toBe(-WasiErrno.NOTCAPABLE);
  expect(rig.call('sock_shutdown', fd, 3)).toBe(WasiErrno.NOTCAPABLE);
  expect(rig.call('fd_filestat_get', fd, OUT)).toBe(WasiErrno.NOTCAPABLE);
  expect(rig.nonblocking(fd)).toBe(WasiErrno.NOTCAPABLE);
  expect(set(0n)).toBe(0);
  expect(rig.take('fd_read', fd)).toBe(WasiErrno.NOTCAPABLE);
  expect(rig.take('sock_recv', fd)).toBe(WasiErrno.NOTCAPABLE);
});

test('a listener without the right to accept refuses, and hands its lesser rights on', () => {
  const rig = rigged();
  const { fd, port } = rig.listen();
  const { rights, inheriting } = rig.fdstat(fd);
  expect(rig.call('fd_fdstat_set_rights', fd, rights, BigInt(Right.FD_READ))).toBe(0);
  rig.dial(port);
  rig.ask(read(fd), SOON);
  const accepted = rig.accept(fd);
  expect(rig.fdstat(accepted).rights).toBe(BigInt(Right.FD_READ));
  expect(inheriting).not.toBe(0n);
  expect(
    rig.call(
      'fd_fdstat_set_rights',
      fd,
      BigInt(Right.FD_READ | Right.POLL_FD_READWRITE),
      BigInt(Right.FD_READ),
    ),
  ).toBe(0);
  expect(rig.accept(fd)).toBe(-WasiErrno.NOTCAPABLE);
  rig.dial(port);
  expect(rig.ask(read(fd), SOON)).toMatchObject([{ errno: 0, type: Type.READ, flags: 0 }]);
});

test('fd_fdstat_set_flags knows NONBLOCK, and says of the others that it does not do them', () => {
  const rig = rigged();
  for (const fd of [
    rig.connection().fd,
    rig.pipe().reader,
    rig.file('package.json'),
    rig.file('/dev/null'),
  ]) {
    expect(rig.nonblocking(fd)).toBe(0);
    expect(rig.fdstat(fd).flags).toBe(4);
    expect(rig.call('fd_fdstat_set_flags', fd, 1)).toBe(WasiErrno.NOTSUP);
    expect(rig.call('fd_fdstat_set_flags', fd, 32)).toBe(WasiErrno.INVAL);
    expect(rig.fdstat(fd).flags).toBe(4);
    expect(rig.call('fd_fdstat_set_flags', fd, 0)).toBe(0);
    expect(rig.fdstat(fd).flags).toBe(0);
  }
});

test('a blocking read of a pipe waits for a byte, and a non-blocking one is EAGAIN', () => {
  const rig = rigged();
  const { reader, writer } = rig.pipe();
  rig.give('fd_write', writer, 'abc');
  expect(rig.take('fd_read', reader)).toBe('abc');
  rig.nonblocking(reader);
  expect(rig.take('fd_read', reader)).toBe(WasiErrno.AGAIN);
  rig.call('fd_close', writer);
  expect(rig.take('fd_read', reader)).toBe('');
});

const noTerminal = spawnSync('script', ['--version']).status !== 0; // script(1) of util-linux makes one

test.skipIf(noTerminal)(
  'a terminal is a character device without the rights that a file has',
  async () => {
    const program = `
    import { sandbox, load } from 'pollux';
    const bytes = Buffer.from('${Buffer.from(teller()).toString('base64')}', 'base64');
    const box = await sandbox(await load(bytes), { stdin: 'inherit', timeoutMs: 5000 });
    console.log('told ' + (await box.exit).code);`;
    const command = `${process.execPath} --input-type=module -e "$PROGRAM"`;
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, PROGRAM: program },
      stdio: 'pipe',
    });
    expect(await textOf(child.stdout)).toContain('told 2');
  },
);

/** Exits with the filetype of descriptor 0, or 100 if it may seek or tell. */
function teller(): Uint8Array {
  return wat(`(module
    (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (drop (call $stat (i32.const 0) (i32.const 0)))
      (if (i32.and (i32.load (i32.const 8)) (i32.const 36)) (then (call $exit (i32.const 100))))
      (call $exit (i32.load8_u (i32.const 0)))))`);
}
