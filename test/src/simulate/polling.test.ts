/** How poll_oneoff answers, as it is chosen for the guest of a run and for its companions. */
import { load, simulate, type Call, type SimulateOptions } from 'pollux/simulate';
import { afterEach, describe, expect, test } from 'vitest';

import { parseToken, tokenOf } from '#src/simulate/token';
import { hasStacks } from '#src/simulate/stack/realm';

import { wat } from '../../harness.js';
import { ADDRESS, guestOf, neverReads } from './guests.js';

/** Polls for room in its connection, and a clock that is over; then the same, then of fd 77. */
const polls = await load(
  wat(`(module
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\\02")
    (data (i32.const 16) "\\03")
    (data (i32.const 64) "\\01")
    (func (export "_start")
      (drop (call $poll (i32.const 0) (i32.const 512) (i32.const 2) (i32.const 256)))
      (drop (call $poll (i32.const 0) (i32.const 512) (i32.const 2) (i32.const 256)))
      (i32.store (i32.const 16) (i32.const 77))
      (drop (call $poll (i32.const 0) (i32.const 512) (i32.const 2) (i32.const 256)))))`),
);
const server = await guestOf(neverReads);
const connect = [ADDRESS];

/** Of each poll_oneoff: its errno, and how many events there were. */
const told = (calls: readonly Call[]) =>
  calls.map(({ errno, outputs }) => [errno, ...outputs.map(([, value]) => value)].join(' '));

function alone(options: SimulateOptions): string[] {
  const calls: Call[] = [];
  const run = simulate(polls, {
    profile: 'calm',
    connect,
    world: (world) => {
      world.actor('server', function* (me) {
        yield* me.listen(ADDRESS).accept();
      });
    },
    record: (call) => calls.push(call),
    ...options,
  });
  expect(run.failure).toBeUndefined();
  return told(calls);
}

function inCompany(options: SimulateOptions): string[] {
  const run = simulate(server, {
    profile: 'calm',
    listen: connect,
    record: () => {},
    companions: { other: { guest: polls, connect, awaited: true, ...options } },
  });
  expect(run.failure).toBeUndefined();
  return told(run.companions['other']!.record);
}

const ways = hasStacks ? ['stacks', 'threads'] : ['threads'];
afterEach(() => void delete process.env['POLLUX_COMPANY']);
const cases: [string, typeof alone][] = [
  ['the guest of a run', alone],
  ...ways.map((way): [string, typeof alone] => [
    `a companion in ${way}`,
    (options) => {
      process.env['POLLUX_COMPANY'] = way;
      return inCompany(options);
    },
  ]),
];

describe.each(cases)('%s', (_, run) => {
  test('is told of readiness as long as it holds', () => {
    expect(run({})).toEqual(['SUCCESS 2', 'SUCCESS 2', 'SUCCESS 2']);
  });

  test('is told of it once with poll: edge', () => {
    expect(run({ poll: 'edge' })).toEqual(['SUCCESS 2', 'SUCCESS 1', 'SUCCESS 2']);
  });

  test('has all of a call fail with strict', () => {
    expect(run({ strict: true })).toEqual(['SUCCESS 2', 'SUCCESS 2', 'BADF']);
  });

  test('is refused edges that are not those of epoll', () => {
    expect(() => run({ poll: 'edge', poller: 'poll' })).toThrow(/told by epoll alone, not by poll/);
  });
});

test('a token has what is chosen for companions', () => {
  const other = { guest: polls, connect, poll: 'edge', strict: true } as const;
  const token = parseToken(tokenOf(server, { companions: { other } }, []));
  expect(token.companions[0]!.options).toMatchObject({ connect, poll: 'edge', strict: true });
});

test('a companion has no more fuel than the guest of the run', async () => {
  const loops = await guestOf(`(func (export "_start") (local $i i32)
    (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
      (i32.const 1000)))))`);
  const returns = await guestOf('(func (export "_start"))');
  const companions = { other: { guest: loops, awaited: true } };
  expect(simulate(returns, { companions }).failure).toBeUndefined();
  expect(simulate(returns, { companions, fuel: 100 }).failure?.kind).toBe('livelock');
});
