/** Guests that share a world, on stacks of their own or in threads; company-ways.test.ts compares. */
import { readFileSync } from 'node:fs';

import { echoModels, load } from 'pollux';
import { describe, expect, test } from 'vitest';

import { limitMemory } from '#src/memory-limit';
import { check, CheckError, type CheckOptions } from '#src/simulate/check';
import type { SimulateOptions } from '#src/simulate/outcome';
import { simulate } from '#src/simulate/simulate';
import { parseToken } from '#src/simulate/token';
import { echoClients } from '#src/simulate/world';
import { fileOf, record } from '#src/trace/record';

import { guestFile, wasmFile, wat } from '../../harness.js';
import { exits, returns } from '../guests.js';

const address = '127.0.0.1:7000';
const SAID = '>>>:hello\n>>>:world\n>>>:';
const stdin = 'hello\nworld\n';
const LONG_MS = 60_000;
const runs = Number(process.env['POLLUX_SEEDS'] ?? 50);

/** The run is about the client. */
async function clientOf(model: string, options: SimulateOptions) {
  const server = await load(wasmFile(`echo-${model}`));
  const listen = [model.startsWith('blocking') ? `${address},blocking` : address];
  return simulate(await load(wasmFile('client')), {
    connect: [address],
    stdin,
    companions: { server: { guest: server, listen } },
    ...options,
  });
}

describe.each(Object.keys(echoModels).flatMap((model) => [model, `${model}.as`]))(
  'a server: %s',
  (model) => {
    test(
      'serves the client guest, whichever of the two the run is about',
      async () => {
        const inside = await clientOf(model, { profile: 'calm' });
        expect(inside.failure).toBe(undefined);
        expect(inside.stdout).toBe(SAID);
        const client = await load(wasmFile('client'));
        const listen = [model.startsWith('blocking') ? `${address},blocking` : address];
        const outside = simulate(await load(wasmFile(`echo-${model}`)), {
          profile: 'calm',
          listen,
          companions: { client: { guest: client, connect: [address], stdin, awaited: true } },
        });
        expect(outside.failure).toBe(undefined);
        expect(outside.companions['client']!.code).toBe(0);
        expect(outside.companions['client']!.stdout).toBe(SAID);
      },
      LONG_MS,
    );

    test(
      'answers the client guest in every weather',
      async () => {
        const client = await load(wasmFile('client'));
        const listen = [model.startsWith('blocking') ? `${address},blocking` : address];
        const checked = await check(await load(wasmFile(`echo-${model}`)), {
          profile: 'swarm',
          runs,
          listen,
          companions: { client: { guest: client, connect: [address], stdin, awaited: true } },
        });
        expect(checked).toMatchObject({ runs, complete: true });
        expect(checked.faults).toBeGreaterThan(runs);
      },
      LONG_MS + runs * 1000,
    );

    test('does the same again with the same seed, and something else with another', async () => {
      const runs = [];
      for (const seed of [3, 3, 4, 5]) runs.push(await clientOf(model, { profile: 'swarm', seed }));
      const [first, again, ...others] = runs.map(({ hash }) => hash);
      expect(again).toBe(first);
      expect(new Set([first, ...others]).size).toBeGreaterThan(1);
    });
  },
);

test('two clients and some actors share one server, each on a machine of its own', async () => {
  const server = await load(wasmFile('echo-epoll'));
  const client = await load(wasmFile('client'));
  const connect = [address];
  const options: SimulateOptions = {
    profile: 'calm',
    listen: [address],
    world: echoClients({ address, clients: 3, messages: 2 }),
    companions: {
      first: { guest: client, connect, stdin: 'one\n', awaited: true },
      second: { guest: client, connect, stdin: 'two\n', awaited: true },
    },
  };
  const { simulated, recording } = record(server, 'calm', options);
  expect(simulated.failure).toBe(undefined);
  const said = Object.values(simulated.companions).map(({ stdout }) => stdout);
  expect(said).toEqual(['>>>:one\n>>>:', '>>>:two\n>>>:']);
  const lines = (fileOf(recording, 'run') as string).split('\n');
  for (const lane of ['guest', 'first', 'second'])
    expect(
      lines.some(
        (line) =>
          line.startsWith(`${lane} -> fd_close(`) ||
          line.startsWith(`${lane} -> poll_oneoff(`) ||
          line.startsWith(`${lane} -> epoll_wait(`),
      ),
    ).toBe(true);
  expect(simulate(server, options).hash).toBe(simulated.hash);
});

