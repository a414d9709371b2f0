/**
 * stop() and drain(): whatever a guest does, it ends when its embedder wants it, and the embedder
 * never waits for it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Box, SandboxOptions } from 'pollux';
import { describe, expect, onTestFinished, test } from 'vitest';

import { dial, guestFile, root, wasmFile } from '../harness.js';
import { exits } from './guests.js';
import { box, client, echoBox, eventLoopTurns, median, ping } from './started.js';

const listen = ['127.0.0.1:0'];
/**
 * The figure to reach is 100 ms. The medians of five on two idle cores: 3 ms for a guest that
 * waits, 23 ms for one that spins, of which 20 are its grace. The limit here allows for a busy
 * machine.
 */
const STOP_LIMIT_MS = 1000;
const RUNS = 5;

const busy: [string, () => Promise<Box>][] = [
  ['waits in poll_oneoff', () => box(wasmFile('echo-poll'), { listen })],
  [
    'waits in poll_oneoff, by poll(2)',
    () => box(wasmFile('echo-poll'), { listen, poller: 'poll' }),
  ],
  [
    'waits in poll_oneoff, by select(2)',
    () => box(wasmFile('echo-poll'), { listen, poller: 'select' }),
  ],
  ['waits in epoll_wait', () => box(wasmFile('echo-epoll'), { listen })],
  ['waits for a signal', () => box(wasmFile('echo-signal'), { listen })],
  ['waits for completions', () => box(wasmFile('echo-async'), { listen })],
  ['is always busy', () => box(wasmFile('echo-nonblocking'), { listen })],
  [
    'waits in a blocking accept',
    () => box(guestFile('blocking'), { listen: ['127.0.0.1:0,blocking'] }),
  ],
  ['waits in a blocking read', readingClient],
  ['waits in a blocking read of a pipe', () => box(guestFile('stdio'), { stdin: 'pipe' })],
  ['waits in a blocking write of a pipe', writingPipe],
  ['spins', spinning],
];

async function readingClient(): Promise<Box> {
  const running = await box(guestFile('blocking'), { listen: ['127.0.0.1:0,blocking'] });
  await ping(await client(running.address!));
  return running;
}

async function writingPipe(): Promise<Box> {
  const running = await box(guestFile('stdio'), { stdin: 'pipe', stdout: 'pipe' });
  running.stdin!.on('error', () => {}).write(Buffer.alloc(1 << 20));
  await once(running.stdout!, 'readable');
  return running;
}

async function spinning(): Promise<Box> {
  const running = await box(guestFile('spin'), { stdout: 'pipe' });
  await once(running.stdout!, 'data');
  return running;
}

describe('stop()', () => {
  test.each(busy)('ends a guest that %s', async (_, start) => {
    const took: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      const running = await start();
      await sleep(10);
      const begin = performance.now();
      expect(await running.stop()).toEqual({ code: 0, reason: 'stopped' });
      took.push(performance.now() - begin);
    }
    expect(median(took)).toBeLessThan(STOP_LIMIT_MS);
  });

  test('after the end changes nothing, and may be called again and again', async () => {
    const running = await box(exits(9));
    expect(await running.exit).toEqual({ code: 9, reason: 'exit' });
    expect(await running.stop()).toEqual({ code: 9, reason: 'exit' });
    expect(await running.drain(1000)).toEqual({ code: 9, reason: 'exit' });
    const other = await echoBox();
    expect(await Promise.all([other.stop(), other.stop(), other.exit])).toHaveLength(3);
    expect(await other.stop()).toEqual({ code: 0, reason: 'stopped' });
  });

  test('closes the connections and frees the address', async () => {
    const running = await echoBox();
    const socket = await client(running.address!);
    await ping(socket);
    const closed = once(socket, 'end');
    await running.stop();
    socket.resume();
    await closed;
    await expect(refused(running.address!)).resolves.toBe(true);
    const again = await echoBox({ listen: running.address! });
    expect(await ping(await client(again.address!))).toBe('ping');
  });
});

async function refused(address: string): Promise<boolean> {
  return await dial(address).then(
    (socket) => (socket.destroy(), false),
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );
}

