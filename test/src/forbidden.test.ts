/**
 * Where io_uring is forbidden by a filter of system calls, as containers have it, everything works
 * without it.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { addressOf, exchange, root, textOf } from '../harness.js';
import { linuxEngines } from '../host/asynchronous.js';
import { compiled, killed } from './started.js';

const forbidding = compiled('src/forbid.c');

/** What containers answer (EPERM), and kernels without it (ENOSYS). */
const { EPERM, ENOSYS } = constants.errno;

/** A program, with io_uring forbidden by this errno, or not. */
function run(errno: number | undefined, program: string[], env: NodeJS.ProcessEnv = {}) {
  const forbid = errno === undefined ? [] : [forbidding(), String(errno)];
  const [name, ...args] = [...forbid, ...program];
  return killed(spawn(name!, args, { env: { ...process.env, ...env } }));
}

/** The echo server of a model. */
const echo = (model: string) => {
  const server = ['echo', '--listen', '127.0.0.1:0', '--model', model];
  return [process.execPath, join(root, 'dist/src/cli.js'), ...server];
};

const ringsOf = (pid: number) =>
  readdirSync(`/proc/${pid}/fd`)
    .map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    })
    .filter((target) => target === 'anon_inode:[io_uring]').length;

describe.each([
  ['EPERM', EPERM],
  ['ENOSYS', ENOSYS],
])('io_uring forbidden by %s', (_name, errno) => {
  test.each(['async', 'epoll', 'poll'])('the echo server of model %s', async (model) => {
    const server = run(errno, echo(model));
    const address = await addressOf(server);
    const bytes = randomBytes(100_000);
    const echoes = await Promise.all([1, 2, 3, 4].map(() => exchange(address, bytes)));
    for (const each of echoes) expect(each.equals(bytes)).toBe(true);
    expect(ringsOf(server.pid!)).toBe(0);
  });

  test('who insists on it is told so in one sentence', async () => {
    const server = run(errno, echo('async'), { POLLUX_ASYNC: 'uring' });
    const [said, [code]] = await Promise.all([textOf(server.stderr), once(server, 'exit')]);
    expect(said).toMatch(/^[^\n]*asynchronous I\/O by io_uring cannot be had: E[A-Z]+[^\n]*\n$/);
    expect(code).not.toBe(0);
  });

  test('the load of the benchmark is made by epoll', async () => {
    const address = await addressOf(run(errno, echo('poll')));
    const flags = ['--json', '--seconds=0.2', '--warmup=0', `--connect=${address}`];
    const load = run(errno, [join(root, 'dist/bench/load'), ...flags]);
    const [out, [code]] = await Promise.all([textOf(load.stdout), once(load, 'exit')]);
    expect(out).toContain('{"engine":"epoll",');
    expect(code).toBe(0);
  });
});

test.skipIf(!linuxEngines.includes('io_uring'))('io_uring is used where it is not', async () => {
  // From version 22 on Node's own event loops have rings too, whatever the model.
  const [own, rings] = await Promise.all(
    ['poll', 'async'].map(async (model) => {
      const server = run(undefined, echo(model));
      const address = await addressOf(server);
      expect((await exchange(address, 'hello')).toString()).toBe('hello');
      return ringsOf(server.pid!);
    }),
  );
  expect(rings! - own!).toBe(1);
});
