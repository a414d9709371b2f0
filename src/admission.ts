/**
 * Admits a module as a guest: it is checked for what it needs before anything runs. What Pollux
 * does not provide is refused here with a sentence that names it, never answered with a stub.
 */
import * as pollux from '../host/ext/imports.js';
import { UsageError } from '../host/kernel/error.js';
import * as preview1 from '../host/wasi/p1/imports.js';
import type { Guest, GuestKind } from './guest.js';

/** The modules that a guest may import from, and the functions of each. */
export const providedModules = new Map(
  [preview1, pollux].map(({ MODULE, parameters }) => [MODULE, new Set(Object.keys(parameters))]),
);

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
export function guestOf(
  name: string,
  module: WebAssembly.Module,
  bytes: Uint8Array | undefined,
): Guest {
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
