/**
 * What Linux does in the corners of sockets and interest sets, as cases for every kernel: what
 * kernel.cases.ts leaves out, and what no guest comes to, which test/script is for.
 * docs/SIMULATOR.md lists what cannot be a case, and why.
 */
import { Errno } from '#host/kernel/errno';
import { Shutdown } from '#host/kernel/kernel';
import { Readiness, Trigger } from '#host/kernel/readiness';
import { expect } from 'vitest';

import {
  EPOLL,
  fillPipe,
  type Hand,
  type KernelCase,
  MILLISECOND,
  on,
  PATIENCE,
  resetAfter,
  SLOT_BYTES,
  state,
} from './hand.js';

const { IN, OUT, ERR, HUP, RDHUP } = Readiness;
const { RD, WR } = Shutdown;

/** A socket whose connection was refused. */
function refused(hand: Hand): number {
  const { listener, port } = hand.listen();
  hand.kernel.close(listener);
  const client = hand.connect(port);
  hand.until(client, HUP);
  return client;
}

/** Both ends of a connection on which an end was sent, and has come, in both directions. */
function closedPair(hand: Hand): { client: number; server: number } {
  const { client, server } = hand.pair();
  hand.kernel.shutdown(client, WR);
  hand.until(server, RDHUP);
  hand.kernel.shutdown(server, WR);
  hand.until(client, HUP);
  hand.until(server, HUP);
  return { client, server };
}

const connecting: KernelCase[] = [
  state('a refused connection tells why to the first recv', (hand) => {
    const client = refused(hand);
    expect(hand.recv(client)).toBe(-Errno.ECONNREFUSED);
    expect(hand.recv(client)).toBe('');
    expect(hand.send(client, 'x')).toBe(-Errno.EPIPE);
  }),
  state('a refused connection tells why to the first send', (hand) => {
    const client = refused(hand);
    expect(hand.send(client, 'x')).toBe(-Errno.ECONNREFUSED);
    expect(hand.send(client, 'x')).toBe(-Errno.EPIPE);
    expect(hand.recv(client)).toBe('');
  }),
  state('a refused connection cannot be shut down', (hand) => {
    const client = refused(hand);
    for (const how of [RD, WR, RD | WR])
      expect(hand.kernel.shutdown(client, how)).toBe(-Errno.ENOTCONN);
  }),
  state('to shut down half of nothing is EINVAL', (hand) => {
    expect(hand.kernel.shutdown(hand.pair().client, 0)).toBe(-Errno.EINVAL);
    expect(hand.kernel.shutdown(hand.listen().listener, 0)).toBe(-Errno.EINVAL);
  }),
  state('an attempt to connect that is shut down has failed', (hand) => {
    for (const how of [RD, WR]) {
      const { port } = hand.listen(0);
      const waiting = [hand.connect(port), hand.connect(port), hand.connect(port)][2]!;
      hand.ready(waiting, 0, '---');
      expect(hand.kernel.shutdown(waiting, how)).toBe(0);
      hand.ready(waiting, OUT | HUP | ERR, 'rw-');
      expect(hand.kernel.socketError(waiting)).toBe(-Errno.ECONNRESET);
      hand.ready(waiting, OUT | HUP, 'rw-');
      expect(hand.recv(waiting)).toBe(-Errno.ENOTCONN);
      expect(hand.send(waiting, 'x')).toBe(-Errno.EPIPE);
      expect(hand.kernel.shutdown(waiting, how)).toBe(-Errno.ENOTCONN);
    }
  }),
  state('what has not connected has an address, and nothing to read', (hand) => {
    const { port } = hand.listen(0);
    const waiting = [hand.connect(port), hand.connect(port), hand.connect(port)][2]!;
    expect(hand.kernel.readable(waiting)).toBe(0);
    expect(hand.kernel.localAddress(waiting)).toMatchObject({ host: '127.0.0.1' });
    expect(hand.kernel.socketError(waiting)).toBe(0);
    expect(hand.kernel.accept(waiting)).toBe(-Errno.EINVAL);
  }),
  state('a connection beyond the backlog is made by a later try', (hand) => {
    const { listener, port } = hand.listen(0);
    const first = hand.connect(port);
    hand.until(first, OUT);
    const second = hand.connect(port);
    expect(hand.kernel.waitFor(second, OUT, 50 * MILLISECOND)).toBe(0);
    const one = hand.accept(listener);
    expect(hand.kernel.accept(listener)).toBe(-Errno.EAGAIN);
    // After a second.
    hand.until(second, OUT);
    const other = hand.accept(listener);
    hand.send(first, 'first');
    hand.send(second, 'second');
    hand.until(one, IN);
    hand.until(other, IN);
    expect([hand.recv(one), hand.recv(other)]).toEqual(['first', 'second']);
  }),
  state('both ends of a connection have the addresses that they had before', (hand) => {
    const { client, server, listener } = hand.pair();
    expect(hand.kernel.localAddress(server)).toEqual(hand.kernel.localAddress(listener));
    expect(hand.kernel.localAddress(client)).not.toEqual(hand.kernel.localAddress(server));
  }),
];

