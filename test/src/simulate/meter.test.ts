/** Guests, rewritten for the simulator: endless loops end, and a NaN is the same everywhere. */
import { readdirSync, readFileSync } from 'node:fs';

import { meter } from '#src/simulate/meter';
import { check, CheckError, parseToken, simulate, type Guest } from 'pollux/simulate';
import { load } from 'pollux';
import { describe, expect, test } from 'vitest';

import { root, wat } from '../../harness.js';
import { ADDRESS, guestOf } from './guests.js';

const start = (body: string, more = '') => guestOf(`(func (export "_start") ${body}) ${more}`);
const livelock = { kind: 'livelock', message: expect.stringContaining('give it more fuel') };

/** Loops `count` times. */
const loops = (count: number) => `(local.set $i (i32.const ${count}))
  (loop $again (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`;

describe('a guest that calls nothing for ever', () => {
  test('in a loop is livelocked', async () => {
    const { failure } = simulate(await start('(loop $again (br $again))'));
    expect(failure).toMatchObject(livelock);
  });

  test('in a loop that calls functions of its own is livelocked', async () => {
    const guest = await start(
      '(loop $again (call $f) (call_indirect (i32.const 0)) (br $again))',
      '(table 1 funcref) (elem (i32.const 0) $f) (func $f)',
    );
    expect(simulate(guest).failure).toMatchObject(livelock);
  });

  test('in functions that call each other twice is livelocked', async () => {
    const guest = await start(
      '(call $f (i32.const 60))',
      `(func $f (param i32) (if (local.get 0) (then
        (call $f (i32.sub (local.get 0) (i32.const 1)))
        (call $f (i32.sub (local.get 0) (i32.const 1))))))`,
    );
    expect(simulate(guest, { fuel: 1_000_000 }).failure).toMatchObject(livelock);
  });

  test('and catches all exceptions is livelocked', async () => {
    const guest = await start(
      '(loop $all (try (do (loop $again (br $again))) (catch_all)) (br $all))',
    );
    expect(simulate(guest, { fuel: 1000 }).failure).toMatchObject(livelock);
  });

  test('after a crash is livelocked', async () => {
    const guest = await start('(drop (call $yield)) (loop $again (br $again))');
    const log = [{ label: 'guest/crash', ordinal: 0, alternatives: 4, value: 1 }];
    const run = simulate(guest, { fuel: 1000, crashes: 1, log });
    expect(run.failure).toMatchObject(livelock);
    expect(run.log).toEqual(log);
  });

  test('in company ends the run', async () => {
    const guest = await start('(loop $again (br $again))');
    const run = simulate(await start('(loop $again (drop (call $yield)) (br $again))'), {
      companions: { other: { guest } },
    });
    expect(run.failure?.message).toContain('"other" trapped');
  });

  test('is told of, and its token knows its fuel', async () => {
    const guest = await start('(loop $again (br $again))');
    const error: unknown = await check(guest, { fuel: 1000, runs: 1 }).catch((each) => each);
    expect(error).toBeInstanceOf(CheckError);
    const { message, token } = error as CheckError;
    expect(message).toContain('the guest loops, and calls nothing');
    expect(parseToken(token).options).toEqual({ fuel: 1000 });
  });
});

