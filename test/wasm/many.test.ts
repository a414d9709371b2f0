/**
 * Ten thousand connections at once, again and again, with every byte checked: nothing is lost, and
 * nothing is left behind.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { expect, test } from 'vitest';

import { addressOf, root } from '../harness.js';
import { command, descriptorsOf, eventually, killed, median } from '../src/started.js';

const LOAD = `${root}dist/bench/load`;
const CONNECTIONS = 10_000;
const ROUNDS = 10;
/**
 * What 10,000 connections take, of the server and of its client: the limit of this machine must
 * allow for it.
 */
const DESCRIPTORS = CONNECTIONS + 200;

const limit = Number(
  /Max open files\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0,
);

const residentKiB = (pid: number) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

test.skipIf(limit < DESCRIPTORS)(
  `${CONNECTIONS} connections at once, ${ROUNDS} times, lose no byte, no descriptor, no memory ` +
    `(needs ${DESCRIPTORS} descriptors)`,
  async () => {
    expect(existsSync(LOAD), 'dist/bench/load is missing: ./build.sh bench builds it').toBe(true);
    const server = command('echo', '--listen', '127.0.0.1:0');
    const address = await addressOf(server);
    const pid = server.pid!;
    const before = descriptorsOf(pid);
    const seed = String(Date.now() % 1_000_000);
    const load = killed(
      spawn(
        LOAD,
        [
          '--verify',
          '--connect',
          address,
          '--connections',
          String(CONNECTIONS),
          '--size',
          '1024',
          '--rounds',
          String(ROUNDS),
        ].concat(['--reset', '10', '--half-close', '10', '--seed', seed, '--deadline', '100']),
        { stdio: ['ignore', 'pipe', 'inherit'] },
      ),
    );
    const exit = once(load, 'exit');
    const resident: number[] = [];
    const rounds = [];
    for await (const line of createInterface({ input: load.stdout! })) {
      rounds.push(JSON.parse(line));
      resident.push(residentKiB(pid));
    }
    expect((await exit)[0], `load --verify --seed ${seed}`).toBe(0);
    expect(rounds).toHaveLength(ROUNDS);
    for (const round of rounds) {
      expect(round).toMatchObject({ connections: CONNECTIONS, mismatches: 0, lost: 0 });
      expect(round.resets).toBeGreaterThan(CONNECTIONS / 20);
      expect(round.halfCloses).toBeGreaterThan(CONNECTIONS / 20);
      expect(round.verifiedBytes).toBeGreaterThan(CONNECTIONS * 900);
    }
    expect(await eventually(() => descriptorsOf(pid) <= before)).toBe(true);
    // Over sixty rounds it is a saw-tooth between 86 and 100 MiB, which is the garbage collector's.
    // Five rounds lie between these two, 50,000 connections: the limit is 500 bytes of each.
    const growthMiB = (median(resident.slice(7, 10)) - median(resident.slice(2, 5))) / 1024;
    expect(growthMiB).toBeLessThan(24);
  },
  120_000,
);
