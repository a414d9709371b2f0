/**
 * `pollux inspect`: what a module imports and exports, which of it Pollux provides, what it could
 * ask to be given, and the line that runs it. Nothing of the module is run.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import type { Command } from 'commander';

import * as pollux from '../host/ext/imports.js';
import { UsageError } from '../host/kernel/error.js';
import * as preview1 from '../host/wasi/p1/imports.js';
import { compile, providedModules, refusal } from './admission.js';
import { memoryOf } from './memory-limit.js';

const MAGIC = 0x6d736100; // "\0asm"
/** In the second half of the version of a binary: 0 a module, 1 a component. */
const COMPONENT_LAYER = 1;
const PAGE_BYTES = 65536;

/** What a guest can be granted, in the order in which a command line names it. */
const capabilities = {
  directory: { name: 'directories', option: '--dir .::/' },
  listener: { name: 'a listener', option: '--listen 127.0.0.1:9000' },
  connection: { name: 'a connection', option: '--connect 127.0.0.1:9000' },
  environment: { name: 'variables of the environment', option: undefined },
} as const;
type Capability = keyof typeof capabilities;

export interface Imported {
  readonly module: string;
  readonly name: string;
  readonly kind: string;
  readonly provided: boolean;
}

/** What a module is; `--json` prints just this. */
export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  /** Undefined: Pollux cannot run it, and `refusal` says why. */
  readonly kind: 'command' | 'reactor' | undefined;
  readonly refusal: string | undefined;
  readonly imports: readonly Imported[];
  readonly exports: readonly { readonly name: string; readonly kind: string }[];
  /** In bytes, at first and at most; undefined: it defines none. */
  readonly memory: { readonly minimum: number; readonly maximum: number | undefined } | undefined;
  /** What it could make use of, by its imports; it may well need less. */
  readonly capabilities: readonly string[];
  /** The command that runs it with all of that. */
  readonly command: string | undefined;
}

/** Throws `UsageError` for what is no WebAssembly module. */
export async function inspect(file: string): Promise<Inspection> {
  const bytes = await readFile(file).catch((error: Error) => {
    throw new UsageError(`${file} cannot be read: ${error.message}`, { cause: error });
  });
  const isWasm = bytes.length >= 8 && bytes.readUInt32LE(0) === MAGIC;
  if (isWasm && bytes.readUInt16LE(6) === COMPONENT_LAYER) {
    throw new UsageError(
      `${file} is a component (WASI 0.2), and Pollux runs modules of WASI preview1: ` +
        'build it for the target wasm32-wasip1',
    );
  }
  const module = await compile(file, bytes);
  const imports = WebAssembly.Module.imports(module).map(({ module: from, name, kind }) => ({
    module: from,
    name,
    kind,
    provided: kind === 'function' && (providedModules.get(from)?.has(name) ?? false),
  }));
  const exports = WebAssembly.Module.exports(module).map(({ name, kind }) => ({ name, kind }));
  const refused = refusal(basename(file), module);
  const wanted = wantedBy(imports);
  const pages = memoryOf(bytes);
  return {
    file,
    bytes: bytes.length,
    kind: typeof refused === 'string' ? undefined : refused.kind,
    refusal: typeof refused === 'string' ? refused : undefined,
    imports,
    exports,
    memory: pages && {
      minimum: pages.minimum * PAGE_BYTES,
      maximum: pages.maximum === Infinity ? undefined : pages.maximum * PAGE_BYTES,
    },
    capabilities: wanted.map((each) => capabilities[each].name),
    command: typeof refused === 'string' ? undefined : commandOf(file, wanted),
  };
}

function wantedBy(imports: readonly Imported[]): Capability[] {
  const found = (Object.keys(capabilities) as Capability[]).filter((each) =>
    [preview1, pollux].some(({ MODULE, granted }) => {
      const names = (granted as Partial<Record<Capability, RegExp>>)[each];
      return imports.some(({ module, name }) => module === MODULE && names?.test(name));
    }),
  );
  // A guest that accepts uses the same functions on what it accepted.
  const accepts = found.includes('listener');
  return found.filter((each) => !(accepts && each === 'connection'));
}

function commandOf(file: string, wanted: readonly Capability[]): string {
  const options = wanted.flatMap((each) => capabilities[each].option ?? []);
  const quoted = /^[\w./+-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`;
  return ['pollux run', ...options, quoted].join(' ');
}

const sizeOf = (bytes: number) =>
  bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function describe(found: Inspection): string[] {
  const { file, bytes, kind, memory, imports, exports } = found;
  const lines = [`${file}: ${kind ?? 'no guest for Pollux'}, ${sizeOf(bytes)}`];
  if (found.refusal !== undefined) lines.push(`refused: ${found.refusal}`);
  if (memory) {
    const most =
      memory.maximum === undefined ? 'without limit' : `at most ${sizeOf(memory.maximum)}`;
    lines.push(`memory: ${sizeOf(memory.minimum)} at first, ${most}`);
  }
  for (const from of new Set(imports.map((each) => each.module))) {
    const here = imports.filter((each) => each.module === from);
    const missing = here.filter((each) => !each.provided);
    lines.push(`imports of ${from}: ${here.map(({ name }) => name).join(', ')}`);
    if (missing.length > 0)
      lines.push(
        `  not provided: ${missing.map(({ name, kind: of }) => `${name} (${of})`).join(', ')}`,
      );
    else lines.push(`  all ${here.length} are provided`);
  }
  if (imports.length === 0) lines.push('imports: none');
  lines.push(`exports: ${exports.map(({ name, kind: of }) => `${name} (${of})`).join(', ')}`);
  const needs = found.capabilities.length > 0 ? found.capabilities.join(', ') : 'nothing';
  lines.push(`can make use of, at most: ${needs}`);
  if (found.command !== undefined) lines.push(`run it by: ${found.command}`);
  return lines;
}

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('say what a module imports and exports, what it may need, and how to run it')
    .argument('<guest.wasm>', 'a WebAssembly module')
    .option('--json', 'print it as JSON')
    .action(async (file: string, { json }: { json?: true }) => {
      const found = await inspect(file);
      const text = json ? JSON.stringify(found, undefined, 2) : describe(found).join('\n');
      process.stdout.write(`${text}\n`);
    });
}