describe('a guest that computes', () => {
  test('may loop as often as its fuel says, and not once more', async () => {
    const guest = await start(`(local $i i32) ${loops(1000)}`);
    expect(simulate(guest, { fuel: 1000 }).failure).toBeUndefined();
    expect(simulate(guest, { fuel: 999 }).failure?.kind).toBe('livelock');
  });

  test('has all its fuel again after each call', async () => {
    const guest = await start(`(local $i i32) (local $j i32)
      (local.set $j (i32.const 10))
      (loop $outer
        ${loops(900)}
        (drop (call $yield))
        (br_if $outer (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))`);
    expect(simulate(guest, { fuel: 1000 }).failure).toBeUndefined();
  });

  test('for ten million loops does so', async () => {
    const guest = await start(`(local $i i32) ${loops(10_000_000)}`);
    expect(simulate(guest).failure).toBeUndefined();
  });

  test('and traps by itself has trapped', async () => {
    const guest = await start(`(local $i i32) ${loops(1000)} (unreachable)`);
    expect(simulate(guest, { fuel: 1000 }).failure?.kind).toBe('trap');
  });

  test('and exports a global "fuel" of its own has both', async () => {
    const guest = await start(
      '(loop $again (br_if $again (i32.eqz (global.get $fuel))))',
      `(global $fuel (export "fuel") (mut i32) (i32.const -1)) (global (export "fuel'") i32
        (i32.const -1))`,
    );
    expect(simulate(guest, { fuel: 10 }).failure).toBeUndefined();
  });

  test('is refused a fuel that is none', async () => {
    const guest = await start('');
    for (const fuel of [0, 1.5, 2 ** 31])
      expect(() => simulate(guest, { fuel })).toThrow(
        /fuel is a whole number from 1 to 2147483647/,
      );
  });
});

/** Prints the bits that `body` leaves. */
async function bitsOf(body: string): Promise<string> {
  const guest = await guestOf(`(data (i32.const 0) "\\40\\00\\00\\00\\08\\00\\00\\00")
    (func (export "_start") (local $f f32) (local $d f64) (local $v v128)
      (local.set $v (v128.const i32x4 0xff812345 0 0x7f812345 0xfff12345))
      (local.set $f (f32.reinterpret_i32 (i32.const 0xff812345)))
      (local.set $d (f64.reinterpret_i64 (i64.const 0xfff0123456789abc)))
      (i64.store (i32.const 64) ${body})
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))`);
  let bits = 0n;
  const run = simulate(guest, {
    invariant: ({ memory }) => {
      bits = new DataView(memory.buffer).getBigUint64(64, true);
    },
  });
  expect(run.failure).toBeUndefined();
  return bits.toString(16).padStart(16, '0');
}

const single = (body: string) => `(i64.extend_i32_u (i32.reinterpret_f32 ${body}))`;
const double = (body: string) => `(i64.reinterpret_f64 ${body})`;
const lane = (number: number, body: string) => `(i64x2.extract_lane ${number} ${body})`;
const f = '(local.get $f)';
const d = '(local.get $d)';
const v = '(local.get $v)';

describe('the bits of a NaN', () => {
  const unary = ['ceil', 'floor', 'trunc', 'nearest', 'sqrt'];
  const binary = ['add', 'sub', 'mul', 'div', 'min', 'max'];
  const singles = [
    ...unary.map((name) => single(`(f32.${name} ${f})`)),
    ...binary.map((name) => single(`(f32.${name} (f32.const 1) ${f})`)),
    ...binary.map((name) => single(`(f32.${name} ${f} (f32.const 1))`)),
    single('(f32.div (f32.const 0) (f32.const 0))'),
    single('(f32.sub (f32.const inf) (f32.const inf))'),
    single('(f32.sqrt (f32.const -1))'),
    single(`(f32.demote_f64 ${d})`),
  ];
  const doubles = [
    ...unary.map((name) => double(`(f64.${name} ${d})`)),
    ...binary.map((name) => double(`(f64.${name} (f64.const 1) ${d})`)),
    double('(f64.div (f64.const 0) (f64.const 0))'),
    double('(f64.mul (f64.const 0) (f64.const inf))'),
    double(`(f64.promote_f32 ${f})`),
  ];

  test('of 32 bits that arithmetic makes are always the same', async () => {
    for (const each of singles) expect(await bitsOf(each), each).toBe('000000007fc00000');
  });

  test('of 64 bits are too', async () => {
    for (const each of doubles) expect(await bitsOf(each), each).toBe('7ff8000000000000');
  });

  test('in vectors are too, lane by lane', async () => {
    for (const name of [...unary.map((each) => `${each} ${v}`), `add ${v} ${v}`, `max ${v} ${v}`]) {
      expect(await bitsOf(lane(0, `(f32x4.${name})`)), name).toBe('000000007fc00000');
      expect(await bitsOf(lane(1, `(f32x4.${name})`)), name).toBe('7fc000007fc00000');
      expect(await bitsOf(lane(1, `(f64x2.${name})`)), name).toBe('7ff8000000000000');
    }
    expect(await bitsOf(lane(0, `(f64x2.promote_low_f32x4 ${v})`))).toBe('7ff8000000000000');
    expect(await bitsOf(lane(1, `(f32x4.demote_f64x2_zero ${v})`))).toBe('0000000000000000');
  });

  test('stay what they are where they are only moved', async () => {
    expect(await bitsOf(double(d))).toBe('fff0123456789abc');
    expect(await bitsOf(double(`(f64.neg ${d})`))).toBe('7ff0123456789abc');
    expect(await bitsOf(double(`(f64.abs ${d})`))).toBe('7ff0123456789abc');
    expect(await bitsOf(double(`(f64.copysign ${d} (f64.const 1))`))).toBe('7ff0123456789abc');
    expect(await bitsOf(single(`(f32.neg ${f})`))).toBe('000000007f812345');
  });

  test('and numbers that are none are as they were', async () => {
    expect(await bitsOf(double('(f64.add (f64.const 1) (f64.const 2))'))).toBe('4008000000000000');
    expect(await bitsOf(double('(f64.mul (f64.const -0) (f64.const 1))'))).toBe('8000000000000000');
    expect(await bitsOf(double('(f64.div (f64.const 1) (f64.const -0))'))).toBe('fff0000000000000');
    expect(await bitsOf(single('(f32.sqrt (f32.const 2))'))).toBe('000000003fb504f3');
  });
});