describe('drain()', () => {
  const guests: [string, string, SandboxOptions][] = [
    ['the echo server', wasmFile('echo-poll'), { listen }],
    ['the echo server on poll(2)', wasmFile('echo-poll'), { listen, poller: 'poll' }],
    ['the echo server on select(2)', wasmFile('echo-poll'), { listen, poller: 'select' }],
    ['the echo server on epoll', wasmFile('echo-epoll'), { listen }],
    ['the echo server on signals', wasmFile('echo-signal'), { listen }],
    ['the asynchronous echo server', wasmFile('echo-async'), { listen }],
    ['the echo server that is always busy', wasmFile('echo-nonblocking'), { listen }],
    ['a server on select() of wasi-libc', guestFile('select'), { listen }],
    ['a blocking server', guestFile('blocking'), { listen: ['127.0.0.1:0,blocking'] }],
    ['a reactor', wasmFile('echo-reactor'), { listen }],
  ];

  test.each(guests)(
    'of %s refuses new connections, serves those that are open, and ends with the last',
    async (_, file, options) => {
      const running = await box(file, options);
      const socket = await client(running.address!);
      await ping(socket);
      const drained = running.drain(10_000);
      await sleep(50);
      expect(await refused(running.address!)).toBe(true);
      expect(await ping(socket, 'still served')).toBe('still served');
      await eventLoopTurns();
      socket.end();
      expect(await drained).toEqual({ code: 0, reason: 'stopped' });
    },
  );

  test.each(guests)('of %s that has no connection ends at once', async (_, file, options) => {
    const running = await box(file, options);
    await sleep(20);
    expect(await running.drain(10_000)).toEqual({ code: 0, reason: 'stopped' });
  });

  test.each([...guests.slice(0, 1), ...guests.slice(-2)])(
    'of %s ends at its limit',
    async (_, file, options) => {
      const running = await box(file, options);
      const socket = await client(running.address!);
      await ping(socket);
      const begin = performance.now();
      expect(await running.drain(100)).toEqual({ code: 0, reason: 'stopped' });
      expect(performance.now() - begin).toBeGreaterThanOrEqual(95);
    },
  );

  test('of a guest that spins ends at its limit', async () => {
    const running = await spinning();
    expect(await running.drain(50)).toEqual({ code: 0, reason: 'stopped' });
  });

  test('without a limit takes as long as the last client', async () => {
    const running = await echoBox();
    const socket = await client(running.address!);
    await ping(socket);
    let over = false;
    const drained = running.drain(Infinity).finally(() => (over = true));
    await sleep(100);
    expect(over).toBe(false);
    socket.end();
    await drained;
  });

  test('waits for none of the processor while a client is idle', async () => {
    const running = await echoBox();
    await ping(await client(running.address!));
    void running.drain(10_000);
    await sleep(50);
    const before = process.cpuUsage();
    await sleep(300);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(200);
    await running.stop();
  });

  test('and then stop() ends at once', async () => {
    const running = await echoBox();
    await ping(await client(running.address!));
    const drained = running.drain(60_000);
    await running.stop();
    expect(await drained).toEqual({ code: 0, reason: 'stopped' });
  });
});

describe("the embedder's event loop", () => {
  test.each(busy)('goes on while a guest %s', async (_, start) => {
    await start();
    await eventLoopTurns();
  });
});

describe('the end of the process', () => {
  const script = (statements: string) => `
    import { load, sandbox } from 'pollux';
    import { Worker } from 'node:worker_threads';
    ${statements}`;
  const blocked = `await sandbox(await load(${JSON.stringify(wasmFile('echo-poll'))}), { listen: ['127.0.0.1:0'] })`;
  const inWorker = JSON.stringify(`
    import { load, sandbox } from 'pollux';
    import { parentPort } from 'node:worker_threads';
    ${blocked};
    parentPort.postMessage('serving');`);

  test.each([
    ['process.exit()', `${blocked}; process.exit(3);`],
    [
      'an embedding worker that is terminated',
      `const worker = new Worker(${inWorker}, { eval: true });
       worker.on('message', async () => { await worker.terminate(); process.exit(3); });`,
    ],
  ])('does not wait for a guest that waits: %s', async (_, statements) => {
    const args = ['--input-type=module', '-e', script(statements)];
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
    onTestFinished(() => void child.kill('SIGKILL'));
    expect(await once(child, 'exit')).toEqual([3, null]);
  });
});
