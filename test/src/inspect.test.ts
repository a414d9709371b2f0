/** `pollux inspect`: what a module needs, and whether the line that it prints runs the guest. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { addressOf, exchange, polluxToEnd, root, wasmFile, wat } from '../harness.js';
import { folder, killed } from './started.js';

const written = (name: string, bytes: Uint8Array): string => {
  const file = join(folder(), name);
  writeFileSync(file, bytes);
  return file;
};
const inspected = async (file: string) => {
  const { code, stdout } = await polluxToEnd(['inspect', '--json', file]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
};

test('the echo guest needs a listener, and the line that is printed runs it', async () => {
  const file = wasmFile('echo-poll');
  const { stdout } = await polluxToEnd(['inspect', file]);
  expect(stdout).toContain('can make use of, at most: a listener\n');
  expect(stdout).toMatch(/imports of wasi_snapshot_preview1: .*poll_oneoff/);
  const [, line = ''] = /^run it by: pollux (.*)$/m.exec(stdout) ?? [];
  expect(line).toBe(`run --listen 127.0.0.1:9000 ${file}`);
  const args = line.replace(':9000', ':0').split(' ');
  const child = killed(spawn(process.execPath, ['dist/src/cli.js', ...args], { cwd: root }));
  expect((await exchange(await addressOf(child), 'hello')).toString()).toBe('hello');
});

test('a client needs a connection, an asynchronous server a listener', async () => {
  expect(await inspected(wasmFile('client'))).toMatchObject({ capabilities: ['a connection'] });
  expect(await inspected(wasmFile('echo-async'))).toMatchObject({
    kind: 'command',
    capabilities: ['a listener'],
    exports: [
      { name: 'memory', kind: 'memory' },
      { name: '_start', kind: 'function' },
    ],
  });
});

test('a reactor is one, and a guest with files is told of directories', async () => {
  expect(await inspected(wasmFile('echo-reactor'))).toMatchObject({ kind: 'reactor' });
  const opens = wat(`(module
    (import "wasi_snapshot_preview1" "path_open"
      (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 3 7)
    (func (export "_start")))`);
  const file = written('opens it.wasm', opens);
  expect(await inspected(file)).toMatchObject({
    capabilities: ['directories'],
    memory: { minimum: 3 * 65536, maximum: 7 * 65536 },
    command: `pollux run --dir .::/ '${file}'`,
  });
});

test('what Pollux does not provide is named, and nothing is said of how to run it', async () => {
  const file = written(
    'other.wasm',
    wat('(module (import "env" "launch" (func)) (memory (export "memory") 1))'),
  );
  const { code, stdout } = await polluxToEnd(['inspect', file]);
  expect(code).toBe(0);
  expect(stdout).toContain('other.wasm imports the function env.launch');
  expect(stdout).toContain('not provided: launch (function)');
  expect(stdout).not.toContain('run it by');
});

test('what is no module is refused in a sentence', async () => {
  const component = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
  for (const [file, sentence] of [
    ['package.json', 'package.json is not a WebAssembly module'],
    ['nowhere.wasm', 'nowhere.wasm cannot be read'],
    [written('component.wasm', component), 'is a component (WASI 0.2)'],
  ] as const) {
    const { code, stderr } = await polluxToEnd(['inspect', file]);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  }
});
