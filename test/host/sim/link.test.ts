/** Each thing that may go otherwise in the simulated kernel, alone, chosen by its label. */
import { Errno } from '#host/kernel/errno';
import { Shutdown } from '#host/kernel/kernel';
import { Readiness, Trigger } from '#host/kernel/readiness';
import type { Choices } from '#host/sim/choice';
import type { Peer } from '#host/sim/peer';
import { World } from '#host/sim/world';
import { describe, expect, test } from 'vitest';

import { Hand } from '../../hand.js';

const { IN, OUT, ERR, HUP, RDHUP } = Readiness;
const MS = 1e6;
const LOCAL = { host: '127.0.0.1', port: 7 };
const encode = (text: string) => new TextEncoder().encode(text);

/** Chooses what is scripted for a label, in order, and then nothing but what is benign. */
class Scripted implements Choices {
  readonly script: Record<string, number[]>;

  constructor(script: Record<string, number[]>) {
    this.script = script;
  }

  choose(label: string, alternatives: number): number {
    const value = this.script[label]?.shift() ?? 0;
    if (value >= alternatives) throw new Error(`${label} has ${alternatives} alternatives only`);
    return value;
  }
}

/** A world where what is scripted goes otherwise, and an actor connected to the guest. */
function begin(script: Record<string, number[]> = {}) {
  const choices = new Scripted(script);
  const world = new World({ choices });
  const kernel = world.kernel();
  const hand = new Hand(kernel, 'epoll');
  const listener = kernel.listen(LOCAL, 8);
  const peer = world.connect(LOCAL) as Peer;
  const server = hand.accept(listener);
  return { choices, script: choices.script, world, kernel, hand, listener, peer, server };
}

