/** What load() takes, and what it refuses with a sentence that says why. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { load, UsageError } from 'pollux';
import { expect, test } from 'vitest';

import { guestFile, root, wasmFile, wat } from '../harness.js';

const file = guestFile('stdio');
const bytes = readFileSync(file);

test.each([
  ['a path', file, 'stdio.wasm'],
  ['a URL', pathToFileURL(file), 'stdio.wasm'],
  ['its bytes', new Uint8Array(bytes), 'guest'],
  ['a Buffer', bytes, 'guest'],
  ['a compiled module', new WebAssembly.Module(bytes), 'guest'],
])('a guest is loaded from %s', async (_, source, name) => {
  const guest = await load(source);
  expect(guest.kind).toBe('command');
  expect(guest.name).toBe(name);
  expect(guest.module).toBeInstanceOf(WebAssembly.Module);
});

test('a module that exports turn is a reactor', async () => {
  expect((await load(wasmFile('echo-reactor'))).kind).toBe('reactor');
});

const memory = '(memory (export "memory") 1)';
const start = '(func (export "_start"))';
const fromWasi = (name: string, type = '(func)') =>
  wat(`(module (import "wasi_snapshot_preview1" "${name}" ${type}) ${memory} ${start})`);

test.each([
  ['a missing file', `${root}no/such.wasm`, /such\.wasm cannot be read: ENOENT/],
  ['a folder', root, /cannot be read: EISDIR/],
  ['a URL that is no file', new URL('http://127.0.0.1/guest.wasm'), /cannot be read/],
  [
    'a file that is no WebAssembly',
    `${root}package.json`,
    /package\.json is not a WebAssembly module/,
  ],
  ['no bytes at all', new Uint8Array(0), /the guest is not a WebAssembly module/],
  ['a truncated module', bytes.subarray(0, bytes.length >> 1), /is not a WebAssembly module/],
  [
    'an unknown function of WASI',
    fromWasi('sock_teleport'),
    /imports the function wasi_snapshot_preview1\.sock_teleport, which/,
  ],
  [
    'an unknown function of module pollux',
    wat(`(module (import "pollux" "epoll_teleport" (func)) ${memory} ${start})`),
    /imports the function pollux\.epoll_teleport, which Pollux does not provide: it provides the functions of wasi_snapshot_preview1 and pollux/,
  ],
  [
    'a function of another module than it is of',
    wat(`(module (import "pollux" "fd_read" (func)) ${memory} ${start})`),
    /imports the function pollux\.fd_read, which/,
  ],
  [
    'a reactor with signals',
    wat(
      `(module (import "pollux" "signal_arm" (func (param i32 i32) (result i32))) ${memory} (func (export "turn")))`,
    ),
    /is a reactor and imports pollux\.signal_arm, which a command can have only/,
  ],
  [
    'a name that every object has',
    fromWasi('toString'),
    /imports the function wasi_snapshot_preview1\.toString, which/,
  ],
  [
    'a global of WASI',
    fromWasi('fd_read', '(global i32)'),
    /imports the global wasi_snapshot_preview1\.fd_read, which/,
  ],
  [
    'another module',
    wat(`(module (import "env" "log" (func)) ${memory} ${start})`),
    /imports the function env\.log, which/,
  ],
  [
    'an imported memory',
    wat('(module (import "env" "memory" (memory 1)))'),
    /imports the memory env\.memory, which/,
  ],
  ['no memory', wat(`(module ${start})`), /does not export its memory/],
  [
    'a memory that is a function',
    wat('(module (func (export "memory")))'),
    /does not export its memory/,
  ],
  [
    'neither _start nor turn',
    wat(`(module ${memory} (func (export "main")))`),
    /exports neither _start .* nor turn/,
  ],
  [
    'a _start that is no function',
    wat(`(module ${memory} (global (export "_start") i32 (i32.const 1)))`),
    /exports neither _start/,
  ],
])('%s is refused with a sentence', async (_, source, sentence) => {
  const failure = load(source);
  await expect(failure).rejects.toThrow(sentence);
  await expect(failure).rejects.toBeInstanceOf(UsageError);
});
