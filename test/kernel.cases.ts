/**
 * What every kernel must do, as cases that are written against the waist alone: a kernel made of a
 * seed runs the same ones as the real one.
 */
import { Errno } from '#host/kernel/errno';
import { Clock, FileType, Receive, Shutdown, Stat, STAT_FIELDS } from '#host/kernel/kernel';
import { Readiness, Trigger, WAKE } from '#host/kernel/readiness';
import { SIGNAL_STRIDE } from '#host/kernel/signal';
import { expect } from 'vitest';

import {
  drain,
  EPOLL,
  fill,
  fillPipe,
  type Hand,
  type KernelCase,
  LOOPBACK,
  MILLISECOND,
  NOT_EPOLL,
  on,
  PATIENCE,
  resetAfter,
  SLOT_BYTES,
  state,
} from './hand.js';

const { IN, PRI, OUT, ERR, HUP, RDHUP, EXCLUSIVE } = Readiness;

// Readiness masks. A socket that never connects has no row: the waist has no verb that makes one.

const listeners: KernelCase[] = [
  state('an idle listener is not ready', (hand) => {
    hand.ready(hand.listen().listener, 0, '---');
  }),
  state('a listener with a queued connection is ready for IN', (hand) => {
    const { listener, port } = hand.listen();
    hand.connect(port);
    hand.ready(listener, IN, 'r--');
    hand.accept(listener);
    hand.ready(listener, 0, '---');
    expect(hand.kernel.accept(listener)).toBe(-Errno.EAGAIN);
  }),
  state('a listener whose reading half is shut down hangs up and keeps its port', (hand) => {
    const { listener, port } = hand.listen();
    expect(hand.kernel.shutdown(listener, Shutdown.RD)).toBe(0);
    hand.ready(listener, OUT | HUP, 'rw-');
    expect(hand.kernel.accept(listener)).toBe(-Errno.EINVAL);
    const refused = hand.connect(port);
    hand.until(refused, ERR);
    expect(hand.kernel.socketError(refused)).toBe(-Errno.ECONNREFUSED);
  }),
  state('a retired listener is never ready and accepts nothing', (hand) => {
    const { listener, port } = hand.listen();
    expect(hand.kernel.retire(listener)).toBe(0);
    hand.ready(listener, 0, '---');
    expect(hand.kernel.accept(listener)).toBe(-Errno.EAGAIN);
    expect(hand.write(listener, '\x01\0\0\0\0\0\0\0')).toBeLessThan(0);
    hand.ready(listener, 0, '---');
    const refused = hand.connect(port);
    hand.until(refused, ERR);
    expect(hand.kernel.socketError(refused)).toBe(-Errno.ECONNREFUSED);
  }),
  state('retiring a listener frees its address', (hand) => {
    const { listener, port } = hand.listen();
    expect(hand.kernel.listen({ host: LOOPBACK, port }, 1)).toBe(-Errno.EADDRINUSE);
    hand.kernel.retire(listener);
    expect(hand.kernel.listen({ host: LOOPBACK, port }, 1)).toBeGreaterThanOrEqual(0);
  }),
  state('retiring a watched listener ends its watch', (hand) => {
    const { listener, port } = hand.listen();
    const poller = hand.poller();
    poller.set(listener, IN, Trigger.LEVEL, 1);
    hand.connect(port);
    hand.settles(poller, IN);
    hand.kernel.retire(listener);
    hand.settles(poller, 0);
    expect(poller.remove(listener)).toBe(-Errno.ENOENT);
  }),
  state('closing a listener resets the connections that wait at it', (hand) => {
    const { listener, port } = hand.listen();
    const client = hand.connect(port);
    hand.until(listener, IN);
    hand.kernel.close(listener);
    hand.ready(client, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.recv(client)).toBe(-Errno.ECONNRESET);
    expect(hand.recv(client)).toBe('');
  }),
  state(
    'a connection that its client closed while it waited is accepted, and is at its end',
    (hand) => {
      const { listener, port } = hand.listen();
      const client = hand.connect(port);
      hand.until(listener, IN);
      hand.send(client, 'last words');
      hand.kernel.close(client);
      const server = hand.accept(listener);
      hand.ready(server, IN | OUT | RDHUP, 'rw-');
      expect(hand.recv(server)).toBe('last words');
      expect(hand.recv(server)).toBe('');
    },
  ),
];

const connecting: KernelCase[] = [
  state('a connection that nobody answers is not ready', (hand) => {
    const { port } = hand.listen(0);
    const sockets = Array.from({ length: 4 }, () => hand.connect(port));
    hand.pass(5 * MILLISECOND);
    const waiting = sockets[3]!;
    hand.ready(waiting, 0, '---');
    expect(hand.recv(waiting)).toBe(-Errno.EAGAIN);
    expect(hand.send(waiting, 'x')).toBe(-Errno.EAGAIN);
  }),
  state('a connection that is made is ready for OUT', (hand) => {
    const { client, server } = hand.pair();
    expect(hand.kernel.socketError(client)).toBe(0);
    hand.ready(client, OUT, '-w-');
    hand.ready(server, OUT, '-w-');
  }),
  state('a refused connection is ready for everything and tells why once', (hand) => {
    const { listener, port } = hand.listen();
    hand.kernel.close(listener);
    const client = hand.connect(port);
    hand.ready(client, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.kernel.socketError(client)).toBe(-Errno.ECONNREFUSED);
    expect(hand.kernel.socketError(client)).toBe(0);
    hand.ready(client, IN | OUT | RDHUP | HUP, 'rw-');
  }),
];

