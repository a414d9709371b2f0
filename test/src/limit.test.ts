/** What a guest may use: memory, descriptors, time. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { load, sandbox, UsageError } from 'pollux';
import { expect, test } from 'vitest';

import { limitMemory } from '#src/memory-limit';

import { guestFile, polluxToEnd, runToEnd, wasmFile, wat } from '../harness.js';
import { exits } from './guests.js';
import { box, client, echoBox, eventually, folder, ping, silent, take } from './started.js';

const listen = ['127.0.0.1:0'];
const grown = async (maxMemoryMiB: number) =>
  Number.parseInt((await runToEnd(guestFile('grow'), { maxMemoryMiB })).stdout, 10);

test('memory grows to its limit, and the guest is told that there is no more', async () => {
  const [few, many] = [await grown(8), await grown(32)];
  expect(few).toBeGreaterThanOrEqual(5);
  expect(few).toBeLessThan(8);
  expect(many - few).toBe(24);
});

test('a guest that starts with more memory than its limit is refused', async () => {
  const failure = sandbox(await load(wasmFile('echo-poll')), { listen, maxMemoryMiB: 1 });
  await expect(failure).rejects.toThrow(
    /starts with 17 MiB of memory, which is more than the limit of 1 MiB/,
  );
  await expect(failure).rejects.toBeInstanceOf(UsageError);
});

test('a guest of which only the compiled module is known cannot be limited', async () => {
  const module = new WebAssembly.Module(readFileSync(guestFile('grow')));
  const failure = sandbox(await load(module), { maxMemoryMiB: 8 });
  await expect(failure).rejects.toThrow(/a memory limit needs the bytes/);
  await expect(failure).rejects.toBeInstanceOf(UsageError);
});

test('a reactor is limited too', async () => {
  const running = await box(wasmFile('echo-reactor'), { listen, maxMemoryMiB: 20 });
  expect(await ping(await client(running.address!))).toBe('ping');
});

/**
 * How far a memory that the text declares can grow, in pages, when it is limited to `mebibytes`.
 */
function pages(memory: string, mebibytes: number): number {
  const bytes = limitMemory(wat(`(module ${memory})`), mebibytes) as Uint8Array<ArrayBuffer>;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { buffer } = instance.exports['memory'] as WebAssembly.Memory;
  let most = buffer.byteLength / 65536;
  try {
    for (; ; most++) (instance.exports['memory'] as WebAssembly.Memory).grow(1);
  } catch {
    return most;
  }
}

test.each([
  ['(memory (export "memory") 1)', 1, 16],
  ['(memory (export "memory") 1 10)', 1, 10],
  ['(memory (export "memory") 1 200)', 10, 160],
  ['(memory (export "memory") 16)', 1, 16],
  ['(memory (export "memory") 0)', 0.5, 8],
  ['(type (func)) (memory (export "memory") 3 300) (data (i32.const 0) "kept")', 16, 256],
])('%s, limited to %d MiB, has at most %i pages', (memory, mebibytes, most) => {
  expect(pages(memory, mebibytes)).toBe(most);
});

