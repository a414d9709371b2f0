/**
 * A fuzzer of the guest's ABI that knows its structures: sequences of calls with arguments that are
 * often right, and else boundaries and noise, on descriptors of every kind. Every call ends in an
 * errno; nothing outside of the granted directory changes; no descriptor is lost.
 *
 * POLLUX_FUZZ_SECONDS says for how long (test/sanitize.sh: with sanitizers in the addon; nightly: an
 * hour), POLLUX_FUZZ_SEED where to begin. dist/fuzz/seed has the seed of the sequence that runs, so
 * that a crash can be repeated.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import * as pollux from '#host/ext/imports';
import * as preview1 from '#host/wasi/p1/imports';
import { Descriptor, FILE_RIGHTS } from '#host/wasi/descriptors';
import { root } from '../../harness.js';
import { Rig } from './rig.js';

const SECONDS = Number(process.env['POLLUX_FUZZ_SECONDS'] ?? 3);
const FIRST_SEED = Number(process.env['POLLUX_FUZZ_SEED'] ?? 1);
const LAST_ERRNO = 76;
const CALLS = 60;
/** Below it the rig keeps what it passes itself. */
const ARENA = 1 << 20;
const ARENA_BYTES = 1 << 20;
const SECRET = 'nobody shall read or change this';

const parameters = { ...preview1.parameters, ...pollux.parameters };
const names = Object.keys(parameters).filter((name) => !name.startsWith('proc_'));
/** The parameters that are i64. */
const WIDE = new Set(
  'offset len rights_base rights_inheriting size atim mtim cookie precision timeout_ns'.split(' '),
);
/** Those that a guest has most ways to get wrong, more often. */
const favourites = names.filter((name) => /^(path_|fd_|poll_|epoll_|sock_)/.test(name));

const takes = new Set(['fd_close', 'fd_renumber', 'fd_fdstat_set_rights']);

const BOUNDARIES = [
  0, 1, -1, -2, 1024, 1025, 65536, 0x7fff_ffff, -0x8000_0000, 0x0555_5556, 0x0800_0001, 0x1000_0000,
  0x2000_0000,
];
const BEFORE_THE_END = [0, 1, 4, 8, 24, 32, 48, 64];

/** What `furnish` makes of the granted directories. */
const GRANTED = 3;
const READ_ONLY = 4;

const texts = [
  'file',
  'new',
  'directory',
  'directory/inner',
  'directory/../file',
  'directory/../../outside',
  '../outside',
  '/etc/passwd',
  '/',
  '.',
  '..',
  '',
  'link',
  'out',
  'absolute',
  'loop',
  'file/',
  'directory/',
  'fifo',
  'directory/new/deeper',
  'n'.repeat(255),
  'n'.repeat(256),
  'p/'.repeat(2500),
  'nul\0inside',
  '\u{1F4A9}',
].map((text) => new TextEncoder().encode(text));
texts.push(Uint8Array.of(0xff, 0xfe, 0x80), Uint8Array.of(0xc0, 0xaf, 0x2e));

/** Numbers by a seed: splitmix32. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 to `end` - 1. */
  below(end: number): number {
    let z = (this.#state = (this.#state + 0x9e3779b9) | 0);
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % end;
  }

  one(times: number): boolean {
    return this.below(times) === 0;
  }

  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }
}

/** A sequence of calls of one guest. */
class Sequence {
  readonly #rig: Rig;
  readonly #chance: Chance;
  readonly #calls: string[] = [];

  constructor(rig: Rig, seed: number) {
    this.#rig = rig;
    this.#chance = new Chance(seed);
  }