const established: KernelCase[] = [
  state('data makes a connection ready for IN until it is read', (hand) => {
    const { client, server } = hand.pair();
    hand.send(client, 'hello');
    hand.ready(server, IN | OUT, 'rw-');
    expect(hand.kernel.readable(server)).toBe(5);
    expect(hand.recv(server, 3)).toBe('hel');
    hand.ready(server, IN | OUT, 'rw-');
    expect(hand.recv(server)).toBe('lo');
    hand.ready(server, OUT, '-w-');
    expect(hand.recv(server)).toBe(-Errno.EAGAIN);
  }),
  state('peeking takes nothing', (hand) => {
    const { client, server } = hand.pair();
    hand.send(client, 'hello');
    hand.until(server, IN);
    expect(hand.recv(server, 3, Receive.PEEK)).toBe('hel');
    expect(hand.recv(server)).toBe('hello');
  }),
  state('a full send buffer is not ready for OUT until it is drained', (hand) => {
    const { client, server } = hand.pair();
    const bytes = fill(hand, client);
    hand.ready(client, 0, '---');
    expect(hand.send(client, 'x')).toBe(-Errno.EAGAIN);
    drain(hand, server, 1);
    hand.ready(client, 0, '---');
    drain(hand, server, bytes - 1);
    hand.ready(client, OUT, '-w-');
    hand.ready(server, OUT, '-w-');
  }),
  state('a peer that shut down its writing half leaves IN and RDHUP, drained or not', (hand) => {
    const { client, server } = hand.pair();
    hand.send(client, 'bye');
    expect(hand.kernel.shutdown(client, Shutdown.WR)).toBe(0);
    hand.ready(server, IN | OUT | RDHUP, 'rw-');
    expect(hand.recv(server)).toBe('bye');
    expect(hand.recv(server)).toBe('');
    hand.ready(server, IN | OUT | RDHUP, 'rw-');
    expect(hand.send(server, 'still here')).toBe(10);
    hand.until(client, IN);
    expect(hand.recv(client)).toBe('still here');
  }),
  state(
    'a socket that shut down its own writing half is ready for OUT, and a send is EPIPE',
    (hand) => {
      const { client } = hand.pair();
      hand.kernel.shutdown(client, Shutdown.WR);
      hand.ready(client, OUT, '-w-');
      expect(hand.send(client, 'x')).toBe(-Errno.EPIPE);
    },
  ),
  state(
    'a socket that shut down its own reading half is at its end, but later data is still readable',
    (hand) => {
      const { client, server } = hand.pair();
      hand.kernel.shutdown(server, Shutdown.RD);
      hand.ready(server, IN | OUT | RDHUP, 'rw-');
      expect(hand.recv(server)).toBe('');
      hand.send(client, 'late');
      for (let i = 0; i < PATIENCE && hand.kernel.readable(server) === 0; i++) hand.pass();
      expect(hand.recv(server)).toBe('late');
      expect(hand.recv(server)).toBe('');
    },
  ),
  ...(['its own half first', "the peer's half first"] as const).map((order) =>
    state(`a connection with both directions closed, ${order}, hangs up`, (hand) => {
      const { client, server } = hand.pair();
      const [first, second] = order.startsWith('its') ? [server, client] : [client, server];
      hand.kernel.shutdown(first, Shutdown.WR);
      hand.until(second, RDHUP);
      hand.kernel.shutdown(second, Shutdown.WR);
      hand.ready(server, IN | OUT | RDHUP | HUP, 'rw-');
      expect(hand.recv(server)).toBe('');
    }),
  ),
  state('shutting down both halves at once hangs up', (hand) => {
    const { client, server } = hand.pair();
    hand.kernel.shutdown(server, Shutdown.RD | Shutdown.WR);
    hand.until(client, RDHUP);
    hand.kernel.shutdown(client, Shutdown.WR);
    hand.ready(server, IN | OUT | RDHUP | HUP, 'rw-');
  }),
  state('a reset connection gives its data first, then ECONNRESET once, then its end', (hand) => {
    const server = resetAfter(hand, 'data first');
    hand.ready(server, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.recv(server)).toBe('data first');
    expect(hand.recv(server)).toBe(-Errno.ECONNRESET);
    expect(hand.recv(server)).toBe('');
    hand.ready(server, IN | OUT | RDHUP | HUP, 'rw-');
  }),
  state(
    'a send to a reset connection is ECONNRESET once, then EPIPE, and the data is still readable',
    (hand) => {
      const server = resetAfter(hand, 'data');
      expect(hand.send(server, 'x')).toBe(-Errno.ECONNRESET);
      expect(hand.send(server, 'x')).toBe(-Errno.EPIPE);
      expect(hand.recv(server)).toBe('data');
      expect(hand.recv(server)).toBe('');
    },
  ),
  state('a reset with nothing to read is told by the first recv', (hand) => {
    const server = resetAfter(hand, '');
    expect(hand.recv(server)).toBe(-Errno.ECONNRESET);
    expect(hand.recv(server)).toBe('');
  }),
  state(
    'a send to a peer that closed succeeds, and its reset is EPIPE and never ECONNRESET',
    (hand) => {
      const { client, server } = hand.pair();
      hand.kernel.close(client);
      hand.until(server, RDHUP);
      expect(hand.send(server, 'x')).toBe(1);
      hand.until(server, HUP | ERR);
      expect(hand.recv(server)).toBe('');
      expect(hand.kernel.socketError(server)).toBe(-Errno.EPIPE);
      expect(hand.send(server, 'x')).toBe(-Errno.EPIPE);
      expect(hand.recv(server)).toBe('');
    },
  ),
  state(
    'a send of nothing is 0, and a recv into nothing is 0 as soon as something is there',
    (hand) => {
      const { client, server } = hand.pair();
      expect(hand.send(client, '')).toBe(0);
      expect(hand.kernel.send(client, 0, 0, 0)).toBe(0);
      hand.ready(server, OUT, '-w-');
      expect(hand.recv(server, 0)).toBe(-Errno.EAGAIN);
      expect(hand.kernel.recv(server, 0, 0, 0, 0)).toBe(-Errno.EAGAIN);
      hand.send(client, 'x');
      hand.until(server, IN);
      expect(hand.recv(server, 0)).toBe('');
      expect(hand.recv(server)).toBe('x');
    },
  ),
  state('what was skipped is neither sent nor received', (hand) => {
    const { client, server } = hand.pair();
    hand.send(client, 'abcdef');
    hand.until(server, IN);
    expect(hand.recv(server)).toBe('abcdef');
    expect(hand.kernel.send(client, 0, 1, 1020)).toBe(4);
    expect(hand.kernel.send(client, 0, 1, 1024)).toBe(0);
    hand.until(server, IN);
    expect(hand.recv(server)).toHaveLength(4);
  }),
];

