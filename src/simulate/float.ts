/**
 * The instructions whose result may be a NaN that differs from processor to processor, in its sign
 * and payload; and what makes it the one NaN that all of them agree upon.
 * https://webassembly.github.io/spec/core/exec/numerics.html#nan-propagation
 */
import { prefixed } from './opcode.js';

/** A type of numbers that may be NaN. */
export interface Float {
  /** As a type in a binary. */
  readonly type: number;
  /** Its NaN, as a constant. */
  readonly nan: readonly number[];
  /** Compares two of them. */
  readonly equal: readonly number[];
  /** Chooses between two of them by what was compared. */
  readonly select: readonly number[];
}

const NAN32 = [0, 0, 0xc0, 0x7f];
const NAN64 = [0, 0, 0, 0, 0, 0, 0xf8, 0x7f];
const V128_CONST = [0xfd, 0x0c];
const SELECT = [0x1b];
const BITSELECT = [0xfd, 0x52];

const f32: Float = { type: 0x7d, nan: [0x43, ...NAN32], equal: [0x5b], select: SELECT };
const f64: Float = { type: 0x7c, nan: [0x44, ...NAN64], equal: [0x61], select: SELECT };
const f32x4: Float = {
  type: 0x7b,
  nan: [...V128_CONST, ...NAN32, ...NAN32, ...NAN32, ...NAN32],
  equal: [0xfd, 0x41],
  select: BITSELECT,
};
const f64x2: Float = {
  type: 0x7b,
  nan: [...V128_CONST, ...NAN64, ...NAN64],
  equal: [0xfd, 0x47],
  select: BITSELECT,
};

/** By opcode: what type its result has. Those that only move bits (abs, neg, pmin) are not here. */
export const floats: ReadonlyMap<number, Float> = new Map([
  // ceil, floor, trunc, nearest, sqrt, add, sub, mul, div, min, max; demote and promote.
  ...range(0x8d, 0x97, f32),
  ...range(0xb6, 0xb6, f32),
  ...range(0x9b, 0xa5, f64),
  ...range(0xbb, 0xbb, f64),
  ...vectors([103, 104, 105, 106, 227, 228, 229, 230, 231, 232, 233, 94], f32x4),
  ...vectors([116, 117, 122, 148, 239, 240, 241, 242, 243, 244, 245, 95], f64x2),
]);

function range(from: number, to: number, float: Float): [number, Float][] {
  return Array.from({ length: to - from + 1 }, (_, i) => [from + i, float]);
}

function vectors(opcodes: readonly number[], float: Float): [number, Float][] {
  return opcodes.map((opcode) => [prefixed(0xfd, opcode), float]);
}
