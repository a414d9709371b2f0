/**
 * What tells two runs apart: a running hash of 64 bits over all that a guest asked and was
 * answered. It protects from chance, not from malice.
 */
import { mix } from './prng.js';

export class TraceHash {
  #low = 0x243f6a88;
  #high = 0x85a308d3 | 0;

  /** Takes note of the low 32 bits of a number. */
  word(value: number): void {
    const low = this.#low ^ value;
    this.#low = Math.imul((low << 13) | (low >>> 19), 0x85ebca6b);
    const high = this.#high + value;
    this.#high = Math.imul((high << 15) | (high >>> 17), 0xc2b2ae35) ^ this.#low;
  }

  /** Takes note of a signed integer of 32 bits, as `number` does. */
  integer(value: number): void {
    this.word(value);
    this.word(value >> 31);
  }

  /** Takes note of a whole number of up to 53 bits. */
  number(value: number): void {
    this.word(value | 0);
    this.word(Math.floor(value / 2 ** 32));
  }

  /** Takes note of `length` bytes from `from` on. */
  bytes(bytes: Uint8Array, from: number, length: number): void {
    this.word(length);
    const end = from + length;
    let at = from;
    for (; at + 4 <= end; at += 4) {
      this.word(
        bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24),
      );
    }
    for (; at < end; at++) this.word(bytes[at]!);
  }

  /** Takes note of a text. */
  text(text: string): void {
    this.word(text.length);
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
  }

  /** The hash so far: 16 hexadecimal digits. */
  get digest(): string {
    const half = (word: number) => (mix(word) >>> 0).toString(16).padStart(8, '0');
    return half(this.#high) + half(this.#low ^ this.#high);
  }
}