const pipes: KernelCase[] = [
  state('an empty pipe is ready for OUT at its writing end only', (hand) => {
    const { reader, writer } = hand.pipe();
    hand.ready(reader, 0, '---');
    hand.ready(writer, OUT, '-w-');
    expect(hand.read(reader)).toBe(-Errno.EAGAIN);
  }),
  state('a pipe with data is ready for IN, also after its writer closed', (hand) => {
    const { reader, writer } = hand.pipe();
    expect(hand.write(writer, 'data')).toBe(4);
    hand.ready(reader, IN, 'r--');
    expect(hand.kernel.readable(reader)).toBe(4);
    hand.kernel.close(writer);
    hand.ready(reader, IN | HUP, 'r--');
    expect(hand.read(reader)).toBe('data');
    hand.ready(reader, HUP, 'r--');
    expect(hand.read(reader)).toBe('');
  }),
  state('a pipe whose reader closed is an error at its writing end, full or not', (hand) => {
    const half = hand.pipe();
    hand.kernel.close(half.reader);
    hand.ready(half.writer, OUT | ERR, 'rw-');
    expect(hand.write(half.writer, 'x')).toBe(-Errno.EPIPE);
    const full = hand.pipe();
    fillPipe(hand, full.writer);
    hand.kernel.close(full.reader);
    hand.ready(full.writer, ERR, 'rw-');
    expect(hand.write(full.writer, 'x')).toBe(-Errno.EPIPE);
  }),
  state('a full pipe is ready for OUT only when a whole slot is free', (hand) => {
    const { reader, writer } = hand.pipe();
    fillPipe(hand, writer);
    hand.ready(writer, 0, '---');
    expect(hand.read(reader, SLOT_BYTES - 1)).toHaveLength(SLOT_BYTES - 1);
    hand.ready(writer, 0, '---');
    expect(hand.write(writer, 'x')).toBe(-Errno.EAGAIN);
    expect(hand.read(reader, 1)).toHaveLength(1);
    hand.ready(writer, OUT, '-w-');
  }),
  state(
    'a write of no more than a slot is whole or not at all, and a longer one may be short',
    (hand) => {
      const { reader, writer } = hand.pipe();
      fillPipe(hand, writer);
      hand.read(reader, SLOT_BYTES);
      expect(hand.writeBytes(writer, 2 * SLOT_BYTES)).toBe(SLOT_BYTES);
      expect(hand.writeBytes(writer, 2)).toBe(-Errno.EAGAIN);
    },
  ),
  state('nothing to read or to write is 0', (hand) => {
    const { reader, writer } = hand.pipe();
    expect(hand.read(reader, 0)).toBe('');
    expect(hand.write(writer, '')).toBe(0);
    hand.ready(reader, 0, '---');
  }),
];

// Interest sets.

const sets: KernelCase[] = [
  state('a level is told again and again', (hand) => {
    const { reader, writer } = hand.pipe();
    const poller = hand.poller();
    poller.set(reader, IN, Trigger.LEVEL, 3);
    hand.write(writer, 'ab');
    for (let i = 0; i < 3; i++) expect(hand.wait(poller)).toEqual([[IN, 3]]);
    hand.read(reader, 1);
    expect(hand.wait(poller)).toEqual([[IN, 3]]);
    hand.read(reader, 1);
    expect(hand.wait(poller)).toEqual([]);
  }),
  state('setting a handle again replaces its interest and its token', (hand) => {
    const { client, server } = hand.pair();
    hand.send(client, 'x');
    hand.until(server, IN);
    const poller = hand.poller();
    poller.set(server, IN, Trigger.LEVEL, 1);
    expect(hand.wait(poller)).toEqual([[IN, 1]]);
    expect(poller.set(server, OUT, Trigger.LEVEL, 2)).toBe(0);
    expect(hand.wait(poller)).toEqual([[OUT, 2]]);
    expect(poller.set(server, IN | OUT, Trigger.LEVEL, 2 ** 31 - 1)).toBe(0);
    expect(hand.wait(poller)).toEqual([[IN | OUT, 2 ** 31 - 1]]);
  }),
  state('only what was asked for is told', (hand) => {
    const { client, server } = hand.pair();
    const poller = hand.poller();
    poller.set(server, IN, Trigger.LEVEL, 1);
    expect(hand.wait(poller)).toEqual([]);
    hand.send(client, 'x');
    hand.until(server, IN);
    expect(hand.wait(poller)).toEqual([[IN, 1]]);
  }),
  on(['epoll', 'poll'], 'errors and hang-ups are told though nothing was asked for', (hand) => {
    const { reader, writer } = hand.pipe();
    const poller = hand.poller();
    poller.set(reader, 0, Trigger.LEVEL, 1);
    expect(hand.wait(poller)).toEqual([]);
    hand.kernel.close(writer);
    expect(hand.wait(poller)).toEqual([[HUP, 1]]);
  }),
  state('a removed handle is not told of, and cannot be removed again', (hand) => {
    const { writer } = hand.pipe();
    const poller = hand.poller();
    poller.set(writer, OUT, Trigger.LEVEL, 1);
    expect(poller.remove(writer)).toBe(0);
    expect(hand.wait(poller)).toEqual([]);
    expect(poller.remove(writer)).toBe(-Errno.ENOENT);
    expect(poller.set(writer, OUT, Trigger.LEVEL, 2)).toBe(0);
    expect(hand.wait(poller)).toEqual([[OUT, 2]]);
  }),
  state('a handle that is watched for nothing is watched all the same', (hand) => {
    const { writer } = hand.pipe();
    const poller = hand.poller();
    expect(poller.set(writer, 0, Trigger.LEVEL, 1)).toBe(0);
    expect(hand.wait(poller)).toEqual([]);
    expect(poller.remove(writer)).toBe(0);
    expect(poller.remove(writer)).toBe(-Errno.ENOENT);
  }),
  state('what was never watched cannot be removed', (hand) => {
    const { writer } = hand.pipe();
    const poller = hand.poller();
    expect(poller.remove(writer)).toBe(-Errno.ENOENT);
    expect(poller.remove(-1)).toBe(-Errno.ENOENT);
    expect(poller.remove(2 ** 31 - 1)).toBe(-Errno.ENOENT);
  }),
  state('what is not open cannot be watched', (hand) => {
    const poller = hand.poller();
    const { writer } = hand.pipe();
    const { reader } = hand.pipe();
    hand.kernel.close(reader);
    expect(poller.set(reader, IN, Trigger.LEVEL, 1)).toBe(-Errno.EBADF);
    expect(poller.set(-1, IN, Trigger.LEVEL, 1)).toBe(-Errno.EBADF);
    expect(poller.set(writer, OUT, Trigger.LEVEL, 1)).toBe(0);
    expect(hand.wait(poller)).toEqual([[OUT, 1]]);
  }),
  state('closing a handle removes it', (hand) => {
    const { client, server } = hand.pair();
    const poller = hand.poller();
    poller.set(client, OUT, Trigger.LEVEL, 1);
    poller.set(server, OUT, Trigger.LEVEL, 2);
    hand.kernel.close(client);
    expect(hand.wait(poller).map(([, token]) => token)).toEqual([2]);
    expect(poller.remove(client)).toBe(-Errno.ENOENT);
    const { reader, writer } = hand.pipe();
    expect(hand.wait(poller).map(([, token]) => token)).toEqual([2]);
    poller.set(reader, IN, Trigger.LEVEL, 3);
    poller.set(writer, OUT, Trigger.LEVEL, 4);
    expect(
      hand
        .wait(poller)
        .map(([, token]) => token)
        .sort(),
    ).toEqual([2, 4]);
  }),
  state('several events are told at once', (hand) => {
    const pairs = Array.from({ length: 20 }, () => hand.pipe());
    const poller = hand.poller();
    pairs.forEach(({ reader }, i) => poller.set(reader, IN, Trigger.LEVEL, i));
    for (const { writer } of pairs.filter((_, i) => i % 2 === 0)) hand.write(writer, 'x');
    const even = pairs.map((_, i) => i).filter((i) => i % 2 === 0);
    expect(
      hand
        .wait(poller)
        .map(([, token]) => token)
        .sort((a, b) => a - b),
    ).toEqual(even);
    expect(hand.wait(poller, 0, 3)).toHaveLength(3);
  }),
  state('two sets know nothing of each other', (hand) => {
    const { writer } = hand.pipe();
    const [one, other] = [hand.poller(), hand.poller()];
    one.set(writer, OUT, Trigger.LEVEL, 1);
    expect(hand.wait(other)).toEqual([]);
    other.set(writer, OUT, Trigger.LEVEL, 2);
    one.close();
    expect(hand.wait(other)).toEqual([[OUT, 2]]);
  }),
  state('closing a set twice does not close its successor', (hand) => {
    const { writer } = hand.pipe();
    const closed = hand.poller();
    closed.close();
    const poller = hand.poller();
    closed.close();
    expect(closed.set(writer, OUT, Trigger.LEVEL, 1)).toBe(-Errno.EBADF);
    expect(poller.set(writer, OUT, Trigger.LEVEL, 2)).toBe(0);
    expect(hand.wait(poller)).toEqual([[OUT, 2]]);
  }),
  on(NOT_EPOLL, 'edges and oneshots are refused', (hand) => {
    const { writer } = hand.pipe();
    const poller = hand.poller();
    expect(poller.set(writer, OUT, Trigger.EDGE, 1)).toBe(-Errno.EINVAL);
    expect(poller.set(writer, OUT, Trigger.ONESHOT, 1)).toBe(-Errno.EINVAL);
    expect(poller.set(writer, OUT, Trigger.EDGE | Trigger.ONESHOT, 1)).toBe(-Errno.EINVAL);
    expect(hand.wait(poller)).toEqual([]);
  }),
  on(NOT_EPOLL, 'an exclusive interest is refused', (hand) => {
    const { writer } = hand.pipe();
    const poller = hand.poller();
    expect(poller.set(writer, OUT | EXCLUSIVE, Trigger.LEVEL, 1)).toBe(-Errno.EINVAL);
    expect(hand.wait(poller)).toEqual([]);
    expect(poller.remove(writer)).toBe(-Errno.ENOENT);
  }),
  state('a trigger that is none is refused', (hand) => {
    const { writer } = hand.pipe();
    const poller = hand.poller();
    for (const trigger of [4, -1, 8 | Trigger.EDGE])
      expect(poller.set(writer, OUT, trigger, 1)).toBe(-Errno.EINVAL);
    expect(poller.remove(writer)).toBe(-Errno.ENOENT);
  }),
];

