/** A guest's process dies, and is started anew: what its clients see of it, and what is found so. */
import {
  check,
  CheckError,
  ConnectionError,
  describeCall,
  echoClients,
  parseToken,
  simulate,
  type Call,
  type CheckOptions,
  type Script,
  type SimulateOptions,
  type Waiting,
  type WorldScript,
} from 'pollux/simulate';
import { load } from 'pollux';
import { describe, expect, test } from 'vitest';

import { Errno } from '#host/kernel/errno';
import { polluxToEnd, wasmFile } from '../../harness.js';
import { ADDRESS, echoing, guestOf, LISTEN, neverReads } from './guests.js';

const echo = await guestOf(echoing());
const world = echoClients({ address: ADDRESS, clients: 3, messages: 3, reconnect: true });

/** It dies at its call number `call`, and is down for 5 s. */
const diesAt = (call: number): SimulateOptions => ({
  listen: LISTEN,
  crashes: 1,
  log: [{ label: 'guest/crash', ordinal: call - 1, alternatives: 4, value: 3 }],
});

/** The run of one actor with a guest that dies. */
const withActor = (guest: typeof echo, call: number, script: Script) =>
  simulate(guest, {
    ...diesAt(call),
    world: (cast) => cast.actor('one', script),
  });

function* errorOf(waiting: Waiting<unknown>): Waiting<number> {
  try {
    yield* waiting;
  } catch (error) {
    if (error instanceof ConnectionError) return error.errno;
    throw error;
  }
  return 0;
}

describe('a server that dies', () => {
  test('ends its connections, of which it has received everything', () => {
    // accept, recv, send, and then the next recv.
    const run = withActor(echo, 4, function* (me) {
      const connection = yield* me.connect(ADDRESS);
      yield* connection.send('hello');
      expect((yield* connection.receiveExactly(5)).length).toBe(5);
      expect((yield* connection.receive()).length).toBe(0);
      expect(me.lost(connection)).toBe(true);
      connection.close();
    });
    expect(run.failure).toBeUndefined();
    expect(run.log).toMatchObject([{ label: 'guest/crash', value: 3 }]);
  });

  test('resets its connections, of which it has not', () => {
    // accept, and then recv.
    const run = withActor(echo, 2, function* (me) {
      const connection = yield* me.connect(ADDRESS);
      yield* connection.send('hello');
      expect(yield* errorOf(connection.receive())).toBe(-Errno.ECONNRESET);
    });
    expect(run.failure).toBeUndefined();
  });

  test('resets those who wait at its listener, and others are refused until it is there', () => {
    const run = withActor(echo, 2, function* (me) {
      const first = yield* me.connect(ADDRESS);
      const waits = yield* me.connect(ADDRESS);
      yield* me.sleep(1e6);
      yield* first.send('hello');
      expect(yield* errorOf(waits.receive())).toBe(-Errno.ECONNRESET);
      expect(yield* errorOf(me.connect(ADDRESS))).toBe(-Errno.ECONNREFUSED);
      yield* me.sleep(5e9);
      const last = yield* me.connect(ADDRESS);
      expect(me.lost(last)).toBe(false);
      yield* last.send('again');
      expect((yield* last.receiveExactly(5)).length).toBe(5);
      last.close();
    });
    expect(run.failure).toBeUndefined();
  });

  test('and is silent when it is there again is not excused by that', () => {
    let died = 0;
    const run = simulate(echo, {
      ...diesAt(2),
      world: (cast) =>
        cast.actor('one', function* (me) {
          yield* me.sleep(1);
          yield* errorOf(me.connect(ADDRESS));
          yield* me.sleep(10e9);
          const connection = yield* me.connect(ADDRESS);
          yield* connection.send('hello');
          yield* connection.receiveExactly(6);
        }),
      invariant: ({ crashes }) => (died = crashes),
    });
    expect(died).toBe(1);
    expect(run.failure?.kind).toBe('deadlock');
  });

  test('is seen in the record, and is the same each time', () => {
    const options = { ...diesAt(4), world };
    const calls: Call[] = [];
    const run = simulate(echo, { ...options, record: (call) => calls.push(call) });
    expect(calls.map(describeCall).find((line) => line.includes('crash'))).toMatch(
      /^\d+\.\d+ crash\(\) = KILLED instance=2 after 5000000000 ns$/,
    );
    expect(run.failure).toBeUndefined();
    expect(simulate(echo, options).hash).toBe(run.hash);
    expect(simulate(echo, { ...options, crashes: 0 }).hash).not.toBe(run.hash);
  });

  test('that was given a connection is given another', async () => {
    const guest = await guestOf(`(data (i32.const 0) "\\40\\00\\00\\00\\05\\00\\00\\00")
      (data (i32.const 64) "hello")
      (func (export "_start")
        (drop (call $send (i32.const 3)
          (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8)))
        (drop (call $close (i32.const 3))))`);
    const heard: number[] = [];
    const server: WorldScript = (cast) =>
      cast.actor('server', function* (me) {
        const listener = me.listen('127.0.0.1:7000');
        while (heard.at(-1) !== 5) {
          const connection = yield* listener.accept();
          heard.push((yield* connection.receiveAll()).length);
          connection.close();
        }
        listener.close();
      });
    const connect = ['127.0.0.1:7000,blocking'];
    const run = simulate(guest, { ...diesAt(1), listen: [], connect, world: server });
    expect(run).toMatchObject({ code: 0, failure: undefined });
    expect(heard).toEqual([0, 5]);
  });
});

