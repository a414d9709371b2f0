/**
 * A guest: a WebAssembly module, checked for what it needs before anything runs. What Pollux does
 * not provide is refused here with a sentence that names it, never answered with a stub.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import * as pollux from '../host/ext/imports.js';
import * as preview1 from '../host/wasi/p1/imports.js';
import { UsageError } from '../host/kernel/error.js';
import { limitMemory, limitTables } from './memory-limit.js';

/** The modules that a guest may import from, and the functions of each. */
export const providedModules = new Map(
  [preview1, pollux].map(({ MODULE, parameters }) => [MODULE, new Set(Object.keys(parameters))]),
);

/**
 * A command runs once, from `_start` on; a reactor is called (`turn`) whenever there is something
 * for it to do.
 */
export type GuestKind = 'command' | 'reactor';

export interface Guest {
  readonly name: string;
  readonly kind: GuestKind;
  readonly module: WebAssembly.Module;
  /** The binary, if it is known: a limit on memory is written into it. */
  readonly bytes: Uint8Array | undefined;
  /** Where it was read from, if it was. */
  readonly file: string | undefined;
}

/**
 * Loads a guest from a file (path or URL), from its bytes, or from a compiled module. Throws
 * `UsageError` if it is no WebAssembly, or is no guest for Pollux.
 */
export async function load(source: string | URL | Uint8Array | WebAssembly.Module): Promise<Guest> {
  if (source instanceof WebAssembly.Module) return guestOf('guest', source, undefined);
  if (source instanceof Uint8Array)
    return guestOf('guest', await compile('the guest', source), source);
  const file = String(source);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(source);
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const guest = guestOf(basename(file), await compile(file, bytes), bytes);
  return { ...guest, file };
}

/** The module with its tables limited, and its memory too, to `mebibytes`, if they are given. */
export async function limited(
  guest: Guest,
  mebibytes: number | undefined,
): Promise<WebAssembly.Module> {
  if (!guest.bytes && mebibytes === undefined) return guest.module;
  const bytes = limitedBytes(guest, mebibytes, 'a memory limit');
  return bytes === guest.bytes ? guest.module : await compile(guest.name, bytes);
}

/** The same as a binary. */
export function limitedBytes(
  guest: Guest,
  mebibytes: number | undefined,
  what = 'a guest per process',
): Uint8Array {
  const bytes = limitTables(bytesOf(guest, what));
  return mebibytes === undefined ? bytes : limitMemory(bytes, mebibytes);
}

function bytesOf({ bytes }: Guest, what: string): Uint8Array {
  if (bytes) return bytes;
  throw new UsageError(`${what} needs the bytes of the guest: load it from a file or its bytes`);
}

/** Throws `UsageError` for what is no WebAssembly. */
export async function compile(name: string, bytes: Uint8Array): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    throw new UsageError(`${name} is not a WebAssembly module: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The guest that a module is. Throws `UsageError` if Pollux cannot run it. */
function guestOf(name: string, module: WebAssembly.Module, bytes: Uint8Array | undefined): Guest {
  const found = refusal(name, module);
  if (typeof found === 'string') throw new UsageError(found);
  return { name, kind: found.kind, module, bytes, file: undefined };
}

/** Why a module is no guest, in a sentence, or the kind of guest that it is. */
export function refusal(name: string, module: WebAssembly.Module): string | { kind: GuestKind } {
  for (const { module: from, name: what, kind } of WebAssembly.Module.imports(module)) {
    if (kind === 'function' && providedModules.get(from)?.has(what)) continue;
    return (
      `${name} imports the ${kind} ${from}.${what}, which Pollux does not provide: ` +
      `it provides the functions of ${[...providedModules.keys()].join(' and ')}`
    );
  }
  const exports = new Map(
    WebAssembly.Module.exports(module).map(({ name: what, kind }) => [what, kind]),
  );
  if (exports.get('memory') !== 'memory')
    return `${name} does not export its memory: a WASI guest exports it as "memory"`;
  if (exports.get('turn') === 'function') return commandOnly(name, module) ?? { kind: 'reactor' };
  if (exports.get('_start') === 'function') return { kind: 'command' };
  return (
    `${name} exports neither _start (a command) nor turn (a reactor), ` +
    'so there is nothing to run'
  );
}

/** What a reactor cannot have, in a sentence. */
function commandOnly(name: string, module: WebAssembly.Module): string | undefined {
  for (const { module: from, name: what } of WebAssembly.Module.imports(module)) {
    const reason = from === pollux.MODULE ? pollux.commandOnly.get(what) : undefined;
    if (reason === undefined) continue;
    return (
      `${name} is a reactor and imports ${from}.${what}, ` +
      `which a command can have only: ${reason}`
    );
  }
  return undefined;
}