const edges: KernelCase[] = [
  on(EPOLL, 'an edge is told once for each arrival, and not for a partial read', (hand) => {
    const { client, server } = hand.pair();
    const poller = hand.poller();
    poller.set(server, IN, Trigger.EDGE, 1);
    hand.send(client, 'abc');
    hand.settles(poller, IN);
    hand.settles(poller, 0);
    hand.recv(server, 1);
    hand.settles(poller, 0);
    hand.send(client, 'd');
    hand.settles(poller, IN);
    hand.settles(poller, 0);
    expect(hand.recv(server)).toBe('bcd');
  }),
  on(EPOLL, 'two arrivals before a wait are one edge', (hand) => {
    const { reader, writer } = hand.pipe();
    const poller = hand.poller();
    poller.set(reader, IN, Trigger.EDGE, 1);
    hand.write(writer, 'a');
    hand.write(writer, 'b');
    expect(hand.wait(poller)).toEqual([[IN, 1]]);
    expect(hand.wait(poller)).toEqual([]);
  }),
  on(
    EPOLL,
    'what is ready when it is watched for edges is told at once, and again when it is set again',
    (hand) => {
      const { writer } = hand.pipe();
      const poller = hand.poller();
      poller.set(writer, OUT, Trigger.EDGE, 1);
      expect(hand.wait(poller)).toEqual([[OUT, 1]]);
      expect(hand.wait(poller)).toEqual([]);
      poller.set(writer, OUT, Trigger.EDGE, 2);
      expect(hand.wait(poller)).toEqual([[OUT, 2]]);
    },
  ),
  on(EPOLL, 'an edge carries the whole mask', (hand) => {
    const { client, server } = hand.pair();
    const poller = hand.poller();
    poller.set(server, IN | OUT, Trigger.EDGE, 1);
    hand.settles(poller, OUT);
    hand.send(client, 'a');
    hand.settles(poller, IN | OUT);
  }),
  on(
    EPOLL,
    'an end that comes with data is one edge, and there is none for the end alone',
    (hand) => {
      const { client, server } = hand.pair();
      const poller = hand.poller();
      poller.set(server, IN | RDHUP, Trigger.EDGE, 1);
      hand.send(client, 'a');
      hand.kernel.shutdown(client, Shutdown.WR);
      hand.until(server, RDHUP);
      hand.settles(poller, IN | RDHUP);
      hand.recv(server);
      hand.settles(poller, 0);
    },
  ),
  on(EPOLL, 'several queued connections are one edge of the listener', (hand) => {
    const { listener, port } = hand.listen();
    const poller = hand.poller();
    poller.set(listener, IN, Trigger.EDGE, 1);
    for (const client of [hand.connect(port), hand.connect(port)]) hand.until(client, OUT);
    hand.settles(poller, IN);
    hand.accept(listener);
    hand.settles(poller, 0);
    hand.accept(listener);
  }),
  on(EPOLL, 'a pipe gives an edge when a slot of a full one is freed', (hand) => {
    const { reader, writer } = hand.pipe();
    fillPipe(hand, writer);
    const poller = hand.poller();
    poller.set(writer, OUT, Trigger.EDGE, 1);
    expect(hand.wait(poller)).toEqual([]);
    hand.read(reader, SLOT_BYTES);
    expect(hand.wait(poller)).toEqual([[OUT, 1]]);
    hand.read(reader, SLOT_BYTES);
    expect(hand.wait(poller)).toEqual([]);
  }),
  on(EPOLL, 'a oneshot is told once until it is set again', (hand) => {
    const { reader, writer } = hand.pipe();
    const poller = hand.poller();
    poller.set(reader, IN, Trigger.ONESHOT, 1);
    hand.write(writer, 'a');
    expect(hand.wait(poller)).toEqual([[IN, 1]]);
    hand.write(writer, 'b');
    expect(hand.wait(poller)).toEqual([]);
    poller.set(reader, IN, Trigger.ONESHOT, 2);
    expect(hand.wait(poller)).toEqual([[IN, 2]]);
    hand.kernel.close(writer);
    expect(hand.wait(poller)).toEqual([]);
    poller.set(reader, IN, Trigger.LEVEL, 3);
    expect(hand.wait(poller)).toEqual([[IN | HUP, 3]]);
  }),
  on(EPOLL, 'an edge that is a oneshot too is told once until it is set again', (hand) => {
    const { reader, writer } = hand.pipe();
    const poller = hand.poller();
    const both = Trigger.EDGE | Trigger.ONESHOT;
    expect(poller.set(reader, IN, both, 1)).toBe(0);
    hand.write(writer, 'a');
    expect(hand.wait(poller)).toEqual([[IN, 1]]);
    hand.write(writer, 'b');
    expect(hand.wait(poller)).toEqual([]);
    expect(poller.set(reader, IN, both, 2)).toBe(0);
    expect(hand.wait(poller)).toEqual([[IN, 2]]);
    expect(hand.wait(poller)).toEqual([]);
    expect(poller.set(reader, IN, Trigger.EDGE, 3)).toBe(0);
    expect(hand.wait(poller)).toEqual([[IN, 3]]);
    hand.write(writer, 'c');
    expect(hand.wait(poller)).toEqual([[IN, 3]]);
  }),
  on(EPOLL, 'an exclusive interest is told like any other, and goes with edges', (hand) => {
    const { reader, writer } = hand.pipe();
    const [one, other] = [hand.poller(), hand.poller()];
    expect(one.set(reader, IN | EXCLUSIVE, Trigger.LEVEL, 1)).toBe(0);
    expect(other.set(reader, IN | OUT | ERR | HUP | EXCLUSIVE, Trigger.EDGE, 2)).toBe(0);
    hand.write(writer, 'a');
    expect(hand.wait(one)).toEqual([[IN, 1]]);
    expect(hand.wait(one)).toEqual([[IN, 1]]);
    expect(one.remove(reader)).toBe(0);
    hand.write(writer, 'b');
    expect(hand.wait(other)).toEqual([[IN, 2]]);
    expect(hand.wait(other)).toEqual([]);
  }),
  on(EPOLL, 'an exclusive interest must be new, and stays as it is until it is removed', (hand) => {
    const { writer } = hand.pipe();
    const poller = hand.poller();
    const set = (interest: number, trigger: number = Trigger.LEVEL) =>
      poller.set(writer, interest, trigger, 9);
    for (const interest of [IN | PRI, IN | RDHUP, PRI, RDHUP])
      expect(set(interest | EXCLUSIVE)).toBe(-Errno.EINVAL);
    expect(set(OUT | EXCLUSIVE, Trigger.ONESHOT)).toBe(-Errno.EINVAL);
    expect(poller.remove(writer)).toBe(-Errno.ENOENT);
    expect(set(OUT)).toBe(0);
    expect(set(OUT | EXCLUSIVE)).toBe(-Errno.EINVAL);
    expect(hand.wait(poller)).toEqual([[OUT, 9]]);
    expect(poller.remove(writer)).toBe(0);
    expect(set(OUT | EXCLUSIVE)).toBe(0);
    expect(set(OUT)).toBe(-Errno.EINVAL);
    expect(set(IN | EXCLUSIVE)).toBe(-Errno.EINVAL);
    expect(hand.wait(poller)).toEqual([[OUT, 9]]);
    expect(poller.remove(writer)).toBe(0);
    expect(set(IN)).toBe(0);
    expect(hand.wait(poller)).toEqual([]);
  }),
  on(EPOLL, 'events come in the order in which they arose', (hand) => {
    const all = Array.from({ length: 6 }, () => hand.pipe());
    const poller = hand.poller();
    all.forEach(({ reader }, i) => poller.set(reader, IN, Trigger.LEVEL, i));
    const order = [4, 1, 5, 0, 3, 2];
    for (const i of order) hand.write(all[i]!.writer, 'x');
    expect(hand.wait(poller).map(([, token]) => token)).toEqual(order);
  }),
  on(EPOLL, 'what is ready takes turns where a wait has no room for all', (hand) => {
    const all = Array.from({ length: 4 }, () => hand.pipe());
    const poller = hand.poller();
    all.forEach(({ reader }, i) => poller.set(reader, IN, Trigger.LEVEL, i));
    for (const i of [2, 0, 3, 1]) hand.write(all[i]!.writer, 'x');
    const seen = Array.from({ length: 8 }, () => hand.wait(poller, 0, 1)[0]![1]);
    expect(seen).toEqual([2, 0, 3, 1, 2, 0, 3, 1]);
  }),
];

