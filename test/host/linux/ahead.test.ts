/**
 * Receiving ahead must not be noticed: the cases of every kernel hold with it, and random histories
 * of a connection tell the same with it as without.
 */
import { closeSync } from 'node:fs';

import { Errno } from '#host/kernel/errno';
import { Receive, Shutdown } from '#host/kernel/kernel';
import {
  EVENT_STRIDE,
  pollerNames,
  Readiness,
  Trigger,
  type Poller,
  type PollerName,
} from '#host/kernel/readiness';
import { LinuxKernel } from '#host/linux/linux-kernel';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { linuxEngines } from '../asynchronous.js';
import { kernelCases } from '../../kernel.cases.js';
import { descriptorsDownTo, openDescriptors } from './thread.js';

let descriptors: number;
beforeEach(() => {
  descriptors = openDescriptors().length;
});
afterEach(async () => {
  expect(await descriptorsDownTo(descriptors), 'open descriptors').toBe(descriptors);
});

describe.each(pollerNames)('receiving ahead by %s', (backend) => {
  for (const { name, backends, run } of kernelCases) {
    test(name, ({ skip }) => {
      skip(
        backends !== undefined && !backends.includes(backend),
        `${backend} cannot: only ${backends} can`,
      );
      const kernel = new LinuxKernel({ ahead: true });
      try {
        run(kernel, backend);
      } finally {
        kernel.dispose();
      }
    });
  }
});

const BUFFER = 64;
/** So many that they are received from at once. */
const COMPANIONS = 5;

/** What may happen to a connection whose server side is received from. */
type Step =
  | { do: 'send'; bytes: number }
  | { do: 'wait'; attended: number }
  | { do: 'arm'; trigger: number }
  | { do: 'look'; bytes: number }
  | { do: 'all'; bytes: number }
  | { do: 'some'; bytes: number }
  | { do: 'count' }
  | { do: 'answer' }
  | { do: 'half-close' }
  | { do: 'reset' };

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 2040, max: 2060 }),
  fc.integer({ min: 1, max: 9000 }),
);
const steps = (backend: PollerName) =>
  fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.record({ do: fc.constant('send' as const), bytes: sizes }) },
      {
        weight: 12,
        arbitrary: fc.record({
          do: fc.constant('wait' as const),
          attended: fc.constantFrom(0, 1, COMPANIONS),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('arm' as const),
          trigger: backend === 'epoll' ? fc.integer({ min: 0, max: 3 }) : fc.constant(0),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('look' as const), bytes: sizes }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('all' as const), bytes: sizes }) },
      { weight: 6, arbitrary: fc.record({ do: fc.constant('some' as const), bytes: sizes }) },
      { weight: 1, arbitrary: fc.constant<Step>({ do: 'count' }) },
      { weight: 1, arbitrary: fc.constant<Step>({ do: 'answer' }) },
      { weight: 1, arbitrary: fc.constant<Step>({ do: 'half-close' }) },
      { weight: 1, arbitrary: fc.constant<Step>({ do: 'reset' }) },
    ),
    { maxLength: 40 },
  );

const TOKEN = 7;
const ARRIVAL_NS = 2e9;

/**
 * One connection, and what was seen of it; in the company of others that are ready whenever it may
 * be, for many are received from in another way than one.
 */
class History {
  readonly #kernel: LinuxKernel;
  readonly #bytes = new Uint8Array(BUFFER + 16384);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #events = new Int32Array(2 * COMPANIONS * EVENT_STRIDE);
  #sent = 0;
  #received = '';
  readonly told: unknown[] = [];

  readonly #company: { client: number; server: number; unread: number }[] = [];
  readonly #companions: number;

  constructor(ahead: boolean, companions = 0) {
    this.#kernel = new LinuxKernel({ ahead });
    this.#companions = companions;
    this.#kernel.attach({ bytes: this.#bytes });
  }