describe('clients that connect again', () => {
  const profiles = ['linux', 'posix', 'swarm'] as const;
  const models = ['epoll', 'async', 'signal.as'];

  test.each(models)('get all their answers of %s, however often it dies', async (model) => {
    const guest = await load(wasmFile(`echo-${model}`));
    for (const profile of profiles) {
      let died = 0;
      const checked = await check(guest, {
        listen: [ADDRESS],
        profile,
        world,
        runs: 40,
        crashes: 3,
        eventually: ({ crashes }) => void (died += crashes),
      });
      expect(checked.runs).toBe(40);
      expect(died).toBeGreaterThan(5);
    }
  });

  test('find a server that does not answer any more', async () => {
    const guest = await guestOf(neverReads);
    await expect(check(guest, { listen: LISTEN, world, crashes: 2, runs: 5 })).rejects.toThrow(
      CheckError,
    );
  });

  test('get them whenever it dies', async () => {
    const one = echoClients({ address: ADDRESS, clients: 1, messages: 2, reconnect: true });
    const checked = await check(echo, {
      listen: LISTEN,
      world: one,
      crashes: 1,
      exhaustive: 1,
      runs: 10_000,
    });
    expect(checked.complete).toBe(true);
  });
});

/** Gives a number to each who comes, from 0 on; and begins anew when it is started anew. */
const tickets = await guestOf(`
  (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
  (func (export "_start") (local $fd i32)
    (loop $next
      (br_if $next (call $accept (i32.const 3) (i32.const 0) (i32.const 16)))
      (local.set $fd (i32.load (i32.const 16)))
      (drop (call $send (local.get $fd)
        (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8)))
      (i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))
      (drop (call $close (local.get $fd)))
      (br $next)))`);

/** Draws five tickets, and wants five. */
const draws: WorldScript = (cast) =>
  cast.actor('one', function* (me) {
    const drawn = new Set<number>();
    for (let count = 0; count < 5;) {
      let connection;
      try {
        connection = yield* me.connect(ADDRESS);
        const [ticket] = yield* connection.receive();
        if (ticket !== undefined) {
          expect(drawn).not.toContain(ticket);
          drawn.add(ticket);
          count++;
        }
      } catch (error) {
        if (!(error instanceof ConnectionError && me.lost(error))) throw error;
      }
      connection?.close();
      yield* me.sleep(1e7);
    }
  });

describe('a bug that only a crash shows', () => {
  const options: CheckOptions = { listen: LISTEN, world: draws, runs: 200 };

  test('is found by one', async () => {
    const error: unknown = await check(tickets, { ...options, crashes: 2 }).catch((each) => each);
    expect(error).toBeInstanceOf(CheckError);
    const { failure, log, token, message } = error as CheckError;
    expect(failure).toMatchObject({ kind: 'actor' });
    expect(log).toMatchObject([{ label: 'guest/crash' }]);
    expect(message).toContain('guest: its process died, and was started anew');
    expect(message).toMatch(/ crash\(\) = KILLED instance=2 after \d+ ns/);
    const parsed = parseToken(token);
    expect(parsed.options).toEqual({ listen: LISTEN, crashes: 2 });
    const again = simulate(tickets, { ...parsed.options, world: draws, log: parsed.log });
    expect(again.failure?.kind).toBe('actor');
  });

  test('is not found where there is none', async () => {
    expect((await check(tickets, options)).complete).toBe(true);
  });
});

test('a number of crashes that is none is refused', () => {
  expect(() => simulate(echo, { crashes: -1 })).toThrow(/crashes is a whole number, 0 or more/);
});

test('pollux simulate --crashes', async () => {
  const file = wasmFile('echo-poll');
  const options = ['--world', 'echo', '--seeds', '30', '--clients', '3'];
  const { code, stdout, stderr } = await polluxToEnd([
    'simulate',
    file,
    ...options,
    '--crashes',
    '2',
  ]);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^30 runs/);
  expect(code).toBe(0);
});
