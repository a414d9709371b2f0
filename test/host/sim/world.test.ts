/** What the simulated world has and Linux lacks: its own time, actors, and choices. */
import { Errno } from '#host/kernel/errno';
import { Clock, type SocketAddress } from '#host/kernel/kernel';
import { Readiness, Trigger, type Poller } from '#host/kernel/readiness';
import { benign, type Choices } from '#host/sim/choice';
import { ChoiceLog } from '#host/sim/choice-log';
import { Deadlock, Livelock } from '#host/sim/error';
import { profileNames, profileOf } from '#host/sim/fault';
import type { Peer } from '#host/sim/peer';
import { Scheduler } from '#host/sim/scheduler';
import type { SimKernel } from '#host/sim/sim-kernel';
import { World, type WorldOptions } from '#host/sim/world';
import { describe, expect, test } from 'vitest';

import { Hand } from '../../hand.js';

const { IN, OUT, ERR, HUP, RDHUP } = Readiness;
const SECOND = 1e9;
const LOCAL = { host: '127.0.0.1', port: 7 };
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | number) =>
  typeof bytes === 'number' ? bytes : new TextDecoder().decode(bytes);

function begin(options: WorldOptions = {}) {
  const world = new World(options);
  const kernel = world.kernel();
  return { world, kernel, hand: new Hand(kernel, 'epoll') };
}

function dial(world: World, address: SocketAddress = LOCAL): Peer {
  const peer = world.connect(address);
  if (typeof peer === 'number') throw new Error(`connect answers ${peer}`);
  return peer;
}

describe('the time of a world', () => {
  test('goes by the calls and by what is waited for, and by nothing else', () => {
    const { world, kernel } = begin({ callNs: 250 });
    const start = world.now;
    kernel.yield();
    kernel.readable(3);
    expect(world.now - start).toBe(500);
    expect(kernel.now(Clock.MONOTONIC)).toBe(BigInt(start + 750));
    kernel.waitFor(kernel.openNull(), 0, 12_345);
    expect(kernel.now(Clock.MONOTONIC)).toBe(BigInt(start + 750 + 250 + 12_345 + 250));
    expect(kernel.now(Clock.PROCESS_CPUTIME)).toBe(6n * 250n);
    const apart = kernel.now(Clock.REALTIME) - kernel.now(Clock.MONOTONIC);
    expect(apart).toBe(1_704_067_200_000_000_000n - 250n);
  });

  test('has what is due at once happen by priority, then in the order of asking', () => {
    const scheduler = new Scheduler();
    const seen: string[] = [];
    const note = (text: string) => () => void seen.push(`${scheduler.now} ${text}`);
    scheduler.at(20, note('c'));
    scheduler.at(10, note('a'));
    scheduler.at(20, note('first'), -1);
    scheduler.cancel(scheduler.at(15, note('never')));
    scheduler.at(20, note('d'));
    scheduler.at(10, () => scheduler.after(0, note('b')));
    while (scheduler.step());
    expect(seen).toEqual(['10 a', '10 b', '20 first', '20 c', '20 d']);
    expect([scheduler.nextNs, scheduler.steps]).toEqual([Infinity, 6]);
  });

  test('is kept in order by a heap of whatever is asked for and cancelled', () => {
    const scheduler = new Scheduler();
    const expected: number[] = [];
    const seen: number[] = [];
    for (let i = 0; i < 2000; i++) {
      const timeNs = (i * 7919) % 1009;
      const timer = scheduler.at(timeNs, () => seen.push(timeNs));
      if (i % 3 === 0) scheduler.cancel(timer);
      else expected.push(timeNs);
    }
    while (scheduler.step());
    expect(seen).toEqual(expected.sort((a, b) => a - b));
  });

  test('never ends for a guest that waits for what cannot come, and it is told what', () => {
    const { kernel, hand } = begin();
    const { reader } = hand.pipe();
    expect(() => kernel.waitFor(reader, IN, Infinity)).toThrow(
      new Deadlock('guest 1 waits for ever: handle 0 (IN)'),
    );
    const poller = kernel.poller('epoll');
    poller.set(reader, IN | OUT, Trigger.EDGE, 1);
    expect(() => hand.wait(poller, Infinity)).toThrow('epoll of handle 0 (IN|OUT)');
    expect(() => hand.wait(kernel.poller('poll'), Infinity)).toThrow('poll of nothing');
  });

  test('is not wasted for ever by a guest that calls in vain', () => {
    const { kernel, hand, world } = begin({ livelockCalls: 1000 });
    const { reader, writer } = hand.pipe();
    expect(() => {
      for (;;) hand.read(reader);
    }).toThrow(Livelock);
    world.progress();
    for (let i = 0; i < 5000; i++) {
      expect(hand.write(writer, 'x')).toBe(1);
      expect(hand.read(reader)).toBe('x');
    }
    let told = 0;
    const tick = () => void (told++, world.scheduler.after(100_000, tick));
    tick();
    for (let i = 0; i < 5000; i++) kernel.yield();
    expect(told).toBeGreaterThan(40);
  });
});

