/**
 * Rewrites a guest for the simulator, so that its runs end and can be repeated. It counts loops and
 * calls of its own between two calls of the host's, and traps where there are too many; and each
 * NaN that arithmetic may make is the same on every processor. Nothing that was there is
 * renumbered: it is instructions, locals and one exported global that are added.
 */
import { UsageError } from '../../host/kernel/error.js';
import { HEADER_BYTES, Reader, Section, Writer } from './binary.js';
import { floats, type Float } from './float.js';
import { instruction, valueType } from './opcode.js';

const I32 = 0x7f;
const LOOP = 0x03;
const CALL = 0x10;
const RETURN_CALL = 0x12;
/** All that may run another function of the guest's. */
const CALLS: ReadonlySet<number> = new Set([CALL, 0x11, RETURN_CALL, 0x13, 0x14, 0x15]);
const LOCAL_GET = 0x20;
const LOCAL_TEE = 0x22;
const GLOBAL_GET = 0x23;
const GLOBAL_SET = 0x24;
const END = 0x0b;

export interface Metered {
  readonly bytes: Uint8Array;
  /** The exported global that is below 0 if the guest was ended for its loops. */
  readonly fuel: string;
}

/**
 * `bytes` are a valid module that `refuseUnrepeatable` has let pass; `fuel` is how many loops and
 * calls there may be.
 */
export function meter(name: string, bytes: Uint8Array, fuel: number): Metered {
  return new Meter(name, bytes, fuel).result();
}

class Meter {
  readonly #name: string;
  readonly #bytes: Uint8Array;
  readonly #reader: Reader;
  readonly #out = new Writer();
  readonly #fuel: readonly number[];
  /** By number of a type: how many parameters. */
  readonly #types: number[] = [];
  /** By number of a function, the imported ones first: its type. */
  readonly #functions: number[] = [];
  #imported = 0;
  /** The number of the global that is added, and its name. */
  #global = 0;
  #globalName = 'fuel';
  #hasGlobal = false;
  #count: readonly number[] = [];
  #fill: readonly number[] = [];

  constructor(name: string, bytes: Uint8Array, fuel: number) {
    this.#name = name;
    this.#bytes = bytes;
    this.#reader = new Reader(bytes, HEADER_BYTES);
    this.#fuel = signed(fuel);
  }

  result(): Metered {
    const reader = this.#reader;
    this.#out.copy(this.#bytes, 0, HEADER_BYTES);
    while (reader.at < this.#bytes.length) {
      const start = reader.at;
      const id = reader.byte();
      const end = reader.leb() + reader.at;
      const section = this.#section(id, end);
      if (section === undefined) this.#out.copy(this.#bytes, start, end);
      else this.#emit(id, section);
      reader.at = end;
    }
    return { bytes: this.#out.bytes.slice(), fuel: this.#globalName };
  }

  #emit(id: number, section: Writer): void {
    this.#out.put(id);
    this.#out.sized(section);
  }