// Signals.

/** The queue of the hand's kernel. */
class Signals {
  readonly #hand: Hand;

  constructor(hand: Hand) {
    this.#hand = hand;
  }

  arm(handle: number, on = true): number {
    return this.#hand.kernel.signals().arm(handle, on);
  }

  /** What is there, or comes, as [handle, band]. */
  wait(timeoutNs = 0, most = 64): [handle: number, band: number][] {
    const signals = new Int32Array(most * SIGNAL_STRIDE);
    const count = this.#hand.kernel.signals().wait(signals, timeoutNs);
    if (count < 0) throw new Error(`wait answers ${count}`);
    return Array.from({ length: count }, (_, i) => [
      signals[i * SIGNAL_STRIDE]!,
      signals[i * SIGNAL_STRIDE + 1]!,
    ]);
  }

  /** The next `count` signals. */
  next(count: number): [handle: number, band: number][] {
    const taken: [number, number][] = [];
    for (let i = 0; i < PATIENCE && taken.length < count; i++)
      taken.push(...this.wait(MILLISECOND, count - taken.length));
    return taken;
  }

  /** Expects that nothing is there, nor comes. */
  silent(): void {
    this.#hand.pass();
    expect(this.wait()).toEqual([]);
  }
}

const signal = (name: string, run: (hand: Hand, signals: Signals) => void): KernelCase =>
  state(name, (hand) => run(hand, new Signals(hand)));

