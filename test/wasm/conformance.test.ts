/** One case file over every echo server that there is: model, serve, protocol, language. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { echoCombinations, echoModels, type Combination, type EchoModel } from 'pollux';
import { describe, expect, test } from 'vitest';

import { addressOf, exchange } from '../harness.js';
import { client, command, echoBox, take } from '../src/started.js';
import { echoCases, message, type Server } from './echo.cases.js';

/** How many clients come at once, and how many are open at once. */
function crowds({
  model,
  serve,
  protocol,
  language,
}: Combination): Pick<Server, 'crowd' | 'open' | 'serial'> {
  // A guest that never waits takes all of a processor, and each further one takes it from another.
  const busy = model === 'nonblocking';
  const usual = protocol === 'echo' && language === 'c';
  if (serve === 'thread') return { crowd: 200, open: busy ? 4 : usual ? 16 : 6 };
  if (serve === 'process') return { crowd: usual ? 20 : 6, open: busy ? 4 : 6 };
  const serial = model === 'blocking';
  return { crowd: serial ? 20 : 200, serial };
}

/**
 * All of them; with `POLLUX_BRIEF` set, of those in C that echo the ones of one guest, and three
 * models of the others: .ci/run does that on every version of Node but its own.
 */
const combinations = echoCombinations().filter(
  ({ model, serve, protocol, language }) =>
    process.env['POLLUX_BRIEF'] === undefined ||
    (protocol === 'echo' &&
      language === 'c' &&
      (serve === 'event' || ['blocking', 'epoll', 'async'].includes(model))),
);

describe.each(combinations.map((combination) => [Object.values(combination), combination]))(
  '%j',
  (_, combination) => {
    const { protocol } = combination as Combination;
    const start = () => echoBox({ ...(combination as Combination), warn: () => {} });
    echoCases({ start, protocol, ...crowds(combination as Combination) });
  },
);

/** Resident memory of a process, in MiB. */
function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

test.each(Object.keys(echoModels) as EchoModel[])(
  '%s: bytes for a client that does not read wait with it, not in the server',
  async (model) => {
    const server = command('echo', '--model', model, '--listen', '127.0.0.1:0');
    const address = await addressOf(server);
    await exchange(address, message(1 << 20));
    const before = residentMiB(server.pid!);
    const bytes = message(32 << 20);
    const socket = await client(address);
    socket.write(bytes);
    await sleep(300); // by then nothing more is taken from it
    expect(socket.writableLength).toBeGreaterThan(8 << 20);
    expect(residentMiB(server.pid!) - before).toBeLessThan(16);
    expect((await take(socket, bytes.length)).equals(bytes)).toBe(true);
  },
);