const nonblocking = await load(wasmFile('echo-nonblocking'));
const client = await load(wasmFile('client'));

describe('a busy loop', () => {
  test('of one guest is none of all, while others have something to wait for', () => {
    const { failure, companions } = simulate(nonblocking, {
      profile: 'calm',
      listen: [address],
      companions: {
        client: { guest: client, connect: [address], stdin, awaited: true },
        other: { guest: nonblocking, listen: ['127.0.0.1:7001'] },
      },
    });
    expect(failure).toBe(undefined);
    expect(companions['client']!.stdout).toBe(SAID);
  });

  test('is a livelock where nothing can happen any more', () => {
    const companions = { other: { guest: nonblocking, listen: [address], awaited: true } };
    const listen = ['127.0.0.1:7001'];
    const { failure, virtualNs } = simulate(nonblocking, { profile: 'calm', listen, companions });
    expect(failure).toMatchObject({ kind: 'livelock' });
    expect(virtualNs).toBeGreaterThan(1e9);
  });
});

describe('a companion', () => {
  const clientRun = async (companion: Uint8Array | string, options = {}) =>
    simulate(await load(returns), {
      profile: 'calm',
      companions: { other: { guest: await load(companion), awaited: true, ...options } },
    });

  test('that traps is a failure of the run', async () => {
    const { failure } = await clientRun(guestFile('trap'));
    expect(failure?.kind).toBe('trap');
    expect(failure?.message).toMatch(/^the guest "other" trapped: unreachable/);
  });

  test('that ends with a code that is not right is one too', async () => {
    expect((await clientRun(exits(3))).failure?.message).toBe('the exit code of "other" is 3');
    const right = await clientRun(exits(3), { exitCodes: [3] });
    expect(right.failure).toBe(undefined);
    expect(right.companions['other']!.code).toBe(3);
  });

  test('whose memory grows has its bytes read where they are', async () => {
    // Not four gigabytes: memory that is not shared grows slowly.
    const grown = await clientRun(limitMemory(readFileSync(guestFile('grow')), 64));
    expect(grown.failure).toBe(undefined);
    expect(grown.companions['other']!.stdout).toMatch(/^[1-9]\d MiB\n$/);
  });

  test('that waits for ever is told of', async () => {
    const server = await load(wasmFile('echo-epoll'));
    const { failure } = await clientRun(wasmFile('echo-epoll'), { listen: [address] });
    expect(failure?.kind).toBe('unanswered');
    expect(failure?.message).toMatch(/"other" waits for epoll of handle/);
    expect(simulate(server, { profile: 'calm', listen: [address] }).failure).toBe(undefined);
  });

  test('that catches its own end is ended all the same', async () => {
    const stubborn = wat(`(module
      (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (loop $forever
          (try (do (drop (call $yield))) (catch_all))
          (br $forever))))`);
    const main = await load(returns);
    const guest = await load(stubborn);
    const options: SimulateOptions = {
      profile: 'calm',
      world: (world) => {
        world.actor('clock', function* (me) {
          yield* me.sleep(100_000);
        });
      },
      companions: { other: { guest } },
    };
    for (let i = 0; i < 2; i++) {
      const { failure, virtualNs } = simulate(main, options);
      expect(failure).toBe(undefined);
      expect(virtualNs).toBeGreaterThanOrEqual(100_000);
    }
  });
});

test('a failure with companions is found by check, and its log repeats it', async () => {
  const options: CheckOptions = {
    connect: [address],
    stdin,
    profile: 'linux',
    runs: 50,
    eventually: ({ stdout }) => {
      if (stdout.replaceAll('\n', '') !== SAID.replaceAll('\n', ''))
        throw new RangeError(`it said ${stdout}`);
    },
    companions: {
      server: { guest: await load(guestFile('canary/partial-send')), listen: [address] },
    },
  };
  const client = await load(wasmFile('client'));
  const error = (await check(client, options).catch((each: unknown) => each)) as CheckError;
  expect(error).toBeInstanceOf(CheckError);
  expect(error.log.length).toBeLessThanOrEqual(3);
  const { failure } = simulate(client, { ...options, log: parseToken(error.token).log });
  expect(failure?.message).toBe(error.failure.message);
});
