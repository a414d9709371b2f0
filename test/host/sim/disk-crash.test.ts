/** What a crash leaves of a simulated disk: of the process all, of the machine what was synced. */
import { Errno } from '#host/kernel/errno';
import { FileFlag } from '#host/kernel/file-system';
import { Stat } from '#host/kernel/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { DIRECTORY, READ, WRITE } from '../../file-hand.js';
import { everything, Machine, MIB, NEW, PAGE_BYTES, where } from './machine.js';

describe('a crash of the process', () => {
  test('loses nothing that was written', () => {
    const machine = new Machine();
    machine.hand.file('a', 'text');
    machine.crash();
    expect(machine.hand.contents('a')).toBe('text');
    expect(machine.hand.field('a', Stat.NLINK)).toBe(1);
  });

  test('frees what had no name any more', () => {
    const machine = new Machine();
    const { freeBytes } = machine.disk;
    machine.hand.opened('a', NEW);
    machine.hand.unlink('a');
    machine.crash();
    expect(machine.disk.freeBytes).toBe(freeBytes);
  });
});

describe('a crash of the machine', () => {
  test('loses nothing, if the log does not say so', () => {
    const machine = new Machine({ old: 'x' });
    machine.hand.file('a', 'text');
    machine.hand.unlink('old');
    machine.crash(() => undefined);
    expect(machine.names()).toEqual(['a']);
    expect(machine.text('a')).toBe('text');
  });

  test('may lose a file whose directory was not synced', () => {
    const machine = new Machine();
    machine.hand.file('a', 'text');
    expect(machine.sync('a')).toBe(0);
    machine.crash(everything);
    expect(machine.names()).toEqual([]);
  });

  test('may leave a file empty that was not synced itself', () => {
    const machine = new Machine();
    machine.hand.file('a', 'text');
    expect(machine.sync('.')).toBe(0);
    machine.crash(everything);
    expect(machine.text('a')).toBe('');
  });

  test('may leave zeros where a file has grown, but its pages were not written', () => {
    const machine = new Machine();
    machine.hand.file('a', 'text');
    machine.sync('.');
    machine.crash(where(['page lost', 1]));
    expect(machine.text('a')).toBe('\0\0\0\0');
  });

  test('loses nothing of what was synced, with its directory', () => {
    const machine = new Machine();
    machine.hand.file('a', 'text');
    machine.sync('a');
    machine.sync('.');
    machine.crash(everything);
    expect(machine.text('a')).toBe('text');
  });

  test.each([FileFlag.DSYNC, FileFlag.SYNC])('loses nothing of what flag %i has synced', (flag) => {
    const machine = new Machine({ a: 'text' });
    const { hand } = machine;
    hand.write(hand.opened('a', WRITE, flag), 'TE');
    machine.crash(everything);
    expect(machine.text('a')).toBe('TExt');
  });

  test('may tear a write, at the limits of pages', () => {
    const machine = new Machine({ a: 'a'.repeat(3 * PAGE_BYTES) });
    const { hand } = machine;
    hand.pwrite(hand.opened('a', WRITE), 0, 'b'.repeat(3 * PAGE_BYTES));
    machine.crash(where(['/1/page lost', 1]));
    const [b, a] = ['b'.repeat(PAGE_BYTES), 'a'.repeat(PAGE_BYTES)];
    expect(machine.text('a')).toBe(b + a + b);
  });

  test('leaves the old file or the new one where one was renamed over the other', () => {
    for (const lost of [0, 1]) {
      const machine = new Machine({ a: 'old' });
      machine.hand.file('a.tmp', 'new');
      machine.sync('a.tmp');
      machine.hand.rename('a.tmp', 'a');
      machine.crash(where(['/d/a/entry lost', lost]));
      expect(machine.text('a')).toBe(lost ? 'old' : 'new');
      expect(machine.names()).toEqual(lost ? ['a', 'a.tmp'] : ['a']);
    }
  });

  test('may leave nothing in a file that was renamed before it was synced', () => {
    const machine = new Machine({ a: 'old' });
    machine.hand.file('a.tmp', 'new');
    machine.hand.rename('a.tmp', 'a');
    machine.sync('.');
    machine.crash(everything);
    expect(machine.text('a')).toBe('');
  });

  test('keeps a file whole, or cuts it and may lose what was written then', () => {
    for (const [rule, left] of [
      ['cut lost', 'old text'],
      ['size lost', ''],
      ['page lost', '\0\0\0'],
      ['nothing', 'new'],
    ] as const) {
      const machine = new Machine({ a: 'old text' });
      machine.hand.file('a', 'new');
      machine.crash(where([rule, 1]));
      expect(machine.text('a'), rule).toBe(left);
    }
  });

  test('loses what the disk failed to take, although it was synced again', () => {
    const machine = new Machine({ a: 'old' });
    const { hand } = machine;
    const file = hand.opened('a', WRITE);
    hand.pwrite(file, 0, 'new');
    machine.choose = where(['sync/eio', 1]);
    expect(hand.kernel.files.sync(file)).toBe(-Errno.EIO);
    machine.choose = () => undefined;
    expect(hand.kernel.files.sync(file)).toBe(0);
    expect(hand.contents('a')).toBe('new');
    machine.crash(() => undefined);
    expect(machine.text('a')).toBe('old');
  });

  test('may find what was written once, and written again before it was synced', () => {
    const machine = new Machine({ a: 'old' });
    const { hand } = machine;
    const file = hand.opened('a', WRITE);
    hand.pwrite(file, 0, '1st');
    machine.choose = where(['/early', 1]);
    hand.pwrite(file, 0, '2nd');
    machine.crash(everything);
    expect(machine.text('a')).toBe('1st');
  });

  test('brings back what was removed', () => {
    const machine = new Machine({ a: 'text', sub: { b: 'more' } });
    const { hand } = machine;
    hand.unlink('a');
    hand.unlink('sub/b');
    hand.rmdir('sub');
    machine.crash(everything);
    expect(machine.names()).toEqual(['a', 'sub']);
    expect(machine.text('sub/b')).toBe('more');
    expect(machine.hand.file('sub/c', 'x')).toBeUndefined();
  });

  test('keeps moves of directories in order, or one might come to lie in itself', () => {
    const machine = new Machine({ p: { a: { e: {} } }, q: { b: { d: {} } }, r: {} });
    const { hand } = machine;
    expect(hand.rename('p/a', 'q/b/d/a')).toBe(0);
    expect(hand.rename('q/b/d/a', 'r/a')).toBe(0);
    expect(hand.rename('q/b', 'r/a/e/b')).toBe(0);
    machine.crash(where(['r/a/entry lost', 1]));
    expect(machine.names('/q/b/d/a/e')).toEqual([]);
    expect(machine.names('/r')).toEqual([]);
  });

  test('leaves a part of what was synced in no directory, and no directory in itself', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'a/b', 'b/a', 'a/c', 'c/a', 'b/c', 'a/b/c');
    const calls = fc.array(
      fc.oneof(
        fc.record({ do: fc.constantFrom('mkdir', 'file', 'unlink', 'rmdir', 'sync'), name }),
        fc.record({ do: fc.constant('rename'), name, to: name }),
        fc.record({ do: fc.constant('link'), name, to: name }),
      ),
      { maxLength: 40, size: 'max' },
    );
    const bits = fc.array(fc.boolean(), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(calls, bits, (steps, lost) => {
        const machine = new Machine({}, MIB);
        const { hand } = machine;
        for (const step of steps) {
          const { name: path } = step;
          if (step.do === 'mkdir') hand.mkdir(path);
          if (step.do === 'unlink') hand.unlink(path);
          if (step.do === 'rmdir') hand.rmdir(path);
          if ('to' in step && step.do === 'rename') hand.rename(path, step.to);
          if ('to' in step && step.do === 'link') hand.link(path, step.to);
          if (step.do === 'file' && hand.type(path) < 0) {
            const file = hand.open(path, NEW);
            if (file >= 0) hand.write(file, 'x'.repeat(5000));
            if (file >= 0) hand.kernel.close(file);
          }
          if (step.do === 'sync' && hand.open(path, READ | DIRECTORY) >= 0) machine.sync(path);
        }
        let at = 0;
        machine.crash((label) => (label.endsWith(' lost') && lost[at++ % 60] ? 1 : undefined));
        const seen = new Set<bigint>();
        const walk = (path: string): void => {
          expect(seen).not.toContain(machine.hand.ino(path));
          seen.add(machine.hand.ino(path));
          const entries = machine.hand.names(path);
          const directories = entries.filter((each) => machine.hand.type(`${path}/${each}`) === 3);
          expect(machine.hand.field(path, Stat.NLINK)).toBe(2 + directories.length);
          for (const each of directories) walk(`${path}/${each}`);
        };
        walk('.');
        expect(machine.disk.freeBytes).toBe(MIB - machine.disk.usedBytes);
      }),
      { numRuns: 500 },
    );
  });

  test('leaves all that was synced, whatever else is done', () => {
    const text = fc.nat({ max: 3 }).map((pages) => pages * 3000);
    const calls = fc.array(
      fc.record({
        do: fc.constantFrom('write', 'cut', 'sync', 'sync all', 'replace'),
        at: text,
        bytes: text,
      }),
      { maxLength: 30, size: 'max' },
    );
    fc.assert(
      fc.property(
        calls,
        fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        (steps, lost) => {
          const machine = new Machine({ a: 'first' });
          const { hand } = machine;
          let letter = 0;
          let synced: string | undefined = 'first';
          for (const step of steps) {
            const bytes = String.fromCharCode(65 + (letter++ % 26)).repeat(step.bytes);
            if (step.do === 'replace') {
              hand.file('a.tmp', bytes);
              machine.sync('a.tmp');
              hand.rename('a.tmp', 'a');
              machine.sync('.');
              synced = bytes;
              continue;
            }
            const file = hand.opened('a', READ | WRITE);
            if (step.do === 'write' && step.bytes > 0) {
              hand.pwrite(file, step.at, bytes);
              synced = undefined;
            } else if (step.do === 'cut') {
              hand.kernel.files.truncate(file, BigInt(step.at));
              synced = undefined;
            } else if (step.do.startsWith('sync')) {
              hand.kernel.files.sync(file);
              synced = machine.text('a');
            }
            hand.kernel.close(file);
          }
          let at = 0;
          machine.crash((label) => (label.endsWith(' lost') && lost[at++ % 60] ? 1 : undefined));
          if (synced !== undefined) expect(machine.text('a')).toBe(synced);
          // A second crash finds all of it on the disk.
          const left = machine.text('a');
          machine.crash(everything);
          expect(machine.text('a')).toBe(left);
        },
      ),
      { numRuns: 300 },
    );
  });
});