  /** What is in the place of a section; undefined: it stays. */
  #section(id: number, end: number): Writer | undefined {
    if (id === Section.TYPE) this.#readTypes();
    else if (id === Section.IMPORT) this.#readImports();
    else if (id === Section.FUNCTION) this.#readFunctions();
    else if (id === Section.GLOBAL) return this.#globals(end);
    else if (id === Section.EXPORT) return this.#exports(end);
    else if (id === Section.CODE) return this.#code();
    return undefined;
  }

  // What is read.

  #readTypes(): void {
    const reader = this.#reader;
    for (let count = reader.leb(); count > 0; count--) {
      let inside = 1;
      if (this.#bytes[reader.at] === 0x4e) {
        reader.byte();
        inside = reader.leb(); // a group of types that name each other
      }
      for (; inside > 0; inside--) this.#readType();
    }
  }

  #readType(): void {
    const reader = this.#reader;
    let kind = reader.byte();
    if (kind === 0x4f || kind === 0x50) {
      for (let above = reader.leb(); above > 0; above--) reader.leb();
      kind = reader.byte();
    }
    let parameters = 0;
    if (kind === 0x60) {
      parameters = reader.leb();
      for (let i = 0; i < parameters; i++) valueType(reader);
      for (let results = reader.leb(); results > 0; results--) valueType(reader);
    } else if (kind === 0x5e || kind === 0x5f) {
      for (let fields = kind === 0x5e ? 1 : reader.leb(); fields > 0; fields--) {
        valueType(reader);
        reader.byte();
      }
    } else {
      throw new UsageError(
        `${this.#name} has a type 0x${kind.toString(16)}, which the simulator does not know`,
      );
    }
    this.#types.push(parameters);
  }

  #readImports(): void {
    const reader = this.#reader;
    for (let count = reader.leb(); count > 0; count--) {
      reader.skip(reader.leb()); // the module's name, and its own
      reader.skip(reader.leb());
      const kind = reader.byte();
      if (kind === 0) this.#functions.push(reader.leb());
      else if (kind === 1 || kind === 2) {
        if (kind === 1) valueType(reader);
        if (reader.byte() & 1) reader.leb();
        reader.leb();
      } else if (kind === 3) {
        valueType(reader);
        reader.byte();
        this.#global++;
      } else {
        reader.byte();
        reader.leb();
      }
    }
    this.#imported = this.#functions.length;
  }

  #readFunctions(): void {
    for (let count = this.#reader.leb(); count > 0; count--)
      this.#functions.push(this.#reader.leb());
  }

  // What is written.

  #globals(end: number): Writer {
    const reader = this.#reader;
    const count = reader.leb();
    this.#global += count;
    this.#hasGlobal = true;
    return this.#withGlobal(count + 1, reader.at, end);
  }

  /** The globals from `start` to `end`, and one more: what is left. */
  #withGlobal(count: number, start: number, end: number): Writer {
    const section = new Writer();
    section.leb(count);
    section.copy(this.#bytes, start, end);
    section.put(I32, 1, 0x41, ...this.#fuel, END);
    return section;
  }

  /** A command exports its memory, so that there is this section; the one of globals is before. */
  #exports(end: number): Writer {
    const reader = this.#reader;
    if (!this.#hasGlobal) this.#emit(Section.GLOBAL, this.#withGlobal(1, end, end));
    const count = reader.leb();
    const start = reader.at;
    const names = new Set<string>();
    for (let i = 0; i < count; i++) {
      const length = reader.leb();
      names.add(String.fromCharCode(...this.#bytes.subarray(reader.at, reader.at + length)));
      reader.skip(length);
      reader.byte();
      reader.leb();
    }
    while (names.has(this.#globalName)) this.#globalName += "'";
    const section = new Writer();
    section.leb(count + 1);
    section.copy(this.#bytes, start, end);
    section.leb(this.#globalName.length);
    section.put(...Array.from(this.#globalName, (each) => each.charCodeAt(0)), 3);
    section.leb(this.#global);
    return section;
  }

  #code(): Writer {
    const reader = this.#reader;
    const global = unsigned(this.#global);
    const left = [GLOBAL_GET, ...global];
    // Takes one from what is left, and traps if that was nothing.
    const store = [0x41, 1, 0x6b, GLOBAL_SET, ...global];
    const trap = [...left, 0x41, 0, 0x48, 0x04, 0x40, 0x00, END];
    this.#count = [...left, ...store, ...trap];
    this.#fill = [0x41, ...this.#fuel, GLOBAL_SET, ...global];
    const section = new Writer();
    const count = reader.leb();
    section.leb(count);
    for (let i = 0; i < count; i++) {
      const end = reader.leb() + reader.at;
      section.sized(this.#function(this.#types[this.#functions[this.#imported + i]!]!, end));
    }
    return section;
  }

  #function(parameters: number, end: number): Writer {
    const reader = this.#reader;
    const groups = reader.leb();
    const start = reader.at;
    let locals = parameters;
    for (let i = 0; i < groups; i++) {
      locals += reader.leb();
      valueType(reader);
    }
    const startOfCode = reader.at;
    const { code, calls, added } = this.#instructions(locals, end);
    const body = new Writer();
    body.leb(groups + added.length);
    body.copy(this.#bytes, start, startOfCode);
    for (const type of added) body.put(1, type);
    if (calls) body.put(...this.#count);
    body.copy(code.bytes, 0, code.bytes.length);
    return body;
  }

  /** The instructions of a function, and the types of locals that they need beside its `locals`. */
  #instructions(locals: number, end: number): { code: Writer; calls: boolean; added: number[] } {
    const reader = this.#reader;
    const code = new Writer();
    const added: number[] = [];
    let calls = false;
    while (reader.at < end) {
      const start = reader.at;
      const opcode = instruction(this.#name, reader);
      if (opcode === CALL || opcode === RETURN_CALL) {
        const callee = new Reader(this.#bytes, start + 1).leb();
        if (callee < this.#imported) code.put(...this.#fill);
        else calls = true;
      } else if (CALLS.has(opcode)) {
        calls = true;
      }
      code.copy(this.#bytes, start, reader.at);
      if (opcode === LOOP) code.put(...this.#count);
      const float = floats.get(opcode);
      if (float !== undefined) {
        if (!added.includes(float.type)) added.push(float.type);
        code.put(...canonical(float, locals + added.indexOf(float.type)));
      }
    }
    return { code, calls, added };
  }
}

/** Puts the NaN in the place of any other: what is no NaN equals itself. */
function canonical({ nan, equal, select }: Float, local: number): number[] {
  const index = unsigned(local);
  const value = [LOCAL_GET, ...index];
  return [LOCAL_TEE, ...index, ...nan, ...value, ...value, ...equal, ...select];
}

function unsigned(value: number): number[] {
  const writer = new Writer();
  writer.leb(value);
  return [...writer.bytes];
}

/** A number that is not negative, in signed LEB128, whose last byte begins with its sign. */
function signed(value: number): number[] {
  const bytes = unsigned(value);
  const last = bytes.pop()!;
  return last < 64 ? [...bytes, last] : [...bytes, last | 128, 0];
}
