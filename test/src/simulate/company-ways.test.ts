/**
 * Guests that share a world run on stacks of their own where the engine has those (JSPI), and in
 * threads elsewhere: each run must be the same either way, and on every version of Node.
 */
import { echoModels, load } from 'pollux';
import { afterEach, describe, expect, test } from 'vitest';

import type { ProfileName } from '#host/sim/fault';
import type { SimulateOptions, Simulated } from '#src/simulate/outcome';
import { simulate } from '#src/simulate/simulate';
import { hasStacks } from '#src/simulate/stack/realm';
import { echoClients } from '#src/simulate/world';

import { wasmFile } from '../../harness.js';
import { ADDRESS, asks, echoing, guestOf, LISTEN, spins } from './guests.js';

const ways = hasStacks ? ['stacks', 'threads'] : ['threads'];
const profiles: ProfileName[] = ['calm', 'linux', 'posix', 'swarm'];
const LONG_MS = 120_000;

afterEach(() => void delete process.env['POLLUX_COMPANY']);

const inAWay = (way: string, run: () => Simulated): Simulated => {
  process.env['POLLUX_COMPANY'] = way;
  return run();
};

/** All that is seen of a run, times too. */
const seen = ({ hash, calls, choices, virtualNs, code, failure, log, companions }: Simulated) => ({
  hash,
  calls,
  choices,
  virtualNs,
  code,
  log,
  failure: failure && `${failure.kind}: ${failure.message}`,
  companions,
});

test.each(ways)(
  'in %s a run has the hash that it had on the machine that wrote it down',
  async (way) => {
    const server = await guestOf(echoing());
    const client = await guestOf(asks);
    const asking = { guest: client, connect: LISTEN, awaited: true };
    const idler = { guest: await guestOf(spins) };
    const lines = profiles.flatMap((profile) =>
      [1, 2, 3, 4, 5, 6].flatMap((seed) => {
        const serves: SimulateOptions = {
          listen: LISTEN,
          world: echoClients({ address: ADDRESS, clients: 2, messages: 2 }),
          companions: { first: asking, idler, second: asking },
        };
        const asked: SimulateOptions = {
          connect: LISTEN,
          exitCodes: [0, 1],
          companions: { server: { guest: server, listen: LISTEN } },
        };
        const runs = {
          server: inAWay(way, () => simulate(server, { ...serves, profile, seed })),
          client: inAWay(way, () => simulate(client, { ...asked, profile, seed })),
        };
        return Object.entries(runs).map(
          ([about, { hash, calls, virtualNs, failure }]) =>
            `${profile} ${seed} ${about} ${hash} ${calls} ${virtualNs} ${failure?.kind ?? 'good'}\n`,
        );
      }),
    );
    await expect(lines.join('')).toMatchFileSnapshot('company-hashes.txt');
  },
  LONG_MS,
);

describe.each(ways)('in %s a guest that shares its world', (way) => {
  const start = (text: string) =>
    guestOf(text.includes('"_start"') ? text : `(func (export "_start") ${text})`);

  test.each([
    ['loops without a call', '(loop $l (br $l))', 'livelock', /loops, and calls nothing/],
    ['traps', '(unreachable)', 'trap', /unreachable/],
    [
      'overflows its stack',
      '(func $f (export "_start") (call $f))',
      'trap',
      /Maximum call stack size exceeded/,
    ],
    ['throws', '(tag $t) (func (export "_start") (throw $t))', 'trap', /was not caught/],
    ['exits with 7', '(call $exit (i32.const 7))', 'exit', /the exit code of "other" is 7/],
  ])('and %s is told of', async (_, text, kind, message) => {
    const returns = await start('');
    const other = { guest: await start(text), awaited: true };
    const { failure } = inAWay(way, () => simulate(returns, { companions: { other } }));
    expect(failure).toMatchObject({ kind, message: expect.stringMatching(message) });
  });

  test('may have a start function', async () => {
    const guest = await guestOf(
      '(func $f (drop (call $yield))) (start $f) (func (export "_start"))',
    );
    const companions = { other: { guest, awaited: true } };
    const run = () => inAWay(way, () => simulate(guest, { companions, profile: 'calm' }));
    expect(run()).toMatchObject({ failure: undefined, code: 0 });
    expect(run().hash).toBe(inAWay('threads', () => simulate(guest, { companions })).hash);
  });
});

test('whoever chooses a way that there is not is told so', async () => {
  const guest = await guestOf(spins);
  const inWay = (way: string) => () =>
    inAWay(way, () => simulate(guest, { companions: { other: { guest } } }));
  expect(inWay('fibers')).toThrow(
    'POLLUX_COMPANY is "fibers": guests that share a world run in stacks or threads',
  );
  if (!hasStacks) expect(inWay('stacks')).toThrow(/which need WebAssembly\.Suspending/);
});

describe.skipIf(!hasStacks)('on stacks and in threads', () => {
  // Without JSPI there is nothing to compare with.
  const address = '127.0.0.1:7000';
  const models = Object.keys(echoModels).flatMap((model) => [model, `${model}.as`]);

  test.each(models)(
    'a server and its client do the same: %s',
    async (model) => {
      const server = await load(wasmFile(`echo-${model}`));
      const client = await load(wasmFile('client'));
      const listen = [model.startsWith('blocking') ? `${address},blocking` : address];
      const stdin = 'hello\nworld\n';
      const given = { connect: [address], stdin, exitCodes: [0, 1] };
      for (const profile of profiles) {
        for (const poller of ['epoll', 'poll', 'select'] as const) {
          const about: (() => Simulated)[] = [
            () =>
              simulate(server, {
                profile,
                listen,
                poller,
                seed: 3,
                companions: { client: { ...given, guest: client, awaited: true } },
                world: echoClients({ address, clients: 2, messages: 2, bytes: 3000 }),
              }),
            () =>
              simulate(client, {
                ...given,
                profile,
                seed: 4,
                companions: { server: { guest: server, listen, poller } },
              }),
          ];
          for (const run of about)
            expect(seen(inAWay('stacks', run))).toEqual(seen(inAWay('threads', run)));
        }
      }
    },
    LONG_MS,
  );

  test(
    'the guests of ten thousand runs leave no stack behind',
    async () => {
      const guest = await guestOf(echoing());
      const before = process.memoryUsage().rss;
      const companions = { one: { guest, listen: ['127.0.0.1:7001,blocking'] } };
      for (let i = 0; i < 10_000; i++)
        inAWay('stacks', () => simulate(guest, { listen: LISTEN, companions, profile: 'calm' }));
      expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
    },
    LONG_MS,
  );
});
