/**
 * What the load generator counts is what a server sees, by whichever engine it echoes; and it says
 * what a server did wrong.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { root, textOf } from '../harness.js';
import { linuxEngines } from '../host/asynchronous.js';
import { killed, nodeServer } from '../src/started.js';

type Serve = (socket: Socket, data: Buffer) => void;

/** A server of Node's own, and how many connections it has. */
async function serving(serve: Serve) {
  const { server, address } = await nodeServer((socket) => {
    socket.on('data', (data: Buffer) => serve(socket, data));
  });
  const open = promisify(server.getConnections.bind(server));
  return { address, open };
}

async function load(address: string, flags: Record<string, string | number>) {
  const given = Object.entries({ seconds: 0.3, warmup: 0, ...flags });
  const args = given.map(([name, value]) => `--${name}=${value}`);
  const process = spawn(`${root}dist/bench/load`, ['--json', `--connect=${address}`, ...args]);
  const [out, err, [code]] = await Promise.all([
    textOf(killed(process).stdout!),
    textOf(process.stderr!),
    once(process, 'close'),
  ]);
  return { code: code as number, out: out.trim().split('\n').at(-1)!, err };
}

/** The ring that it makes is one of Linux 6.1. */
const engines = ['epoll', ...linuxEngines.filter((engine) => engine === 'io_uring')];

for (const engine of engines) {
  for (const [connections, busy, size] of [
    [1, 1, 1],
    [64, 64, 64],
    [300, 20, 20_000],
    [3, 3, 1_000_000],
  ] as const) {
    test(`${engine}: ${busy} of ${connections} connections echo ${size} bytes`, async () => {
      let received = 0;
      const server = await serving((socket, data) => {
        received += data.length;
        socket.write(data);
      });
      const { code, out, err } = await load(server.address, { engine, connections, busy, size });
      expect(err).toBe('');
      expect(code).toBe(0);
      const result = JSON.parse(out) as { engine: string; echoes: number };
      expect(result.engine).toBe(engine);
      expect(result.echoes).toBeGreaterThan(0);
      // Beside the messages that were counted: a greeting each, and a message each before the
      // measured time, at its end, and after it.
      const counted = connections + result.echoes * size;
      expect(received).toBeGreaterThanOrEqual(counted);
      expect(received).toBeLessThanOrEqual(counted + 3 * busy * size);
      await expect.poll(server.open).toBe(0);
    });
  }

  /** Of a message of 64 bytes; the greeting is one. */
  const wrong: Record<string, Serve> = {
    'answers more than was asked': (socket, data) =>
      void socket.write(data.length === 1 ? data : Buffer.concat([data, data])),
    'ends a connection': (socket, data) =>
      void (data.length === 1 ? socket.write(data) : socket.end()),
  };
  for (const [what, serve] of Object.entries(wrong)) {
    test(`${engine}: a server that ${what} is told of`, async () => {
      const { address } = await serving(serve);
      const { code, err } = await load(address, { engine });
      expect(err).toBe('load: the server closed a connection, or answered what was not asked.\n');
      expect(code).toBe(1);
    });
  }

  test(`${engine}: a server that ends idle connections is told of`, async () => {
    const { address } = await serving((socket, data) => {
      socket.write(data);
      // One that is idle says nothing more after its greeting.
      if (data.length === 1) setTimeout(() => socket.bytesRead === 1 && socket.end(), 50);
    });
    const { code, err } = await load(address, { engine, connections: 8, busy: 2 });
    expect(err).toBe('load: the server closed a connection, or answered what was not asked.\n');
    expect(code).toBe(1);
  });
}

test('an engine that there is not is refused', async () => {
  const { code, err } = await load('127.0.0.1:1', { engine: 'kqueue' });
  expect(err).toBe("load: --engine must be io_uring or epoll, not 'kqueue'.\n");
  expect(code).toBe(2);
});
