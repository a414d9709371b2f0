/**
 * Changes the memory section of a WebAssembly binary and nothing else: it writes a maximum into it,
 * so that memory.grow beyond that fails inside of the guest, or makes the memory a shared one.
 * https://webassembly.github.io/spec/core/binary/modules.html
 */
import { UsageError } from '../host/kernel/error.js';

const PAGE_BYTES = 65536;
const MOST_PAGES = 65536;
const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;
const START_SECTION = 8;
const HAS_MAXIMUM = 1;
const IS_SHARED = 2;
const IS_64_BIT = 4;

/**
 * The binary, with its memory's maximum lowered to `mebibytes`. Throws `UsageError` if it starts
 * with more.
 */
export function limitMemory(bytes: Uint8Array, mebibytes: number): Uint8Array {
  const limitPages = Math.min(Math.floor((mebibytes * 2 ** 20) / PAGE_BYTES), MOST_PAGES);
  return withMemory(bytes, (reader) => limitedSection(reader, limitPages, mebibytes));
}

/** The binary, with a memory that can grow by at most `pages`. */
export function limitGrowth(bytes: Uint8Array, pages: number): Uint8Array {
  return withMemory(bytes, (reader) => {
    const { flags, minimum, maximum } = limitsOf(reader, 'refusing to let memory grow');
    const most = Math.min(maximum, minimum + pages);
    return Uint8Array.of(1, flags | HAS_MAXIMUM, ...leb(minimum), ...leb(most));
  });
}

/** The binary, with a memory that threads can share. Throws `UsageError` if it has another kind. */
export function shareMemory(bytes: Uint8Array): Uint8Array {
  return withMemory(bytes, (reader) => {
    const { minimum, maximum } = limitsOf(reader, 'sharing a world');
    const pages = Math.min(maximum, MOST_PAGES);
    return Uint8Array.of(1, HAS_MAXIMUM | IS_SHARED, ...leb(minimum), ...leb(pages));
  });
}

/** True if code of its own runs while it is instantiated. */
export function hasStartFunction(bytes: Uint8Array): boolean {
  const reader = new Reader(bytes, HEADER_BYTES);
  while (!reader.done) {
    if (reader.byte() === START_SECTION) return true;
    const length = reader.leb();
    reader.at += length;
  }
  return false;
}

/** The binary, with its memory section replaced. */
function withMemory(bytes: Uint8Array, replaced: (reader: Reader) => Uint8Array): Uint8Array {
  const reader = new Reader(bytes, HEADER_BYTES);
  while (!reader.done) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.leb();
    const end = reader.at + length;
    if (id === MEMORY_SECTION && length > 1) {
      const body = replaced(reader);
      return concatenate([
        bytes.subarray(0, start),
        Uint8Array.of(MEMORY_SECTION, ...leb(body.length)),
        body,
        bytes.subarray(end),
      ]);
    }
    reader.at = end;
  }
  return bytes;
}

/** The limits of the one memory of a section, in pages. */
function limitsOf(
  reader: Reader,
  what: string,
): { flags: number; minimum: number; maximum: number } {
  const count = reader.leb();
  const flags = reader.byte();
  const minimum = reader.leb();
  const maximum = flags & HAS_MAXIMUM ? reader.leb() : Infinity;
  if (count === 1 && !(flags & IS_64_BIT)) return { flags, minimum, maximum };
  throw new UsageError(
    `${what} works for guests with one memory of 32 bits, and this one has another kind`,
  );
}

function limitedSection(reader: Reader, limitPages: number, mebibytes: number): Uint8Array {
  const { flags, minimum, maximum } = limitsOf(reader, 'a memory limit');
  if (minimum > limitPages) {
    const need = Math.ceil((minimum * PAGE_BYTES) / 2 ** 20);
    throw new UsageError(
      `the guest starts with ${need} MiB of memory, ` +
        `which is more than the limit of ${mebibytes} MiB`,
    );
  }
  const pages = Math.min(maximum, limitPages);
  return Uint8Array.of(1, flags | HAS_MAXIMUM, ...leb(minimum), ...leb(pages));
}

class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.at++]!;
  }

  /**
   * An unsigned LEB128 of at most 32 bits; the binary was compiled before, so it is well formed.
   */
  leb(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.byte();
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  }
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

function concatenate(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
