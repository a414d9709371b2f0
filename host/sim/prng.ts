/**
 * Pseudo-random numbers, in 32-bit integer arithmetic only, so that a seed means the same on every
 * machine. Each named thing has a stream of its own: what is drawn for one shifts nothing of
 * another.
 */

/** Mixes all bits of a word with each other (the finaliser of MurmurHash3). */
export function mix(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}

/** A word of a seed (a safe integer) and a label. */
export function hashOf(seed: number, label: string): number {
  let word = mix((seed | 0) ^ 0x9e3779b9);
  word = mix(word ^ Math.floor(seed / 2 ** 32));
  for (let i = 0; i < label.length; i++)
    word = (Math.imul(word ^ label.charCodeAt(i), 0x01000193) + 0x7f4a7c15) | 0;
  return mix(word ^ label.length);
}

/** A stream of words: sfc32 of PractRand, which has passed its tests. */
export class Stream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, label: string) {
    this.#a = hashOf(seed, label);
    this.#b = mix(this.#a + 0x6d2b79f5);
    this.#c = mix(this.#b ^ 0x5bd1e995);
    for (let i = 0; i < 12; i++) this.word();
  }

  /** The next 32 bits, as an unsigned number. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 to `limit` - 1; `limit` is at most 2^32. */
  below(limit: number): number {
    return this.word() % limit;
  }
}