describe('the network of a world', () => {
  test('tries again after 1, 3 and 7 seconds where nobody answers, and gives up after 127', () => {
    const { world, kernel, hand } = begin();
    const listener = kernel.listen(LOCAL, 0);
    const [, second, third] = [dial(world), dial(world), dial(world)];
    const tried: number[] = [];
    second!.onReady = (mask) => void (mask & OUT && tried.push(Math.round(world.now / SECOND)));
    let errno = 0;
    third!.onReady = (mask) => {
      if (!(mask & ERR)) return;
      errno = third!.takeError();
      tried.push(Math.round(world.now / SECOND));
    };
    hand.pass(2 * SECOND);
    hand.accept(listener);
    hand.pass(200 * SECOND);
    expect(tried).toEqual([3, 127]);
    expect(errno).toBe(-Errno.ETIMEDOUT);
  });

  test('keeps a connection whose handshake ended at a full listener, and makes it later', () => {
    const { world, kernel, hand } = begin({ latencyNs: 1e6 });
    const listener = kernel.listen(LOCAL, 0);
    const peers = [dial(world), dial(world)];
    hand.pass(10e6);
    // Both SYNs found the queue empty.
    for (const [i, peer] of peers.entries()) expect(peer.send(encode(`hello ${i}`))).toBe(7);
    const first = hand.accept(listener);
    expect(kernel.accept(listener)).toBe(-Errno.EAGAIN);
    const second = hand.accept(listener);
    expect(world.now).toBeGreaterThan(SECOND);
    expect([hand.recv(first), hand.recv(second)]).toEqual(['hello 0', 'hello 1']);
  });

  test('accepts a connection that was reset while it waited, which then says so', () => {
    const { world, kernel, hand } = begin();
    const listener = kernel.listen(LOCAL, 8);
    const peer = dial(world);
    peer.send(encode('data'));
    peer.reset();
    const server = hand.accept(listener);
    hand.ready(server, IN | OUT | RDHUP | HUP | ERR, 'rw-');
    expect(hand.recv(server)).toBe('data');
    expect(hand.recv(server)).toBe(-Errno.ECONNRESET);
    expect(hand.recv(server)).toBe('');
  });

  test('brings bytes after its latency, and in order', () => {
    const { world, kernel, hand } = begin({ latencyNs: 5e6 });
    const listener = kernel.listen(LOCAL, 8);
    const peer = dial(world);
    const server = hand.accept(listener);
    hand.until(server, OUT);
    expect(peer.send(encode('one'))).toBe(3);
    expect(peer.send(encode('two'))).toBe(3);
    peer.shutdown();
    expect(kernel.waitFor(server, IN, 4e6)).toBe(0);
    expect(kernel.waitFor(server, IN, 2e6)).toBe(IN);
    hand.pass(1000);
    expect([hand.recv(server), hand.recv(server)]).toEqual(['onetwo', '']);
  });

  test('stops a sender at a window and a buffer, and lets it go on', () => {
    const { world, kernel, hand } = begin({ sendBytes: 3000, receiveBytes: 1000 });
    const listener = kernel.listen(LOCAL, 8);
    const peer = dial(world);
    const server = hand.accept(listener);
    expect(peer.send(new Uint8Array(10_000))).toBe(3000);
    expect(peer.send(new Uint8Array(10_000))).toBe(1000);
    expect(peer.send(new Uint8Array(1))).toBe(-Errno.EAGAIN);
    expect([kernel.readable(server), peer.mask]).toEqual([1000, 0]);
    expect(hand.recv(server, 499)).toHaveLength(499);
    expect([kernel.readable(server), peer.mask]).toEqual([501, 0]);
    expect(hand.recv(server, 1)).toHaveLength(1);
    expect([kernel.readable(server), peer.mask]).toEqual([1000, 0]);
    expect(hand.recv(server)).toHaveLength(1000);
    expect(peer.mask).toBe(OUT);
  });

  test('has the addresses of its machines and of its listeners, and no others', () => {
    const { world, kernel, hand } = begin();
    const at = (host: string, port = 80) => ({ host, port });
    expect(kernel.listen(at('10.0.0.1'), 1)).toBe(-Errno.EADDRNOTAVAIL);
    expect(kernel.connect(at('10.0.0.1'))).toBe(-Errno.ENETUNREACH);
    const listener = world.listen(at('10.0.0.1'));
    if (typeof listener === 'number') throw new Error(`listen answers ${listener}`);
    const client = hand.kernel.connect(at('10.0.0.1'));
    hand.until(client, OUT);
    hand.send(client, 'hello');
    const peer = listener.accept()!;
    expect(decode(peer.recv())).toBe('hello');
    expect(listener.accept()).toBeUndefined();
    peer.send(encode('hi'));
    peer.close();
    expect([hand.recv(client), hand.recv(client)]).toEqual(['hi', '']);
  });

  test('knows an address by all its forms', () => {
    const { kernel, hand } = begin();
    const forms = ['::', '0::0', '0:0:0:0:0:0:0:0', '::0.0.0.0'];
    for (const host of forms) {
      const listener = kernel.listen({ host, port: 443 }, 1);
      expect(kernel.localAddress(listener)).toEqual({ host: '::', port: 443 });
      for (const taken of ['::', '::1', '127.0.0.1', '0.0.0.0'])
        expect(kernel.listen({ host: taken, port: 443 }, 1)).toBe(-Errno.EADDRINUSE);
      const client = kernel.connect({ host: '::1', port: 443 });
      expect(kernel.localAddress(hand.accept(listener))).toEqual({ host: '::1', port: 443 });
      kernel.close(client);
      kernel.close(listener);
    }
    const wrong = [':', ':::', '1:2:3:4:5:6:7', '1::2::3', '12345::', 'g::', '::1.2.3', '01.2.3.4'];
    for (const host of wrong) expect(kernel.listen({ host, port: 1 }, 1), host).toBe(-Errno.EINVAL);
    expect(kernel.listen({ host: '127.1.2.3', port: 1 }, 1)).toBeGreaterThanOrEqual(0);
    expect(kernel.listen({ host: '127.1.2.4', port: 1 }, 1)).toBeGreaterThanOrEqual(0);
  });

  test('leaves a connection in its queue where there is no handle for it', () => {
    const world = new World();
    const kernel = world.kernel({ maxHandles: 2 });
    const hand = new Hand(kernel, 'epoll');
    const listener = kernel.listen(LOCAL, 8);
    const [level, edge] = [kernel.poller('epoll'), kernel.poller('epoll')];
    level.set(listener, IN, Trigger.LEVEL, 1);
    edge.set(listener, IN, Trigger.EDGE, 1);
    dial(world);
    dial(world);
    const first = hand.accept(listener);
    expect(hand.wait(edge)).toEqual([[IN, 1]]);
    for (let i = 0; i < 3; i++) {
      expect(hand.wait(level)).toEqual([[IN, 1]]);
      expect(kernel.accept(listener)).toBe(-Errno.EMFILE);
    }
    // Who asked for edges has had the last one.
    expect(hand.wait(edge)).toEqual([]);
    kernel.close(first);
    expect(kernel.accept(listener)).toBe(first);
  });
});

