/**
 * Random bytes for guests: all of them from one choice, so that a log of choices need not hold
 * each. Integers of 32 bits only, which every machine computes alike.
 */

/** splitmix32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  fill(bytes: Uint8Array, offset: number, length: number): void {
    for (let i = 0; i < length; i++) bytes[offset + i] = this.next();
  }
}
