/**
 * The echo server as a server, and the same cases over guests that were written without a thought
 * of this host.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Box } from 'pollux';
import { describe, expect, test } from 'vitest';

import { addressOf, dial, exchange, guestFile, root, textOf, wasmFile } from '../harness.js';
import {
  box,
  client,
  command,
  echoBox,
  eventually,
  killed,
  ping,
  silent,
  take,
} from '../src/started.js';

const listen = ['127.0.0.1:0'];

interface Server {
  start: () => Promise<Box>;
  /** True if it serves one client after the other. */
  serial?: boolean;
  /** How many clients it serves at once. */
  crowd: number;
}

const servers: [string, Server][] = [
  ['echo.c', { start: () => echoBox(), crowd: 200 }],
  ['echo.c on poll(2)', { start: () => echoBox({ poller: 'poll' }), crowd: 200 }],
  ['echo.c on select(2)', { start: () => echoBox({ poller: 'select' }), crowd: 200 }],
  ['echo.c as a reactor', { start: () => box(wasmFile('echo-reactor'), { listen }), crowd: 200 }],
  [
    'echo.c, blocking',
    { start: () => box(wasmFile('echo-blocking'), { listen }), crowd: 20, serial: true },
  ],
  ...['nonblocking', 'select', 'epoll', 'epoll-edge', 'signal', 'async'].map(
    (model): [string, Server] => [
      `echo.c, ${model}`,
      { start: () => box(wasmFile(`echo-${model}`), { listen }), crowd: 200 },
    ],
  ),
  [
    'a server on select() of wasi-libc',
    { start: () => box(guestFile('select'), { listen }), crowd: 200 },
  ],
  [
    'a server in AssemblyScript',
    { start: () => box(guestFile('echo.as'), { listen }), crowd: 200 },
  ],
  ...['nonblocking', 'select', 'poll', 'epoll', 'epoll-edge', 'signal', 'async'].map(
    (model): [string, Server] => [
      `echo.as, ${model}`,
      { start: () => box(wasmFile(`echo-${model}.as`), { listen }), crowd: 200 },
    ],
  ),
  [
    'echo.as, blocking',
    { start: () => box(wasmFile('echo-blocking.as'), { listen }), crowd: 20, serial: true },
  ],
  [
    'a blocking server',
    {
      start: () => box(guestFile('blocking'), { listen: ['127.0.0.1:0,blocking'] }),
      crowd: 20,
      serial: true,
    },
  ],
];

/** Sends `bytes` in pieces of random sizes, some of them with a pause between. */
async function sendInPieces(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const size = randomInt(1, 2 ** randomInt(1, 16));
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (randomInt(4) === 0) await sleep(1);
  }
}

describe.each(servers)('%s', (_, { start, serial, crowd }) => {
  test('echoes random bytes that come in random pieces', async () => {
    const { address } = await start();
    for (let round = 0; round < 3; round++) {
      const socket = await client(address!);
      const bytes = randomBytes(200_000);
      const [echoed] = await Promise.all([take(socket, bytes.length), sendInPieces(socket, bytes)]);
      expect(echoed.equals(bytes)).toBe(true);
      socket.destroy();
    }
  });

  test('echoes all bytes that come before a half-close, and then closes', async () => {
    const { address } = await start();
    for (const length of [0, 1, 65_536, 1_000_000]) {
      const bytes = randomBytes(length);
      expect((await exchange(address!, bytes)).equals(bytes)).toBe(true);
    }
  });

  test('keeps the bytes of a client that reads late, and reads no more than it keeps', async () => {
    const { address } = await start();
    const socket = await client(address!);
    const bytes = randomBytes(16 << 20);
    socket.end(bytes);
    await sleep(100);
    expect(socket.writableLength).toBeGreaterThan(0);
    expect((await take(socket, bytes.length + 1)).equals(bytes)).toBe(true);
  });

  test('serves many clients, each with its own bytes', async () => {
    const { address } = await start();
    const sent = Array.from({ length: crowd }, () => randomBytes(randomInt(1, 20_000)));
    const echoed = await Promise.all(sent.map((bytes) => exchange(address!, bytes)));
    expect(echoed.every((bytes, i) => bytes.equals(sent[i]!))).toBe(true);
  });

  test('survives a client that resets, in the middle of its echo too', async () => {
    const { address } = await start();
    const other = serial ? undefined : await client(address!);
    for (const bytes of [0, 10, 2_000_000]) {
      const socket = await client(address!);
      if (bytes > 0) socket.write(randomBytes(bytes));
      await sleep(5);
      socket.resetAndDestroy();
      if (other) expect(await ping(other)).toBe('ping');
    }
    expect((await exchange(address!, 'after the resets')).toString()).toBe('after the resets');
  });

  test.skipIf(serial)(
    'keeps nobody waiting for one that is silent or does not read (skipped for one at a time)',
    async () => {
      const { address } = await start();
      const quiet = await client(address!);
      const deaf = await client(address!);
      deaf.write(randomBytes(16 << 20));
      await sleep(50);
      for (let i = 0; i < 50; i++) expect(await ping(await client(address!))).toBe('ping');
      expect(await silent(quiet, 0)).toBe(true);
      expect(await ping(quiet)).toBe('ping');
    },
  );
});

