/**
 * The echo servers in AssemblyScript have no collector, and free nothing: whatever a connection
 * needs must be used again by a later one. Each server gets a memory that would not hold what many
 * connections need, one after another.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { root, wasmFile } from '../harness.js';
import { box, client, killed, ping, take } from '../src/started.js';

const listen = ['127.0.0.1:0'];
const models = [
  'blocking',
  'nonblocking',
  'select',
  'poll',
  'epoll',
  'epoll-edge',
  'signal',
  'async',
];
/** What one connection leaves behind must be less than this many bytes. */
const LEAST_LEAK = 64;
const CROWD = 500;
const ROUNDS = 40;

describe.each(models)('echo.as, %s', (model) => {
  const start = (maxMemoryMiB: number) =>
    box(wasmFile(`echo-${model}.as`), { listen, maxMemoryMiB });

  test('keeps what is owed in the memory that an earlier client needed', async () => {
    const { address } = await start(1);
    const bytes = randomBytes(6 << 20);
    // A full queue is 64 KiB.
    for (let round = 0; round < 24; round++) {
      const socket = await client(address!);
      socket.end(bytes);
      await sleep(10);
      expect((await take(socket, bytes.length + 1)).equals(bytes)).toBe(true);
      socket.destroy();
    }
  });

  test.skipIf(model === 'blocking')(
    `serves ${CROWD * ROUNDS} connections in the memory for ${CROWD} (skipped for one at a time)`,
    async () => {
      expect(CROWD * ROUNDS * LEAST_LEAK).toBeGreaterThan(1 << 20);
      const { address } = await start(1);
      const load = spawn(
        `${root}dist/bench/load`,
        ['--verify', '--connect', address!, '--size', '64', '--connections', String(CROWD)].concat([
          '--rounds',
          String(ROUNDS),
          '--reset',
          '10',
          '--half-close',
          '10',
        ]),
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
      const [code] = await once(killed(load), 'exit');
      expect(code).toBe(0);
      expect(await ping(await client(address!))).toBe('ping');
    },
    60_000,
  );
});