  run(): void {
    for (let i = 0; i < CALLS; i++) {
      if (this.#chance.one(40) && this.#rig.size < 512 * 65536) this.#rig.grow();
      const name = this.#chance.of(this.#chance.one(4) ? names : favourites);
      // What takes descriptors away has its turn less often.
      if (takes.has(name) && !this.#chance.one(4)) continue;
      this.#call(name);
    }
  }

  #call(name: string): void {
    const given = parameters[name]!.split(' ').filter(Boolean);
    const values = given.map((parameter) => this.#value(name, parameter));
    this.#calls.push(`${name}(${values.join(', ')})`);
    let errno: number;
    try {
      errno = this.#rig.call(name, ...values);
    } catch (error) {
      throw new Error(`${this.#calls.join('\n')}\nthrew`, { cause: error });
    }
    if (Number.isInteger(errno) && errno >= 0 && errno <= LAST_ERRNO) return;
    throw new Error(`${this.#calls.join('\n')}\nanswered ${errno}`);
  }

  #value(name: string, parameter: string): number | bigint {
    const chance = this.#chance;
    if (WIDE.has(parameter)) return this.#wide(name, parameter);
    if (chance.one(12)) return this.#boundary();
    if (/(^|_)fd$|^to$|^epfd$/.test(parameter)) return this.#descriptor(name);
    if (parameter.startsWith('$')) return this.#text();
    if (parameter.endsWith('path_len')) return this.#textLength();
    if (parameter === 'iovs' || parameter.endsWith('_data')) return this.#iovs();
    if (/iovs_len|_data_len/.test(parameter)) return chance.below(5);
    if (parameter === 'in') return this.#subscriptions();
    if (/^nsubs|^count$|^max$/.test(parameter)) return chance.below(8);
    if (parameter === 'operations') return this.#words(16 * 8);
    if (/^>|^(out|stat|prestat|buf|buffer|events|event|signals|completions|argv)/.test(parameter))
      return this.#room();
    return chance.below(chance.of([2, 4, 8, 32]));
  }

  /** Nearly always an open one, and a directory where that is asked for. */
  #descriptor(name: string): number {
    const chance = this.#chance;
    if (chance.one(8)) return chance.below(16);
    if (/^(path_|fd_readdir)/.test(name) && !chance.one(4))
      return chance.one(4) ? READ_ONLY : GRANTED;
    const open = Array.from({ length: 24 }, (_, fd) => fd).filter((fd) =>
      this.#rig.descriptors.get(fd),
    );
    return open.length > 0 ? chance.of(open) : 0;
  }