const signals: KernelCase[] = [
  signal('each arrival on an armed handle is a signal, read or not', (hand, signals) => {
    const { client, server } = hand.pair();
    expect(signals.arm(server)).toBe(0);
    signals.silent();
    for (const text of ['a', 'b', 'c']) {
      hand.send(client, text);
      expect(signals.next(1)).toEqual([[server, IN]]);
    }
    signals.silent();
    expect(hand.recv(server)).toBe('abc');
    signals.silent();
  }),
  signal('what was there before it was armed tells nothing', (hand, signals) => {
    const { client, server } = hand.pair();
    hand.send(client, 'a');
    hand.until(server, IN);
    expect(signals.arm(server)).toBe(0);
    signals.silent();
    expect(hand.recv(server)).toBe('a');
  }),
  signal('signals of several handles come in the order in which they arose', (hand, signals) => {
    const pipes = Array.from({ length: 5 }, () => hand.pipe());
    for (const { reader } of pipes) expect(signals.arm(reader)).toBe(0);
    const order = [3, 0, 4, 0, 1, 2];
    for (const i of order) hand.write(pipes[i]!.writer, 'x');
    const expected = order.map((i) => [pipes[i]!.reader, IN]);
    expect(signals.wait(0, 2)).toEqual(expected.slice(0, 2));
    expect(signals.wait()).toEqual(expected.slice(2));
    expect(signals.wait()).toEqual([]);
  }),
  signal('more signals than one look takes lose nothing and keep their order', (hand, signals) => {
    const pipes = Array.from({ length: 7 }, () => hand.pipe());
    for (const { reader } of pipes) signals.arm(reader);
    const order = Array.from({ length: 500 }, (_, i) => (i * i) % 7);
    for (const i of order) hand.write(pipes[i]!.writer, 'x');
    const expected = order.map((i) => [pipes[i]!.reader, IN]);
    expect(signals.wait(0, 100)).toEqual(expected.slice(0, 100));
    expect(signals.wait(0, 1000)).toEqual(expected.slice(100));
  }),
  signal('a listener signals each connection, and a connection its end', (hand, signals) => {
    const { listener, port } = hand.listen();
    expect(signals.arm(listener)).toBe(0);
    const client = hand.connect(port);
    expect(signals.next(1)).toEqual([[listener, IN]]);
    const server = hand.accept(listener);
    signals.arm(server);
    hand.kernel.shutdown(client, Shutdown.WR);
    // Linux tells of an end twice, as of data and as of a change of state.
    hand.until(server, RDHUP);
    const told = signals.wait();
    expect(told.length).toBeGreaterThan(0);
    for (const each of told) expect(each).toEqual([server, IN]);
    expect(hand.recv(server)).toBe('');
    hand.connect(port);
    expect(signals.next(1)).toEqual([[listener, IN]]);
  }),
  signal('a send buffer that was full signals that there is room', (hand, signals) => {
    const { client, server } = hand.pair();
    expect(signals.arm(client)).toBe(0);
    const bytes = fill(hand, client);
    while (signals.wait().length > 0);
    drain(hand, server, bytes);
    const taken = signals.next(1);
    expect(taken.map(([handle, band]) => [handle, band & OUT])).toEqual([[client, OUT]]);
  }),
  signal('a handle that is disarmed signals no more, nor what was queued', (hand, signals) => {
    const [one, other] = [hand.pipe(), hand.pipe()];
    signals.arm(one.reader);
    signals.arm(other.reader);
    for (const { writer } of [one, other, one]) hand.write(writer, 'x');
    expect(signals.arm(one.reader, false)).toBe(0);
    hand.write(one.writer, 'x');
    hand.write(other.writer, 'x');
    expect(signals.wait()).toEqual([
      [other.reader, IN],
      [other.reader, IN],
    ]);
    expect(signals.arm(one.reader)).toBe(0);
    hand.write(one.writer, 'x');
    expect(signals.wait()).toEqual([[one.reader, IN]]);
  }),
  signal('signals that another disarming brought to light are taken back too', (hand, signals) => {
    const pipes = [hand.pipe(), hand.pipe(), hand.pipe()];
    for (const { reader } of pipes) signals.arm(reader);
    for (const { writer } of [...pipes, ...pipes]) hand.write(writer, 'x');
    signals.arm(pipes[0]!.reader, false);
    expect(signals.wait(0, 1)).toEqual([[pipes[1]!.reader, IN]]);
    signals.arm(pipes[1]!.reader, false);
    hand.write(pipes[2]!.writer, 'x');
    const { reader } = pipes[2]!;
    expect(signals.wait()).toEqual([
      [reader, IN],
      [reader, IN],
      [reader, IN],
    ]);
  }),
  signal(
    'to arm twice is to arm once, and to disarm what is not armed is nothing',
    (hand, signals) => {
      const { reader, writer } = hand.pipe();
      expect(signals.arm(reader, false)).toBe(0);
      expect(signals.arm(reader)).toBe(0);
      expect(signals.arm(reader)).toBe(0);
      hand.write(writer, 'x');
      expect(signals.wait()).toEqual([[reader, IN]]);
      expect(signals.arm(reader, false)).toBe(0);
      expect(signals.arm(reader, false)).toBe(0);
      hand.write(writer, 'x');
      signals.silent();
    },
  ),
  signal(
    'a closed handle takes its signals with it, and its number may come again',
    (hand, signals) => {
      const others = [hand.pipe(), hand.pipe()];
      for (const { reader } of others) signals.arm(reader);
      const old = hand.pipe();
      signals.arm(old.reader);
      hand.write(others[0]!.writer, 'x');
      hand.write(old.writer, 'x');
      hand.write(others[1]!.writer, 'x');
      hand.kernel.close(old.reader);
      hand.kernel.close(old.writer);
      const young = hand.pipe();
      expect(young.reader).toBe(old.reader);
      signals.arm(young.reader);
      expect(signals.wait()).toEqual(others.map(({ reader }) => [reader, IN]));
      hand.write(young.writer, 'x');
      expect(signals.wait()).toEqual([[young.reader, IN]]);
    },
  ),
  signal('what is not open cannot be armed', (hand, signals) => {
    const { reader } = hand.pipe();
    hand.kernel.close(reader);
    for (const handle of [reader, -1, 2 ** 31 - 1]) {
      expect(signals.arm(handle)).toBe(-Errno.EBADF);
      expect(signals.arm(handle, false)).toBe(-Errno.EBADF);
    }
  }),
  signal('a wait for a signal of 0 only looks, and one of more ends no sooner', (hand, signals) => {
    expect(signals.wait(0)).toEqual([]);
    for (const ns of [1, 999, 50_000, 2 * MILLISECOND]) {
      const start = hand.kernel.now(Clock.MONOTONIC);
      expect(signals.wait(ns)).toEqual([]);
      expect(hand.kernel.now(Clock.MONOTONIC) - start).toBeGreaterThanOrEqual(BigInt(ns));
    }
  }),
  signal(
    'a wake ends a wait for a signal, and every one until the kernel is awake',
    (hand, signals) => {
      const queue = hand.kernel.signals();
      const room = new Int32Array(SIGNAL_STRIDE);
      hand.kernel.wake();
      for (let i = 0; i < 3; i++) expect(queue.wait(room, Infinity)).toBe(-Errno.EINTR);
      hand.kernel.awake();
      expect(queue.wait(room, 0)).toBe(0);
      const { reader, writer } = hand.pipe();
      signals.arm(reader);
      hand.write(writer, 'x');
      expect(signals.wait(Infinity)).toEqual([[reader, IN]]);
    },
  ),
  signal('a wake is told of although signals never end', (hand, signals) => {
    const { reader, writer } = hand.pipe();
    signals.arm(reader);
    hand.kernel.wake();
    const queue = hand.kernel.signals();
    const room = new Int32Array(SIGNAL_STRIDE);
    let result = 1;
    for (let i = 0; i < PATIENCE && result === 1; i++) {
      hand.write(writer, 'x');
      result = queue.wait(room, Infinity);
    }
    expect(result).toBe(-Errno.EINTR);
  }),
  signal('a queue that is closed is no queue', (hand, signals) => {
    const { reader, writer } = hand.pipe();
    const queue = hand.kernel.signals();
    signals.arm(reader);
    hand.write(writer, 'x');
    queue.close();
    queue.close();
    expect(queue.wait(new Int32Array(SIGNAL_STRIDE), Infinity)).toBe(-Errno.EBADF);
    expect(queue.arm(reader, true)).toBe(-Errno.EBADF);
    hand.write(writer, 'x');
    expect(hand.read(reader)).toBe('xx');
  }),
];

