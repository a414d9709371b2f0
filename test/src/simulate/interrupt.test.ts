/** Waits that are interrupted: the host goes on with what is left, or the guest is told of it. */
import { load } from 'pollux';
import { check, echoClients, simulate, type Call, type SimulateOptions } from 'pollux/simulate';
import { describe, expect, test } from 'vitest';

import { wasmFile, wat } from '../../harness.js';
import { ADDRESS, LISTEN } from './guests.js';

const WASI = 'wasi_snapshot_preview1';
const TIMEOUT_NS = 10_000_000;
/** What the calls around a wait take. */
const SLACK_NS = 100_000;
/** At once, after 1 ms, after 1 s. */
const VALUES = [1, 2, 3] as const;

/** Each wait there is once, for 10 ms; and then a connection is accepted, and received from. */
const waits = await load(
  wat(`(module
    (import "${WASI}" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "${WASI}" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
    (import "${WASI}" "sock_recv" (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "pollux" "epoll_create" (func $create (param i32) (result i32)))
    (import "pollux" "epoll_wait" (func $wait (param i32 i32 i32 i64 i32) (result i32)))
    (import "pollux" "signal_wait" (func $signal (param i32 i32 i64 i32) (result i32)))
    (import "pollux" "reap"
      (func $reap (param i32 i32 i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 16)
    (data (i32.const 32) "\\40\\40\\00\\00\\05\\00\\00\\00")
    (func (export "_start")
      (i32.store (i32.const 80) (i32.const 1))
      (i64.store (i32.const 88) (i64.const ${TIMEOUT_NS}))
      (drop (call $poll (i32.const 64) (i32.const 1024) (i32.const 1) (i32.const 16)))
      (drop (call $create (i32.const 16)))
      (drop (call $wait (i32.load (i32.const 16))
        (i32.const 1024) (i32.const 8) (i64.const ${TIMEOUT_NS}) (i32.const 20)))
      (drop (call $signal
        (i32.const 1024) (i32.const 8) (i64.const ${TIMEOUT_NS}) (i32.const 20)))
      (drop (call $reap (i32.const 1024) (i32.const 8) (i32.const 65536) (i32.const 524288)
        (i32.const 1) (i64.const ${TIMEOUT_NS}) (i32.const 20)))
      (loop $again
        (br_if $again (call $accept (i32.const 3) (i32.const 0) (i32.const 24))))
      (loop $again
        (br_if $again (call $recv (i32.load (i32.const 24))
          (i32.const 32) (i32.const 1) (i32.const 0) (i32.const 40) (i32.const 44))))))`),
);
const names = ['poll_oneoff', 'epoll_wait', 'signal_wait', 'reap', 'sock_accept', 'sock_recv'];

/** Its calls that wait; `count` waits are interrupted, if there are so many. */
function callsOf(decision: string, value: number, count: number) {
  const log = Array.from({ length: count }, (_, ordinal) => {
    return { label: `guest/${decision}`, ordinal, alternatives: 4, value };
  });
  const calls: Call[] = [];
  const options: SimulateOptions = {
    listen: LISTEN,
    log,
    record: (call) => names.includes(call.name) && calls.push(call),
    world: (cast) =>
      cast.actor('client', function* (me) {
        yield* me.sleep(1e9);
        const connection = yield* me.connect(ADDRESS);
        yield* me.sleep(1e9);
        yield* connection.send('hello');
        yield* me.sleep(5e9);
        connection.close();
      }),
  };
  const run = simulate(waits, options);
  expect(run).toMatchObject({ failure: undefined, code: 0 });
  expect(simulate(waits, { ...options, record: () => {} }).hash).toBe(run.hash);
  return { calls, taken: run.log.length };
}

const lasted = ({ startNs, endNs }: Call) => endNs - startNs;