const listening: KernelCase[] = [
  state('a listener goes on when its writing half is shut down', (hand) => {
    const { listener, port } = hand.listen();
    expect(hand.kernel.shutdown(listener, WR)).toBe(0);
    hand.ready(listener, 0, '---');
    hand.connect(port);
    hand.accept(listener);
  }),
  state('a listener that stopped has no connection to shut down, but does it', (hand) => {
    const { listener } = hand.listen();
    expect(hand.kernel.shutdown(listener, RD | WR)).toBe(0);
    hand.ready(listener, OUT | HUP, 'rw-');
    expect(hand.kernel.shutdown(listener, RD)).toBe(-Errno.ENOTCONN);
    hand.ready(listener, IN | OUT | RDHUP | HUP, 'rw-');
    expect(hand.recv(listener)).toBe('');
    expect(hand.send(listener, 'x')).toBe(-Errno.EPIPE);
    expect(hand.kernel.readable(listener)).toBe(0);
  }),
  state('a listener that stopped has nothing to give', (hand) => {
    const { listener } = hand.listen();
    hand.kernel.shutdown(listener, RD);
    expect(hand.recv(listener)).toBe(-Errno.ENOTCONN);
    expect(hand.kernel.socketError(listener)).toBe(0);
  }),
  state('a listener has no bytes to read', (hand) => {
    expect(hand.kernel.readable(hand.listen().listener)).toBe(-Errno.EINVAL);
  }),
  state('connections are accepted in the order in which they were made', (hand) => {
    const { listener, port } = hand.listen();
    const clients = Array.from({ length: 5 }, (_, i) => {
      const client = hand.connect(port);
      hand.until(client, OUT);
      hand.send(client, String(i));
      return client;
    });
    const seen = clients.map(() => {
      const server = hand.accept(listener);
      hand.until(server, IN);
      return hand.recv(server);
    });
    expect(seen).toEqual(['0', '1', '2', '3', '4']);
  }),
  state('a listener that stops resets the connections that wait at it', (hand) => {
    const { listener, port } = hand.listen();
    const client = hand.connect(port);
    hand.until(listener, IN);
    hand.kernel.shutdown(listener, RD);
    hand.ready(client, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.kernel.socketError(client)).toBe(-Errno.ECONNRESET);
  }),
];