// Waits, time and chance.

const waits: KernelCase[] = [
  state('a wait of 0 only looks', (hand) => {
    expect(hand.wait(hand.poller(), 0)).toEqual([]);
    expect(hand.kernel.waitFor(hand.pipe().reader, IN, 0)).toBe(0);
  }),
  state('a wait ends no sooner than its timeout', (hand) => {
    const poller = hand.poller();
    const { reader } = hand.pipe();
    for (const ns of [1, 999, 50_000, 2 * MILLISECOND, 2 * MILLISECOND + 1]) {
      const start = hand.kernel.now(Clock.MONOTONIC);
      expect(poller.wait(hand.events, ns)).toBe(0);
      const middle = hand.kernel.now(Clock.MONOTONIC);
      expect(middle - start).toBeGreaterThanOrEqual(BigInt(ns));
      expect(hand.kernel.waitFor(reader, IN, ns)).toBe(0);
      expect(hand.kernel.now(Clock.MONOTONIC) - middle).toBeGreaterThanOrEqual(BigInt(ns));
    }
  }),
  state('a wait for ever ends when something is ready', (hand) => {
    const { reader, writer } = hand.pipe();
    const poller = hand.poller();
    poller.set(reader, IN, Trigger.LEVEL, 1);
    hand.write(writer, 'x');
    expect(hand.wait(poller, Infinity)).toEqual([[IN, 1]]);
    expect(hand.kernel.waitFor(reader, IN, Infinity)).toBe(IN);
  }),
  state('a wake ends the next wait, and every one until the kernel is awake', (hand) => {
    const poller = hand.poller();
    const { reader } = hand.pipe();
    hand.kernel.wake();
    for (let i = 0; i < 2; i++) {
      expect(hand.wait(poller, Infinity)).toEqual([[IN, WAKE]]);
      expect(hand.kernel.waitFor(reader, IN, Infinity)).toBe(-Errno.EINTR);
    }
    hand.kernel.awake();
    expect(hand.wait(poller, 0)).toEqual([]);
    expect(hand.kernel.waitFor(reader, IN, 0)).toBe(0);
  }),
  state('two wakes are one', (hand) => {
    const poller = hand.poller();
    hand.kernel.wake();
    hand.kernel.wake();
    hand.kernel.awake();
    hand.kernel.awake();
    expect(hand.wait(poller, 0)).toEqual([]);
  }),
  state('a wake comes with the events that are there', (hand) => {
    const { writer } = hand.pipe();
    const poller = hand.poller();
    poller.set(writer, OUT, Trigger.LEVEL, 1);
    hand.kernel.wake();
    expect(hand.wait(poller, Infinity).sort(([, a], [, b]) => a - b)).toEqual([
      [IN, WAKE],
      [OUT, 1],
    ]);
  }),
  state('waiting for what is not open is EBADF', (hand) => {
    const { reader } = hand.pipe();
    hand.kernel.close(reader);
    expect(hand.kernel.waitFor(reader, IN, Infinity)).toBe(-Errno.EBADF);
    expect(hand.kernel.waitFor(-1, IN, Infinity)).toBe(-Errno.EBADF);
  }),
];