describe('what goes otherwise in a connection', () => {
  test('bytes arrive in pieces, each of which is an edge', () => {
    const { script, kernel, hand, peer, server } = begin();
    const poller = kernel.poller('epoll');
    poller.set(server, IN, Trigger.EDGE, 1);
    const pieces = [1, 2, 3, 4, 5, 6].map((chosen) => {
      script['net/1.client/split'] = [chosen];
      const start = hand.kernel.now(1);
      expect(peer.send(encode('abcd'))).toBe(4);
      expect(hand.wait(poller)).toEqual([[IN, 1]]);
      const first = hand.recv(server);
      expect(hand.recv(server)).toBe(-Errno.EAGAIN);
      expect(hand.wait(poller, Infinity)).toEqual([[IN, 1]]);
      const ms = Number(hand.kernel.now(1) - start) / MS;
      return [first, hand.recv(server), ms > 5];
    });
    expect(pieces).toEqual([
      ['ab', 'cd', false],
      ['ab', 'cd', true],
      ['a', 'bcd', false],
      ['a', 'bcd', true],
      ['abc', 'd', false],
      ['abc', 'd', true],
    ]);
  });

  test('a write takes fewer bytes, and there is an edge when there is room again', () => {
    const { script, kernel, hand, peer, server } = begin();
    const poller = kernel.poller('epoll');
    poller.set(server, OUT, Trigger.EDGE, 1);
    expect(hand.wait(poller)).toEqual([[OUT, 1]]);
    script['net/1.server/short'] = [1];
    expect(hand.send(server, 'abcdef')).toBe(3);
    expect(hand.send(server, 'def')).toBe(-Errno.EAGAIN);
    expect(kernel.waitFor(server, OUT, 0)).toBe(0);
    expect(hand.wait(poller)).toEqual([]);
    expect(hand.wait(poller, Infinity)).toEqual([[OUT, 1]]);
    expect(hand.send(server, 'def')).toBe(3);
    expect(peer.recv()).toEqual(encode('abcdef'));
  });

  test('a buffer is small', () => {
    const { hand, kernel, peer, server } = begin({ 'net/1.client/window': [3] });
    const sent = [peer.send(new Uint8Array(9000)), peer.send(new Uint8Array(9000))];
    expect(sent).toEqual([4608, 4608]);
    let total = 0;
    while (hand.send(server, 'x'.repeat(1000)) > 0) total += 1000;
    expect(total).toBeGreaterThan(2304);
    expect(kernel.readable(server)).toBe(9216);
  });

  test('a segment takes longer, and none overtakes it', () => {
    const { script, kernel, hand, peer, server } = begin();
    script['net/1.client/latency'] = [4];
    peer.send(encode('one'));
    peer.send(encode('two'));
    peer.shutdown(Shutdown.WR);
    expect(kernel.waitFor(server, IN, 19 * MS)).toBe(0);
    expect(kernel.waitFor(server, IN, 2 * MS)).toBe(IN);
    hand.pass(1000);
    expect([hand.recv(server), hand.recv(server)]).toEqual(['onetwo', '']);
  });

  test('a segment is lost, and comes when it is sent again', () => {
    const { script, kernel, hand, peer, server } = begin();
    script['net/1.client/loss'] = [2];
    peer.send(encode('again'));
    expect(kernel.waitFor(server, IN, 599 * MS)).toBe(0);
    expect(kernel.waitFor(server, IN, 2 * MS)).toBe(IN);
    expect(hand.recv(server)).toBe('again');
  });

  test('a SYN is lost, and sent again after a second', () => {
    const world = new World({ choices: new Scripted({ 'net/1.client/loss': [1] }) });
    const kernel = world.kernel();
    const listener = kernel.listen(LOCAL, 8);
    const peer = world.connect(LOCAL) as Peer;
    expect(kernel.waitFor(listener, IN, 999 * MS)).toBe(0);
    expect(kernel.waitFor(listener, IN, 2 * MS)).toBe(IN);
    expect(peer.mask).toBe(OUT);
  });

  test('a link is slow', () => {
    const { kernel, hand, peer, server } = begin({ 'net/1.client/bandwidth': [2] });
    for (let i = 0; i < 3; i++) peer.send(new Uint8Array(1000));
    const seen = Array.from({ length: 3 }, () => {
      hand.pass(10 * MS);
      return kernel.readable(server);
    });
    expect(seen).toEqual([1000, 2000, 3000]);
  });

  test('a connection is reset, at both ends', () => {
    const { script, hand, peer, server } = begin();
    peer.send(encode('before'));
    script['net/1.client/reset'] = [1];
    peer.send(encode('lost'));
    hand.ready(server, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.recv(server)).toBe('before');
    expect(hand.recv(server)).toBe(-Errno.ECONNRESET);
    expect(peer.recv()).toBe(-Errno.ECONNRESET);
  });

  test('a connection is refused, although somebody listens', () => {
    const { script, kernel, hand } = begin();
    script['net/2.client/refused'] = [1];
    const client = kernel.connect(LOCAL);
    hand.ready(client, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(kernel.socketError(client)).toBe(-Errno.ECONNREFUSED);
  });

  test('what is ready is not ready after all, and there is another edge', () => {
    const { script, kernel, hand, peer, server } = begin();
    const poller = kernel.poller('epoll');
    poller.set(server, IN, Trigger.EDGE, 1);
    peer.send(encode('data'));
    expect(hand.wait(poller)).toEqual([[IN, 1]]);
    script['net/1.server/eagain'] = [1];
    expect(hand.recv(server)).toBe(-Errno.EAGAIN);
    expect(hand.wait(poller, Infinity)).toEqual([[IN, 1]]);
    expect(hand.recv(server)).toBe('data');
  });

  test('the network is cut, for all, and heals', () => {
    const { script, world, kernel, hand, peer, server, listener } = begin();
    const other = world.connect(LOCAL) as Peer;
    const second = hand.accept(listener);
    script['net/partition'] = [2];
    peer.send(encode('one'));
    other.send(encode('two'));
    hand.pass(990 * MS);
    expect([kernel.readable(server), kernel.readable(second)]).toEqual([0, 0]);
    hand.pass(20 * MS);
    expect([hand.recv(server), hand.recv(second)]).toEqual(['one', 'two']);
  });
});

describe('what goes otherwise in a guest', () => {
  test('a call finds no descriptor, or no memory, and the connection waits on', () => {
    const { script, world, kernel, hand, listener } = begin();
    world.connect(LOCAL);
    hand.until(listener, IN);
    script['guest 1/emfile'] = [1];
    script['guest 1/enobufs'] = [1];
    expect(kernel.accept(listener)).toBe(-Errno.EMFILE);
    expect(kernel.accept(listener)).toBe(-Errno.ENOBUFS);
    hand.ready(listener, IN, 'r--');
    expect(kernel.accept(listener)).toBeGreaterThanOrEqual(0);
    expect(kernel.accept(listener)).toBe(-Errno.EAGAIN);
  });

  test('it is late to look, and finds more at once, but no wait ends too soon', () => {
    const { script, world, kernel, hand, peer, server } = begin();
    const poller = kernel.poller('epoll');
    poller.set(server, IN, Trigger.EDGE, 1);
    for (const at of [1, 5]) world.scheduler.after(at * MS, () => void peer.send(encode(`${at}`)));
    script['guest 1/wake'] = [3];
    expect(hand.wait(poller, Infinity)).toEqual([[IN, 1]]);
    expect(hand.recv(server)).toBe('15');
    script['guest 1/wake'] = [1];
    const start = world.now;
    expect(hand.wait(poller, MS)).toEqual([]);
    expect(world.now - start).toBeGreaterThanOrEqual(MS);
  });
});
