/** What cannot be repeated is refused before it runs; what can is not. */
import { readdirSync, readFileSync } from 'node:fs';

import { refuseUnrepeatable } from '#src/simulate/opcode';
import { describe, expect, test } from 'vitest';

import { root, wat } from '../../harness.js';

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const section = (id: number, ...body: number[]) => [id, body.length, ...body];
/** A module with one function of these instructions. */
const moduleOf = (...code: number[]) =>
  Uint8Array.of(
    ...HEADER,
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 1, 0),
    ...section(10, 1, code.length + 2, 0, ...code, 0x0b),
  );

describe('a guest is refused', () => {
  test('for relaxed SIMD', () => {
    // i8x16.relaxed_swizzle, 0xFD 0x100
    expect(() => refuseUnrepeatable('x.wasm', moduleOf(0x00, 0xfd, 0x80, 0x02))).toThrow(
      /x\.wasm uses relaxed SIMD/,
    );
  });

  test('for the last of the instructions of relaxed SIMD', () => {
    expect(() => refuseUnrepeatable('x.wasm', moduleOf(0x00, 0xfd, 0x93, 0x02))).toThrow(
      /relaxed SIMD/,
    );
  });

  test('for an atomic instruction', () => {
    const guest = wat('(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))');
    expect(() => refuseUnrepeatable('x.wasm', guest)).toThrow(/x\.wasm uses atomic instructions/);
  });

  test('for memory that is shared', () => {
    expect(() => refuseUnrepeatable('x.wasm', wat('(module (memory 1 2 shared))'))).toThrow(
      /x\.wasm shares its memory with threads/,
    );
  });

  test('for an instruction that nobody knows', () => {
    expect(() => refuseUnrepeatable('x.wasm', moduleOf(0x00, 0xfc, 0x7f))).toThrow(
      /the instruction 0xfc007f/,
    );
  });
});

describe('a guest is not refused', () => {
  test('for bytes that look like it, inside of constants, locals and tables of labels', () => {
    const guest = wat(`(module (memory 1) (table 1 funcref)
      (type $pair (func (param i32 i64) (result i32 i64)))
      (func $pair (type $pair) (local.get 0) (local.get 1))
      (func (param i32) (local i32 i64 f32 f64 i32)
        (drop (i64.const 0x80fd80fd80fd80fd)) (drop (f64.const 1.5)) (drop (f32.const -0.25))
        (block $a (block $b (br_table $a $b $a (local.get 0))))
        (drop (i32.load8_u offset=65022 align=1 (i32.const 0)))
        (memory.copy (i32.const 0) (i32.const 0) (i32.const 254))
        (memory.fill (i32.const 0) (i32.const 0) (i32.const 254))
        (block (param) (result i32) (i32.const 254)) (drop)
        (drop (call_indirect (result i32) (i32.const 0)))
        (call $pair (i32.const 1) (i64.const 2)) (drop) (drop)))`);
    refuseUnrepeatable('x.wasm', guest);
  });

  test('for vectors whose lanes are the bytes of relaxed SIMD', () => {
    const lanes = Array.from({ length: 16 }, (_, i) => (i % 2 ? 0x80 : 0xfd));
    const lane = [0xfd, 0x0c, ...lanes, 0xfd, 21, 3, 0x1a]; // v128.const, i8x16.extract_lane_s
    const shuffled = [0xfd, 0x0c, ...lanes, 0xfd, 0x0c, ...lanes];
    const shuffle = [...shuffled, 0xfd, 0x0d, ...lanes.map((each) => each & 31), 0x1a];
    refuseUnrepeatable('x.wasm', moduleOf(...lane, ...shuffle));
  });

  test('for exceptions, old and new', () => {
    const guest = wat('(module (tag $t) (func (try (do (throw $t)) (catch $t) (catch_all))))');
    refuseUnrepeatable('x.wasm', guest);
    // block; try_table (catch_all 0); end; end
    refuseUnrepeatable('x.wasm', moduleOf(0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x0b, 0x0b));
  });

  test('if it comes with Pollux or its tests', () => {
    let guests = 0;
    for (const folder of ['dist/wasm', 'dist/test/guest']) {
      for (const name of readdirSync(`${root}${folder}`)) {
        if (!name.endsWith('.wasm') || name.startsWith('component')) continue;
        refuseUnrepeatable(name, readFileSync(`${root}${folder}/${name}`));
        guests++;
      }
    }
    expect(guests).toBeGreaterThan(32);
  });
});