const ending: KernelCase[] = [
  state('a half can be shut down again', (hand) => {
    const { client } = hand.pair();
    for (const how of [WR, WR, RD, RD, RD | WR]) expect(hand.kernel.shutdown(client, how)).toBe(0);
  }),
  state('a connection that is over cannot be shut down', (hand) => {
    const { client, server } = closedPair(hand);
    for (const socket of [client, server]) {
      expect(hand.kernel.shutdown(socket, WR)).toBe(-Errno.ENOTCONN);
      hand.ready(socket, IN | OUT | RDHUP | HUP, 'rw-');
      expect(hand.recv(socket)).toBe('');
      expect(hand.send(socket, 'x')).toBe(-Errno.EPIPE);
      expect(hand.kernel.socketError(socket)).toBe(0);
    }
  }),
  state('data for an end that both halves were shut down of resets it', (hand) => {
    const { client, server } = hand.pair();
    hand.kernel.shutdown(client, RD | WR);
    hand.until(server, RDHUP);
    expect(hand.send(server, 'unwanted')).toBe(8);
    hand.ready(client, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.recv(client)).toBe(-Errno.ECONNRESET);
    hand.until(server, HUP | ERR);
    expect(hand.recv(server)).toBe('');
    expect(hand.kernel.socketError(server)).toBe(-Errno.EPIPE);
  }),
  state('an end behind which nobody is any more is not told by an error', (hand) => {
    const { client, server } = hand.pair();
    hand.kernel.close(client);
    hand.until(server, RDHUP);
    expect(hand.recv(server)).toBe('');
    hand.kernel.shutdown(server, WR);
    hand.ready(server, IN | OUT | RDHUP | HUP, 'rw-');
    expect(hand.kernel.socketError(server)).toBe(0);
    expect(hand.kernel.shutdown(server, WR)).toBe(-Errno.ENOTCONN);
  }),
  state('a reset finds a connection whose peer had ended its half, as EPIPE', (hand) => {
    const { client, server } = hand.pair();
    hand.kernel.shutdown(client, WR);
    hand.until(server, RDHUP);
    hand.send(server, 'unread');
    hand.until(client, IN);
    hand.kernel.close(client);
    hand.ready(server, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.recv(server)).toBe('');
    expect(hand.send(server, 'x')).toBe(-Errno.EPIPE);
    expect(hand.kernel.socketError(server)).toBe(0);
  }),
  state('a reset finds a connection that had ended its own half', (hand) => {
    const { client, server } = hand.pair();
    hand.send(server, 'unread');
    hand.until(client, IN);
    hand.kernel.shutdown(server, WR);
    hand.until(client, RDHUP);
    hand.kernel.close(client);
    hand.ready(server, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.recv(server)).toBe(-Errno.ECONNRESET);
  }),
  state('the pending error of a reset is told once, by whoever asks first', (hand) => {
    const server = resetAfter(hand, 'data');
    expect(hand.kernel.socketError(server)).toBe(-Errno.ECONNRESET);
    expect(hand.kernel.socketError(server)).toBe(0);
    hand.ready(server, IN | OUT | RDHUP | HUP, 'rw-');
    expect(hand.send(server, 'x')).toBe(-Errno.EPIPE);
    expect(hand.recv(server)).toBe('data');
    expect(hand.recv(server)).toBe('');
  }),
  state('a reset connection cannot be shut down, and closes without a word', (hand) => {
    const server = resetAfter(hand, 'data');
    expect(hand.kernel.shutdown(server, WR)).toBe(-Errno.ENOTCONN);
    expect(hand.kernel.readable(server)).toBe(4);
    expect(hand.kernel.close(server)).toBe(0);
  }),
  state('later data for a reading half that was shut down is told of', (hand) => {
    const { client, server } = hand.pair();
    hand.kernel.shutdown(server, RD);
    for (const text of ['one', 'two']) {
      hand.send(client, text);
      for (let i = 0; i < PATIENCE && hand.kernel.readable(server) === 0; i++) hand.pass();
      hand.ready(server, IN | OUT | RDHUP, 'rw-');
      expect(hand.recv(server)).toBe(text);
    }
    hand.kernel.shutdown(client, WR);
    hand.pass();
    expect(hand.recv(server)).toBe('');
    hand.ready(server, IN | OUT | RDHUP, 'rw-');
  }),
  state('a partial read leaves the rest of what was there before a reset', (hand) => {
    const server = resetAfter(hand, 'abcdef');
    expect(hand.recv(server, 2)).toBe('ab');
    expect(hand.recv(server, 2)).toBe('cd');
    expect(hand.kernel.readable(server)).toBe(2);
    expect(hand.recv(server, 8)).toBe('ef');
    expect(hand.recv(server, 0)).toBe(-Errno.ECONNRESET);
  }),
];

