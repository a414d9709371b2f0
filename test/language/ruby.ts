/**
 * The Ruby of npm as a command. It comes as a library for JavaScript: what it asks of that is
 * answered by functions that trap, and a `_start` is put before it that loads the script which the
 * environment names, MAIN. All are merged to one module.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { wat } from '../harness.js';

const VALUE_TYPES: Record<number, string> = { 0x7f: 'i32', 0x7e: 'i64', 0x7d: 'f32', 0x7c: 'f64' };
const ARGUMENTS = ['ruby', '-EUTF-8', '-e_=0'];
const PROGRAM = `
begin
  load ENV.fetch('MAIN')
rescue SystemExit => error
  code = error.status
rescue Exception => error
  STDERR.puts error.full_message(highlight: false)
  code = 1
end
STDOUT.flush
exit!(code || 0)`;

interface Imported {
  module: string;
  name: string;
  params: string[];
  results: string[];
}

/** The functions that a binary imports, with their types. */
function importsOf(bytes: Uint8Array): Imported[] {
  let at = 8;
  const byte = () => bytes[at++]!;
  const leb = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const next = byte();
      value += (next & 127) * shift;
      if (next < 128) return value;
    }
  };
  const list = <T>(read: () => T): T[] => Array.from({ length: leb() }, read);
  const text = () => new TextDecoder().decode(Uint8Array.from(list(byte)));
  const valueTypes = () => list(() => VALUE_TYPES[byte()]!);
  let types: { params: string[]; results: string[] }[] = [];
  while (at < bytes.length) {
    const id = byte();
    const end = leb() + at;
    if (id === 1)
      types = list(() => {
        byte(); // 0x60: a function
        return { params: valueTypes(), results: valueTypes() };
      });
    // All of them are functions: Ruby defines its memory and its table itself.
    if (id === 2)
      return list(() => {
        const [module, name] = [text(), text()];
        byte();
        return { module, name, ...types[leb()]! };
      });
    at = end;
  }
  return [];
}

/** What a handle stands for is the handle; all else traps. */
function answer({ module, name, params, results }: Imported): string {
  const body = module === 'canonical_abi' && results.length > 0 ? 'local.get 0' : 'unreachable';
  return `(func (export ${JSON.stringify(name)})
    (param ${params.join(' ')}) (result ${results.join(' ')}) ${body})`;
}

/** Puts a string into memory of Ruby's, at the local `at`. */
function put(text: string): string {
  const bytes = [...Buffer.from(`${text}\0`)];
  const stores = bytes.map(
    (byte, i) => `(i32.store8 offset=${i} (local.get $at) (i32.const ${byte}))`,
  );
  return `(local.set $at ${allocate(bytes.length)}) ${stores.join('\n')}`;
}
const allocate = (bytes: number) =>
  `(call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const ${bytes}))`;

const start = `(module
  (import "ruby" "memory" (memory 0))
  (import "ruby" "_initialize" (func $initialize))
  (import "ruby" "cabi_realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()" (func $init (param i32 i32)))
  (import "ruby" "ruby-init-loadpath: func() -> ()" (func $loadpath))
  (import "ruby"
    "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $eval (param i32 i32) (result i32)))
  (func (export "_start") (local $at i32) (local $list i32)
    (call $initialize)
    (local.set $list ${allocate(ARGUMENTS.length * 8)})
    ${ARGUMENTS.map(
      (text, i) => `${put(text)}
        (i32.store offset=${i * 8} (local.get $list) (local.get $at))
        (i32.store offset=${i * 8 + 4} (local.get $list) (i32.const ${text.length}))`,
    ).join('\n')}
    (call $init (local.get $list) (i32.const ${ARGUMENTS.length}))
    (call $loadpath)
    ${put(PROGRAM)}
    (drop (call $eval (local.get $at) (i32.const ${PROGRAM.length})))
    unreachable))`;

/** Makes `file` of the library; `root` is that of the project, where the linker is. */
export function makeRuby(library: string, file: string, root: string): void {
  const needed = importsOf(readFileSync(library)).filter(
    ({ module }) => module !== 'wasi_snapshot_preview1',
  );
  const parts = [`${file}.start`, 'start', library, 'ruby'];
  writeFileSync(`${file}.start`, wat(start));
  for (const name of new Set(needed.map(({ module }) => module))) {
    const functions = needed.filter(({ module }) => module === name).map(answer);
    writeFileSync(`${file}.${name}`, wat(`(module ${functions.join('\n')})`));
    parts.push(`${file}.${name}`, name);
  }
  const linker = `${root}node_modules/binaryen/bin/wasm-merge`;
  if (!existsSync(linker)) throw new Error(`${linker}, which AssemblyScript brings, is missing`);
  const options = ['--all-features', '--rename-export-conflicts'];
  execFileSync(process.execPath, [linker, ...parts, ...options, '-o', file]);
}
