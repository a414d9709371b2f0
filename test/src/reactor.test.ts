/** A reactor in Node's own event loop, beside everything else that lives there. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';

import { GuestError, load, sandbox, UsageError } from 'pollux';
import { expect, test } from 'vitest';

import { dial, exchange, root, textOf, wasmFile, wat } from '../harness.js';
import { closesItsSet, countsTurns, greetsInALoop } from '../host/ext/guests.js';
import { reactor, trapsAtStart } from './guests.js';
import {
  box,
  client,
  descriptorsOf,
  eventLoop,
  eventLoopTurns,
  eventually,
  folder,
  killed,
  nodeServer,
  ping,
  take,
} from './started.js';

const echo = wasmFile('echo-reactor');
const listen = ['127.0.0.1:0'];
const MS = 1_000_000n;

/** Ticks `times` times, `ms` apart, and then does `last`. */
const ticks = (times: number, ms: bigint, last: string) =>
  reactor(
    `(if (i64.eqz (global.get $deadline))
      (then (global.set $deadline (i64.add (call $now) (i64.const ${ms * MS})))))
    (if (i32.eqz (call $poll (global.get $deadline))) (then (return (i32.const 0))))
    (call $write_tick)
    (global.set $deadline (i64.const 0))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (if (i32.ge_u (global.get $count) (i32.const ${times})) (then ${last}))
    (i32.const 1)`,
  );

test('a reactor echoes, to one client and to many', async () => {
  const { address } = await box(echo, { listen });
  expect((await exchange(address!, 'hello')).toString()).toBe('hello');
  const sent = Array.from({ length: 100 }, () => randomBytes(20_000));
  const echoed = await Promise.all(sent.map((bytes) => exchange(address!, bytes)));
  expect(echoed.every((bytes, i) => bytes.equals(sent[i]!))).toBe(true);
});

test('all bytes before a half-close are echoed, also to a client that reads late', async () => {
  const { address } = await box(echo, { listen });
  const bytes = randomBytes(4 << 20);
  const socket = await client(address!);
  socket.pause();
  socket.end(bytes);
  await eventually(() => false, 50);
  expect((await take(socket, bytes.length)).equals(bytes)).toBe(true);
  socket.resume();
  await once(socket, 'end');
});

test('a client that resets disturbs no other', async () => {
  const { address } = await box(echo, { listen });
  const [one, other] = [await client(address!), await client(address!)];
  await ping(one);
  one.write(randomBytes(1 << 20));
  one.resetAndDestroy();
  expect(await ping(other)).toBe('ping');
});

test('a turn comes when the clock of its last poll has run out, and no sooner', async () => {
  const begin = performance.now();
  const running = await box(ticks(3, 20n, '(call $exit (i32.const 5))'), { stdout: 'pipe' });
  expect(await textOf(running.stdout)).toBe('tick\ntick\ntick\n');
  expect(await running.exit).toEqual({ code: 5, reason: 'exit' });
  expect(performance.now() - begin).toBeGreaterThanOrEqual(60);
});

test('a turn that asks to be called again does not keep the loop from others', async () => {
  const running = await box(reactor('(i32.const 1)'));
  await eventLoopTurns();
  expect(await running.stop()).toEqual({ code: 0, reason: 'stopped' });
});

test('a turn may return nothing', async () => {
  const quiet = wat('(module (memory (export "memory") 1) (func (export "turn")))');
  const running = await box(quiet);
  await eventually(() => false, 20);
  expect(await running.stop()).toEqual({ code: 0, reason: 'stopped' });
});

test('a trap in a turn ends it with its stack, and nothing else', async () => {
  const other = await box(echo, { listen });
  const running = await box(ticks(1, 1n, '(unreachable)'), { stdout: 'ignore' });
  const { code, reason, trap } = await running.exit;
  expect({ code, reason }).toEqual({ code: 134, reason: 'trap' });
  expect(trap).toBeInstanceOf(GuestError);
  expect(trap!.message).toMatch(/unreachable/);
  expect((await exchange(other.address!, 'alive')).toString()).toBe('alive');
});

test('a trap in _initialize, or in the start function, ends it too', async () => {
  const initialize = wat(
    `(module (memory (export "memory") 1)
      (func (export "_initialize") unreachable) (func (export "turn")))`,
  );
  expect(await (await box(initialize)).exit).toMatchObject({ code: 134, reason: 'trap' });
  const start = wat(
    '(module (memory (export "memory") 1) (func $f unreachable) (start $f) (func (export "turn")))',
  );
  await expect(sandbox(await load(start))).rejects.toThrow(GuestError);
  await expect(sandbox(await load(trapsAtStart))).rejects.toThrow(GuestError);
});

test('proc_exit in a turn is the exit code', async () => {
  const running = await box(ticks(1, 1n, '(call $exit (i32.const 42))'));
  expect(await running.exit).toEqual({ code: 42, reason: 'exit' });
});

test('a guest with nothing to serve says so and exits by itself', async () => {
  const running = await box(echo, { stderr: 'pipe' });
  expect(await textOf(running.stderr)).toMatch(/no listening socket was handed over/);
  expect(await running.exit).toEqual({ code: 2, reason: 'exit' });
});