const streams: KernelCase[] = [
  state('what was sent in pieces is received as one, and the other way round', (hand) => {
    const { client, server } = hand.pair();
    for (const text of ['a', 'bc', 'def']) hand.send(client, text);
    for (let i = 0; i < PATIENCE && hand.kernel.readable(server) < 6; i++) hand.pass();
    expect([hand.recv(server, 4), hand.recv(server, 4)]).toEqual(['abcd', 'ef']);
  }),
  state('bytes come in order round and round a buffer that is small beside them', (hand) => {
    const { client, server } = hand.pair();
    let sent = 0;
    let seen = 0;
    for (let i = 0; i < 3000; i++) {
      const length = (i * 37) % 1000;
      let text = '';
      for (let at = 0; at < length; at++) text += String.fromCharCode(32 + ((sent + at) % 90));
      sent += hand.send(client, text);
      if (i % 3 !== 0 && i < 2999) continue;
      while (seen < sent) {
        hand.until(server, IN);
        const text = hand.recv(server, 700);
        if (typeof text === 'number') throw new Error(`recv answers ${text}`);
        for (let at = 0; at < text.length; at++, seen++)
          if (text.charCodeAt(at) !== 32 + (seen % 90)) throw new Error(`byte ${seen} is wrong`);
      }
    }
    expect(seen).toBe(sent);
    expect(hand.recv(server)).toBe(-Errno.EAGAIN);
  }),
];

const pipes: KernelCase[] = [
  state('an end of a pipe is for one direction', (hand) => {
    const { reader, writer } = hand.pipe();
    expect(hand.write(reader, 'x')).toBe(-Errno.EBADF);
    expect(hand.read(writer)).toBe(-Errno.EBADF);
    expect(hand.kernel.shutdown(writer, WR)).toBe(-Errno.ENOTSOCK);
    expect(hand.kernel.socketError(writer)).toBe(-Errno.ENOTSOCK);
  }),
  state('both ends of a pipe say how much is in it', (hand) => {
    const { reader, writer } = hand.pipe();
    hand.write(writer, 'abc');
    expect([hand.kernel.readable(reader), hand.kernel.readable(writer)]).toEqual([3, 3]);
  }),
  state('small writes share a slot, and one that does not fit begins another', (hand) => {
    const { reader, writer } = hand.pipe();
    for (let i = 0; i < 16; i++) expect(hand.writeBytes(writer, 4000)).toBe(4000);
    expect(hand.writeBytes(writer, 97)).toBe(-Errno.EAGAIN);
    hand.ready(writer, 0, '---');
    expect(hand.writeBytes(writer, 96)).toBe(96);
    expect(hand.writeBytes(writer, 1)).toBe(-Errno.EAGAIN);
    expect(hand.kernel.readable(reader)).toBe(16 * 4000 + 96);
    expect(hand.read(reader, 4000)).toHaveLength(4000);
    expect(hand.writeBytes(writer, 5000)).toBe(4096);
  }),
  state('a write longer than a slot puts its odd bytes into the last one', (hand) => {
    const { writer } = hand.pipe();
    for (let i = 0; i < 15; i++) expect(hand.writeBytes(writer, 4000)).toBe(4000);
    expect(hand.writeBytes(writer, SLOT_BYTES + 96)).toBe(SLOT_BYTES + 96);
    hand.ready(writer, 0, '---');
    expect(hand.writeBytes(writer, 1)).toBe(-Errno.EAGAIN);
  }),
  state('a slot that was read in part takes as much as before', (hand) => {
    const { reader, writer } = hand.pipe();
    fillPipe(hand, writer);
    expect(hand.read(reader, 100)).toHaveLength(100);
    expect(hand.writeBytes(writer, 100)).toBe(-Errno.EAGAIN);
    expect(hand.read(reader, SLOT_BYTES)).toHaveLength(SLOT_BYTES);
    expect(hand.writeBytes(writer, SLOT_BYTES)).toBe(SLOT_BYTES);
    expect(hand.kernel.readable(reader)).toBe(16 * SLOT_BYTES - 100);
  }),
];