  #iovec(length: number): void {
    this.#view.setUint32(0, BUFFER, true);
    this.#view.setUint32(4, length, true);
  }

  #recv(socket: number, length: number, flags: number): number {
    this.#iovec(length);
    return this.#kernel.recv(socket, 0, 1, flags, 0);
  }

  #text(length: number): string {
    return Buffer.from(this.#bytes.subarray(BUFFER, BUFFER + Math.max(length, 0))).toString(
      'latin1',
    );
  }

  /**
   * All that can be received, and what ended it. How it is cut into pieces is left open: recv may
   * always bring less.
   */
  #drain(socket: number): void {
    for (let i = 0; i < 20; i++) {
      const bytes = this.#recv(socket, 16000, 0);
      this.#received += this.#text(bytes);
      if (bytes > 0) continue;
      this.told.push(['drained', this.#received.length, bytes]);
      return;
    }
  }

  run(backend: PollerName, history: readonly Step[]): unknown[] {
    const kernel = this.#kernel;
    try {
      const listener = kernel.listen({ host: '127.0.0.1', port: 0 }, 4);
      const address = kernel.localAddress(listener);
      if (typeof address === 'number') throw new Error(`no address: ${address}`);
      const connection = (): { client: number; server: number } => {
        const client = kernel.connect(address);
        kernel.waitFor(listener, Readiness.IN, Infinity);
        const server = kernel.accept(listener);
        kernel.waitFor(client, Readiness.OUT, Infinity);
        return { client, server };
      };
      const { client, server } = connection();
      const poller = kernel.poller(backend);
      poller.set(server, Readiness.IN | Readiness.RDHUP, Trigger.LEVEL, TOKEN);
      for (let i = 0; i < this.#companions; i++) {
        const companion = connection();
        this.#company.push({ ...companion, unread: 0 });
        poller.set(companion.server, Readiness.IN, Trigger.LEVEL, TOKEN + 1 + i);
      }
      let ended = false;
      for (const step of history) ended = this.#step(step, { client, server, poller, ended });
      this.#drain(server);
      kernel.close(server);
      if (!ended) this.told.push(['the client gets', this.#recv(client, 1, 0)]);
      expect(this.#received).toBe(pattern(this.#sent).slice(0, this.#received.length));
      return this.told;
    } finally {
      kernel.dispose();
    }
  }

  /** What was sent is there at once, but where the kernel is too busy to deliver it in the call. */
  #arrived(server: number): void {
    const due = this.#sent - this.#received.length;
    const end = performance.now() + ARRIVAL_NS / 1e6;
    while (this.#kernel.readable(server) < due && performance.now() < end);
  }

  #wait(poller: ReturnType<LinuxKernel['poller']>, attended: number): void {
    for (const companion of this.#company) {
      this.#iovec(1);
      companion.unread += this.#kernel.send(companion.client, 0, 1, 0);
    }
    const count = poller.wait(this.#events, 0);
    const events = Array.from({ length: count }, (_, i) => {
      const [mask, token] = this.#events.subarray(i * EVENT_STRIDE);
      return { mask: mask! & (Readiness.IN | Readiness.RDHUP), token };
    });
    this.told.push(events.filter(({ token }) => token === TOKEN));
    expect(events).toHaveLength(this.#companions + (this.told.at(-1) as unknown[]).length);
    for (const companion of this.#company.slice(0, attended)) {
      while (companion.unread > 0) {
        const bytes = this.#recv(companion.server, 64, 0);
        expect(bytes).toBeGreaterThan(0);
        companion.unread -= bytes;
      }
      expect(companion.unread).toBe(0);
    }
  }

  #step(
    step: Step,
    at: {
      client: number;
      server: number;
      poller: ReturnType<LinuxKernel['poller']>;
      ended: boolean;
    },
  ): boolean {
    const kernel = this.#kernel;
    const { client, server, poller, ended } = at;
    switch (step.do) {
      case 'send': {
        if (ended) return ended;
        this.#bytes.set(Buffer.from(pattern(this.#sent + step.bytes).slice(this.#sent)), BUFFER);
        this.#iovec(step.bytes);
        this.#sent += kernel.send(client, 0, 1, 0);
        this.#arrived(server);
        return ended;
      }
      case 'wait': {
        this.#wait(poller, step.attended);
        return ended;
      }
      case 'arm':
        this.told.push(poller.set(server, Readiness.IN | Readiness.RDHUP, step.trigger, TOKEN));
        return ended;
      case 'look': {
        const bytes = this.#recv(server, step.bytes, Receive.PEEK);
        this.told.push([
          'look',
          bytes,
          Buffer.from(this.#text(bytes)).toString('base64').slice(-12),
        ]);
        return ended;
      }
      case 'all': {
        const bytes = this.#recv(server, step.bytes, Receive.WAITALL);
        if (bytes > 0) this.#received += this.#text(bytes);
        return ended;
      }
      case 'some':
        for (let left = step.bytes; left > 0;) {
          const bytes = this.#recv(server, left, 0);
          if (bytes <= 0) break;
          this.#received += this.#text(bytes);
          left -= bytes;
        }
        this.told.push(['some', this.#received.length]);
        return ended;
      case 'count':
        this.told.push(['readable', kernel.readable(server)]);
        this.told.push(['waited for', kernel.waitFor(server, Readiness.IN, 0) & Readiness.IN]);
        return ended;
      case 'answer':
        this.#iovec(1);
        this.told.push(['answered', kernel.send(server, 0, 1, 0)]);
        return ended;
      case 'half-close':
        if (ended) return true;
        kernel.shutdown(client, Shutdown.WR);
        kernel.waitFor(server, Readiness.RDHUP, ARRIVAL_NS);
        return true;
      case 'reset':
        if (ended) return ended;
        // Bytes that the client never reads make its close a reset.
        this.#iovec(1);
        kernel.send(server, 0, 1, 0);
        kernel.waitFor(client, Readiness.IN, ARRIVAL_NS);
        kernel.close(client);
        kernel.waitFor(server, Readiness.RDHUP, ARRIVAL_NS);
        return true;
    }
  }
}

/** The first `length` bytes that every client sends. */
function pattern(length: number): string {
  let text = '';
  for (let i = 0; text.length < length; i++) text += `${i},`;
  return text.slice(0, length);
}

/** What comes between two waits has an edge of its own. */
const secondEdge: Step[] = [
  { do: 'arm', trigger: Trigger.EDGE },
  { do: 'send', bytes: 10 },
  { do: 'wait', attended: 0 },
  { do: 'send', bytes: 10 },
  { do: 'wait', attended: 0 },
];

test.each(pollerNames)(
  'a connection tells the same with it as without, by %s',
  (backend) => {
    fc.assert(
      fc.property(steps(backend), (history) => {
        const told = new History(false).run(backend, history);
        expect(new History(true).run(backend, history)).toEqual(told);
        expect(new History(true, COMPANIONS).run(backend, history)).toEqual(told);
      }),
      { numRuns: 300, examples: backend === 'epoll' ? [[secondEdge]] : [] },
    );
  },
  60_000,
);

describe('with several connections', () => {
  const bytes = new Uint8Array(BUFFER + 16);
  const iovec = new Int32Array(bytes.buffer, 0, 2);
  const calls = new BigUint64Array(new SharedArrayBuffer(8));
  let kernel: LinuxKernel;
  const open = (engine = ''): void => {
    vi.stubEnv('POLLUX_ASYNC', engine || undefined);
    kernel = new LinuxKernel({ ahead: true, calls });
    kernel.attach({ bytes });
  };
  afterEach(() => {
    kernel.dispose();
    vi.unstubAllEnvs();
  });

  let clients: number[] = [];
  const say = (client: number, text: string): void => {
    bytes.set(Buffer.from(text), BUFFER);
    iovec.set([BUFFER, text.length]);
    expect(kernel.send(client, 0, 1, 0)).toBe(text.length);
  };
  /** The server sides of so many connections, which poller watches, after each client has spoken. */
  const connected = (poller: Poller, count: number): number[] => {
    clients = [];
    const listener = kernel.listen({ host: '127.0.0.1', port: 0 }, 8);
    const address = kernel.localAddress(listener);
    if (typeof address === 'number') throw new Error(`no address: ${address}`);
    return Array.from({ length: count }, (_, token) => {
      const client = kernel.connect(address);
      kernel.waitFor(listener, Readiness.IN, Infinity);
      const server = kernel.accept(listener);
      kernel.waitFor(client, Readiness.OUT, Infinity);
      clients.push(client);
      say(client, `from${token % 10}`);
      kernel.waitFor(server, Readiness.IN, Infinity);
      expect(poller.set(server, Readiness.IN, Trigger.LEVEL, token)).toBe(0);
      return server;
    });
  };
  const received = (server: number): string => {
    iovec.set([BUFFER, 16]);
    const length = kernel.recv(server, 0, 1, 0, 0);
    return Buffer.from(bytes.subarray(BUFFER, BUFFER + length)).toString();
  };
  const told = (poller: Poller, capacity: number): number[] => {
    const events = new Int32Array(capacity * EVENT_STRIDE);
    const count = poller.wait(events, 0);
    return Array.from({ length: count }, (_each, i) => events[i * EVENT_STRIDE + 1]!);
  };
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

  test.each([
    ['one system call for all, where io_uring may be used', 'uring', 1],
    ['one each, where it may not', 'threads', COMPANIONS],
  ])('those that are ready are received from by %s', (_way, engine, expected) => {
    open(engine);
    const poller = kernel.poller('epoll');
    const servers = connected(poller, COMPANIONS);
    const before = calls[0]!;
    expect(told(poller, COMPANIONS)).toHaveLength(COMPANIONS);
    const here = linuxEngines.includes('io_uring') || engine === 'threads';
    if (here) expect(Number(calls[0]! - before)).toBe(1 + expected);
    expect(servers.map(received)).toEqual(servers.map((_, token) => `from${token}`));
    expect(Number(calls[0]! - before), 'what is held is not asked for').toBeLessThanOrEqual(
      1 + COMPANIONS,
    );
  });

  test('more than can be held are told of until they are received from', () => {
    open();
    const poller = kernel.poller('epoll');
    const servers = connected(poller, 1100);
    const everybody = numbers(servers.length);
    for (let wait = 0; wait < 3; wait++)
      expect(told(poller, 2000).sort((a, b) => a - b)).toEqual(everybody);
    expect(servers.map(received)).toEqual(everybody.map((token) => `from${token % 10}`));
    expect(told(poller, 2000)).toEqual([]);
  });

  test('the next descriptor of the same number has nothing of a connection that was closed', () => {
    open();
    const poller = kernel.poller('epoll');
    const servers = connected(poller, COMPANIONS);
    expect(told(poller, COMPANIONS)).toHaveLength(COMPANIONS);
    for (const server of servers) kernel.close(server);
    const ends = new Int32Array(2);
    expect(kernel.pipe(ends)).toBe(0);
    const read = ends[0]!;
    expect(servers).toContain(read);
    expect(told(poller, COMPANIONS)).toEqual([]);
    expect(kernel.waitFor(read, Readiness.IN, 0)).toBe(0);
  });

  test('a connection is given away when what was received ahead has been taken', () => {
    open();
    const poller = kernel.poller('epoll');
    const [server] = connected(poller, COMPANIONS) as [number];
    expect(told(poller, COMPANIONS)).toHaveLength(COMPANIONS);
    expect(kernel.release(server)).toBe(-Errno.EBUSY);
    expect(received(server)).toBe('from0');
    expect(kernel.release(server)).toBe(server);
    say(clients[0]!, 'for another');
    closeSync(server);
    const ends = new Int32Array(2);
    expect(kernel.pipe(ends)).toBe(0);
    expect(ends[0], 'the same number').toBe(server);
    poller.set(server, Readiness.IN, Trigger.LEVEL, 9);
    iovec.set([BUFFER, 1]);
    expect(kernel.writev(ends[1]!, 0, 1, 0)).toBe(1);
    expect(told(poller, COMPANIONS)).toContain(9);
    expect(kernel.readv(server, 0, 1)).toBe(1);
  });

  test('a poller that is closed leaves what it told of to the others', () => {
    open();
    const first = kernel.poller('epoll');
    const servers = connected(first, COMPANIONS);
    expect(told(first, COMPANIONS)).toHaveLength(COMPANIONS);
    first.close();
    const second = kernel.poller('epoll');
    servers.forEach((server, token) => second.set(server, Readiness.IN, Trigger.LEVEL, token));
    for (let wait = 0; wait < 2; wait++)
      expect(told(second, COMPANIONS).sort((a, b) => a - b)).toEqual(numbers(COMPANIONS));
    expect(new Set(servers.map(received)).size).toBe(COMPANIONS);
  });

  test('what one poller received for is an edge of the others too', () => {
    open();
    const byLevel = kernel.poller('epoll');
    const byEdge = kernel.poller('epoll');
    const [server] = connected(byLevel, 1);
    expect(byEdge.set(server!, Readiness.IN, Trigger.EDGE, 5)).toBe(0);
    expect(told(byEdge, 2)).toEqual([5]);
    expect(received(server!)).toBe('from0');
    for (const text of ['second', ' and third']) {
      say(clients[0]!, text);
      expect(told(byLevel, 2)).toEqual([0]);
      expect(told(byEdge, 2)).toEqual([5]);
      expect(told(byEdge, 2)).toEqual([]);
    }
    expect(received(server!)).toBe('second and third');
  });

  test.each(pollerNames)('those that are not read from take turns, by %s', (backend) => {
    open();
    const poller = kernel.poller(backend);
    connected(poller, 3);
    const capacity = backend === 'epoll' ? 1 : 3;
    const seen = new Set(numbers(4).flatMap(() => told(poller, capacity)));
    expect([...seen].sort()).toEqual([0, 1, 2]);
    const again = numbers(3).flatMap(() => told(poller, capacity));
    if (backend === 'epoll') expect(again.sort()).toEqual([0, 1, 2]);
  });
});