describe('what is rewritten', () => {
  const metered = (bytes: Uint8Array) =>
    meter('x.wasm', bytes, 1000).bytes as Uint8Array<ArrayBuffer>;

  test('is a valid module, of every guest of Pollux and its tests', () => {
    let guests = 0;
    for (const folder of ['dist/wasm', 'dist/test/guest', 'dist/test/guest/canary']) {
      for (const name of readdirSync(`${root}${folder}`)) {
        if (!name.endsWith('.wasm') || name.startsWith('component')) continue;
        const bytes = readFileSync(`${root}${folder}/${name}`);
        expect(WebAssembly.validate(metered(bytes)), name).toBe(true);
        guests++;
      }
    }
    expect(guests).toBeGreaterThan(32);
  });

  test('is one, with imports of all kinds, and code that is never reached', () => {
    const bytes = wat(`(module
      (import "a" "table" (table 1 2 funcref)) (import "a" "global" (global i64))
      (import "a" "f" (func (param f64 i32) (result f64))) (import "a" "tag" (tag (param i32)))
      (memory (export "memory") 1 2)
      (global $g (mut f32) (f32.const 1)) (global (mut i32) (i32.const 2))
      (func (export "g") (param f64 i32) (result f32 f64) (local i64 f32)
        (local.set 3 (f32.add (local.get 3) (global.get $g)))
        (block (result f32 f64) (unreachable) (f32.add) (f64.const 1) (f64.sqrt))
        (loop (param f32 f64) (result f32 f64) (local.get 1) (call 0))))`);
    expect(WebAssembly.validate(new Uint8Array(bytes))).toBe(true);
    const result = metered(bytes);
    expect(WebAssembly.validate(result)).toBe(true);
    const exported = WebAssembly.Module.exports(new WebAssembly.Module(result));
    expect(exported.map(({ name }) => name)).toEqual(['memory', 'g', 'fuel']);
  });
});

test('a guest that cannot be rewritten is refused with a sentence', async () => {
  // 50,000 locals are the most that V8 takes, and one more is needed.
  const locals = Array.from({ length: 50_000 }, () => 'i32').join(' ');
  const guest: Guest = await load(
    wat(`(module (memory (export "memory") 1) (func (export "_start") (local ${locals})
      (drop (f32.sqrt (f32.const 1)))))`),
  );
  expect(() => simulate(guest, { listen: [ADDRESS] })).toThrow(/cannot be rewritten for the simu/);
});
