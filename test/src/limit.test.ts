/** What a guest may use: memory, descriptors, time. */
import { readFileSync } from 'node:fs';

import { load, sandbox, UsageError } from 'pollux';
import { expect, test } from 'vitest';

import { limitMemory } from '#src/memory-limit';

import { guestFile, runToEnd, wasmFile, wat } from '../harness.js';
import { exits } from './guests.js';
import { box, client, echoBox, ping, silent, take } from './started.js';

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
