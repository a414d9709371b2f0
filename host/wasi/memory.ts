/**
 * Guest memory: the only place that reads or writes it from TypeScript. Every access is checked
 * first with `holds`; an access that was not is an assertion, and crashes. Numbers from a guest
 * come as signed 32-bit integers: `>>> 0` them.
 */
import type { GuestMemory } from '../kernel/kernel.js';

/** What WebAssembly.Memory looks like from here. */
export interface LinearMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

export class Memory implements GuestMemory {
  readonly #source: LinearMemory;
  readonly #shared: boolean;
  bytes!: Uint8Array;
  words!: Int32Array;
  #view!: DataView;

  constructor(source: LinearMemory) {
    this.#source = source;
    this.#shared =
      typeof SharedArrayBuffer !== 'undefined' && source.buffer instanceof SharedArrayBuffer;
    this.#refresh();
  }

  /** True if `length` bytes from `offset` on (both 0 to 2^53) lie in guest memory as it is now. */
  holds(offset: number, length: number): boolean {
    // memory.grow detaches the old buffer (its length is 0 then), or leaves a shared one that is
    // too short: then these bytes may lie in it, and others that the same call names may not.
    const { bytes } = this;
    if (this.#shared || bytes.length === 0 || offset + length > bytes.length) this.#refresh();
    return offset + length <= this.bytes.length;
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }

  setU8(offset: number, value: number): void {
    this.#view.setUint8(offset, value);
  }

  setU16(offset: number, value: number): void {
    this.#view.setUint16(offset, value, true);
  }

  setU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  setU64(offset: number, value: bigint): void {
    this.#view.setBigUint64(offset, value, true);
  }

  #refresh(): void {
    const { buffer } = this.#source;
    if (this.bytes?.buffer === buffer) return;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.#view = new DataView(buffer);
  }
}
