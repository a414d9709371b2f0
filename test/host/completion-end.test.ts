/**
 * Operations in flight and how they end, by the same cases whatever does the work: closed
 * descriptors, waits that are woken, arguments that are wrong.
 */
import { NOTES, Opcode, RECV_BYTES } from '#host/kernel/completion';
import { Errno } from '#host/kernel/errno';
import { Readiness } from '#host/kernel/readiness';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  accept,
  again,
  Caller,
  cancel,
  close,
  engines,
  MIB,
  pattern,
  recv,
  SECOND,
  timeout,
  type Told,
} from './asynchronous.js';

const MS = 1e6;
const text = (bytes: Uint8Array | number) =>
  typeof bytes === 'number' ? bytes : new TextDecoder().decode(bytes);

function caller(engine: string): Caller {
  const made = new Caller(engine);
  onTestFinished(() => made.dispose());
  return made;
}

/** Fills what lies between `own` and its peer, and leaves a SEND in flight with this userdata. */
function stuffed(my: Caller, own: number, userdata: number): void {
  for (let told = [0]; told.length > 0;) {
    my.submit(my.send(own, pattern(65536), { userdata }));
    told = (my.tryReap(1, 20 * MS) as Told[]).map(({ result }) => result);
  }
}

describe.each(engines)('by %s', (engine) => {
  describe('CLOSE', () => {
    test('closes, and the peer sees the end', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.submit(close(own, { userdata: 5 }));
      expect(my.one()).toMatchObject({ userdata: 5, opcode: Opcode.CLOSE, result: 0 });
      expect(my.peerReceive(peer)).toHaveLength(0);
      expect(my.kernel.close(own)).toBe(-Errno.EBADF);
      my.submit(close(own), close(-Errno.EPERM), recv(own));
      expect(my.reap(3).map(({ result }) => result)).toEqual([
        -Errno.EBADF,
        -Errno.EPERM,
        -Errno.EBADF,
      ]);
    });

    test('comes after what was submitted before it', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.submit(my.send(own, 'last words', { userdata: 1 }), close(own, { userdata: 2 }));
      const told: Told[] = [];
      while (told.length < 2) told.push(...my.reap());
      expect(told.map(({ userdata, result }) => [userdata, result])).toEqual([
        [1, 10],
        [2, 0],
      ]);
      expect(text(my.peerReceive(peer))).toBe('last words');
      expect(my.peerReceive(peer)).toHaveLength(0);
    });

    test.each(['CLOSE', 'close'])('%s leaves what is in flight on it, and its number', (how) => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.submit(recv(own, { userdata: 1, ...again }));
      stuffed(my, own, 2);
      if (how === 'close') {
        expect(my.kernel.close(own)).toBe(0);
      } else {
        my.submit(close(own, { userdata: 3 }));
        expect(my.next(3)).toMatchObject({ opcode: Opcode.CLOSE, result: 0 });
      }
      // Nobody else gets the number while an operation may still use it.
      const others = Array.from({ length: 20 }, () => my.notSocket());
      expect(others).not.toContain(own);
      my.submit(recv(own, { userdata: 4 }));
      expect(my.next(4).result).toBe(-Errno.EBADF);
      expect(my.kernel.close(own)).toBe(-Errno.EBADF);
      my.peerSend(peer, 'still received');
      expect(text(my.next(1).bytes)).toBe('still received');
      for (let i = 0; i < 200; i++) my.peerReceive(peer, MS);
      expect(my.next(2).result).toBeGreaterThan(0);
      my.submit(cancel(1, { userdata: 5 }));
      expect(my.next(1).result).toBe(-Errno.ECANCELED);
      expect(my.next(5).result).toBe(0);
      // That was the last, so it is closed now.
      let end = my.peerReceive(peer);
      while (typeof end !== 'number' && end.length > 0) end = my.peerReceive(peer);
      expect(end).toHaveLength(0);
      expect(my.notSocket()).toBeLessThanOrEqual(own);
    });

    test('of a listener closes the connections that nobody had room for', () => {
      const my = caller(engine);
      my.room = 0;
      const { listener, port } = my.listen();
      const peer = my.dial(port);
      my.submit(accept(listener));
      expect(my.one().result).toBe(-Errno.EMFILE);
      expect(typeof my.peerReceive(peer, 20 * MS)).toBe('number');
      expect(my.kernel.close(listener)).toBe(0);
      expect(my.peerReceive(peer)).toHaveLength(0);
    });
  });

  describe('a wait', () => {
    test('ends when its time is over, with what there is', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      const start = my.now;
      expect(my.tryReap(1, 20 * MS)).toEqual([]);
      expect(Number(my.now - start)).toBeGreaterThanOrEqual(20 * MS);
      my.submit(recv(own, again));
      my.peerSend(peer, 'only one');
      expect(my.tryReap(2, 20 * MS)).toHaveLength(1);
      expect(my.tryReap(1, 0)).toEqual([]);
      expect(my.tryReap(0, Infinity)).toEqual([]);
    });

    test('goes on over its slices, and takes what comes in each', () => {
      const my = caller(engine);
      my.submit(timeout(10 * MS, { userdata: 1 }), timeout(2.2 * SECOND, { userdata: 2 }));
      const told = my.tryReap(2, Infinity) as Told[];
      expect(told.map(({ userdata }) => userdata)).toEqual([1, 2]);
    });

    test('for more than the caller has room for ends when that is full', () => {
      const my = caller(engine);
      my.submit(...Array.from({ length: 9 }, (_, userdata) => timeout(0, { userdata })));
      const seen: number[] = [];
      while (seen.length < 9) {
        const told = my.reap(99, { max: 3 });
        expect(told).toHaveLength(3);
        seen.push(...told.map(({ userdata }) => userdata));
      }
      expect(seen.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    });

    test('is ended by wake, each one until awake, and goes on as before', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.submit(recv(own, again));
      expect(my.quiet()).toBe(true); // the wake is watched by now
      for (let i = 0; i < 3; i++) {
        my.kernel.wake();
        expect(my.tryReap(1, Infinity)).toBe(-Errno.EINTR);
        expect(my.tryReap(5, Infinity)).toBe(-Errno.EINTR);
        expect(my.tryReap(0, 0)).toBe(-Errno.EINTR);
        my.peerSend(peer, 'first');
        my.kernel.waitFor(own, Readiness.IN, SECOND);
        let told = my.tryReap(1, Infinity);
        while (told === -Errno.EINTR) told = my.tryReap(1, Infinity);
        expect(text((told as Told[])[0]!.bytes)).toBe('first');
        my.kernel.awake();
        expect(my.quiet()).toBe(true);
      }
    });
  });

  describe('limits', () => {
    test('too many in flight are not taken, until others are reaped', () => {
      const my = caller(engine);
      const some = Array.from({ length: 4096 }, () => timeout(1e15, { userdata: 7 }));
      let taken = 0;
      let last = some.length;
      while (last === some.length) taken += last = my.submit(...some);
      expect(taken).toBe(1 << 17);
      expect(my.submit(timeout(0))).toBe(0);
      my.queue.close();
    });

    test('errors are told, more than there is room to note at once', () => {
      const my = caller(engine);
      for (let i = 0; i < 3; i++) {
        my.submit(...Array.from({ length: 700 }, (_, userdata) => recv(-5, { userdata })));
      }
      const seen: number[] = [];
      while (seen.length < 2100) {
        const told = my.reap(1, { max: 4000 });
        expect(told.length).toBeLessThanOrEqual(512);
        seen.push(...told.map(({ userdata }) => userdata));
      }
      expect(seen.slice(0, 700)).toEqual(Array.from({ length: 700 }, (_, i) => i));
    });
  });

  describe('hostile arguments', () => {
    test('operations that are wrong in themselves complete with what is wrong', () => {
      const my = caller(engine);
      const { own } = my.pair();
      const wrong = [
        { opcode: 0, handle: own },
        { opcode: 7, handle: own },
        { opcode: 255 },
        { opcode: 1e9, handle: own },
        { opcode: -1, handle: own },
        recv(own, { flags: 2 }),
        recv(own, { flags: 255 }),
        recv(own, { reserved: 1 }),
        my.send(own, 'x', { flags: 1 }),
        timeout(0, { flags: 1 }),
        cancel(0, { flags: 1 }),
      ];
      wrong.forEach((each, userdata) => expect(my.submit({ ...each, userdata })).toBe(1));
      const told: Told[] = [];
      while (told.length < wrong.length) told.push(...my.reap());
      for (const { userdata, result } of told) {
        expect([userdata, result]).toEqual([userdata, userdata === 2 ? -1 : -Errno.EINVAL]);
      }
      expect(my.kernel.close(own)).toBe(0);
    });

    test('what is not in memory is EFAULT, what makes no sense EINVAL, and nothing happens', () => {
      const my = caller(engine);
      const size = my.bytes.length;
      const targets = new Int32Array(4);
      const { queue, notes } = my;
      for (const [at, count] of [
        [size, 1],
        [size - 31, 1],
        [0xffff_ffff, 0xffff_ffff],
        [0, 3],
        [0, 0xffff_ffff],
      ] as const) {
        expect(queue.submit(at, count, targets)).toBe(-Errno.EFAULT);
      }
      my.submit(timeout(0));
      for (const [completions, max, buffer, bytes] of [
        [size - 23, 1, 0, MIB],
        [0, 0xffff_ffff, 0, MIB],
        [0, 1, size - MIB + 1, MIB],
        [0, 1, 0xffff_ffff, 0xffff_ffff],
        [0xffff_ffff, 1, 0, MIB],
      ] as const) {
        expect(queue.reap(completions, max, buffer, bytes, 1, 0, notes)).toBe(-Errno.EFAULT);
      }
      expect(queue.reap(0, 0, 0, MIB, 1, 0, notes)).toBe(-Errno.EINVAL);
      expect(queue.reap(0, 1, 0, RECV_BYTES - 1, 1, 0, notes)).toBe(-Errno.EINVAL);
      expect(queue.reap(0, 1, 0, MIB, 1, 0, new Int32Array(NOTES.HEADER))).toBe(-Errno.EINVAL);
      expect(my.one().result).toBe(-Errno.ETIMEDOUT);
    });
  });

  describe('the end', () => {
    test('of a queue is final: it takes and tells nothing more', () => {
      const my = caller(engine);
      my.submit(timeout(0));
      my.queue.close();
      my.queue.close();
      expect(my.submit(timeout(0))).toBe(-Errno.EBADF);
      expect(my.tryReap(1, 0)).toBe(-Errno.EBADF);
    });
  });

  test('memory that grows while operations are in flight', () => {
    const my = caller(engine);
    const { own, peer } = my.pair();
    const memory = new WebAssembly.Memory({ initial: 256, maximum: 4096 });
    const attached = () => my.kernel.attach({ bytes: new Uint8Array(memory.buffer) });
    attached();
    const { queue, notes } = my;
    const targets = new Int32Array([Opcode.RECV, own, Opcode.SEND, own]);
    const write = (at: number, flags: number, bytes: number, length: number) => {
      const view = new DataView(memory.buffer);
      view.setUint8(at + 9, flags);
      view.setUint32(at + 16, bytes, true);
      view.setUint32(at + 20, length, true);
    };
    for (let round = 0; round < 20; round++) {
      write(0, 0, 0, 0);
      write(32, 0, MIB, 1000);
      new Uint8Array(memory.buffer).set(pattern(1000, round), MIB);
      expect(queue.submit(0, 2, targets)).toBe(2);
      const stale = new Uint8Array(memory.buffer);
      memory.grow(16);
      expect(stale.length).toBe(0); // the old memory is gone
      my.peerSend(peer, pattern(777, round));
      expect(queue.reap(0, 8, 0, MIB, 1, SECOND, notes)).toBe(-Errno.EFAULT); // and not attached
      attached();
      const seen = new Set<number>();
      while (seen.size < 2) {
        const count = queue.reap(4096, 8, 2 * MIB, MIB, 1, SECOND, notes);
        const view = new DataView(memory.buffer);
        for (let i = 0; i < count; i++) {
          const opcode = view.getUint8(4096 + i * 24 + 13);
          seen.add(opcode);
          expect(view.getInt32(4096 + i * 24 + 8, true)).toBe(opcode === Opcode.RECV ? 777 : 1000);
        }
      }
      const received = new Uint8Array(memory.buffer, 2 * MIB, 777);
      expect(Buffer.from(received).equals(pattern(777, round))).toBe(true);
      expect(Buffer.from(my.peerReceive(peer) as Uint8Array).equals(pattern(1000, round))).toBe(
        true,
      );
    }
  });
});
