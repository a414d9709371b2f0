/**
 * Walks through the instructions of a WebAssembly binary, to tell what V8 would run and the
 * simulator cannot repeat: relaxed SIMD, which differs from processor to processor, and threads,
 * whose order nobody has chosen.
 * https://webassembly.github.io/spec/core/binary/instructions.html
 */
import { UsageError } from '../../host/kernel/error.js';
import { HEADER_BYTES, Reader, Section } from './binary.js';

const SHARED = 2;
/** Of the prefix 0xFD, opcodes from here on are those of relaxed SIMD. */
const RELAXED = 0x100;

/** What follows an opcode: `i` an integer (LEB128), `b` a byte, and what `skip` knows beside. */
const immediates = new Map<number, string>();

function define(shape: string, ...opcodes: (number | [number, number])[]): void {
  for (const each of opcodes) {
    const [from, to] = typeof each === 'number' ? [each, each] : each;
    for (let opcode = from; opcode <= to; opcode++) immediates.set(opcode, shape);
  }
}

export const prefixed = (prefix: number, opcode: number) => prefix * 0x10000 + opcode;
const both = (prefix: number, from: number, to = from): [number, number] => [
  prefixed(prefix, from),
  prefixed(prefix, to),
];

// Control, calls, references, variables, tables.
define('', 0x00, 0x01, 0x05, 0x0a, 0x0b, 0x0f, 0x19, 0x1a, 0x1b, 0xd1, 0xd3, 0xd4);
define('k', [0x02, 0x04], 0x06);
define('i', [0x07, 0x09], [0x0c, 0x0d], 0x10, 0x12, 0x14, 0x15, 0x18);
define('i', [0x20, 0x26], 0xd0, 0xd2, 0xd5, 0xd6);
define('ii', 0x11, 0x13);
define('t', 0x0e); // br_table
define('c', 0x1f); // try_table
define('v', 0x1c); // select with types
// Memory and numbers.
define('m', [0x28, 0x3e]);
define('i', 0x3f, 0x40, 0x41, 0x42);
define('4', 0x43);
define('8', 0x44);
define('', [0x45, 0xc4]);
// Saturating conversions, memory.init and copy and fill, table.init, copy, grow, size, fill.
define('', both(0xfc, 0, 7), both(0xfc, 0x13, 0x16));
define('ii', both(0xfc, 8), both(0xfc, 10), both(0xfc, 12), both(0xfc, 14));
define('i', both(0xfc, 9), both(0xfc, 11), both(0xfc, 13), both(0xfc, 15, 17));
// Garbage collection.
define('i', both(0xfb, 0, 1), both(0xfb, 6, 7), both(0xfb, 11, 14), both(0xfb, 16));
define('ii', both(0xfb, 2, 5), both(0xfb, 8, 10), both(0xfb, 17, 19));
define('', both(0xfb, 15), both(0xfb, 26, 30));
define('i', both(0xfb, 20, 23));
define('biii', both(0xfb, 24, 25));
// Vectors of 128 bits.
define('m', both(0xfd, 0, 11), both(0xfd, 92, 93));
define('x', both(0xfd, 12, 13));
define('b', both(0xfd, 21, 34));
define('mb', both(0xfd, 84, 91));
define('', both(0xfd, 14, 20), both(0xfd, 35, 83), both(0xfd, 94, 0xff));

/** Throws `UsageError` for a guest whose runs could not be repeated. `bytes` are a valid module. */
export function refuseUnrepeatable(name: string, bytes: Uint8Array): void {
  const reader = new Reader(bytes, HEADER_BYTES);
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const length = reader.leb();
    const end = reader.at + length;
    if (id === Section.MEMORY) refuseShared(name, reader);
    if (id === Section.CODE) refuseCode(name, reader);
    reader.at = end;
  }
}

function refuseShared(name: string, reader: Reader): void {
  for (let count = reader.leb(); count > 0; count--) {
    const flags = reader.byte();
    if (flags & SHARED) {
      throw new UsageError(
        `${name} shares its memory with threads, whose order the simulator cannot repeat: ` +
          'build it without threads',
      );
    }
    reader.leb();
    if (flags & 1) reader.leb();
  }
}

function refuseCode(name: string, reader: Reader): void {
  for (let count = reader.leb(); count > 0; count--) {
    const length = reader.leb();
    const end = reader.at + length;
    for (let groups = reader.leb(); groups > 0; groups--) {
      reader.leb();
      valueType(reader);
    }
    while (reader.at < end) instruction(name, reader);
  }
}

/**
 * Reads the next instruction: its opcode, where the second part of one in two parts is in the low
 * 16 bits. Throws `UsageError` for what could not be repeated.
 */
export function instruction(name: string, reader: Reader): number {
  let opcode = reader.byte();
  if (opcode >= 0xfb && opcode <= 0xfe) {
    const prefix = opcode;
    const rest = reader.leb();
    if (prefix === 0xfe) {
      throw new UsageError(
        `${name} uses atomic instructions, which are for threads, whose order the simulator ` +
          'cannot repeat: build it without threads',
      );
    }
    if (prefix === 0xfd && rest >= RELAXED) {
      throw new UsageError(
        `${name} uses relaxed SIMD, whose results differ from processor to processor, so that ` +
          'no run could be repeated: build it without -mrelaxed-simd',
      );
    }
    opcode = prefixed(prefix, rest);
  }
  const shape = immediates.get(opcode);
  if (shape === undefined) {
    throw new UsageError(
      `${name} uses the instruction 0x${opcode.toString(16)}, of which the simulator does not ` +
        'know whether a run with it can be repeated',
    );
  }
  for (const part of shape) skip(reader, part);
  return opcode;
}

function skip(reader: Reader, part: string): void {
  if (part === 'i') reader.leb();
  else if (part === 'b') reader.byte();
  else if (part === '4') reader.at += 4;
  else if (part === '8') reader.at += 8;
  else if (part === 'x') reader.at += 16;
  else if (part === 'm') memoryArgument(reader);
  else if (part === 'k') blockType(reader);
  else if (part === 't') for (let labels = reader.leb(); labels >= 0; labels--) reader.leb();
  else if (part === 'v') for (let types = reader.leb(); types > 0; types--) valueType(reader);
  else catches(reader);
}

/** Alignment, which may say that the number of a memory follows, and offset. */
function memoryArgument(reader: Reader): void {
  if (reader.leb() & 0x40) reader.leb();
  reader.leb();
}

/** The block type and the clauses of try_table. */
function catches(reader: Reader): void {
  blockType(reader);
  for (let clauses = reader.leb(); clauses > 0; clauses--) {
    const kind = reader.byte();
    if (kind < 2) reader.leb();
    reader.leb();
  }
}

/** A type, or the number of one. */
function blockType(reader: Reader): void {
  const first = reader.byte();
  if (first >= 128 || first === 0x63 || first === 0x64) reader.leb();
}

/** A type: one byte, or, of a reference, what it refers to. */
export function valueType(reader: Reader): void {
  const first = reader.byte();
  if (first === 0x63 || first === 0x64) reader.leb();
}
