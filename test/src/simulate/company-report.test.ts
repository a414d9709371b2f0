/** What is told of guests that share a world: reports, tokens, traces, and the command line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { load } from 'pollux';
import { afterAll, expect, test } from 'vitest';

import { check, CheckError, type CheckOptions } from '#src/simulate/check';
import { simulate } from '#src/simulate/simulate';
import { parseToken } from '#src/simulate/token';
import { fileOf, record } from '#src/trace/record';

import { polluxToEnd } from '../../harness.js';
import { asks, echoing, guestOf, LISTEN } from './guests.js';

const folder = mkdtempSync(join(tmpdir(), 'pollux-company-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = async (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, (await guestOf(text)).bytes!);
  return path;
};

/** Takes it for granted that a message of six bytes comes in one piece. */
const expectsSix = echoing('(if (i32.ne (local.get $n) (i32.const 6)) (then (unreachable)))');
const bad = await file('bad.wasm', expectsSix);
const good = await file('good.wasm', echoing());
const asking = await file('asks.wasm', asks);
const LIMIT_MS = 60_000;

const options: CheckOptions = {
  listen: LISTEN,
  runs: 200,
  companions: { asks: { guest: await load(asking), connect: LISTEN, awaited: true } },
};
const failing = async (more: CheckOptions = {}) => {
  const error: unknown = await check(await load(bad), { ...options, ...more }).catch(
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(CheckError);
  return error as CheckError;
};

test('a failure is shrunk, and found again by trying all schedules', async () => {
  for (const more of [{}, { exhaustive: 1 }]) {
    const { failure, log } = await failing(more);
    expect(failure).toMatchObject({ kind: 'trap', message: 'unreachable' });
    expect(log.map(({ label }) => label)).toEqual([expect.stringMatching(/(split|short)$/)]);
    const again = simulate(await load(bad), { ...options, log });
    expect(again.failure).toMatchObject({ kind: 'trap', message: 'unreachable' });
  }
});

test('the report has the last calls of all guests side by side', async () => {
  const lines = (await failing()).message.split('\n');
  const from = lines.indexOf('the last calls:');
  const to = lines.indexOf('to repeat it:');
  const lanes = lines
    .slice(from + 1, to)
    .map((line) => line.split(' | ').map((cell) => cell.trim()));
  expect(lanes[0]).toEqual(['', 'bad.wasm', 'asks']);
  const calls = lanes.slice(1);
  expect(calls.map(([time]) => Number(time))).toEqual(
    calls.map(([time]) => Number(time)).toSorted((a, b) => a - b),
  );
  expect(
    calls.some(([, server, client]) => server!.startsWith('sock_recv(fd=4, …) = SUC') && !client),
  ).toBe(true);
  expect(
    calls.some(([, server, client]) => server === '' && client!.startsWith('sock_send(fd=3')),
  ).toBe(true);
  expect(lines.slice(from, to).every((line) => line.length <= 100)).toBe(true);
});

test('a transcript and a Chrome trace have a lane for each guest', async () => {
  const { recording } = record(await load(good), 'calm', { ...options, profile: 'calm' });
  const text = fileOf(recording, 'run.txt') as string;
  for (const line of [
    /^guest -> sock_accept\(fd=3, flags=0\) @/m,
    /^guest <- SUCCESS ro_datalen=6 @/m,
    /^asks -> sock_send\(fd=3, /m,
    /^asks <- SUCCESS so_datalen=6 @/m,
    /^net 127\.0\.0\.1:\d+ > 127\.0\.0\.1:9000 SYN /m,
  ])
    expect(text).toMatch(line);
  const { traceEvents } = JSON.parse(fileOf(recording, 'run.json') as string) as {
    traceEvents: { name: string; tid: number; ph: string; args?: { name?: string } }[];
  };
  const lanes = traceEvents.filter(({ name }) => name === 'thread_name');
  expect(lanes.map(({ args }) => args!.name).toSorted()).toEqual(['asks', 'guest', 'network']);
  for (const [lane, call] of [
    ['asks', 'poll_oneoff'],
    ['guest', 'sock_accept'],
  ]) {
    const { tid } = lanes.find(({ args }) => args!.name === lane)!;
    const calls = traceEvents.filter((each) => each.ph === 'X' && each.tid === tid);
    expect(calls.map(({ name }) => name)).toContain(call);
  }
});

test('a token names all guests by their hashes, and keeps what they were given', async () => {
  const { token } = await failing();
  const { companions } = parseToken(token);
  expect(companions).toEqual([
    {
      name: 'asks',
      guest: expect.stringMatching(/^[0-9a-f]{32}$/),
      file: asking,
      options: { connect: LISTEN, awaited: true },
    },
  ]);
});

test(
  'pollux simulate --with has more guests, and its tokens replay',
  async () => {
    const args = ['--with', asking, '--listen', LISTEN[0]!, '--seeds', '200'];
    const { code, stdout } = await polluxToEnd(['simulate', bad, ...args]);
    expect(code).toBe(1);
    const [, token] = /npx pollux replay (\S+)$/m.exec(stdout)!;
    const again = await polluxToEnd(['replay', token!]);
    expect(again).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/trapped: unreachable$/m),
    });

    // Where they are now, in any order; and not another one.
    const moved = join(folder, 'moved.wasm');
    writeFileSync(moved, readFileSync(asking));
    const trace = join(folder, 'trace.txt');
    const both = await polluxToEnd(['replay', token!, moved, bad, '--trace', trace]);
    expect(both.stdout).toBe(again.stdout);
    expect(readFileSync(trace, 'utf8')).toMatch(/^asks -> sock_send/m);
    const other = await polluxToEnd(['replay', token!, good]);
    expect(other).toMatchObject({ code: 2, stdout: '' });
    expect(other.stderr).toMatch(
      /made with another .*bad\.wasm, or another .*asks\.wasm: its hash/,
    );
  },
  LIMIT_MS,
);

test(
  'pollux simulate of a client has a server listen where it connects to, in threads of seeds too',
  async () => {
    const args = ['--connect', LISTEN[0]!, '--with', good, '--seeds', '40', '--profile', 'calm'];
    const { code, stderr } = await polluxToEnd(['simulate', asking, ...args, '--jobs', '2']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^40 runs, /m);
    const lone = await polluxToEnd(['simulate', asking, '--with-input', asking]);
    expect(lone).toMatchObject({ code: 2, stdout: '' });
    expect(lone.stderr).toMatch(/--with-input is what the guests of --with read/);
  },
  LIMIT_MS,
);
