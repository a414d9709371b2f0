/** Operations in flight, by the same cases whichever engine does the work. */
import { Opcode, RECV_BYTES } from '#host/kernel/completion';
import { Errno } from '#host/kernel/errno';
import { Shutdown } from '#host/kernel/kernel';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  accept,
  again,
  Caller,
  cancel,
  engines,
  linuxEngines,
  MIB,
  pattern,
  recv,
  SECOND,
  timeout,
  type Told,
} from './asynchronous.js';
import { openFlags } from './linux/thread.js';

const MS = 1e6;
const text = (bytes: Uint8Array | number) =>
  typeof bytes === 'number' ? bytes : new TextDecoder().decode(bytes);
const joined = (parts: Uint8Array[]) => Buffer.concat(parts);

function caller(engine: string): Caller {
  const made = new Caller(engine);
  onTestFinished(() => made.dispose());
  return made;
}

test('there are threads in any case, and io_uring unless it is forbidden here', () => {
  expect(linuxEngines).toContain('threads');
});

describe.each(engines)('by %s', (engine) => {
  test('it says its name', () => {
    const { queue, kernel } = caller(engine);
    expect(queue.name).toBe(engine);
    expect(kernel.completions()).toBe(queue);
  });

  describe('ACCEPT', () => {
    test('completes with a connection that does not block and is closed on exec', () => {
      const my = caller(engine);
      const { listener, port } = my.listen();
      expect(my.submit(accept(listener, { userdata: 2n ** 53n - 1n }))).toBe(1);
      expect(my.quiet()).toBe(true);
      const peer = my.dial(port);
      const told = my.one();
      expect(told).toMatchObject({ userdata: 2 ** 53 - 1, opcode: Opcode.ACCEPT, more: false });
      if (linuxEngines.includes(engine)) expect(openFlags(told.result) & 0o2004000).toBe(0o2004000);
      my.peerSend(peer, 'to the right one');
      my.submit(recv(told.result));
      expect(text(my.one().bytes)).toBe('to the right one');
      expect(my.kernel.close(told.result)).toBe(0);
    });

    test('takes what is in the queue of the listener already', () => {
      const my = caller(engine);
      const { listener, port } = my.listen();
      my.dial(port);
      my.submit(accept(listener));
      expect(my.one().result).toBeGreaterThanOrEqual(0);
    });

    test('goes on, with MULTISHOT, until it is cancelled', () => {
      const my = caller(engine);
      const { listener, port } = my.listen();
      my.submit(accept(listener, { userdata: 1, ...again }));
      const seen = new Set<number>();
      for (let i = 0; i < 40; i++) my.dial(port);
      while (seen.size < 40) {
        for (const { result, more, userdata } of my.reap()) {
          expect({ more, userdata }).toEqual({ more: true, userdata: 1 });
          seen.add(result);
        }
      }
      my.submit(cancel(1, { userdata: 2 }));
      const told = my.reap(2);
      expect(told).toHaveLength(2);
      expect(told.find(({ userdata }) => userdata === 1)).toMatchObject({
        result: -Errno.ECANCELED,
        more: false,
      });
      expect(told.find(({ userdata }) => userdata === 2)).toMatchObject({ result: 0 });
      my.dial(port);
      expect(my.quiet()).toBe(true);
    });

    test('without MULTISHOT, one is one connection', () => {
      const my = caller(engine);
      const { listener, port } = my.listen();
      my.dial(port);
      my.dial(port);
      my.submit(accept(listener));
      expect(my.one().more).toBe(false);
      expect(my.quiet()).toBe(true);
      my.submit(accept(listener));
      my.one();
    });

    test.each([again, {}])('ends where there is no room, and loses no connection: %o', (flags) => {
      const my = caller(engine);
      my.room = 2;
      const { listener, port } = my.listen();
      const peers = Array.from({ length: 5 }, () => my.dial(port));
      peers.forEach((peer, i) => my.peerSend(peer, `I am ${i}`));
      const connections: number[] = [];
      /** Accepts until there is no room, or nobody is left; whether the operation goes on. */
      const receive = () => {
        for (let going = false; connections.length < peers.length;) {
          if (!going) my.submit(accept(listener, flags));
          const { result, more } = my.reap(1, { max: 1 })[0]!;
          going = more;
          if (result < 0) return expect([result, more]).toEqual([-Errno.EMFILE, false]);
          connections.push(result);
          my.room--;
        }
      };
      receive();
      expect(connections).toHaveLength(2);
      my.room = 0;
      receive();
      expect(connections).toHaveLength(2);
      my.room = 1;
      receive();
      expect(connections).toHaveLength(3);
      my.room = 100;
      receive();
      const said = connections.map((connection) => {
        my.submit(recv(connection, { userdata: connection }));
        let told = my.one();
        while (told.userdata !== connection) told = my.one(); // an accept that goes on
        return text(told.bytes);
      });
      expect(said.sort()).toEqual(peers.map((_, i) => `I am ${i}`));
    });

    test('is refused for what is no listener', () => {
      const my = caller(engine);
      const { own } = my.pair();
      my.submit(accept(own), accept(my.notSocket()), accept(99_999), accept(-Errno.EIO));
      expect(my.reap(4).map(({ result }) => result)).toEqual([
        -Errno.EINVAL,
        -Errno.ENOTSOCK,
        -Errno.EBADF,
        -Errno.EIO,
      ]);
    });

    test('at a listener that was out of service before the first of all waits for ever', () => {
      const my = caller(engine);
      const { listener } = my.listen();
      expect(my.kernel.retire(listener)).toBe(0);
      my.submit(accept(listener, { userdata: 1 }));
      expect(my.quiet()).toBe(true);
      my.submit(cancel(1, { userdata: 2 }));
      expect(my.reap(2).map(({ result }) => result)).toEqual([-Errno.ECANCELED, 0]);
      expect(my.kernel.close(listener)).toBe(0);
      const successor = my.listen();
      my.submit(accept(successor.listener));
      my.dial(successor.port);
      expect(my.one().result).toBeGreaterThanOrEqual(0);
    });

    test('at a listener out of service, waits for ever, and frees the address', () => {
      const my = caller(engine);
      const { listener, port } = my.listen();
      my.submit(accept(listener, { userdata: 1, ...again }));
      my.dial(port);
      const { result } = my.one();
      my.submit(accept(listener, { userdata: 2 })); // in line behind the first
      expect(my.kernel.retire(listener)).toBe(0);
      expect(my.quiet()).toBe(true);
      const late = my.world.connect({ host: '127.0.0.1', port });
      my.world.waitFor(late, 4, SECOND);
      expect(my.world.socketError(late)).toBe(-Errno.ECONNREFUSED);
      const successor = my.kernel.listen({ host: '127.0.0.1', port }, 1);
      expect(successor).toBeGreaterThanOrEqual(0);
      my.submit(accept(listener, { userdata: 3 }));
      expect(my.quiet()).toBe(true);
      my.submit(...[1, 2, 3].map((each) => cancel(each, { userdata: each + 10 })));
      const told = new Map(my.reap(6).map(({ userdata, result: each }) => [userdata, each]));
      for (const each of [1, 2, 3]) {
        expect(told.get(each)).toBe(-Errno.ECANCELED);
        expect(told.get(each + 10)).toBe(0);
      }
      expect(my.kernel.close(result)).toBe(0);
      expect(my.kernel.close(listener)).toBe(0);
    });
  });

  describe('RECV', () => {
    test('waits for bytes, and puts them into the buffer', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.submit(recv(own, { userdata: 5 }));
      expect(my.quiet()).toBe(true);
      my.peerSend(peer, 'some bytes');
      const told = my.one();
      expect(told).toMatchObject({ userdata: 5, opcode: Opcode.RECV, result: 10, more: false });
      expect(text(told.bytes)).toBe('some bytes');
      my.peerSend(peer, 'more');
      expect(my.quiet()).toBe(true);
    });

    test('keeps to its limit of length', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.peerSend(peer, 'abcdefg');
      my.submit(recv(own, { length: 3 }));
      expect(text(my.one().bytes)).toBe('abc');
      my.submit(recv(own, { length: 1, ...again }));
      const parts: Uint8Array[] = [];
      while (parts.length < 4) {
        for (const { bytes, more } of my.reap()) {
          expect(more).toBe(true);
          parts.push(bytes);
        }
      }
      expect(parts.map(text)).toEqual(['d', 'e', 'f', 'g']);
    });

    test('goes on, with MULTISHOT, to the end of the stream', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.submit(recv(own, { userdata: 6, ...again }));
      for (const word of ['one', 'two', 'three']) {
        my.peerSend(peer, word);
        const told = my.one();
        expect(text(told.bytes)).toBe(word);
        expect(told.more).toBe(true);
      }
      my.world.shutdown(peer, Shutdown.WR);
      expect(my.one()).toMatchObject({ userdata: 6, result: 0, more: false });
      expect(my.quiet()).toBe(true);
      my.submit(my.send(own, 'the other half is open'));
      my.one();
      expect(text(my.peerReceive(peer))).toBe('the other half is open');
    });

    test('ends with a reset, after what came before', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.submit(my.send(own, 'never read'));
      my.one();
      my.world.waitFor(peer, 1, SECOND);
      my.submit(recv(own, again));
      my.peerReset(peer);
      expect(my.one()).toMatchObject({ result: -Errno.ECONNRESET, more: false });
      my.submit(recv(own));
      expect(my.one()).toMatchObject({ result: 0 });
    });

    test('carries no more than RECV_BYTES at once, and nothing is lost', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      const sent = pattern(300_000);
      my.submit(recv(own, again));
      const received: Uint8Array[] = [];
      let length = 0;
      my.peerSendAll(peer, sent);
      while (length < sent.length) {
        for (const { bytes } of my.reap()) {
          expect(bytes.length).toBeLessThanOrEqual(RECV_BYTES);
          received.push(bytes);
          length += bytes.length;
        }
      }
      expect(joined(received).equals(sent)).toBe(true);
    });

    test('stops when the buffers are full, and loses nothing, on many connections', () => {
      const my = caller(engine);
      const pairs = Array.from({ length: 12 }, () => my.pair());
      const sent = pairs.map((_, i) => pattern(2.5 * MIB, i));
      pairs.forEach(({ own }, i) => my.submit(recv(own, { userdata: i, ...again })));
      const progress = pairs.map(() => 0);
      const received: Uint8Array[][] = pairs.map(() => []);
      const total = 12 * 2.5 * MIB;
      // Far more than all buffers together is on its way before anything is reaped.
      for (let round = 0, done = 0; done < total; round++) {
        pairs.forEach(({ peer }, i) => {
          for (let more = 1; more > 0 && progress[i]! < sent[i]!.length;) {
            more = my.peerSend(peer, sent[i]!.subarray(progress[i], progress[i]! + MIB));
            if (more > 0) progress[i]! += more;
          }
        });
        my.submit(timeout(1, { userdata: 1000 })); // makes the kernel do what it can
        for (const told of my.reap()) {
          if (told.userdata === 1000) continue;
          expect(told.more).toBe(true);
          received[told.userdata]!.push(told.bytes);
          done += told.result;
        }
        if (round > 20_000) throw new Error(`it is stuck at ${done} of ${total}`);
      }
      received.forEach((parts, i) => expect(joined(parts).equals(sent[i]!)).toBe(true));
    });

    test('a small buffer of the guest takes what fits, and the rest comes later', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      const sent = pattern(100_000);
      my.submit(recv(own, again));
      my.peerSendAll(peer, sent);
      const received: Uint8Array[] = [];
      for (let length = 0; length < sent.length;) {
        const told = my.reap(1, { bufferBytes: RECV_BYTES });
        expect(told.length).toBeGreaterThan(0);
        const bytes = told.reduce((sum, { result }) => sum + result, 0);
        expect(bytes).toBeLessThanOrEqual(RECV_BYTES);
        received.push(...told.map((each) => each.bytes));
        length += bytes;
      }
      expect(joined(received).equals(sent)).toBe(true);
    });

    test('several on one descriptor are served in order', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.submit(...[1, 2, 3].map((userdata) => recv(own, { userdata, length: 1 })));
      my.peerSend(peer, 'abc');
      const told: Told[] = [];
      while (told.length < 3) told.push(...my.reap());
      expect(told.map(({ userdata, bytes }) => [userdata, text(bytes)])).toEqual([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ]);
    });
  });

  describe('SEND', () => {
    test('copies the bytes before submit returns', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      const wanted = my.send(own, 'as it was');
      expect(my.submit(wanted)).toBe(1);
      my.bytes.fill(0, wanted.bytes, wanted.bytes! + 9);
      expect(my.one()).toMatchObject({ opcode: Opcode.SEND, result: 9 });
      expect(text(my.peerReceive(peer))).toBe('as it was');
    });

    test.each([65536, 8 * MIB])('%i bytes arrive, by short counts', (length) => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      const bytes = pattern(length);
      const arrived: Uint8Array[] = [];
      const collect = (withinNs: number) => {
        for (let part; typeof (part = my.peerReceive(peer, withinNs)) !== 'number';)
          arrived.push(part);
      };
      let sent = 0;
      while (sent < length) {
        my.submit(my.send(own, bytes.subarray(sent)));
        let told = my.tryReap(1, 0.02 * SECOND) as Told[];
        while (told.length === 0) {
          collect(0); // the send waits for the peer
          told = my.tryReap(1, 0.02 * SECOND) as Told[];
        }
        expect(told[0]!.result).toBeGreaterThan(0);
        sent += told[0]!.result;
      }
      const count = () => arrived.reduce((sum, part) => sum + part.length, 0);
      while (count() < length) collect(MS);
      expect(joined(arrived).equals(bytes)).toBe(true);
    });

    test('keeps the order of several on one descriptor, also when they must wait', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      const part = 50_000;
      const all = pattern(200 * part);
      const lengths = new Map<number, number>();
      for (let i = 0; i < 200; i++) {
        expect(
          my.submit(my.send(own, all.subarray(i * part, i * part + part), { userdata: i })),
        ).toBe(1);
      }
      const order: number[] = [];
      const arrived: Uint8Array[] = [];
      while (order.length < 200) {
        const piece = my.peerReceive(peer, 0);
        if (typeof piece !== 'number') arrived.push(piece);
        for (const { userdata, result } of my.tryReap(1, MS) as Told[]) {
          order.push(userdata);
          lengths.set(userdata, result);
        }
      }
      for (let piece; typeof (piece = my.peerReceive(peer, 50 * MS)) !== 'number';)
        arrived.push(piece);
      expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i));
      const expected = order.map((i) => all.subarray(i * part, i * part + lengths.get(i)!));
      expect(joined(arrived).equals(joined(expected))).toBe(true);
    });

    test('to a peer that is gone is ECONNRESET or EPIPE, and no signal', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.world.close(peer);
      my.submit(my.send(own, 'into the void'));
      expect(my.one().result).toBe(13);
      my.submit(recv(own));
      expect(my.one().result).toBe(0);
      my.submit(my.send(own, 'again'));
      expect([-Errno.EPIPE, -Errno.ECONNRESET]).toContain(my.one().result);
      my.kernel.shutdown(own, Shutdown.WR);
      my.submit(my.send(own, 'again'));
      expect(my.one().result).toBe(-Errno.EPIPE);
    });

    test('of nothing, of what is not in memory, and to what is no socket', () => {
      const my = caller(engine);
      const { own } = my.pair();
      const end = my.bytes.length;
      my.submit(
        my.send(own, ''),
        my.send(own, '', { bytes: end, length: 1 }),
        my.send(own, '', { bytes: end - 5, length: 6 }),
        my.send(own, '', { bytes: 0xffff_ffff, length: 0xffff_ffff }),
        my.send(my.notSocket(), 'x'),
      );
      expect(my.reap(5).map(({ result }) => result)).toEqual([
        0,
        -Errno.EFAULT,
        -Errno.EFAULT,
        -Errno.EFAULT,
        -Errno.ENOTSOCK,
      ]);
    });

    test('more bytes in flight than there may be are not taken, and are when others are gone', () => {
      const my = caller(engine);
      const pairs = Array.from({ length: 4 }, () => my.pair());
      const bytes = pattern(65536);
      let refused = false;
      let submitted = 0;
      for (let i = 0; !refused; i++) {
        refused = my.submit(my.send(pairs[i % 4]!.own, bytes, { userdata: i })) === 0;
        if (!refused) submitted++;
        expect(submitted).toBeLessThan(8192);
      }
      expect(submitted).toBeGreaterThanOrEqual(1023);
      let ended = 0;
      for (; ended === 0;) {
        pairs.forEach(({ peer }) => my.peerReceive(peer, 0));
        ended += (my.tryReap(1, MS) as Told[]).length;
      }
      expect(my.submit(my.send(pairs[0]!.own, bytes))).toBe(1);
    });
  });

  describe('TIMEOUT', () => {
    test('completes when its time is over, and no sooner; the earliest first', () => {
      const my = caller(engine);
      const start = my.now;
      my.submit(
        timeout(30 * MS, { userdata: 30 }),
        timeout(10 * MS, { userdata: 10 }),
        timeout(0, { userdata: 0 }),
        timeout(20 * MS, { userdata: 20 }),
        timeout(2n ** 64n - 1n, { userdata: 99 }),
      );
      const told: Told[] = [];
      while (told.length < 4) told.push(...my.reap());
      expect(Number(my.now - start)).toBeGreaterThanOrEqual(30 * MS);
      expect(told.map(({ userdata }) => userdata)).toEqual([0, 10, 20, 30]);
      expect(new Set(told.map(({ result }) => result))).toEqual(new Set([-Errno.ETIMEDOUT]));
      expect(my.quiet()).toBe(true);
    });

    test('may be thousands, and be cancelled in any order', () => {
      const my = caller(engine);
      const ids = Array.from({ length: 3000 }, (_, i) => i + 1);
      for (let i = 0; i < ids.length; i += 500) {
        const some = ids.slice(i, i + 500);
        expect(
          my.submit(
            ...some.map((userdata) => timeout(((userdata * 7919) % 3000) * 1e10, { userdata })),
          ),
        ).toBe(500);
      }
      const left = new Set(ids.filter((id) => (id * 7919) % 3000 > 0));
      const gone = new Map<number, number>();
      for (const id of [...left].sort((a, b) => ((a * 31) % 977) - ((b * 31) % 977)))
        my.submit(cancel(id, { userdata: 10_000 + id }));
      while (gone.size < left.size * 2 + 1) {
        for (const { userdata, result } of my.reap()) gone.set(userdata, result);
      }
      for (const id of left) {
        expect(gone.get(id)).toBe(-Errno.ECANCELED);
        expect(gone.get(10_000 + id)).toBe(0);
      }
    });
  });

  describe('CANCEL', () => {
    test('of what is not there is ENOENT', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      my.peerSend(peer, 'x');
      my.submit(recv(own, { userdata: 1 }));
      my.one();
      my.submit(cancel(1), cancel(2), cancel(0));
      expect(my.reap(3).map(({ result }) => result)).toEqual(
        Array.from({ length: 3 }, () => -Errno.ENOENT),
      );
    });

    test('ends each kind, and what stands in line; the same userdata one at a time', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      const { listener } = my.listen();
      const full = pattern(65536);
      my.submit(accept(listener, { userdata: 1, ...again }), recv(own, { userdata: 2, ...again }));
      my.submit(recv(own, { userdata: 2 }), timeout(1e15, { userdata: 3 }));
      // Sends until one does not complete at once.
      for (let told = [0]; told.length > 0;) {
        my.submit(my.send(own, full, { userdata: 4 }));
        told = (my.tryReap(1, 20 * MS) as Told[]).map(({ result }) => result);
      }
      my.submit(my.send(own, full, { userdata: 4 }));
      const targets = [2, 1, 4, 2, 3, 4];
      my.submit(...targets.map((each, i) => cancel(each, { userdata: 100 + i })));
      my.submit(cancel(2, { userdata: 200 }), cancel(4, { userdata: 201 }));
      const told: Told[] = [];
      while (told.length < 14) told.push(...my.reap());
      const results = told.map(({ userdata, result }) => `${userdata}: ${result}`).sort();
      expect(results).toEqual(
        [
          ...targets.map((each) => `${each}: ${-Errno.ECANCELED}`),
          ...targets.map((_, i) => `${100 + i}: 0`),
          `200: ${-Errno.ENOENT}`,
          `201: ${-Errno.ENOENT}`,
        ].sort(),
      );
      my.peerSend(peer, 'nobody receives this');
      expect(my.quiet()).toBe(true);
    });

    test('races its target: 0 is ECANCELED, ENOENT is a result', () => {
      const my = caller(engine);
      const { own, peer } = my.pair();
      let received = '';
      let sent = '';
      for (let i = 1; i <= 300; i++) {
        const kind = i % 2 ? again : {};
        my.submit(recv(own, { userdata: i, ...kind }));
        if (i % 3 > 0) {
          my.peerSend(peer, `${i},`);
          sent += `${i},`;
        }
        const told: Told[] = [];
        const ended = () => told.some(({ userdata, more }) => userdata === i && !more);
        if (i % 5 === 0) told.push(...(my.tryReap(0, 0) as Told[])); // then it may be over already
        my.submit(cancel(i, { userdata: 1000 + i }));
        while (!ended() || !told.some(({ userdata }) => userdata === 1000 + i))
          told.push(...my.reap());
        const answer = told.find(({ userdata }) => userdata === 1000 + i)!.result;
        const last = told.find(({ userdata, more }) => userdata === i && !more)!;
        expect(answer === 0 ? last.result : Math.min(last.result, 0)).toBe(
          answer === 0 ? -Errno.ECANCELED : 0,
        );
        if (answer !== 0) expect(answer).toBe(-Errno.ENOENT);
        received += told.map(({ bytes }) => text(bytes)).join('');
      }
      my.submit(recv(own, again));
      while (received.length < sent.length) {
        for (const { bytes } of my.reap()) received += text(bytes);
      }
      expect(received).toBe(sent);
    });
  });
});