  #wide(name: string, parameter: string): bigint {
    const chance = this.#chance;
    if (parameter.startsWith('rights'))
      return BigInt(FILE_RIGHTS & (chance.one(2) ? -1 : chance.below(2 ** 30)));
    // More would fill the disk, which is allowed, and no fun.
    if (name === 'fd_allocate' || parameter === 'timeout_ns') return BigInt(chance.below(1 << 20));
    return chance.of([
      0n,
      1n,
      -1n,
      4096n,
      BigInt(chance.below(1 << 20)),
      (1n << 63n) - 1n,
      -(1n << 63n),
    ]);
  }

  #boundary(): number {
    const { size } = this.#rig;
    const chance = this.#chance;
    return chance.of([
      ...BOUNDARIES,
      ...BEFORE_THE_END.map((bytes) => size - bytes),
      chance.below(2 ** 32),
    ]);
  }

  /** Somewhere in memory, most often aligned. */
  #room(bytes = 64): number {
    const at = ARENA + this.#chance.below(ARENA_BYTES - bytes);
    return this.#chance.one(8) ? at : at & ~7;
  }

  #length = 0;

  #text(): number {
    const text = this.#chance.of(texts);
    const at = this.#room(8192);
    this.#rig.bytes.set(text, at);
    this.#length = text.length;
    return at;
  }

  /** Of the text that was put down last, nearly always. */
  #textLength(): number {
    return this.#chance.one(10) ? this.#chance.below(5000) : this.#length;
  }

  #words(bytes: number): number {
    const at = this.#room(bytes);
    const { view } = this.#rig;
    for (let i = 0; i + 4 <= bytes; i += 4) {
      const word = this.#chance.one(6) ? this.#boundary() : this.#chance.below(16);
      view.setUint32(at + i, word, true);
    }
    return at;
  }

  #iovs(): number {
    const at = this.#room(64);
    const { view } = this.#rig;
    for (let i = 0; i < 5; i++) {
      const wild = this.#chance.one(10);
      view.setUint32(at + i * 8, wild ? this.#boundary() : this.#room(4096), true);
      view.setUint32(at + i * 8 + 4, wild ? this.#boundary() : this.#chance.below(300), true);
    }
    return at;
  }

  #subscriptions(): number {
    const at = this.#words(48 * 8);
    const { view } = this.#rig;
    for (let i = 0; i < 8; i++) {
      const start = at + i * 48;
      view.setUint8(start + 8, this.#chance.below(this.#chance.one(10) ? 256 : 3));
      view.setUint32(start + 16, this.#chance.below(16), true);
      view.setBigUint64(start + 24, BigInt(this.#chance.below(2000)), true);
      view.setUint16(start + 40, this.#chance.below(2), true);
    }
    return at;
  }
}

/** A folder for `granted`, and something beside it. */
function makeFolder(): { folder: string; granted: string } {
  const folder = mkdtempSync(join(tmpdir(), 'pollux-fuzz-'));
  writeFileSync(join(folder, 'outside'), SECRET);
  return { folder, granted: join(folder, 'granted') };
}

/** One of everything; a FIFO takes a process to make, and is there now and then. */
function fill(granted: string, fifo: boolean): void {
  rmSync(granted, { recursive: true, force: true });
  mkdirSync(join(granted, 'directory'), { recursive: true });
  writeFileSync(join(granted, 'file'), 'some bytes');
  writeFileSync(join(granted, 'directory', 'inner'), 'more bytes');
  symlinkSync('directory/inner', join(granted, 'link'));
  symlinkSync('../outside', join(granted, 'out'));
  symlinkSync('/etc/passwd', join(granted, 'absolute'));
  symlinkSync('loop', join(granted, 'loop'));
  if (fifo) execFileSync('mkfifo', [join(granted, 'fifo')]);
}

/** One descriptor of every kind. */
function furnish(rig: Rig, granted: string): void {
  rig.pipe();
  rig.file('/dev/null', 'r+');
  const handle = rig.kernel.files.openRoot(granted);
  rig.descriptors.add(Descriptor.preopen(handle, new TextEncoder().encode('/'), false));
  const second = rig.kernel.files.openRoot(join(granted, 'directory'));
  rig.descriptors.add(Descriptor.preopen(second, new TextEncoder().encode('/read'), true));
  rig.listen();
  rig.connection().peer.send('something to read');
  rig.call('epoll_create', 512);
  const path = new TextEncoder().encode('file');
  rig.bytes.set(path, ARENA);
  const rights = BigInt(FILE_RIGHTS);
  expect(rig.call('path_open', GRANTED, 0, ARENA, path.length, 0, rights, 0n, 0, 512)).toBe(0);
}

const descriptors = () => readdirSync('/proc/self/fd').length;

test(
  `whatever is called, for ${SECONDS} s: an errno, within the sandbox`,
  () => {
    const { folder, granted } = makeFolder();
    mkdirSync(`${root}dist/fuzz`, { recursive: true });
    const note = openSync(`${root}dist/fuzz/seed`, 'w');
    const end = performance.now() + SECONDS * 1000;
    let before: number | undefined;
    try {
      for (let seed = FIRST_SEED; performance.now() < end; seed++) {
        writeSync(note, `${seed}\n`, 0);
        const rig = new Rig({
          embedded: true,
          pages: 96,
          shared: seed % 3 === 0,
          edge: seed % 5 === 0,
          args: ['a', 'b'],
          environ: ['A=b'],
        });
        try {
          fill(granted, seed % 16 === 0);
          furnish(rig, granted);
          new Sequence(rig, seed).run();
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        } finally {
          rig.dispose();
        }
        expect(readFileSync(join(folder, 'outside'), 'utf8')).toBe(SECRET);
        expect(readdirSync(folder).toSorted()).toEqual(['granted', 'outside']);
        // The first ones load what the process then keeps.
        if (seed - FIRST_SEED === 5) before = descriptors();
        if (before !== undefined) expect(descriptors()).toBe(before);
      }
    } finally {
      closeSync(note);
      rmSync(folder, { recursive: true });
    }
  },
  (SECONDS + 60) * 1000,
);
