/**
 * Changes the memory section of a WebAssembly binary, or the tables', and nothing else: it writes a
 * maximum into it, so that memory.grow or table.grow beyond that fails inside of the guest, or
 * makes the memory a shared one.
 * https://webassembly.github.io/spec/core/binary/modules.html
 */
import { UsageError } from '../host/kernel/error.js';
import { joined } from './bytes.js';

const PAGE_BYTES = 65536;
const MOST_PAGES = 65536;
const HEADER_BYTES = 8;
const TABLE_SECTION = 4;
const MEMORY_SECTION = 5;
const START_SECTION = 8;
const HAS_MAXIMUM = 1;
const IS_SHARED = 2;
const IS_64_BIT = 4;
/** Types of references that a type's number follows. */
const TYPED = new Set([0x63, 0x64]);
const INITIALIZED = 0x40;
/** What a first element may be: opcodes that one number follows, and the end. */
const CONSTANTS = new Set([0x23, 0xd0, 0xd2]);
const END = 0x0b;
/** Elements of all tables of a guest: some 32 MiB. Compilers make a few thousand. */
const MOST_ELEMENTS = 1 << 20;

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

/** The limits of the memory that a binary defines, in pages; undefined if it defines none. */
export function memoryOf(bytes: Uint8Array): { minimum: number; maximum: number } | undefined {
  let limits: { minimum: number; maximum: number } | undefined;
  withMemory(bytes, (reader) => {
    limits = limitsOf(reader, 'looking at its memory');
    return new Uint8Array();
  });
  return limits;
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
  return withSection(bytes, MEMORY_SECTION, replaced);
}

/** The binary, with a section replaced unless that is answered undefined. */
function withSection(
  bytes: Uint8Array,
  section: number,
  replaced: (reader: Reader) => Uint8Array | undefined,
): Uint8Array {
  const reader = new Reader(bytes, HEADER_BYTES);
  while (!reader.done) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.leb();
    const end = reader.at + length;
    if (id === section && length > 1) {
      const body = replaced(reader);
      if (!body) return bytes;
      return joined([
        bytes.subarray(0, start),
        Uint8Array.of(section, ...leb(body.length)),
        body,
        bytes.subarray(end),
      ]);
    }
    reader.at = end;
  }
  return bytes;
}

interface Table {
  /** What is before the limits and after them, as it is. */
  before: Uint8Array;
  after: Uint8Array;
  flags: number;
  minimum: number;
  maximum: number;
}

/**
 * The binary, with tables that cannot grow beyond a million elements in all; the same one if they
 * could not anyway. A table lies on the heap of V8, which ends the whole process when it cannot
 * grow. Throws `UsageError` if they begin with more.
 */
export function limitTables(bytes: Uint8Array): Uint8Array {
  return withSection(bytes, TABLE_SECTION, (reader) => {
    const tables = Array.from({ length: reader.leb() }, () => readTable(reader));
    const total = (of: (table: Table) => number) => tables.reduce((sum, each) => sum + of(each), 0);
    if (total(({ maximum }) => maximum) <= MOST_ELEMENTS) return undefined;
    const left = MOST_ELEMENTS - total(({ minimum }) => minimum);
    if (left < 0) {
      throw new UsageError(
        `the guest's tables begin with more than ${MOST_ELEMENTS} elements, which are the most`,
      );
    }
    const share = Math.floor(left / tables.length);
    return joined([
      Uint8Array.of(...leb(tables.length)),
      ...tables.flatMap(({ before, after, flags, minimum, maximum }) => {
        const most = Math.min(maximum, minimum + share);
        const limits = Uint8Array.of(flags | HAS_MAXIMUM, ...leb(minimum), ...leb(most));
        return [before, limits, after];
      }),
    ]);
  });
}

function readTable(reader: Reader): Table {
  const start = reader.at;
  let type = reader.byte();
  const isInitialized = type === INITIALIZED;
  if (isInitialized) {
    reader.byte();
    type = reader.byte();
  }
  if (TYPED.has(type)) reader.leb();
  const before = reader.since(start);
  const flags = reader.byte();
  if (flags & ~(HAS_MAXIMUM | IS_64_BIT)) throw unknown();
  const minimum = reader.leb();
  const maximum = flags & HAS_MAXIMUM ? reader.leb() : Infinity;
  const behind = reader.at;
  if (isInitialized) {
    if (!CONSTANTS.has(reader.byte())) throw unknown();
    reader.leb();
    if (reader.byte() !== END) throw unknown();
  }
  return { before, after: reader.since(behind), flags, minimum, maximum };
}

const unknown = () =>
  new UsageError('the guest has a table of a kind that is not known here, and cannot be limited');

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

  /** What was read from `start` on. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.at);
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