/** Lets its tables grow as far as they do, and tells how often they did. */
const grows = (tables: string) =>
  wat(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    ${tables}
    (elem (table 0) (i32.const 0) func $start)
    (func $start (export "_start") (local $i i32)
      (loop $again
        (br_if $again (i32.ge_s (table.grow 0 (ref.null func) (i32.const 10000))
          (local.tee $i (i32.add (local.get $i) (i32.const 1))))))
      (call $exit (local.get $i))))`);

test.each([
  ['one', '(table 1 funcref)', 105],
  ['two', '(table 1 funcref) (table 5 externref)', 53],
  ['a small one', '(table 1 20001 funcref)', 3],
])('%s cannot grow until V8 is out of memory', async (_, tables, code) => {
  expect(await runToEnd(grows(tables))).toMatchObject({ code });
});

test('a guest whose tables are too large from the beginning is refused', async () => {
  const failure = runToEnd(grows('(table 1 funcref) (table 2000000 funcref)'));
  await expect(failure).rejects.toThrow(/tables begin with more than 1048576 elements/);
  await expect(failure).rejects.toBeInstanceOf(UsageError);
});

test('a limited module is otherwise the same', () => {
  const bytes = wat('(module (memory 1) (data (i32.const 0) "kept"))');
  const limited = limitMemory(bytes, 1);
  expect(Buffer.from(limited).includes('kept')).toBe(true);
  expect(limited.length).toBe(bytes.length + 1);
  const none = wat('(module (func))');
  expect(limitMemory(none, 1)).toBe(none);
});

test('out of descriptors the echo server serves those it has, until one is closed', async () => {
  const [standard, listener, connections] = [3, 1, 3];
  const running = await echoBox({ maxDescriptors: standard + listener + connections });
  const first = await Promise.all(
    Array.from({ length: connections }, () => client(running.address!)),
  );
  for (const socket of first) expect(await ping(socket)).toBe('ping');
  const waiting = await Promise.all([client(running.address!), client(running.address!)]);
  for (const socket of waiting) socket.write('when you can');
  expect(await silent(waiting[0]!, 150)).toBe(true);
  expect(waiting[1]!.readableLength).toBe(0);
  for (const socket of first) expect(await ping(socket, 'still there')).toBe('still there');
  first[0]!.end();
  first[1]!.resetAndDestroy();
  for (const socket of waiting) expect((await take(socket, 12)).toString()).toBe('when you can');
  expect(await ping(first[2]!)).toBe('ping');
});

test('a guest may have exactly as many descriptors as it is allowed', async () => {
  expect(await runToEnd(exits(0), { listen, maxDescriptors: 4 })).toMatchObject({ code: 0 });
});

test.each([
  ['spins', guestFile('spin'), {}],
  ['waits', wasmFile('echo-poll'), { listen }],
  ['is a reactor', wasmFile('echo-reactor'), { listen }],
])('a guest that %s is ended when its time is up, with exit code 124', async (_, file, options) => {
  const begin = performance.now();
  const running = await box(file, { ...options, timeoutMs: 150 });
  expect(await running.exit).toEqual({ code: 124, reason: 'timeout' });
  expect(performance.now() - begin).toBeGreaterThanOrEqual(150);
});

test('a guest that ends in time is not touched by its limit', async () => {
  expect(await runToEnd(exits(5), { timeoutMs: 10_000 })).toMatchObject({
    code: 5,
    reason: 'exit',
  });
});

test('a guest that computes is ended by its limit of processor time', async () => {
  const ended = await runToEnd(guestFile('spin'), { maxCpuMs: 150 });
  expect(ended).toMatchObject({ code: 124, reason: 'cpu' });
});

test('a guest that waits has its processor time still', async () => {
  const running = await echoBox({ maxCpuMs: 300 });
  const socket = await client(running.address!);
  expect(await ping(socket)).toBe('ping');
  await sleep(900);
  expect(await ping(socket)).toBe('ping');
});

test('of a guest for each connection the processor time of each is limited', async () => {
  const warnings: string[] = [];
  const running = await box(guestFile('spin'), {
    listen,
    serve: 'thread',
    maxCpuMs: 100,
    warn: (sentence) => void warnings.push(sentence),
  });
  const [one, two] = [await client(running.address!), await client(running.address!)];
  await Promise.all([take(one, 1), take(two, 1)]); // their ends
  expect(await eventually(() => warnings.length === 2)).toBe(true);
  const used = 'the guest used more processor time than its limit of 100 ms';
  expect(warnings.sort()).toEqual([`connection 1: ${used}`, `connection 2: ${used}`]);
});

test('the command line limits processor time, and says so', async () => {
  const { code, stderr } = await polluxToEnd(['run', '--max-cpu', '100', guestFile('spin')]);
  expect(code).toBe(124);
  expect(stderr).toContain('pollux: the guest used more processor time than its limit of 100 ms\n');
});

test("a reactor's processor time cannot be told from Node's", async () => {
  const failure = sandbox(await load(wasmFile('echo-reactor')), { listen, maxCpuMs: 1 });
  await expect(failure).rejects.toThrow(/leave out maxCpuMs/);
});

/** Opens "file" until there is an error, with which it exits. */
const opens = wat(`(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "file")
  (global $opened (mut i32) (i32.const 0))
  (func (export "_start") (local $errno i32)
    (loop $again
      (local.set $errno (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
        (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
      (if (i32.eqz (local.get $errno)) (then
        (global.set $opened (i32.add (global.get $opened) (i32.const 1)))
        (br $again))))
    (call $exit (i32.add (i32.mul (global.get $opened) (i32.const 10))
      (i32.eq (local.get $errno) (i32.const 33))))))`);

test('a guest may have as many files open as it is allowed, and is told EMFILE', async () => {
  const path = folder();
  writeFileSync(join(path, 'file'), 'contents');
  const { code } = await runToEnd(opens, { dirs: { '/': path }, maxFiles: 5 });
  expect(code).toBe(51); // five, and then EMFILE
});

/** Writes 4,000 bytes to stdout until there is an error, with which it exits. */
const writes = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\a0\\0f\\00\\00")
  (func (export "_start") (local $errno i32)
    (loop $again
      (local.set $errno (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (i32.eqz (local.get $errno))))
    (call $exit (local.get $errno))))`);

test.each(['none', 'process'] as const)(
  'a guest writes as much as it is allowed, and is told EDQUOT (isolation: %s)',
  async (isolate) => {
    const { code, stdout } = await runToEnd(writes, { maxWrittenMiB: 1, isolate });
    expect(code).toBe(19); // DQUOT
    expect(stdout.length).toBe(Math.floor(2 ** 20 / 4000) * 4000);
  },
);

/** Makes links to 4,000 bytes, each with a name of its own, until there is an error. */
const links = wat(`(module
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $link (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $errno i32) (local $i i32)
    (memory.fill (i32.const 16) (i32.const 0x61) (i32.const 4000))
    (loop $again
      (i32.store8 (i32.const 0) (i32.add (i32.const 0x41) (local.get $i)))
      (local.set $errno (call $link (i32.const 16) (i32.const 4000) (i32.const 3)
        (i32.const 0) (i32.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.and (i32.eqz (local.get $errno)) (i32.lt_u (local.get $i) (i32.const 26)))))
    (call $exit (local.get $errno))))`);

test('what a link leads to is written too', async () => {
  const path = folder();
  const { code } = await runToEnd(links, { dirs: { '/': path }, maxWrittenMiB: 9000 / 2 ** 20 });
  expect(code).toBe(19); // DQUOT
  expect(readdirSync(path)).toEqual(['A', 'B']);
});

test('what is sent by sockets is not what is written', async () => {
  const running = await echoBox({ maxWrittenMiB: 0.001 });
  const socket = await client(running.address!);
  expect(await ping(socket, 'x'.repeat(10_000))).toHaveLength(10_000);
});
