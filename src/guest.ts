/** A guest: a WebAssembly module that was admitted (admission.ts), and where it is from. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import { UsageError } from '../host/kernel/error.js';
import { compile, guestOf } from './admission.js';
import { limitMemory, limitTables } from './memory-limit.js';

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
