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
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

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

/** One connection, and what was seen of it. */
class History {
  readonly #kernel: LinuxKernel;
  readonly #bytes = new Uint8Array(BUFFER + 16384);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #events = new Int32Array(8 * EVENT_STRIDE);
  #sent = 0;
  #received = '';
  readonly told: unknown[] = [];

  constructor(ahead: boolean) {
    this.#kernel = new LinuxKernel({ ahead });
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
      const client = kernel.connect(address);
      kernel.waitFor(listener, Readiness.IN, Infinity);
      const server = kernel.accept(listener);
      kernel.waitFor(client, Readiness.OUT, Infinity);
      const poller = kernel.poller(backend);
      poller.set(server, Readiness.IN | Readiness.RDHUP, Trigger.LEVEL, 7);
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
        const count = poller.wait(this.#events, 0);
        const IN = Readiness.IN | Readiness.RDHUP;
        this.told.push(['ready', count, count > 0 ? this.#events[0]! & IN : 0, this.#events[1]]);
        return ended;
      }
      case 'arm':
        this.told.push(poller.set(server, Readiness.IN | Readiness.RDHUP, step.trigger, 7));
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
      const told = new History(true).run(backend, history);
      expect(told).toEqual(new History(false).run(backend, history));
    }),
    { numRuns: 300 },
  );
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
