/**
 * Receiving ahead must not be noticed: the cases of every kernel hold with it, and random histories
 * of a connection tell the same with it as without.
 */
import { Receive, Shutdown } from '#host/kernel/kernel';
import {
  EVENT_STRIDE,
  pollerNames,
  Readiness,
  Trigger,
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

/** What may happen to a connection whose server side is received from. */
type Step =
  | { do: 'send'; bytes: number }
  | { do: 'wait' }
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
      { weight: 12, arbitrary: fc.constant<Step>({ do: 'wait' }) },
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

const BUFFER = 64;
/** So many that they are received from at once. */
const COMPANIONS = 5;

const TOKEN = 7;

/**
 * One connection, and what was seen of it; in the company of others that are ready whenever it may
 * be, for many are received from in another way than one.
 */
class History {
  readonly #kernel: LinuxKernel;
  readonly #bytes = new Uint8Array(BUFFER + 16384);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #events = new Int32Array(8 * EVENT_STRIDE);
  #sent = 0;
  #received = '';
  readonly told: unknown[] = [];

  readonly #company: { client: number; server: number }[] = [];
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
        this.#company.push(companion);
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

  #wait(poller: ReturnType<LinuxKernel['poller']>): void {
    this.#iovec(1);
    for (const { client } of this.#company) expect(this.#kernel.send(client, 0, 1, 0)).toBe(1);
    const count = poller.wait(this.#events, 0);
    const events = Array.from({ length: count }, (_, i) => {
      const [mask, token] = this.#events.subarray(i * EVENT_STRIDE);
      return { mask: mask! & (Readiness.IN | Readiness.RDHUP), token };
    });
    this.told.push(events.filter(({ token }) => token === TOKEN));
    expect(events).toHaveLength(this.#companions + (this.told.at(-1) as unknown[]).length);
    for (const { server } of this.#company) expect(this.#recv(server, 8, 0)).toBe(1);
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
        return ended;
      }
      case 'wait': {
        this.#wait(poller);
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
        if (!ended) kernel.shutdown(client, Shutdown.WR);
        return true;
      case 'reset':
        if (ended) return ended;
        // Bytes that the client never reads make its close a reset.
        this.#iovec(1);
        kernel.send(server, 0, 1, 0);
        kernel.close(client);
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

test.each(pollerNames)('a connection tells the same with it as without, by %s', (backend) => {
  fc.assert(
    fc.property(steps(backend), (history) => {
      const told = new History(false).run(backend, history);
      expect(new History(true).run(backend, history)).toEqual(told);
      expect(new History(true, COMPANIONS).run(backend, history)).toEqual(told);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['one system call for all, where io_uring may be used', 'uring', 2],
  ['one each, where it may not', 'threads', 1 + COMPANIONS],
])('many that are ready are received from by %s', (_way, engine, expected) => {
  vi.stubEnv('POLLUX_ASYNC', engine);
  const calls = new BigUint64Array(new SharedArrayBuffer(8));
  const kernel = new LinuxKernel({ ahead: true, calls });
  try {
    const bytes = new Uint8Array(BUFFER + 16);
    const iovec = new Int32Array(bytes.buffer, 0, 2);
    iovec.set([BUFFER, 5]);
    kernel.attach({ bytes });
    const listener = kernel.listen({ host: '127.0.0.1', port: 0 }, 8);
    const address = kernel.localAddress(listener);
    if (typeof address === 'number') throw new Error(`no address: ${address}`);
    const poller = kernel.poller('epoll');
    const servers = Array.from({ length: COMPANIONS }, (_, token) => {
      const client = kernel.connect(address);
      kernel.waitFor(listener, Readiness.IN, Infinity);
      const server = kernel.accept(listener);
      kernel.waitFor(client, Readiness.OUT, Infinity);
      bytes.set(Buffer.from(`from${token}`), BUFFER);
      expect(kernel.send(client, 0, 1, 0)).toBe(5);
      poller.set(server, Readiness.IN, Trigger.LEVEL, token);
      return server;
    });
    const before = calls[0]!;
    const events = new Int32Array(COMPANIONS * EVENT_STRIDE);
    expect(poller.wait(events, Infinity)).toBe(COMPANIONS);
    if (linuxEngines.includes('io_uring') || engine === 'threads')
      expect(Number(calls[0]! - before)).toBe(expected);
    const texts = servers.map((server) => {
      iovec.set([BUFFER, 16]);
      const length = kernel.recv(server, 0, 1, 0, 0);
      return Buffer.from(bytes.subarray(BUFFER, BUFFER + length)).toString();
    });
    expect(texts).toEqual(servers.map((_, token) => `from${token}`));
    expect(Number(calls[0]! - before), 'what is held is not asked for').toBeLessThanOrEqual(
      1 + COMPANIONS,
    );
  } finally {
    kernel.dispose();
    vi.unstubAllEnvs();
  }
});

test.each(pollerNames)('connections that are not read from take turns, by %s', (backend) => {
  const kernel = new LinuxKernel({ ahead: true });
  try {
    const bytes = new Uint8Array(BUFFER + 8);
    new DataView(bytes.buffer).setUint32(0, BUFFER, true);
    new DataView(bytes.buffer).setUint32(4, 5, true);
    kernel.attach({ bytes });
    const listener = kernel.listen({ host: '127.0.0.1', port: 0 }, 8);
    const address = kernel.localAddress(listener);
    if (typeof address === 'number') throw new Error(`no address: ${address}`);
    const poller = kernel.poller(backend);
    for (let token = 0; token < 3; token++) {
      const client = kernel.connect(address);
      kernel.waitFor(listener, Readiness.IN, Infinity);
      const server = kernel.accept(listener);
      kernel.waitFor(client, Readiness.OUT, Infinity);
      expect(kernel.send(client, 0, 1, 0)).toBe(5);
      kernel.waitFor(server, Readiness.IN, Infinity);
      poller.set(server, Readiness.IN, Trigger.LEVEL, token);
    }
    const events = new Int32Array((backend === 'epoll' ? 1 : 3) * EVENT_STRIDE);
    const seen = new Set<number>();
    for (let wait = 0; wait < 4; wait++) {
      const count = poller.wait(events, 0);
      expect(count).toBeGreaterThan(0);
      for (let i = 0; i < count; i++) seen.add(events[i * EVENT_STRIDE + 1]!);
    }
    const again = Array.from({ length: 3 }, () => poller.wait(events, 0) && events[1]!);
    expect([...seen].sort()).toEqual([0, 1, 2]);
    if (backend === 'epoll') expect(again.sort()).toEqual([0, 1, 2]);
  } finally {
    kernel.dispose();
  }
});
