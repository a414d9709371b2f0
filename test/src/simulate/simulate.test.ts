/** One run: the same seed is the same run, everywhere; and what ends a run is told. */
import { execFileSync } from 'node:child_process';

import {
  echoClients,
  simulate,
  textOf,
  type Call,
  type SimulateOptions,
  type WorldOf,
  type WorldScript,
} from 'pollux/simulate';
import { describe, expect, test } from 'vitest';

import { guestFile, root, wat, wasmFile } from '../../harness.js';
import { load } from 'pollux';
import { ADDRESS, echoing, guestOf, LISTEN, neverReads, spins } from './guests.js';

const world = echoClients({ address: ADDRESS, clients: 4, messages: 4 });
const options: SimulateOptions = { listen: LISTEN, world };
const echo = await guestOf(echoing());
const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

describe('a run', () => {
  test('goes well, with an echo guest', () => {
    const run = simulate(echo, options);
    expect(run.failure).toBeUndefined();
    expect(run.calls).toBeGreaterThan(4 * 4 * 2);
  });

  test('is the same with the same seed, and another with another', () => {
    const hashes = seeds.map((seed) => simulate(echo, { ...options, seed }).hash);
    expect(seeds.map((seed) => simulate(echo, { ...options, seed }).hash)).toEqual(hashes);
    expect(new Set(hashes).size).toBe(seeds.length);
  });

  test('is repeated by its log', () => {
    for (const seed of seeds) {
      const run = simulate(echo, { ...options, seed, profile: 'posix' });
      const again = simulate(echo, { ...options, log: run.log });
      expect(again.hash).toBe(run.hash);
      expect(again.log).toEqual(run.log);
    }
  });

  test('is the same in another process, whatever ran there before', () => {
    const other = wat(`(module
      (import "pollux" "epoll_create" (func (param i32) (result i32)))
      (memory (export "memory") 1) (func (export "_start")))`);
    const script = `
      const { load, simulate, echoClients } = await import('pollux/simulate');
      simulate(await load(Uint8Array.from(${JSON.stringify([...other])})));
      const guest = await load(Uint8Array.from(${JSON.stringify([...echo.bytes!])}));
      const world = echoClients({ address: '${ADDRESS}', clients: 4, messages: 4 });
      const listen = ${JSON.stringify(LISTEN)};
      for (const seed of ${JSON.stringify(seeds)})
        console.log(simulate(guest, { seed, listen, world }).hash);`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
    });
    const hashes = seeds.map((seed) => simulate(echo, { ...options, seed }).hash);
    expect(output.toString().trim().split('\n')).toEqual(hashes);
  });

  test('has the hash that it had on the machine that wrote it down', async () => {
    const profiles = ['linux', 'posix', 'swarm'] as const;
    const lines = Array.from({ length: 500 }, (_, i) => {
      const [seed, profile] = [i + 1, profiles[i % profiles.length]!];
      const run = simulate(echo, { ...options, seed, profile });
      return `${profile} ${seed} ${run.hash} ${run.calls}\n`;
    });
    expect(new Set(lines.map((line) => line.split(' ')[2])).size).toBeGreaterThan(490);
    await expect(lines.join('')).toMatchFileSnapshot('hashes.txt');
  });

  test('when it is calm makes no choice that is not benign', () => {
    const run = simulate(echo, { ...options, profile: 'calm' });
    expect(run.log).toEqual([]);
    expect(run.failure).toBeUndefined();
    expect(simulate(echo, { ...options, log: [] }).hash).toBe(run.hash);
  });
});

