/**
 * The bytes of a WebAssembly binary, as they are read and written: sections, and numbers in LEB128.
 * https://webassembly.github.io/spec/core/binary/index.html
 */

export const HEADER_BYTES = 8;

export const Section = {
  TYPE: 1,
  IMPORT: 2,
  FUNCTION: 3,
  MEMORY: 5,
  GLOBAL: 6,
  EXPORT: 7,
  CODE: 10,
} as const;

export class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    return this.#bytes[this.at++]!;
  }

  skip(bytes: number): void {
    this.at += bytes;
  }

  /** The low bits of a LEB128 of either sign and any length. */
  leb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }
}

/** Bytes that grow. */
export class Writer {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  put(...bytes: readonly number[]): void {
    this.copy(bytes, 0, bytes.length);
  }

  /** Those of `bytes` from `start` to `end`. */
  copy(bytes: ArrayLike<number>, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(length * 2);
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    for (let i = start, to = this.#length; i < end; i++) this.#bytes[to++] = bytes[i]!;
    this.#length = length;
  }

  /** A number of 32 bits, unsigned. */
  leb(value: number): void {
    for (; value >= 128; value = Math.floor(value / 128)) this.put((value % 128) | 128);
    this.put(value);
  }

  /** Bytes, and before them how many. */
  sized({ bytes }: Writer): void {
    this.leb(bytes.length);
    this.copy(bytes, 0, bytes.length);
  }
}
