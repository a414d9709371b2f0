/** Many runs: a failure is found, made small, told, and repeated by its token. */
import {
  check,
  CheckError,
  echoClients,
  parseToken,
  tokenOf,
  simulate,
  type Checked,
  type CheckOptions,
} from 'pollux/simulate';
import { describe, expect, test } from 'vitest';

import { valuesOf, explore } from '#src/simulate/explore';
import type { Choice } from '#host/sim/choice-log';
import { ADDRESS, echoing, expectsWhole, guestOf, LISTEN } from './guests.js';

const world = echoClients({ address: ADDRESS, clients: 3, messages: 3 });
const options: CheckOptions = { listen: LISTEN, world, runs: 200 };
const good = await guestOf(echoing());
const bad = await guestOf(expectsWhole);

const failureOf = async (checking: Promise<Checked>): Promise<CheckError> => {
  const error = await checking.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CheckError);
  return error as CheckError;
};

describe('check', () => {
  test('lets a good guest pass, and says what it did', async () => {
    const checked = await check(good, { ...options, runs: 50, paranoid: true });
    expect(checked).toMatchObject({ runs: 50, complete: true });
    expect(checked.different).toBeGreaterThan(40);
    expect(checked.faults).toBeGreaterThan(50);
    expect(checked.calls).toBeGreaterThan(50 * 18);
  });

  test('finds a planted bug, and needs one choice to show it', async () => {
    const error = await failureOf(check(bad, options));
    expect(error.failure.kind).toBe('trap');
    expect(error.log).toHaveLength(1);
    expect(error.log[0]!.value).toBe(1);
    expect(simulate(bad, { ...options, log: error.log }).failure?.kind).toBe('trap');
    expect(simulate(bad, { ...options, log: [] }).failure).toBeUndefined();
  });

  test('makes a failure no smaller when it is to end, and says so', async () => {
    const { seed } = await failureOf(check(bad, options));
    const stop = new AbortController();
    let runs = 0;
    const counted: CheckOptions['world'] = (each) => {
      runs++;
      stop.abort();
      world(each);
    };
    const ended = { ...options, seed: seed!, world: counted, signal: stop.signal };
    const { log, message } = await failureOf(check(bad, ended));
    // The failure, and once more to write down its calls.
    expect(runs).toBe(2);
    expect(message).toContain(`faults: ${log.length} of ${log.length}, and maybe fewer would do\n`);
  });

  test('tells what failed, with which seed, by which faults, and how to repeat it', async () => {
    const { message, token, seed } = await failureOf(check(bad, options));
    const lines = message.split('\n');
    expect(lines[0]).toBe(`guest fails with seed ${seed} of profile "linux": the guest trapped`);
    expect(lines[1]).toBe('  unreachable');
    expect(lines[2]).toMatch(/^faults: 1 of \d+$/);
    expect(lines[3]).toMatch(/^ {2}.+ \(.+\/.+ #\d+: 1 of 0 to \d+\)$/);
    expect(lines).toContain('the last calls:');
    expect(message).toContain(' sock_recv(fd=4, ');
    expect(lines.at(-1)).toBe(`  npx pollux replay ${token}`);
  });

  test('has a token that holds all that the run needs', async () => {
    const { token, log } = await failureOf(check(bad, options));
    const parsed = parseToken(token);
    expect(parsed.log).toEqual(log);
    expect(parsed.options).toEqual({ listen: LISTEN });
    expect(parsed.world).toEqual(world.origin);
    const endless = { healNs: Infinity, limitNs: Infinity };
    expect(parseToken(tokenOf(bad, endless, log)).options).toEqual(endless);
    expect(() => parseToken(token.slice(0, -9))).toThrow(/is no whole token/);
    expect(() => parseToken('x')).toThrow(/is no whole token/);
  });

  test('says so where a world is a function that nobody else has', async () => {
    const own = { ...options, world: (cast: Parameters<typeof world>[0]) => world(cast) };
    const { message, token } = await failureOf(check(bad, own));
    expect(message).toMatch(/--world FILE \(whose export "world" is this one\)$/);
    expect(parseToken(token).world).toBeUndefined();
  });

  test('finds a world that is not the same twice', async () => {
    const chance = echoClients({ address: ADDRESS, clients: 1, messages: 1 });
    let calls = 0;
    const error = await failureOf(
      check(good, {
        ...options,
        runs: 3,
        paranoid: true,
        world: (cast) => {
          chance(cast);
          cast.actor('moody', function* (me) {
            yield* me.sleep(++calls);
            const connection = yield* me.connect(ADDRESS);
            connection.close();
          });
        },
      }),
    );
    expect(error.failure.kind).toBe('nondeterminism');
  });

  test('stops when it is told to, between two runs', async () => {
    const stop = new AbortController();
    let told = 0;
    const progress = ({ runs }: Checked) => {
      told = runs;
      stop.abort();
    };
    const runs = 1_000_000;
    const checked = await check(good, { ...options, runs, progress, signal: stop.signal });
    expect(checked.complete).toBe(false);
    expect(checked.runs).toBe(told);
  });

  test('is ended by what is wrong with its options, not by a failure', async () => {
    await expect(check(good, { ...options, listen: ['nowhere'] })).rejects.toThrow(
      /"nowhere" is not an address/,
    );
  });
});

test('a guest whose memory cannot grow is found by that alone, if one asks for it', async () => {
  const grows = await guestOf(`(func (export "_start")
    (if (i32.lt_s (memory.grow (i32.const 2)) (i32.const 0)) (then (unreachable))))`);
  expect((await check(grows, { runs: 50 })).complete).toBe(true);
  const error = await failureOf(check(grows, { runs: 50, refuseMemory: true }));
  expect(error.log).toMatchObject([{ label: 'guest/memory', value: 2 }]);
  expect(error.message).toContain('guest: memory could grow no further');
  expect(parseToken(error.token).options).toEqual({ refuseMemory: true });
});

describe('all schedules', () => {
  /** A run that asks three questions, the third only if the second is answered by 1. */
  const asking = (log: readonly Choice[], chosen: (choice: Choice) => void) => {
    const answer = (label: string, alternatives: number) => {
      const value = log.find((each) => each.label === label)?.value ?? 0;
      chosen({ label, ordinal: 0, alternatives, value });
      return value;
    };
    const first = answer('a/split', 3);
    const second = answer('b/split', 2);
    return [first, second, second === 1 ? answer('c/split', 2) : -1].join(' ');
  };
  const runs = (most: number) =>
    [...explore(asking, { most, values: 9, profile: 'linux' })].map(({ run }) => run);

  test('with at most so many faults are tried, each once', () => {
    expect(runs(0)).toEqual(['0 0 -1']);
    expect(runs(1)).toEqual(['0 0 -1', '1 0 -1', '2 0 -1', '0 1 0']);
    expect(runs(2)).toEqual([...runs(1), '1 1 0', '2 1 0', '0 1 1']);
    expect(runs(3)).toEqual([...runs(2), '1 1 1', '2 1 1']);
    expect(runs(9)).toEqual(runs(3));
  });

  test('leave out what the profile leaves out', () => {
    const one = (_: readonly Choice[], chosen: (choice: Choice) => void) =>
      chosen({ label: 'a/eagain', ordinal: 0, alternatives: 2, value: 0 });
    const count = (profile: 'linux' | 'posix') =>
      [...explore(one, { most: 1, values: 9, profile })].length;
    expect([count('linux'), count('posix')]).toEqual([1, 2]);
  });

  test('try the ends of a long row of values, and some between', () => {
    expect(valuesOf(4, 9)).toEqual([1, 2, 3]);
    expect(valuesOf(100, 3)).toEqual([1, 50, 99]);
    expect(valuesOf(100, 1)).toEqual([1]);
    expect(valuesOf(1, 3)).toEqual([]);
  });

  test('find the bug without any seed', async () => {
    const small = { ...options, world: echoClients({ address: ADDRESS, clients: 1, messages: 2 }) };
    const error = await failureOf(check(bad, { ...small, exhaustive: 1 }));
    expect(error.failure.kind).toBe('trap');
    expect(error.seed).toBeUndefined();
    expect(error.log).toHaveLength(1);
    const checked = await check(good, { ...small, exhaustive: 1, runs: 10_000 });
    expect(checked.complete).toBe(true);
    expect(checked.runs).toBeGreaterThan(5);
    expect(checked.known).toBe(checked.runs);
    const exactly = { ...small, exhaustive: 1, runs: checked.runs };
    expect(await check(good, exactly)).toMatchObject({ runs: checked.runs, complete: true });
    const cut = await check(good, { ...small, exhaustive: 1, runs: 3 });
    expect(cut).toMatchObject({ runs: 3, complete: false, known: checked.runs });
    // A pair of faults is tried once, so there are fewer than pairs of runs.
    const pairs = await check(good, { ...small, exhaustive: 2, runs: 1 });
    expect(pairs.known).toBe(checked.known);
  });
});