describe('a wait that is interrupted', () => {
  test.each(VALUES)('goes on with what is left of its time, and nobody sees it (%i)', (value) => {
    const { calls, taken } = callsOf('eintr', value, 20);
    expect(calls.map(({ name }) => name)).toEqual(names);
    expect(calls.map(({ errno }) => errno)).toEqual(names.map(() => 'SUCCESS'));
    expect(taken).toBeGreaterThan(2);
    for (const call of calls.slice(0, 4)) {
      expect(lasted(call), call.name).toBeGreaterThanOrEqual(TIMEOUT_NS);
      expect(lasted(call), call.name).toBeLessThan(TIMEOUT_NS + SLACK_NS);
    }
    expect(calls[5]!.outputs[0]).toEqual(['ro_datalen', 5]);
  });

  test.each([1, 2])('is told to the guest, where that has a handler (%i)', (value) => {
    const { calls } = callsOf('handler', value, 6);
    const told = calls.slice(0, 6);
    expect(told.slice(0, 5).map(({ name }) => name)).toEqual(names.slice(0, 5));
    expect(told.map(({ errno }) => errno)).toEqual(told.map(() => 'INTR'));
    for (const call of told) expect(lasted(call), call.name).toBeLessThan(1e6 + SLACK_NS);
    expect(calls.at(-1)).toMatchObject({ name: 'sock_recv', errno: 'SUCCESS' });
  });
});

test('an actor interrupts the wait that goes on, or else the next', () => {
  const calls: Call[] = [];
  const run = simulate(waits, {
    listen: LISTEN,
    profile: 'calm',
    record: (call) => names.includes(call.name) && calls.push(call),
    world: (cast) =>
      cast.actor('client', function* (me) {
        me.interrupt(); // nobody waits yet
        for (let i = 1; i <= 4; i++) {
          yield* me.sleep(2e6);
          me.interrupt();
        }
        yield* me.sleep(2e6);
        const connection = yield* me.connect(ADDRESS);
        yield* me.sleep(2e6);
        me.interrupt();
        yield* me.sleep(2e6);
        yield* connection.send('hello');
      }),
  });
  expect(run).toMatchObject({ failure: undefined, code: 0 });
  const told = calls.filter(({ errno }) => errno === 'INTR');
  expect(told.map(({ name, endNs }) => [name, Math.floor(endNs / 1e6)])).toEqual([
    ['poll_oneoff', 0],
    ['epoll_wait', 2],
    ['signal_wait', 4],
    ['reap', 6],
    ['sock_accept', 8],
    ['sock_recv', 12],
  ]);
  expect(calls.at(-1)).toMatchObject({ name: 'sock_recv', errno: 'SUCCESS' });
});

describe('who is told', () => {
  /** Of the first hundred seeds. */
  const toldOf = async (profile: 'linux' | 'posix') => {
    const guest = await load(wasmFile('echo-poll'));
    const world = echoClients({ address: ADDRESS, clients: 3, messages: 3 });
    let told = 0;
    let interrupted = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const record = ({ errno }: Call) => void (told += Number(errno === 'INTR'));
      const { log } = simulate(guest, { listen: [ADDRESS], world, profile, seed, record });
      interrupted += log.filter(({ label }) => label === 'guest/eintr').length;
    }
    expect(interrupted).toBeGreaterThan(0);
    return told;
  };

  test('is every guest under posix', async () => {
    expect(await toldOf('posix')).toBeGreaterThan(0);
  });

  test('is none under linux, where no guest has a handler', async () => {
    expect(await toldOf('linux')).toBe(0);
  });
});

test('the client asks again when it was interrupted', async () => {
  const guest = await load(wasmFile('client'));
  const run = await check(guest, {
    connect: ['127.0.0.1:7000'],
    stdin: 'hello\nworld\n',
    profile: 'posix',
    runs: 50,
    world: (cast) =>
      cast.actor('server', function* (me) {
        const connection = yield* me.listen('127.0.0.1:7000').accept();
        for (;;) {
          const bytes = yield* connection.receive();
          if (bytes.length === 0) break;
          yield* me.sleep(1e6);
          yield* connection.send(bytes);
        }
        connection.close();
      }),
  });
  expect(run.complete).toBe(true);
  const handled = [0, 1, 2, 3].map((ordinal) => {
    return { label: 'guest/handler', ordinal, alternatives: 4, value: 1 };
  });
  const once = simulate(guest, {
    connect: ['127.0.0.1:7000'],
    stdin: 'hello\n',
    log: handled,
    world: (cast) =>
      cast.actor('server', function* (me) {
        const connection = yield* me.listen('127.0.0.1:7000').accept();
        const bytes = yield* connection.receiveExactly(5);
        yield* me.sleep(1e6);
        yield* connection.send(bytes);
        expect((yield* connection.receiveAll()).length).toBe(0);
        connection.close();
      }),
  });
  expect(once).toMatchObject({ code: 0, failure: undefined, stdout: '>>>:hello\n>>>:' });
  expect(once.log.length).toBeGreaterThan(1);
});