test('two hundred clients are open at once, and each is served again and again', async () => {
  const { address } = await echoBox();
  const sockets = await Promise.all(Array.from({ length: 200 }, () => client(address!)));
  for (let round = 0; round < 5; round++) {
    const echoed = await Promise.all(sockets.map((socket, i) => ping(socket, `${round}:${i}`)));
    expect(echoed).toEqual(sockets.map((_, i) => `${round}:${i}`));
  }
});

/** Resident memory of a process, in MiB. */
function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

test('bytes for a client that does not read wait with it, not in the server', async () => {
  const server = command('echo', '--listen', '127.0.0.1:0');
  const address = await addressOf(server);
  await exchange(address, randomBytes(1 << 20));
  const before = residentMiB(server.pid!);
  const bytes = randomBytes(32 << 20);
  const sockets = [await client(address), await client(address)];
  for (const socket of sockets) socket.write(bytes);
  await sleep(300); // by then nothing more is taken from it
  for (const socket of sockets) expect(socket.writableLength).toBeGreaterThan(8 << 20);
  expect(residentMiB(server.pid!) - before).toBeLessThan(16);
  for (const socket of sockets) expect((await take(socket, bytes.length)).equals(bytes)).toBe(true);
  expect(await ping(sockets[0]!)).toBe('ping');
});

test('a process that is out of descriptors serves those it has, and resumes', async () => {
  const { execPath } = process;
  const limited = [
    'ulimit -n 64; exec "$0" "$@"',
    execPath,
    `${root}dist/src/cli.js`,
    'echo',
    '--listen',
    '127.0.0.1:0',
  ];
  const address = await addressOf(killed(spawn('/bin/sh', ['-c', ...limited])));
  const sockets = await Promise.all(Array.from({ length: 64 }, () => client(address)));
  for (const socket of sockets) socket.write('ping');
  await sleep(250);
  const served = sockets.filter(({ readableLength }) => readableLength === 4);
  expect(served.length).toBeGreaterThan(8);
  expect(served.length).toBeLessThan(64);
  for (const socket of served) expect((await take(socket, 4)).toString()).toBe('ping');
  for (const socket of served) expect(await ping(socket)).toBe('ping');
  for (const socket of served) socket.end();
  const waiting = sockets.filter((socket) => !served.includes(socket)).slice(0, served.length);
  for (const socket of waiting) expect((await take(socket, 4)).toString()).toBe('ping');
});

const waiting = ['nonblocking', 'select', 'poll', 'epoll', 'epoll-edge', 'signal', 'async'];

test.each(waiting.flatMap((model) => [model, `${model}.as`]))(
  'a guest out of descriptors serves those it has, and resumes, again and again: %s',
  async (model) => {
    // Three streams, the listener, ten clients; and a set, where it has a descriptor.
    const maxDescriptors = model.startsWith('epoll') ? 15 : 14;
    const { address } = await box(wasmFile(`echo-${model}`), { listen, maxDescriptors });
    const served = await Promise.all(Array.from({ length: 10 }, () => client(address!)));
    for (const socket of served) await ping(socket);
    for (let round = 0; round < 3; round++) {
      const late = await client(address!);
      late.write('late');
      expect(await silent(late, 120)).toBe(true);
      for (const socket of served) expect(await ping(socket)).toBe('ping');
      served.shift()!.end();
      expect((await take(late, 4)).toString()).toBe('late');
      served.push(late);
    }
  },
);

test('a guest on select() of wasi-libc says that it can watch no more, and serves later', async () => {
  const running = await box(wasmFile('echo-select'), { listen, stderr: 'pipe' });
  const watched = 1023; // of FD_SETSIZE, one is the listener
  const sockets = [];
  for (let i = 0; i < watched; i++) sockets.push(await client(running.address!));
  expect(await ping(sockets.at(-1)!)).toBe('ping');
  const late = await client(running.address!);
  late.write('late');
  const sentence = 'echo: select() watches 1024 descriptors: further clients wait.\n';
  expect((await take(running.stderr!, sentence.length)).toString()).toBe(sentence);
  expect(await silent(late, 100)).toBe(true);
  expect(await ping(sockets[0]!)).toBe('ping');
  sockets[1]!.end();
  expect((await take(late, 4)).toString()).toBe('late');
});

test('a guest without a listener says so, and exits with 2', async () => {
  const running = await box(wasmFile('echo-poll'), { stderr: 'pipe' });
  expect(await textOf(running.stderr)).toMatch(/^echo: no listening socket was handed over.*\n$/);
  expect(await running.exit).toEqual({ code: 2, reason: 'exit' });
});

describe.each(['epoll', 'poll', 'select'] as const)(
  'clocks and sockets in one poll, with %s',
  (poller) => {
    test('are what a program on wasi-libc expects', async () => {
      const running = await box(guestFile('clocks'), {
        listen,
        poller,
        stdout: 'pipe',
        timeoutMs: 15_000,
      });
      let said = '';
      running.stdout!.on('data', (chunk) => (said += chunk));
      expect(await eventually(() => said.includes('listening'), 10_000)).toBe(true);
      const socket = await dial(running.address!);
      socket.write('hello');
      const { code } = await running.exit;
      socket.destroy();
      if (!running.stdout!.readableEnded) await once(running.stdout!, 'end');
      expect(said.split('\n').filter((line) => line.startsWith('not ok'))).toEqual([]);
      expect(said.match(/^ok /gm)!.length).toBeGreaterThan(20);
      expect(code).toBe(0);
    });
  },
);