const sets: KernelCase[] = [
  state('the end of a peer is told as RDHUP only if that was asked for', (hand) => {
    const { client, server } = hand.pair();
    hand.kernel.shutdown(client, WR);
    hand.until(server, RDHUP);
    const poller = hand.poller();
    poller.set(server, IN, Trigger.LEVEL, 1);
    expect(hand.wait(poller)).toEqual([[IN, 1]]);
  }),
  state('what was consumed before a wait is not told of', (hand) => {
    const { reader, writer } = hand.pipe();
    const poller = hand.poller();
    poller.set(reader, IN, Trigger.LEVEL, 1);
    hand.write(writer, 'a');
    hand.read(reader);
    expect(hand.wait(poller)).toEqual([]);
    hand.write(writer, 'b');
    expect(hand.wait(poller)).toEqual([[IN, 1]]);
    hand.read(reader);
    expect(hand.wait(poller)).toEqual([]);
  }),
  on(EPOLL, 'what is watched anew keeps its place among what is ready', (hand) => {
    const all = Array.from({ length: 3 }, () => hand.pipe());
    const poller = hand.poller();
    all.forEach(({ reader }, i) => poller.set(reader, IN, Trigger.LEVEL, i));
    for (const { writer } of all) hand.write(writer, 'x');
    poller.set(all[0]!.reader, IN, Trigger.LEVEL, 7);
    expect(hand.wait(poller).map(([, token]) => token)).toEqual([7, 1, 2]);
    poller.remove(all[1]!.reader);
    poller.set(all[1]!.reader, IN, Trigger.LEVEL, 1);
    expect(hand.wait(poller).map(([, token]) => token)).toEqual([7, 2, 1]);
  }),
  on(EPOLL, 'edges and levels take turns, and an edge leaves its turn', (hand) => {
    const all = Array.from({ length: 4 }, () => hand.pipe());
    const poller = hand.poller();
    all.forEach(({ reader }, i) =>
      poller.set(reader, IN, i % 2 === 0 ? Trigger.LEVEL : Trigger.EDGE, i),
    );
    for (const { writer } of all) hand.write(writer, 'x');
    const seen = Array.from({ length: 6 }, () => hand.wait(poller, 0, 1)[0]![1]);
    expect(seen).toEqual([0, 1, 2, 3, 0, 2]);
    hand.write(all[3]!.writer, 'y');
    expect(hand.wait(poller).map(([, token]) => token)).toEqual([0, 2, 3]);
  }),
];

const edges: KernelCase[] = [
  on(EPOLL, 'to shut down its own reading half is an edge', (hand) => {
    const { client } = hand.pair();
    const poller = hand.poller();
    poller.set(client, IN | OUT | RDHUP, Trigger.EDGE, 1);
    hand.settles(poller, OUT);
    hand.kernel.shutdown(client, RD);
    hand.settles(poller, IN | OUT | RDHUP);
    hand.settles(poller, 0);
  }),
  on(EPOLL, 'a connection that waits at a listener is an edge though another does', (hand) => {
    const { listener, port } = hand.listen();
    const poller = hand.poller();
    poller.set(listener, IN, Trigger.EDGE, 1);
    for (let i = 0; i < 3; i++) {
      hand.until(hand.connect(port), OUT);
      hand.settles(poller, IN);
      hand.settles(poller, 0);
    }
    hand.accept(listener);
    hand.settles(poller, 0);
  }),
  on(EPOLL, 'a pipe whose writer closes is an edge, and so is one whose reader does', (hand) => {
    const [one, other] = [hand.pipe(), hand.pipe()];
    const poller = hand.poller();
    poller.set(one.reader, IN, Trigger.EDGE, 1);
    poller.set(other.writer, OUT, Trigger.EDGE, 2);
    expect(hand.wait(poller)).toEqual([[OUT, 2]]);
    hand.kernel.close(one.writer);
    hand.kernel.close(other.reader);
    expect(hand.wait(poller)).toEqual([
      [HUP, 1],
      [OUT | ERR, 2],
    ]);
    expect(hand.wait(poller)).toEqual([]);
  }),
];

export const semanticsCases: readonly KernelCase[] = [
  ...connecting,
  ...listening,
  ...ending,
  ...streams,
  ...pipes,
  ...sets,
  ...edges,
];
