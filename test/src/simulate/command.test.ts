/** `pollux simulate` and `pollux replay`, as a person calls them. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseToken } from 'pollux/simulate';
import { afterAll, describe, expect, test } from 'vitest';

import { guestFile, pollux, polluxToEnd, textOf, wasmFile } from '../../harness.js';
import { echoing, expectsWhole, guestOf, LISTEN } from './guests.js';

const folder = mkdtempSync(join(tmpdir(), 'pollux-simulate-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const good = file('good.wasm', (await guestOf(echoing())).bytes!);
const bad = file('bad.wasm', (await guestOf(expectsWhole)).bytes!);
const small = ['--listen', LISTEN[0]!, '--world', 'echo', '--clients', '3', '--messages', '3'];
const LIMIT_MS = 60_000;

describe('pollux simulate', () => {
  test.each([[[]], [['--jobs', '2']], [['--paranoid']], [['--profile', 'swarm']]])(
    'of a good guest ends with 0, and says what it did, %j',
    async (flags) => {
      const { code, stdout, stderr } = await polluxToEnd([
        'simulate',
        good,
        '--seeds',
        '40',
        ...small,
        ...flags,
      ]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
      expect(stderr).toMatch(/^40 runs, .*\/s: .* calls, .* s of virtual time, .* faults, /m);
    },
    LIMIT_MS,
  );

  test.each([[[]], [['--jobs', '2']], [['--exhaustive', '1']]])(
    'of a bad guest ends with 1 and a token that replays, %j',
    async (flags) => {
      const { code, stdout } = await polluxToEnd([
        'simulate',
        bad,
        '--seeds',
        '400',
        ...small,
        ...flags,
      ]);
      expect(code).toBe(1);
      expect(stdout).toMatch(/^bad\.wasm fails.*: the guest trapped$/m);
      const [, token] = /npx pollux replay (\S+)$/m.exec(stdout) ?? [];
      const again = await polluxToEnd(['replay', token!]);
      expect(again.code).toBe(1);
      expect(again.stdout).toMatch(/^the guest trapped: unreachable$/m);
    },
    LIMIT_MS,
  );

  test(
    'finds the same failure with several jobs as with one',
    async () => {
      const run = ['simulate', bad, '--seeds', '400', ...small];
      const { stdout } = await polluxToEnd(run);
      expect(stdout).toMatch(/fails with seed/);
      expect((await polluxToEnd([...run, '--jobs', '3'])).stdout).toBe(stdout);
    },
    LIMIT_MS,
  );

  test(
    'tries all schedules with one fault, and with two, which alone find this bug',
    async () => {
      const canary = ['simulate', guestFile('canary/half-close'), '--listen', '127.0.0.1:9000'];
      const world = ['--world', 'echo', '--clients', '1', '--messages', '1', '--seeds', '100000'];
      const one = await polluxToEnd([...canary, ...world, '--exhaustive', '1']);
      expect(one).toMatchObject({ code: 0, stdout: '' });
      const [, runs, known] = /^([\d,]+) of ([\d,]+) runs, /m.exec(one.stderr) ?? [];
      expect(known).toBe(runs);
      expect(Number(runs)).toBeGreaterThan(50);
      const two = await polluxToEnd([...canary, ...world, '--exhaustive', '2']);
      expect(two.code).toBe(1);
      expect(two.stdout).toMatch(/^faults: 2 of 2\n.*client 1\/ahead.*\n.*net\/1.server\/short/m);
      expect(two.stderr).toMatch(/^[\d,]+ of [\d,]+ runs, /m);
      const [, token] = /npx pollux replay (\S+)$/m.exec(two.stdout) ?? [];
      expect((await polluxToEnd(['replay', token!])).code).toBe(1);
    },
    LIMIT_MS,
  );

  test('stops at Ctrl-C, with what it has done so far', async () => {
    const child = pollux(
      'simulate',
      wasmFile('echo-epoll'),
      '--world',
      'echo',
      '--seeds',
      '9999999',
    );
    const said = textOf(child.stderr!);
    setTimeout(() => child.kill('SIGINT'), 1500);
    const [code] = await once(child, 'exit');
    expect(code).toBe(130);
    expect(await said).toMatch(/ runs, [^]*interrupted: until then no run has failed\n$/);
  });

  test('takes a world from a file, with its properties', async () => {
    const world = file(
      'world.mjs',
      `export function world(cast) {
        cast.actor('one', function* (me) {
          const connection = yield* me.connect('127.0.0.1:9000');
          yield* connection.send('hello');
          yield* connection.receiveExactly(5);
          connection.close();
        });
      }
      export function eventually({ calls }) { if (calls > 2) throw new Error('too many calls'); }`,
    );
    const flags = ['--listen', LISTEN[0]!, '--profile', 'calm', '--world', world];
    const { code, stdout } = await polluxToEnd(['simulate', good, ...flags]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/what had to be in the end was not\n {2}too many calls\n/);
    const [, token] = /npx pollux replay (\S+)$/m.exec(stdout)!;
    expect((await polluxToEnd(['replay', token!])).stdout).toMatch(/too many calls/);
    writeFileSync(world, `${readFileSync(world, 'utf8')}\n`);
    const changed = await polluxToEnd(['replay', token!]);
    expect(changed).toMatchObject({ code: 2, stdout: '' });
    expect(changed.stderr).toMatch(/world\.mjs has changed since the token was made/);
  });

  test('gives the guest a poller, few descriptors, and pipes to the actors of a world', async () => {
    const world = file(
      'pipes.mjs',
      `export const pipes = true;
      export function world(cast) {
        cast.actor('one', function* (me) {
          const connection = yield* me.connect('127.0.0.1:9000');
          yield* connection.send('hello');
          yield* connection.receiveExactly(5);
          me.stdin.close();
          connection.close();
        });
      }`,
    );
    const guest = [wasmFile('echo-poll'), '--profile', 'calm', '--seeds', '2', '--world', world];
    const flags = ['--listen', '127.0.0.1:9000', '--poller', 'select'];
    const run = ['simulate', ...guest, ...flags];
    expect(await polluxToEnd(run)).toMatchObject({ code: 0, stdout: '' });
    const tight = await polluxToEnd([...run, '--max-descriptors', '4']);
    expect(tight.code).toBe(1);
    const [, token] = /npx pollux replay (\S+)$/m.exec(tight.stdout)!;
    expect(parseToken(token!).options).toMatchObject({
      poller: 'select',
      maxDescriptors: 4,
      pipes: true,
    });
    expect((await polluxToEnd(['replay', token!])).code).toBe(1);
  });

  test('says in a sentence what is wrong with what it was given', async () => {
    const sentences: [string[], RegExp][] = [
      [['simulate', join(folder, 'none.wasm')], /none\.wasm cannot be read/],
      [['simulate', good, '--world', join(folder, 'none.mjs')], /none\.mjs cannot be loaded/],
      [['simulate', join(folder, 'none.wasm'), '--jobs', '2'], /none\.wasm cannot be read/],
      [['simulate', good, '--jobs', '2', '--world', 'none.mjs'], /none\.mjs cannot be loaded/],
      [['simulate', good, '--listen', 'fd:3'], /"fd:3" is not on the simulated network/],
      [['simulate', good, '--poll', 'never'], /level, edge/],
      [['simulate', good, '--profile', 'stormy'], /calm, linux, posix, swarm/],
      [['simulate', good, '--jobs', '2', '--exhaustive', '1'], /leave out --jobs/],
      [['simulate', good, '--seeds', '0'], /must be 1 or more/],
      [['replay', 'pollux1.x'], /is no whole token/],
    ];
    for (const [args, sentence] of sentences) {
      const { code, stdout, stderr } = await polluxToEnd(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(sentence);
    }
  }, 60_000);
});

describe('pollux replay', () => {
  test('refuses another guest, and says so', async () => {
    const { stdout } = await polluxToEnd(['simulate', bad, '--seeds', '400', ...small]);
    const [, token] = /npx pollux replay (\S+)$/m.exec(stdout)!;
    const { code, stderr } = await polluxToEnd(['replay', token!, '--guest', good]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/the token was made with another .*bad\.wasm: its hash was/);
  });

  test('writes what happened to a file', async () => {
    const { stdout } = await polluxToEnd(['simulate', bad, '--seeds', '400', ...small]);
    const [, token] = /npx pollux replay (\S+)$/m.exec(stdout)!;
    const trace = join(folder, 'trace.txt');
    expect((await polluxToEnd(['replay', token!, '--trace', trace])).code).toBe(1);
    expect(readFileSync(trace, 'utf8')).toContain('sock_recv(fd=4');
  });
});