/** Serves what it gets back to whoever sent it, until all connections are gone. */
class Echo {
  readonly #kernel: SimKernel;
  readonly #hand: Hand;
  readonly #listener: number;
  readonly #poller: Poller;
  readonly #trigger: number;
  /** By handle: what is still to be sent. */
  readonly #queues = new Map<number, string>();

  constructor(kernel: SimKernel, trigger: number) {
    this.#kernel = kernel;
    this.#trigger = trigger;
    this.#hand = new Hand(kernel, 'epoll');
    this.#listener = kernel.listen(LOCAL, 4);
    this.#poller = kernel.poller('epoll');
    this.#poller.set(this.#listener, IN, Trigger.LEVEL, this.#listener);
  }

  /** Serves what is ready, as soon as anything is. */
  turn(): void {
    for (const [, handle] of this.#hand.wait(this.#poller, Infinity, 8)) {
      if (handle === this.#listener) this.#accept();
      else if (this.#queues.has(handle)) this.#serve(handle);
    }
  }

  #accept(): void {
    const handle = this.#kernel.accept(this.#listener);
    if (handle < 0) return;
    this.#queues.set(handle, '');
    this.#poller.set(handle, IN, this.#trigger, handle);
  }

  #serve(handle: number): void {
    for (;;) {
      const got = this.#hand.recv(handle, 300);
      if (got === -Errno.EAGAIN) break;
      if (typeof got === 'number' || got === '') {
        if (got === '') this.#flush(handle);
        if (got === '' && this.#queues.get(handle) !== '') break;
        this.#kernel.close(handle);
        this.#queues.delete(handle);
        return;
      }
      this.#queues.set(handle, this.#queues.get(handle)! + got);
      if (this.#trigger === Trigger.LEVEL) break;
    }
    this.#flush(handle);
    const more = this.#queues.get(handle) === '' ? IN : IN | OUT;
    this.#poller.set(handle, more, this.#trigger, handle);
  }

  #flush(handle: number): void {
    for (let queue = this.#queues.get(handle)!; queue !== '';) {
      const sent = this.#hand.send(handle, queue);
      if (sent < 0) {
        if (sent !== -Errno.EAGAIN) this.#queues.set(handle, '');
        return;
      }
      queue = queue.slice(sent);
      this.#queues.set(handle, queue);
    }
  }
}

/** Sends `text` in pieces, ends its half, and notes what comes back. */
class Client {
  readonly text: string;
  seen = '';
  error = 0;
  over = false;
  readonly #peer: Peer;
  #rest: string;

