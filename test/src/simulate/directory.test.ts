/** The directories of a simulated guest: where they come from, and what becomes of them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  check,
  CheckError,
  Link,
  load,
  parseToken,
  simulate,
  type SimulateOptions,
} from 'pollux/simulate';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';

import { guestFile, polluxToEnd } from '../../harness.js';

const copy = await load(guestFile('copy'));
const scratch = mkdtempSync(join(tmpdir(), 'pollux-simulate-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const folder = join(scratch, 'data');
const calm: SimulateOptions = { profile: 'calm' };
const textOf = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'sub'), { recursive: true });
  writeFileSync(join(folder, 'in'), 'text');
  writeFileSync(join(folder, 'sub', 'bytes'), new Uint8Array([255, 0]));
  symlinkSync('sub/bytes', join(folder, 'link'));
});

describe('a directory of this machine', () => {
  test('is copied, and never written to', () => {
    const run = simulate(copy, { ...calm, dirs: { '/data': folder } });
    expect(run.failure).toBeUndefined();
    expect(run.stdout).toBe('in\nlink\nsub\nout\n');
    expect(textOf(run.disk.read('/data/out'))).toBe('text');
    expect(run.disk.read('/data/link')).toEqual(new Uint8Array([255, 0]));
    expect(run.disk.list('/data')).toEqual(['in', 'link', 'out', 'sub']);
    expect(readdirSync(folder).sort()).toEqual(['in', 'link', 'sub']);
  });

  test('can be one that the guest only reads', () => {
    const run = simulate(copy, { ...calm, dirs: { '/data': { path: folder, readOnly: true } } });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('/data/out: ');
    expect(run.disk.list('/data')).not.toContain('out');
  });

  test('that cannot be copied is refused, and so is what does not fit', () => {
    const dirs = { '/data': folder };
    expect(() => simulate(copy, { dirs: { '/data': join(folder, 'none') } })).toThrow(/ENOENT/);
    expect(() => simulate(copy, { dirs, diskBytes: 4096 })).toThrow(/make it larger/);
    expect(() => simulate(copy, { dirs: { '': folder } })).toThrow(/no name for the guest/);
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    expect(() => simulate(copy, { dirs })).toThrow(/fifo is neither a file nor a directory/);
  });

  test('decides the hash of a run', () => {
    const hash = () => simulate(copy, { ...calm, dirs: { '/data': folder } }).hash;
    const before = hash();
    expect(hash()).toBe(before);
    writeFileSync(join(folder, 'sub', 'bytes'), new Uint8Array([255, 1]));
    expect(hash()).not.toBe(before);
  });
});

describe('a directory of nowhere', () => {
  const tree = { in: 'more', bytes: new Uint8Array([1, 2]), sub: { up: new Link('../in') } };

  test('has what is said to be in it', () => {
    const run = simulate(copy, { ...calm, dirs: { '/data': { tree } } });
    expect(run.failure).toBeUndefined();
    expect(textOf(run.disk.read('/data/sub/up'))).toBe('more');
    expect(run.disk.read('/data/bytes')).toEqual(tree.bytes);
    expect(textOf(run.disk.read('/data/out'))).toBe('more');
  });

  test.each(['a/b', '', '.', '..', 'a\0'])('has no file of the name "%s"', (name) => {
    const dirs = { '/data': { tree: { sub: { [name]: 'text' } } } };
    expect(() => simulate(copy, { dirs })).toThrow(/is no name of a file/);
  });

  test.each(['', 'a\0'])('has no link to "%s"', (target) => {
    const dirs = { '/data': { tree: { link: new Link(target) } } };
    expect(() => simulate(copy, { dirs })).toThrow(/a symbolic link in a tree/);
  });

  test('is in the token', async () => {
    const dirs = { '/data': { tree: { ...tree, in: '!' } } };
    const error = (await check(copy, { ...calm, dirs }).catch(
      (each: unknown) => each,
    )) as CheckError;
    expect(error.failure.message).toBe('its exit code is 3');
    const replayed = await polluxToEnd(['replay', error.token, '--world', world]);
    expect(replayed.code).toBe(1);
    expect(replayed.stdout).toContain('its exit code is 3');
    expect(parseToken(error.token).dirs).toHaveProperty(['/data']);
  });
});

/** A world without anybody. */
const world = join(scratch, 'world.mjs');
writeFileSync(world, 'export function world() {}\n');

describe('pollux simulate --dir', () => {
  const simulated = (...flags: string[]) =>
    polluxToEnd(['simulate', guestFile('copy'), '--seeds', '5', '--world', world, ...flags]);

  test('gives a copy of a directory', async () => {
    const { code, stdout } = await simulated('--dir', `${folder}::/data`, '--profile', 'calm');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(readdirSync(folder)).not.toContain('out');
    const none = await simulated('--dir', `${folder}/none::/data`);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/^.*the directory .*none cannot be read: ENOENT.*\n$/);
  });

  test('makes tokens that replay, as long as it holds what it held', async () => {
    writeFileSync(join(folder, 'in'), '!');
    const { code, stdout } = await simulated('--dir', `${folder}::/data`, '--disk', '16');
    expect(code).toBe(1);
    const [, token] = /npx pollux replay (\S+)$/m.exec(stdout) ?? [];
    const again = await polluxToEnd(['replay', token!]);
    expect(again.code).toBe(1);
    expect(again.stdout).toContain('its exit code is 3');
    writeFileSync(join(folder, 'in'), '!!');
    const other = await polluxToEnd(['replay', token!]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('does not hold what it held when the token was made');
  });
});

describe('a guest with a directory, in company', () => {
  const { POLLUX_COMPANY } = process.env;
  afterEach(() => {
    if (POLLUX_COMPANY === undefined) delete process.env['POLLUX_COMPANY'];
    else process.env['POLLUX_COMPANY'] = POLLUX_COMPANY;
  });

  test.each([undefined, 'threads'])('goes on while the disk is slow, by %s', (way) => {
    if (way !== undefined) process.env['POLLUX_COMPANY'] = way;
    const dirs = { '/data': { tree: { in: 'text' } } };
    const companions = { other: { guest: copy, exitCodes: [1], awaited: true } };
    const log = [{ label: 'guest/disk/slow', ordinal: 1, alternatives: 4, value: 2 }];
    const run = simulate(copy, { dirs, companions, log });
    expect(run.failure).toBeUndefined();
    expect(textOf(run.disk.read('/data/out'))).toBe('text');
    expect(run.companions['other']!.stderr).toContain('/data/in: ');
    expect(run.virtualNs).toBeGreaterThan(20e6);
  });
});
