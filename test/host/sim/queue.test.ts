/**
 * What may go otherwise with signals and with operations in flight: each choice by itself, answered
 * by the test. What always goes the same way is in the cases of every kernel.
 */
import { Errno } from '#host/kernel/errno';
import { Shutdown } from '#host/kernel/kernel';
import { Readiness } from '#host/kernel/readiness';
import { OVERFLOW, SIGNAL_STRIDE } from '#host/kernel/signal';
import { Deadlock } from '#host/sim/error';
import type { SimKernel } from '#host/sim/sim-kernel';
import { World } from '#host/sim/world';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { again, Caller, cancel, recv, timeout, type Told, type Wanted } from '../asynchronous.js';

const { IN } = Readiness;

/** A world in which the decision `decision` goes as `answers` say, one after the other. */
function world(decision: string, ...answers: number[]): { world: World; asked: number[] } {
  const asked: number[] = [];
  const choose = (label: string, alternatives: number) => {
    if (!label.endsWith(`/${decision}`)) return 0;
    asked.push(alternatives);
    return answers.shift() ?? 0;
  };
  return { world: new World({ choices: { choose } }), asked };
}

function caller(made: World): Caller {
  return new Caller({ kernel: made.kernel(), world: made.kernel() });
}

function pipe(kernel: SimKernel): [reader: number, writer: number] {
  const ends = new Int32Array(2);
  expect(kernel.pipe(ends)).toBe(0);
  return [ends[0]!, ends[1]!];
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('completions', () => {
  test('of two receives on one stream the later one may be served first', () => {
    const { world: made, asked } = world('turn', 1);
    const my = caller(made);
    const { own, peer } = my.pair();
    my.submit(recv(own, { userdata: 1, length: 1 }), recv(own, { userdata: 2, length: 1 }));
    my.peerSend(peer, 'AB');
    const told = [...my.reap(), ...my.reap()];
    expect(told.map(({ userdata, bytes }) => [userdata, text(bytes)])).toEqual([
      [2, 'A'],
      [1, 'B'],
    ]);
    expect(asked).toEqual([2]);
  });

  test('a receive that is alone has no choice', () => {
    const { world: made, asked } = world('turn', 1);
    const my = caller(made);
    const { own, peer } = my.pair();
    my.submit(recv(own, { userdata: 1 }), my.send(own, 'x', { userdata: 2 }));
    my.peerSend(peer, 'A');
    expect(my.next(1).result).toBe(1);
    expect(asked).toEqual([]);
  });

  test('one that is over may overtake others', () => {
    const { world: made, asked } = world('order', 2);
    const my = caller(made);
    const pairs = [my.pair(), my.pair(), my.pair()];
    my.submit(...pairs.map(({ own }, userdata) => recv(own, { userdata })));
    for (const { peer } of pairs) my.peerSend(peer, 'x');
    expect(my.reap(3).map(({ userdata }) => userdata)).toEqual([2, 0, 1]);
    expect(asked).toEqual([3, 2]);
  });

  test('the pieces of one stream keep their order, whatever overtakes what', () => {
    const { world: made } = world('order', ...Array.from({ length: 200 }, (_, i) => (i * 7) % 2));
    const my = caller(made);
    const [one, other] = [my.pair(), my.pair()];
    my.submit(recv(one.own, { userdata: 1, length: 2, ...again }));
    my.submit(recv(other.own, { userdata: 2, length: 3, ...again }));
    my.peerSend(one.peer, 'abcdefghij');
    my.peerSend(other.peer, '0123456789');
    const received = ['', '', ''];
    while (received[1]!.length + received[2]!.length < 20) {
      for (const { userdata, bytes } of my.reap()) received[userdata] += text(bytes);
    }
    expect(received).toEqual(['', 'abcdefghij', '0123456789']);
  });

  test.each([0, 1])('a cancellation is told after what it cancelled, or before: %i', (first) => {
    const my = caller(world('cancel first', first).world);
    const { own } = my.pair();
    my.submit(recv(own, { userdata: 1, ...again }));
    my.submit(cancel(1, { userdata: 2 }));
    const told = my.reap(2).map(({ userdata, result }) => [userdata, result]);
    const both = [
      [1, -Errno.ECANCELED],
      [2, 0],
    ];
    expect(told).toEqual(first ? both.toReversed() : both);
  });

  test('a cancellation in time leaves what has come to the next receive', () => {
    const my = caller(world('cancel too late', 0).world);
    const { own, peer } = my.pair();
    my.submit(recv(own, { userdata: 1 }));
    my.peerSend(peer, 'in time');
    my.submit(cancel(1, { userdata: 2 }), recv(own, { userdata: 3 }));
    expect(my.next(1).result).toBe(-Errno.ECANCELED);
    expect(my.next(2).result).toBe(0);
    expect(text(my.next(3).bytes)).toBe('in time');
  });

  test('a cancellation may come too late, and then nothing is lost', () => {
    const my = caller(world('cancel too late', 1).world);
    const { own, peer } = my.pair();
    my.submit(recv(own, { userdata: 1 }));
    my.peerSend(peer, 'in time');
    my.submit(cancel(1, { userdata: 2 }));
    expect(text(my.next(1).bytes)).toBe('in time');
    expect(my.next(2).result).toBe(-Errno.ENOENT);
  });
});

/** What a guest and its peers may do; `at`: on which connection. */
type Step = { do: 'recv' | 'send' | 'peer' | 'cancel' | 'reap'; at: number; bytes: number };

/** Three connections with at most one RECV in flight on each, and all that was told of them. */
class Traffic {
  readonly #my: Caller;
  readonly #pairs: { own: number; peer: number }[];
  /** By connection: the userdata of its RECV in flight. */
  readonly #receiving: number[] = [0, 0, 0];
  readonly #sent = [0, 0, 0];
  readonly #received = ['', '', ''];
  /** By userdata. */
  readonly #at = new Map<number, number>();
  readonly #ends = new Map<number, number[]>();
  readonly #targets = new Map<number, number>();
  #last = 0;

  constructor(made: World) {
    this.#my = caller(made);
    this.#pairs = [0, 1, 2].map(() => this.#my.pair());
  }

  #submit(wanted: Wanted): number {
    const userdata = ++this.#last;
    this.#ends.set(userdata, []);
    expect(this.#my.submit({ ...wanted, userdata })).toBe(1);
    return userdata;
  }

  step({ do: what, at, bytes }: Step): void {
    const { own, peer } = this.#pairs[at]!;
    const receiving = this.#receiving[at]!;
    if (what === 'recv' && receiving === 0) {
      const flags = bytes % 2 ? again : {};
      this.#at.set(
        (this.#receiving[at] = this.#submit(recv(own, { ...flags, length: bytes }))),
        at,
      );
    } else if (what === 'send') {
      this.#submit(this.#my.send(own, 'x'.repeat(bytes)));
    } else if (what === 'peer') {
      const part = letters(this.#sent[at]! + bytes).slice(this.#sent[at]);
      this.#sent[at]! += this.#my.peerSend(peer, part);
    } else if (what === 'cancel' && receiving > 0) {
      this.#targets.set(this.#submit(cancel(receiving)), receiving);
    } else if (what === 'reap') {
      this.#take(this.#my.tryReap(0, 0, { max: 1 + (bytes % 4) }) as Told[]);
    }
  }

  #take(told: Told[]): void {
    for (const { userdata, result, more, bytes } of told) {
      const at = this.#at.get(userdata);
      if (at !== undefined) this.#received[at] += text(bytes);
      if (more) continue;
      if (at !== undefined && this.#receiving[at] === userdata) this.#receiving[at] = 0;
      this.#ends.get(userdata)!.push(result);
    }
  }

  /** Ends everything, and looks at the whole. */
  end(): void {
    const my = this.#my;
    for (const { peer } of this.#pairs) my.world.shutdown(peer, Shutdown.WR);
    for (let at = 0; at < 3; at++) {
      for (let ended = false; !ended;) {
        this.step({ do: 'recv', at, bytes: 0 });
        const mine = this.#receiving[at]!;
        this.#take(my.reap());
        ended = this.#ends.get(mine)![0] === 0;
      }
    }
    while ([...this.#ends.values()].some((ends) => ends.length === 0)) this.#take(my.reap());
    expect(this.#received).toEqual(this.#sent.map(letters));
    for (const ends of this.#ends.values()) expect(ends).toHaveLength(1);
    for (const [canceller, target] of this.#targets) {
      const cancelled = this.#ends.get(target)![0] === -Errno.ECANCELED;
      const answer = this.#ends.get(canceller)![0];
      if (answer === 0) expect(cancelled).toBe(true);
      else expect(answer).toBe(-Errno.ENOENT);
    }
  }
}

/** The first `length` bytes that every peer sends. */
function letters(length: number): string {
  return Array.from({ length }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
}

test('whatever goes otherwise, each operation ends once, and no byte is lost or moved', () => {
  const step = fc.record({
    do: fc.constantFrom(...(['recv', 'recv', 'send', 'peer', 'peer', 'cancel', 'reap'] as const)),
    at: fc.nat({ max: 2 }),
    bytes: fc.nat({ max: 9 }),
  });
  const sequence = fc.noBias(fc.array(step, { maxLength: 60, size: 'max' }));
  const property = fc.property(sequence, fc.array(fc.nat({ max: 99 })), (steps, answers) => {
    let asked = 0;
    const choose = (label: string, alternatives: number) =>
      label.includes('/completions/') && answers.length > 0
        ? answers[asked++ % answers.length]! % alternatives
        : 0;
    const traffic = new Traffic(new World({ choices: { choose } }));
    for (const each of steps) traffic.step(each);
    traffic.end();
  });
  fc.assert(property, { numRuns: 100 });
});

describe('signals', () => {
  /** A machine with an armed pipe to which each byte of `text` was written by itself. */
  function written(made: World, bytes: number) {
    const kernel = made.kernel();
    kernel.attach({ bytes: new Uint8Array([8, 0, 0, 0, 1, 0, 0, 0, 120]) });
    const [reader, writer] = pipe(kernel);
    expect(kernel.signals().arm(reader, true)).toBe(0);
    for (let i = 0; i < bytes; i++) kernel.writev(writer, 0, 1, 0);
    const room = new Int32Array(8 * SIGNAL_STRIDE);
    const take = (most = 8) => {
      const count = kernel.signals().wait(room.subarray(0, most * SIGNAL_STRIDE), 0);
      return [...room.subarray(0, Math.max(count, 0) * SIGNAL_STRIDE)];
    };
    return { kernel, reader, writer, take };
  }

  test('one that finds no room is lost, and that is told once and first', () => {
    const { world: made } = world('overflow', 0, 1, 0, 1);
    const { reader, take } = written(made, 4);
    expect(take(1)).toEqual([OVERFLOW, 0]);
    expect(take()).toEqual([reader, IN, reader, IN]);
    expect(take()).toEqual([]);
  });

  test('more than there may be overflow, and none of those before is lost', () => {
    const { reader, writer, kernel, take } = written(new World(), 20_000);
    let told = take();
    expect(told.slice(0, 2)).toEqual([OVERFLOW, 0]);
    let count = told.length / 2 - 1;
    for (told = take(); told.length > 0; told = take()) {
      expect(new Set(told.filter((_, i) => i % 2 === 0))).toEqual(new Set([reader]));
      count += told.length / 2;
    }
    expect(count).toBe(8192);
    kernel.writev(writer, 0, 1, 0);
    expect(take()).toEqual([reader, IN]);
  });

  test('what others may have too cannot be armed', () => {
    const kernel = new World().kernel();
    for (const handle of [kernel.input().handle, kernel.output().handle, kernel.openNull()])
      expect(kernel.signals().arm(handle, true)).toBe(-Errno.EPERM);
  });
});

describe('waits', () => {
  test('one for ever that nothing can end says what it waits for', () => {
    const kernel = new World().kernel();
    const [reader] = pipe(kernel);
    kernel.signals().arm(reader, true);
    const room = new Int32Array(SIGNAL_STRIDE);
    expect(() => kernel.signals().wait(room, Infinity)).toThrow(Deadlock);
    expect(() => kernel.signals().wait(room, Infinity)).toThrow(`a signal of handle ${reader}`);
    const my = caller(new World());
    const { own } = my.pair();
    my.submit(recv(own));
    expect(() => my.tryReap(1, Infinity)).toThrow(`in flight on handle ${own}`);
  });

  test('time passes for a timeout and for nothing else', () => {
    const made = new World();
    const my = caller(made);
    my.submit(timeout(5e9, { userdata: 1 }));
    const before = made.now;
    expect(my.tryReap(1, Infinity)).toMatchObject([{ userdata: 1, result: -Errno.ETIMEDOUT }]);
    expect(made.now - before).toBeGreaterThanOrEqual(5e9);
    expect(made.now - before).toBeLessThan(5e9 + 1e6);
  });
});
