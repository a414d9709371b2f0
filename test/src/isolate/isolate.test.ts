/**
 * What a guest in a process of its own can reach when it has taken over V8: nothing. Each attempt is
 * shown to succeed where the restrictions are switched off, so that a refusal means something.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { guestFile, root, textOf } from '../../harness.js';
import { folder, killed, nodeServer } from '../started.js';

type Restriction = 'restrictThreads' | 'filterCalls';
type Results = Record<string, number>;

/** Only root can do these at all. */
const ROOTS = new Set(['load into the kernel (bpf)', 'change the root', 'trace the parent']);
/** Of threads, which are no attempts. */
const COUNTS = new Set(['threads', 'inThreads', 'scheduling']);
const addon = join(root, `prebuilds/linux-${process.arch}/pollux.node`);
const attack = join(root, 'dist/test/attack.node');
const isRoot = process.getuid!() === 0;

beforeAll(() => {
  const headers = join(root, 'node_modules/node-api-headers/include');
  const source = join(root, 'test/src/isolate/attack.c');
  const flags = ['-shared', '-fPIC', '-D_GNU_SOURCE', '-O1', `-I${headers}`];
  execFileSync('cc', [...flags, '-o', attack, source]);
});

async function abstractServer(): Promise<string> {
  const name = `pollux-test-${process.pid}-${Math.random()}`;
  const server = createServer((socket) => void socket.destroy()).listen(`\0${name}`);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return name;
}

/** What the attacks came to, with these restrictions in force, and the output of execve. */
async function struck(restrictions: Restriction[]): Promise<{ results: Results; rest: string }> {
  const { address } = await nodeServer((socket) => void socket.destroy());
  const settings = {
    attack,
    addon,
    folder: folder(),
    port: Number(address.split(':')[1]),
    abstract: await abstractServer(),
    restrictions,
    // A thread that the filter lets open nothing shows nothing of Landlock.
    inThreads: !restrictions.includes('filterCalls'),
  };
  const hostile = readFileSync(join(root, 'test/src/isolate/hostile.cjs'), 'utf8');
  const file = join(folder(), 'hostile.cjs');
  writeFileSync(file, `const settings = ${JSON.stringify(settings)};\n${hostile}`);
  const args = ['run', '--isolate', 'process', '--listen', '127.0.0.1:0', guestFile('stdio')];
  const child = killed(
    spawn(process.execPath, [join(root, 'dist/src/cli.js'), ...args], {
      env: { ...process.env, POLLUX_ADDON: file },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  const [first = '', ...rest] = stdout.split('\n');
  expect(first, stderr).toMatch(/^\{/);
  return { results: JSON.parse(first) as Results, rest: rest.join('\n') };
}

/** The names of the attempts that did not fail. */
const succeeded = (results: Results) =>
  Object.entries(results).flatMap(([name, result]) =>
    result >= 0 && !COUNTS.has(name) ? [name] : [],
  );

describe('what has taken over the process of a guest', () => {
  test('can do all of it where nothing is restricted', async () => {
    const { results, rest } = await struck([]);
    const { threads, inThreads: opened, scheduling: _, ...attempts } = results;
    const failed = Object.entries(attempts).filter(([, result]) => result < 0);
    expect(failed.filter(([name]) => isRoot || !ROOTS.has(name))).toEqual([]);
    expect(threads).toBeGreaterThan(4);
    expect(opened).toBe(threads! * 1000);
    expect(rest).toBe('executed\n');
  });

  test('can do none of it where it is isolated', async () => {
    const { results, rest } = await struck(['restrictThreads', 'filterCalls']);
    expect(succeeded(results)).toEqual([]);
    expect(results['scheduling']).toBe(0);
    expect(rest).toBe('');
  });

  test('can do none of it where Linux lacks Landlock, by the filter alone', async () => {
    const { results, rest } = await struck(['filterCalls']);
    expect(succeeded(results)).toEqual([]);
    expect(rest).toBe('');
  });

  test('reaches no file, no other process and no connection by Landlock alone, in no thread', async () => {
    const { results } = await struck(['restrictThreads']);
    const { threads, inThreads } = results;
    expect(inThreads).toBe(threads);
    for (const name of [
      'open a file',
      'open a file by openat2',
      'open a file by fs',
      'write a file',
      'make a directory',
      'list a directory by fs',
      "read the parent's memory",
      'connect by TCP',
      'listen by TCP',
      'connect to an abstract socket',
      'start a process',
      'trace the parent',
      'signal the parent',
      'signal a thread of the parent',
      "take the parent's descriptors",
    ])
      expect([name, results[name]! < 0]).toEqual([name, true]);
  });
});