  constructor(world: World, text: string) {
    this.text = text;
    this.#rest = text;
    this.#peer = dial(world);
    this.#peer.onReady = () => this.#turn();
  }

  #turn(): void {
    while (this.#rest !== '') {
      const sent = this.#peer.send(encode(this.#rest.slice(0, 1000)));
      if (sent === -Errno.EAGAIN) break;
      if (sent < 0) return this.#end(sent);
      this.#rest = this.#rest.slice(sent);
      if (this.#rest === '') this.#peer.shutdown();
    }
    for (;;) {
      const got = this.#peer.recv();
      if (got === -Errno.EAGAIN) return;
      if (typeof got === 'number') return this.#end(got);
      if (got.length === 0) return this.#end(0);
      this.seen += decode(got);
    }
  }

  #end(error: number): void {
    this.error = error;
    this.over = true;
    this.#peer.close();
  }
}

/** An echo server with a few clients, to the end: what became of them. */
function echo(choices: Choices, trigger: number, options: WorldOptions = {}) {
  const world = new World({ choices, ...options });
  const server = new Echo(world.kernel(), trigger);
  const clients = Array.from({ length: 3 }, (_, i) => {
    let text = '';
    while (text.length < 700 * (i + 1)) text += `${i}:${text.length},`;
    return new Client(world, text);
  });
  try {
    for (let turns = 0; ; turns++) {
      if (turns > 20_000) throw new Error('the server turns and turns');
      server.turn();
    }
  } catch (error) {
    // Where all clients are gone nothing can happen any more.
    if (!(error instanceof Deadlock) || clients.some(({ over }) => !over)) throw error;
  }
  return { clients, now: world.now };
}

describe.each([
  ['levels', Trigger.LEVEL],
  ['edges', Trigger.EDGE],
] as const)('an echo by %s', (_, trigger) => {
  test('has everything come back in a calm world', () => {
    for (const { text, seen, error } of echo(benign, trigger).clients)
      expect({ seen, error }).toEqual({ seen: text, error: 0 });
  });

  test.each(profileNames)('loses no byte in a %s world, unless a connection is lost', (name) => {
    let lost = 0;
    let whole = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const log = () => ChoiceLog.seeded(seed, profileOf(name, seed));
      const { clients, now } = echo(log(), trigger);
      for (const { text, seen, error } of clients) {
        if (error === 0) {
          expect(seen, `seed ${seed}`).toBe(text);
          whole++;
        } else {
          expect(text.startsWith(seen), `seed ${seed}`).toBe(true);
          expect([-Errno.ECONNRESET, -Errno.ECONNREFUSED, -Errno.EPIPE]).toContain(error);
          lost++;
        }
      }
      expect(echo(log(), trigger).now).toBe(now);
    }
    expect(whole).toBeGreaterThan(200);
    if (name === 'calm') expect(lost).toBe(0);
    else expect(lost).toBeGreaterThan(0);
  });
});