test.each(['poll', 'select'] as const)(
  'the poller %s is refused, for libuv can watch epoll only',
  async (poller) => {
    const failure = sandbox(await load(echo), { listen, poller });
    await expect(failure).rejects.toThrow(/leave the poller at epoll/);
    await expect(failure).rejects.toBeInstanceOf(UsageError);
  },
);

test('stop() closes its connections; after the end it and drain() change nothing', async () => {
  const trace = join(folder(), 'trace');
  const running = await box(echo, { listen, trace });
  const socket = await client(running.address!);
  await ping(socket);
  expect(await running.stop()).toEqual({ code: 0, reason: 'stopped' });
  socket.resume();
  await once(socket, 'end');
  expect(await Promise.all([running.stop(), running.drain(1000), running.exit])).toHaveLength(3);
  await expect(dial(running.address!)).rejects.toThrow(/ECONNREFUSED/);
  expect(readFileSync(trace, 'utf8')).toMatch(
    /^# kernel linux epoll\n[^]*-> sock_accept\([^]*<- SUCCESS/,
  );
});

test('the loop goes on while a reactor serves a busy crowd', async () => {
  const { address } = await box(echo, { listen });
  const load = killed(
    spawn(
      `${root}dist/bench/load`,
      ['--connect', address!, '--connections', '64', '--seconds', '0.7', '--warmup', '0.2'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    ),
  );
  const turns = eventLoop();
  const [output, [code]] = await Promise.all([textOf(load.stdout!), once(load, 'exit')]);
  expect(code).toBe(0);
  expect(Number(/(\d+) echoes/.exec(output)![1])).toBeGreaterThan(1000);
  expect(turns()).toBeGreaterThan(5);
});

test('two reactors, a command and a server of Node serve from one process', async () => {
  const node = await nodeServer((socket) => socket.pipe(socket));
  const boxes = [
    await box(echo, { listen }),
    await box(echo, { listen }),
    await box(wasmFile('echo-poll'), { listen }),
  ];
  const addresses = [node.address, ...boxes.map(({ address }) => address!)];
  const sockets = await Promise.all(addresses.map(client));
  for (let round = 0; round < 20; round++) {
    const echoed = await Promise.all(
      sockets.map((socket, i) => ping(socket, `${round} of ${addresses[i]}`)),
    );
    expect(echoed).toEqual(addresses.map((address) => `${round} of ${address}`));
  }
  await boxes[0]!.stop();
  for (const socket of [sockets[0]!, sockets[2]!, sockets[3]!])
    expect(await ping(socket)).toBe('ping');
});

test('reactors leave no descriptor behind, however they end', async () => {
  const guests = await Promise.all(
    [echo, ticks(1, 1n, '(unreachable)'), ticks(1, 1n, '(call $exit (i32.const 1))')].map((each) =>
      load(each),
    ),
  );
  const cycle = async () => {
    for (const guest of guests) {
      const running = await sandbox(guest, { listen });
      if (guest === guests[0]) {
        const socket = await dial(running.address!);
        await ping(socket);
        await running.stop();
        socket.destroy();
      }
      await running.exit;
    }
  };
  await cycle();
  await eventually(() => false, 50);
  const before = descriptorsOf();
  for (let i = 0; i < 30; i++) await cycle();
  expect(await eventually(() => descriptorsOf() <= before)).toBe(true);
});

test('a relative clock runs on from turn to turn, and runs out', async () => {
  // Each turn asks for 20 ms anew; told of the end of it, the guest is done with the turns it took.
  const guest = wat(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $turns (mut i32) (i32.const 0))
    (func (export "turn")
      (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 20000000))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
      (if (i32.load (i32.const 128)) (then (call $exit (global.get $turns))))))`);
  const { exit } = await box(guest, { timeoutMs: 5000 });
  const { code, reason } = await exit;
  expect(reason).toBe('exit');
  // Node's timers may fire a little early; then there is one more turn.
  expect([2, 3, 4]).toContain(code);
});

test('a turn comes when something is ready in an interest set of its own', async () => {
  const before = descriptorsOf();
  const running = await box(greetsInALoop, { listen });
  await eventually(() => false, 30);
  for (let round = 0; round < 5; round++) {
    const greetings = Array.from({ length: 20 }, () => exchange(running.address!, ''));
    for (const greeting of await Promise.all(greetings)) expect(String(greeting)).toBe('hello');
  }
  expect(await running.stop()).toEqual({ code: 0, reason: 'stopped' });
  expect(await eventually(() => descriptorsOf() <= before)).toBe(true);
});

test('a turn comes when the wait for an interest set of its own is over', async () => {
  const start = performance.now();
  const running = await box(countsTurns, { timeoutMs: 5000 });
  expect(await running.exit).toEqual({ code: 4, reason: 'exit' });
  // Three waits of 10 ms; Node's timers may fire a little early.
  expect(performance.now() - start).toBeGreaterThanOrEqual(25);
});

test('a turn may close the interest set that asked for it', async () => {
  for (let i = 0; i < 10; i++) {
    const running = await box(closesItsSet, { listen });
    // The guest may end before it is known that the connection is there.
    const dialled = client(running.address!).catch(() => {});
    expect(await running.exit).toEqual({ code: 77, reason: 'exit' });
    (await dialled)?.destroy();
  }
});