describe('a guest', () => {
  const exits = '(func (export "_start") (call $exit (i32.const 7)))';

  test('that ends with another code than 0 fails, if that is not right', async () => {
    const guest = await guestOf(exits);
    expect(simulate(guest)).toMatchObject({ code: 7, failure: { kind: 'exit' } });
    expect(simulate(guest, { exitCodes: [7] }).failure).toBeUndefined();
  });

  test('that traps fails', async () => {
    const guest = await guestOf('(func (export "_start") (unreachable))');
    expect(simulate(guest).failure).toMatchObject({ kind: 'trap', message: 'unreachable' });
  });

  test('whose stack overflows fails, and it is said what that means', async () => {
    const guest = await guestOf('(func $f (export "_start") (call $f) (call $f))');
    expect(simulate(guest).failure?.kind).toBe('stack');
  });

  test('that leaves a client waiting for ever is deadlocked, and both are named', async () => {
    const { failure } = simulate(await guestOf(neverReads), { ...options, profile: 'calm' });
    expect(failure?.kind).toBe('deadlock');
    expect(failure?.message).toContain('guest waits for ever');
    expect(failure?.message).toContain('"client 1" waits for something to receive');
  });

  test('that calls for ever is livelocked', async () => {
    expect(simulate(await guestOf(spins)).failure?.kind).toBe('livelock');
  });

  test('that catches its end is ended nevertheless', async () => {
    const guest = await guestOf(`(func (export "_start")
      (try (do (call $exit (i32.const 3))) (catch_all))
      (drop (call $yield)))`);
    expect(simulate(guest, { exitCodes: [3] }).code).toBe(3);
  });

  test('reads its stdin, and its output is in the result', async () => {
    const from = 'wasi_snapshot_preview1';
    const guest = await load(
      wat(`(module
        (import "${from}" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "${from}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\\40\\00\\00\\00\\00\\10\\00\\00")
        (func (export "_start")
          (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
          (i32.store (i32.const 4) (i32.load (i32.const 8)))
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`),
    );
    expect(simulate(guest, { stdin: 'hello' }).stdout).toBe('hello');
  });

  test('is written to and read from by an actor, through pipes', async () => {
    const said: string[] = [];
    const { failure, stdout } = simulate(await load(guestFile('stdio')), {
      profile: 'calm',
      pipes: true,
      world: (world) =>
        world.actor('shell', function* (me) {
          const { stdin, stdout: output } = me;
          yield* stdin.send('a line\n');
          stdin.close();
          said.push(textOf(yield* output.receiveExactly(7)));
        }),
    });
    expect([failure, stdout]).toEqual([undefined, '']);
    expect(said).toEqual(['a line\n']);
  });

  test('has no stream of an actor’s unless it is given pipes, and no bytes beside them', () => {
    const world = (world: WorldOf) =>
      world.actor('shell', function* (me) {
        yield* me.stdin.send('x');
      });
    expect(() => simulate(echo, { listen: LISTEN, world })).toThrow(
      /^stdin is no pipe: simulate it with pipes: true$/,
    );
    expect(() => simulate(echo, { listen: LISTEN, pipes: true, stdin: 'x' })).toThrow(
      /^stdin has bytes and is a pipe: leave out stdin, or pipes$/,
    );
  });

  test('that connects meets an actor that listens', async () => {
    const guest = await guestOf(`(data (i32.const 0) "\\40\\00\\00\\00\\05\\00\\00\\00")
      (data (i32.const 64) "hello")
      (func (export "_start")
        (drop (call $send (i32.const 3)
          (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8)))
        (drop (call $close (i32.const 3))))`);
    let heard = '';
    const run = simulate(guest, {
      connect: ['127.0.0.1:7000,blocking'],
      world: (cast) =>
        cast.actor('server', function* (me) {
          const listener = me.listen('127.0.0.1:7000');
          const connection = yield* listener.accept();
          heard = textOf(yield* connection.receiveAll());
          connection.close();
          listener.close();
        }),
    });
    expect(run).toMatchObject({ code: 0, failure: undefined });
    expect(heard).toBe('hello');
  });

  test('is seen at each of its calls', () => {
    const calls: Call[] = [];
    const record = (call: Call) => calls.push(call);
    const run = simulate(echo, { ...options, profile: 'calm', record });
    expect(calls).toHaveLength(run.calls);
    const received = calls.find(({ name }) => name === 'sock_recv')!;
    expect(received).toMatchObject({ errno: 'SUCCESS', outputs: [['ro_datalen', 32]] });
    expect(received.endNs).toBeGreaterThanOrEqual(received.startNs);
  });
});

describe('an actor', () => {
  const withActor = (script: Parameters<Parameters<WorldScript>[0]['actor']>[1]) =>
    simulate(echo, { listen: LISTEN, profile: 'calm', world: (each) => each.actor('one', script) });

  test('sleeps in virtual time', () => {
    const run = withActor(function* (me) {
      yield* me.sleep(3600e9);
      expect(me.nowNs).toBeGreaterThanOrEqual(3600e9);
    });
    expect(run.failure).toBeUndefined();
    expect(run.virtualNs).toBeGreaterThanOrEqual(3600e9);
  });

  test('that throws fails the run, and what it threw is there', () => {
    const { failure } = withActor(function* (me) {
      yield* me.sleep(1);
      expect(1).toBe(2);
    });
    expect(failure?.kind).toBe('actor');
    expect(failure?.message).toMatch(/^"one": expected 1 to be 2/);
    expect(failure?.cause).toBeInstanceOf(Error);
  });

  test('whose connection is refused fails the run', () => {
    const { failure } = withActor(function* (me) {
      yield* me.connect('127.0.0.1:1');
    });
    expect(failure?.message).toMatch(/connecting: ECONNREFUSED/);
  });

  test('must be a generator function', () => {
    const wrong = (() => {}) as unknown as Parameters<typeof withActor>[0];
    expect(() => withActor(wrong)).toThrow(/write function\* \(me\)/);
  });

  test('that yields a promise is told what to yield', () => {
    const wrong = function* () {
      yield Promise.resolve(1);
    } as unknown as Parameters<typeof withActor>[0];
    expect(() => withActor(wrong)).toThrow(/yields something that is no wait/);
  });

  test('gives up waiting when its time is over', () => {
    const run = withActor(function* (me) {
      const connection = yield* me.connect(ADDRESS);
      const came = yield* me.until(() => connection.readable, 'bytes', 5e6);
      expect(came).toBe(false);
      connection.close();
    });
    expect(run.failure).toBeUndefined();
  });

  test('sends what there is room for, and does not wait', () => {
    const bytes = new Uint8Array(9_000_000);
    const run = withActor(function* (me) {
      const connection = yield* me.connect(ADDRESS);
      expect(connection.writable).toBe(true);
      let sent = 0;
      for (let more = connection.offer(bytes); more > 0; more = connection.offer(bytes))
        sent += more;
      expect(sent).toBeGreaterThan(0);
      expect(connection.writable).toBe(false);
      expect((yield* connection.receiveExactly(sent)).length).toBe(sent);
      expect(connection.writable).toBe(true);
      connection.reset();
      expect(() => connection.offer(bytes)).toThrow(/failed in sending: EPIPE/);
    });
    expect(run.failure).toBeUndefined();
  });

  test('resets a connection, and the guest takes the next', () => {
    const run = withActor(function* (me) {
      const first = yield* me.connect(ADDRESS);
      yield* first.send('x'.repeat(100_000));
      first.reset();
      const second = yield* me.connect(ADDRESS);
      yield* second.send('hello');
      expect(textOf(yield* second.receiveExactly(5))).toBe('hello');
      second.close();
    });
    expect(run.failure).toBeUndefined();
  });
});

