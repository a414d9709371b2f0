/**
 * The cases of an echo server over guests that were written without a thought of this host, and
 * what is beside them: descriptors that run out, and clocks.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { addressOf, dial, guestFile, root, textOf, wasmFile } from '../harness.js';
import { box, client, echoBox, eventually, killed, ping, silent, take } from '../src/started.js';
import { echoCases, type Server } from './echo.cases.js';

const listen = ['127.0.0.1:0'];

const servers: [string, Server][] = [
  ['echo.c on poll(2)', { start: () => echoBox({ poller: 'poll' }), crowd: 200 }],
  ['echo.c on select(2)', { start: () => echoBox({ poller: 'select' }), crowd: 200 }],
  ['echo.c as a reactor', { start: () => box(wasmFile('echo-reactor'), { listen }), crowd: 200 }],
  [
    'a server on select() of wasi-libc',
    { start: () => box(guestFile('select'), { listen }), crowd: 200 },
  ],
  [
    'a server in AssemblyScript',
    { start: () => box(guestFile('echo.as'), { listen }), crowd: 200 },
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

describe.each(servers)('%s', (_, server) => echoCases(server));

test('a process that is out of descriptors serves those it has, and resumes', async () => {
  const { execPath } = process;
  const limited = [
    'ulimit -n 100; exec "$0" "$@"',
    execPath,
    `${root}dist/src/cli.js`,
    'echo',
    '--listen',
    '127.0.0.1:0',
  ];
  const address = await addressOf(killed(spawn('/bin/sh', ['-c', ...limited])));
  const sockets = await Promise.all(Array.from({ length: 128 }, () => client(address)));
  for (const socket of sockets) socket.write('ping');
  await sleep(250);
  const served = sockets.filter(({ readableLength }) => readableLength === 4);
  expect(served.length).toBeGreaterThan(8);
  expect(served.length).toBeLessThan(128);
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
