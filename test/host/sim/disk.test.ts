/** A simulated disk: what is on it, and what goes wrong with it. */
import { Errno } from '#host/kernel/errno';
import { Readiness, Trigger } from '#host/kernel/readiness';
import { Link } from '#host/sim/disk';
import { World } from '#host/sim/world';
import { describe, expect, test } from 'vitest';

import { FileHand, READ, WRITE } from '../../file-hand.js';
import { Machine, MIB, NEW, PAGE_BYTES, where } from './machine.js';

describe('a disk', () => {
  test('holds what it was given, and tells what a guest has left there', () => {
    const machine = new Machine({
      a: 'text',
      'ä€': new Uint8Array([0, 255]),
      sub: { l: new Link('../a') },
    });
    const { disk, hand } = machine;
    expect(disk.list('/d')).toEqual(['a', 'sub', 'ä€']);
    expect(disk.read('/d/ä€')).toEqual(new Uint8Array([0, 255]));
    expect(machine.text('sub/l')).toBe('text');
    expect(disk.read('/d/sub')).toBeUndefined();
    expect(disk.read('/e/a')).toBeUndefined();
    expect(disk.list('/d/a')).toBeUndefined();
    hand.file('sub/b', 'more');
    expect(disk.list('/d/sub')).toEqual(['b', 'l']);
    expect(machine.text('sub/b')).toBe('more');
  });

  test('does not change the bytes that it was given', () => {
    const given = new Uint8Array(PAGE_BYTES * 2);
    const { hand } = new Machine({ a: given });
    const file = hand.opened('a', READ | WRITE);
    expect(hand.pwrite(file, PAGE_BYTES - 1, 'xy')).toBe(2);
    expect(given.every((byte) => byte === 0)).toBe(true);
  });

  test('has only so many bytes, and room again for what is removed and closed', () => {
    const { disk, hand } = new Machine({}, MIB);
    const all = disk.freeBytes;
    const file = hand.opened('a', NEW);
    hand.bytes.fill(65);
    let written = 0;
    for (;;) {
      const result = hand.write(file, 'x'.repeat(100_000));
      if (result < 0) {
        expect(result).toBe(-Errno.ENOSPC);
        break;
      }
      written += result;
    }
    expect(written).toBeGreaterThan(MIB - 2 * PAGE_BYTES);
    expect(written).toBeLessThanOrEqual(MIB);
    expect(hand.kernel.files.allocate(file, BigInt(written), BigInt(MIB))).toBe(-Errno.ENOSPC);
    expect(hand.unlink('a')).toBe(0);
    expect(disk.freeBytes).toBeLessThan(PAGE_BYTES);
    hand.kernel.close(file);
    expect(disk.freeBytes).toBe(all);
  });

  test('is full of names, too, at some time', () => {
    const { disk, hand } = new Machine({ a: '' }, MIB);
    const answers = Array.from({ length: 5000 }, (_, i) => hand.mkdir(`directory ${i}`));
    expect(answers.at(-1)).toBe(-Errno.ENOSPC);
    expect(hand.link('a', 'b'.repeat(250))).toBe(-Errno.ENOSPC);
    expect(hand.rename('a', 'b'.repeat(250))).toBe(-Errno.ENOSPC);
    expect(hand.names()).toHaveLength(1 + answers.filter((each) => each === 0).length);
    expect(disk.freeBytes).toBe(MIB - disk.usedBytes);
  });

  test('lets no regular file and no directory be watched by epoll, and any by poll', () => {
    const { hand } = new Machine({ a: 'x' });
    const { kernel } = hand;
    const file = hand.opened('a');
    const interest = Readiness.IN | Readiness.OUT;
    expect(kernel.poller('epoll').set(file, interest, Trigger.LEVEL, 1)).toBe(-Errno.EPERM);
    const poll = kernel.poller('poll');
    expect(poll.set(file, interest, Trigger.LEVEL, 1)).toBe(0);
    expect(poll.wait(new Int32Array(3), 0)).toBe(1);
    expect(kernel.waitFor(file, interest, Infinity)).toBe(interest);
  });

  test.each([0, 1, 2])('lists its entries in an order that stays as it was: %i', (order) => {
    const machine = new Machine();
    machine.choose = where(['/listing', order]);
    const { hand } = machine;
    const names = Array.from({ length: 30 }, (_, i) => `file ${i}`);
    for (const name of names) hand.file(name);
    const listed = () =>
      hand
        .list(hand.directory, 100)
        .map(({ name }) => name)
        .filter((name) => name.startsWith('file'));
    const first = listed();
    expect(first.toSorted()).toEqual(names.toSorted());
    if (order === 0) expect(first).toEqual(names);
    if (order === 1) expect(first).toEqual(names.toReversed());
    hand.unlink('file 7');
    hand.file('other');
    expect(listed()).toEqual(first.filter((name) => name !== 'file 7'));
  });
});

describe('a fault of a disk', () => {
  test('fails a call, and changes nothing', () => {
    const machine = new Machine({ a: 'text' });
    const { hand } = machine;
    const file = hand.opened('a', READ | WRITE);
    const rows: [decision: string, value: number, call: () => unknown, answer: number][] = [
      ['read/eio', 1, () => hand.read(file), -Errno.EIO],
      ['read/eio', 1, () => hand.readdir(hand.directory).used, -Errno.EIO],
      ['write/eio', 1, () => hand.write(file, 'other'), -Errno.EIO],
      ['sync/eio', 1, () => hand.kernel.files.sync(file), -Errno.EIO],
      ['enospc', 1, () => hand.write(file, 'other'), -Errno.ENOSPC],
      ['enospc', 1, () => hand.mkdir('sub'), -Errno.ENOSPC],
      ['enospc', 1, () => hand.open('b', NEW), -Errno.ENOSPC],
      ['open/nfile', 1, () => hand.open('b', NEW), -Errno.EMFILE],
      ['open/nfile', 2, () => hand.open('b', NEW), -Errno.ENFILE],
    ];
    for (const [decision, value, call, answer] of rows) {
      machine.choose = where([decision, value]);
      expect(call(), decision).toBe(answer);
    }
    machine.choose = () => undefined;
    expect(machine.names()).toEqual(['a']);
    expect(hand.contents('a')).toBe('text');
  });

  test('takes a part of what is read or written, and the offset goes as far', () => {
    const machine = new Machine({ a: 'abcdefgh' });
    const { hand } = machine;
    const file = hand.opened('a', READ | WRITE);
    machine.choose = where(['/partial', 1]);
    expect([hand.read(file, 8), hand.read(file, 8)]).toEqual(['abcd', 'ef']);
    expect(hand.write(file, 'xy')).toBe(1);
    expect(machine.text('a')).toBe('abcdefxh');
  });

  test('takes time, in which the world goes on', () => {
    const machine = new Machine({ a: 'text' });
    let happened = 0;
    machine.world.scheduler.after(5e6, () => happened++);
    machine.choose = where(['/slow', 2]);
    const { now } = machine.world;
    expect(machine.hand.contents('a')).toBe('text');
    expect(machine.world.now - now).toBeGreaterThan(20e6);
    expect(happened).toBe(1);
  });

  test('EMFILE creates nothing', () => {
    const world = new World();
    const kernel = world.kernel({ maxHandles: 1 });
    kernel.disk.load('/d', {});
    const hand = new FileHand(kernel, kernel.files.openRoot('/d'));
    expect(hand.open('a', NEW)).toBe(-Errno.EMFILE);
    expect(kernel.disk.list('/d')).toEqual([]);
  });
});