describe('properties', () => {
  test('an invariant is asked after each call, and its failure is the run’s', () => {
    let asked = 0;
    const run = simulate(echo, { ...options, invariant: () => void asked++ });
    expect(asked).toBe(run.calls);
    const { failure } = simulate(echo, {
      ...options,
      invariant: ({ connections }) => expect(connections).toBe(0),
    });
    expect(failure).toMatchObject({ kind: 'invariant' });
  });

  test('what must be in the end is asked when all actors are done', () => {
    const { failure } = simulate(echo, {
      ...options,
      eventually: ({ connections, waiting }) => {
        expect(waiting).toEqual([]);
        expect(connections).toBe(1); // it has closed all of them
      },
    });
    expect(failure).toMatchObject({ kind: 'eventually' });
  });
});

describe('refused with a sentence that names it', () => {
  test('a reactor', async () => {
    const guest = await load(
      wat('(module (memory (export "memory") 1) (func (export "turn") (result i32) i32.const 0))'),
    );
    expect(() => simulate(guest)).toThrow(/is a reactor/);
  });

  test('a guest whose bytes are not known', async () => {
    const guest = await load(await WebAssembly.compile(new Uint8Array(echo.bytes!)));
    expect(() => simulate(guest)).toThrow(/load it from a file or its bytes/);
  });

  test('an unknown import', async () => {
    const module = wat('(module (import "env" "magic" (func)) (memory (export "memory") 1))');
    await expect(load(module)).rejects.toThrow(/imports the function env\.magic/);
  });

  test('threads', async () => {
    const guest = await load(
      wat('(module (memory (export "memory") 1 2 shared) (func (export "_start")))'),
    );
    expect(() => simulate(guest)).toThrow(/shares its memory with threads/);
  });

  test('two actors of one name, and a listener that cannot be', () => {
    const twice: WorldScript = (each) => {
      for (let i = 0; i < 2; i++) each.actor('one', function* () {});
    };
    expect(() => simulate(echo, { ...options, world: twice })).toThrow(/two actors "one"/);
    expect(() => simulate(echo, { listen: [ADDRESS, ADDRESS] })).toThrow(/EADDRINUSE/);
  });
});

test('the guests that come with Pollux run as they are', async () => {
  const guest = await load(wasmFile('echo-epoll'));
  expect(simulate(guest, { listen: [ADDRESS], world }).failure).toBeUndefined();
});

test('the clock of the day jumps, and the monotonic one never goes back', async () => {
  const from = 'wasi_snapshot_preview1';
  const guest = await load(
    wat(`(module
      (import "${from}" "clock_time_get" (func $now (param i32 i64 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $i i32)
        (loop $again
          (drop (call $now (i32.const 0) (i64.const 1) (i32.const 8)))
          (drop (call $now (i32.const 1) (i64.const 1) (i32.const 16)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))))`),
  );
  const times: Record<string, bigint[]> = { 0: [], 1: [] };
  const run = simulate(guest, {
    record: ({ inputs, outputs }) => times[String(inputs[0]![1])]!.push(BigInt(outputs[0]![1])),
  });
  const back = (all: bigint[]) => all.filter((time, i) => i > 0 && time < all[i - 1]!).length;
  expect(run.failure).toBeUndefined();
  expect(back(times[0]!)).toBeGreaterThan(0);
  expect(back(times[1]!)).toBe(0);
});