const rest: KernelCase[] = [
  state('the monotonic clock does not go back, and every clock has a resolution', (hand) => {
    let last = hand.kernel.now(Clock.MONOTONIC);
    for (let i = 0; i < 1000; i++) {
      const now = hand.kernel.now(Clock.MONOTONIC);
      expect(now >= last).toBe(true);
      last = now;
    }
    for (const clock of Object.values(Clock))
      expect(hand.kernel.resolution(clock)).toBeGreaterThan(0n);
  }),
  state('a clock that the kernel lacks says 0', (hand) => {
    expect(hand.kernel.now(4 as Clock)).toBe(0n);
    expect(hand.kernel.resolution(4 as Clock)).toBe(0n);
  }),
  state('random fills what it is told to and nothing else', (hand) => {
    hand.bytes.fill(0);
    expect(hand.kernel.random(100, 64)).toBe(0);
    expect(hand.bytes.subarray(100, 164).some((byte) => byte !== 0)).toBe(true);
    expect(hand.bytes.subarray(0, 100).every((byte) => byte === 0)).toBe(true);
    expect(hand.bytes.subarray(164).every((byte) => byte === 0)).toBe(true);
    expect(hand.kernel.random(hand.bytes.length, 0)).toBe(0);
    expect(hand.kernel.random(hand.bytes.length, 1)).toBe(-Errno.EFAULT);
    expect(hand.kernel.random(2 ** 32 - 1, 2 ** 32 - 1)).toBe(-Errno.EFAULT);
  }),
  state('stat tells what a handle is', (hand) => {
    const stat = new BigUint64Array(STAT_FIELDS);
    const { client } = hand.pair();
    expect(hand.kernel.stat(client, stat)).toBe(0);
    expect(stat[Stat.TYPE]).toBe(BigInt(FileType.SOCKET_STREAM));
    expect(hand.kernel.stat(hand.pipe().reader, stat)).toBe(0);
    expect(stat[Stat.TYPE]).toBe(BigInt(FileType.UNKNOWN));
    expect(hand.kernel.stat(-1, stat)).toBe(-Errno.EBADF);
  }),
  state('a pipe is no socket, and neither it nor a socket can be sought in', (hand) => {
    const { reader, writer } = hand.pipe();
    expect(hand.recv(reader)).toBe(-Errno.ENOTSOCK);
    expect(hand.send(writer, 'x')).toBe(-Errno.ENOTSOCK);
    expect(hand.kernel.accept(reader)).toBe(-Errno.ENOTSOCK);
    expect(hand.kernel.shutdown(reader, Shutdown.RD)).toBe(-Errno.ENOTSOCK);
    expect(hand.kernel.localAddress(reader)).toBe(-Errno.ENOTSOCK);
    expect(hand.kernel.seek(reader, 0n, 0)).toBe(-Errno.ESPIPE);
    expect(hand.kernel.seek(hand.listen().listener, 0n, 0)).toBe(-Errno.ESPIPE);
  }),
  state('a connection can be read and written like a pipe', (hand) => {
    const { client, server } = hand.pair();
    expect(hand.write(client, 'abc')).toBe(3);
    hand.until(server, IN);
    expect(hand.read(server)).toBe('abc');
    expect(hand.read(server)).toBe(-Errno.EAGAIN);
  }),
  state('a listener is no connection', (hand) => {
    const { listener } = hand.listen();
    expect(hand.recv(listener)).toBe(-Errno.ENOTCONN);
    expect(hand.send(listener, 'x')).toBe(-Errno.EPIPE);
    expect(hand.kernel.accept(hand.pair().client)).toBe(-Errno.EINVAL);
  }),
  state('every verb answers EBADF for a handle that is closed', (hand) => {
    const { reader } = hand.pipe();
    const { kernel } = hand;
    expect(kernel.close(reader)).toBe(0);
    for (const handle of [reader, -1, 2 ** 31 - 1]) {
      expect(kernel.close(handle)).toBe(-Errno.EBADF);
      expect(hand.read(handle)).toBe(-Errno.EBADF);
      expect(hand.write(handle, 'x')).toBe(-Errno.EBADF);
      expect(hand.recv(handle)).toBe(-Errno.EBADF);
      expect(hand.send(handle, 'x')).toBe(-Errno.EBADF);
      expect(kernel.accept(handle)).toBe(-Errno.EBADF);
      expect(kernel.shutdown(handle, Shutdown.WR)).toBe(-Errno.EBADF);
      expect(kernel.socketError(handle)).toBe(-Errno.EBADF);
      expect(kernel.localAddress(handle)).toBe(-Errno.EBADF);
      expect(kernel.retire(handle)).toBe(-Errno.EBADF);
      expect(kernel.seek(handle, 0n, 0)).toBe(-Errno.EBADF);
      expect(kernel.readable(handle)).toBe(-Errno.EBADF);
    }
  }),
  state('an iovec that lies outside of memory is EFAULT, and nothing is taken', (hand) => {
    const { client, server } = hand.pair();
    hand.send(client, 'kept');
    hand.until(server, IN);
    const { bytes, kernel } = hand;
    const view = new DataView(bytes.buffer);
    for (const [at, length] of [
      [bytes.length, 1],
      [bytes.length - 1, 2],
      [2 ** 32 - 1, 2 ** 32 - 1],
      [0, bytes.length + 1],
    ] as const) {
      view.setUint32(8, at, true);
      view.setUint32(12, length, true);
      expect(kernel.recv(server, 8, 1, 0, 0)).toBe(-Errno.EFAULT);
      expect(kernel.send(server, 8, 1, 0)).toBe(-Errno.EFAULT);
      expect(kernel.readv(server, 8, 1)).toBe(-Errno.EFAULT);
      expect(kernel.writev(server, 8, 1, 0)).toBe(-Errno.EFAULT);
    }
    expect(kernel.recv(server, bytes.length - 7, 1, 0, 0)).toBe(-Errno.EFAULT);
    expect(kernel.recv(server, 2 ** 32 - 8, 2 ** 32 - 1, 0, 0)).toBe(-Errno.EFAULT);
    expect(hand.recv(server)).toBe('kept');
  }),
  state('an address that is none is EINVAL', (hand) => {
    for (const host of ['', 'localhost', '256.0.0.1', '127.0.0.1\0', '1'.repeat(100)]) {
      expect(hand.kernel.listen({ host, port: 0 }, 1)).toBe(-Errno.EINVAL);
      expect(hand.kernel.connect({ host, port: 1 })).toBe(-Errno.EINVAL);
    }
    expect(hand.kernel.listen({ host: LOOPBACK, port: 65536 }, 1)).toBe(-Errno.EINVAL);
  }),
];

export const kernelCases: readonly KernelCase[] = [
  ...listeners,
  ...connecting,
  ...established,
  ...pipes,
  ...sets,
  ...edges,
  ...signals,
  ...waits,
  ...rest,
];
