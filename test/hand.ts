/**
 * What cases of kernels have in hand: a kernel with memory, and its verbs as a test speaks them. A
 * case has no clock but the kernel's, and no way to pass time but a wait of the kernel's.
 */
import { Errno } from '#host/kernel/errno';
import type { Kernel } from '#host/kernel/kernel';
import {
  EVENT_STRIDE,
  Readiness,
  Trigger,
  type Poller,
  type PollerName,
} from '#host/kernel/readiness';
import { expect } from 'vitest';

export interface KernelCase {
  /** A sentence. */
  name: string;
  /** The backends that it concerns; default: all. */
  backends?: readonly PollerName[];
  /** Gets a kernel of its own, and disposes of nothing: its runner does. */
  run(kernel: Kernel, backend: PollerName): void;
}

const { IN, PRI, OUT, ERR, HUP, RDHUP } = Readiness;
export const EVERYTHING = IN | PRI | OUT | RDHUP;
export const EPOLL = ['epoll'] as const;
export const NOT_EPOLL = ['poll', 'select'] as const;

export const LOOPBACK = '127.0.0.1';
export const MILLISECOND = 1e6;
/** Waits of a millisecond after which what should have arrived is missing. */
export const PATIENCE = 2000;
export const SLOT_BYTES = 4096;
/** More than half of the 40 ms by which an acknowledgement, which frees a buffer, may be late. */
const SETTLING_NS = 25 * MILLISECOND;

/** Guest memory: an iovec at 0, and a buffer. */
const BUFFER = 64;
export const BUFFER_BYTES = 1 << 16;

/** A kernel with memory attached, and its verbs as a test speaks them. */
export class Hand {
  readonly kernel: Kernel;
  readonly backend: PollerName;
  readonly bytes = new Uint8Array(BUFFER + BUFFER_BYTES);
  readonly events = new Int32Array(64 * EVENT_STRIDE);
  readonly #view = new DataView(this.bytes.buffer);

  constructor(kernel: Kernel, backend: PollerName) {
    this.kernel = kernel;
    this.backend = backend;
    kernel.attach({ bytes: this.bytes });
  }

  /** Makes the iovec of `length` bytes. */
  #iovec(length: number): void {
    this.#view.setUint32(0, BUFFER, true);
    this.#view.setUint32(4, length, true);
  }

  #put(text: string): number {
    for (let i = 0; i < text.length; i++) this.bytes[BUFFER + i] = text.charCodeAt(i);
    this.#iovec(text.length);
    return text.length;
  }

  #text(length: number): string | number {
    return length < 0
      ? length
      : String.fromCharCode(...this.bytes.subarray(BUFFER, BUFFER + length));
  }

  /** What is received, or a negated errno. */
  recv(socket: number, length = 1024, flags = 0): string | number {
    this.#iovec(length);
    return this.#text(this.kernel.recv(socket, 0, 1, flags, 0));
  }

  send(socket: number, text: string): number {
    this.#put(text);
    return this.kernel.send(socket, 0, 1, 0);
  }

  read(handle: number, length = 1024): string | number {
    this.#iovec(length);
    return this.#text(this.kernel.readv(handle, 0, 1));
  }

  write(handle: number, text: string): number {
    this.#put(text);
    return this.kernel.writev(handle, 0, 1, 0);
  }

  /** Writes `length` bytes of anything. */
  writeBytes(handle: number, length: number): number {
    this.#iovec(length);
    return this.kernel.writev(handle, 0, 1, 0);
  }

  listen(backlog = 16): { listener: number; port: number } {
    const listener = opened(this.kernel.listen({ host: LOOPBACK, port: 0 }, backlog));
    const address = this.kernel.localAddress(listener);
    if (typeof address === 'number') throw new Error(`a listener has no address: ${address}`);
    return { listener, port: address.port };
  }

  connect(port: number): number {
    return opened(this.kernel.connect({ host: LOOPBACK, port }));
  }

  accept(listener: number): number {
    this.until(listener, IN);
    return opened(this.kernel.accept(listener));
  }

  /** Both ends of an established connection. */
  pair(): { client: number; server: number; listener: number; port: number } {
    const { listener, port } = this.listen();
    const client = this.connect(port);
    const server = this.accept(listener);
    this.until(client, OUT);
    return { client, server, listener, port };
  }

  pipe(): { reader: number; writer: number } {
    const ends = new Int32Array(2);
    expect(this.kernel.pipe(ends)).toBe(0);
    return { reader: ends[0]!, writer: ends[1]! };
  }

  poller(): Poller {
    return this.kernel.poller(this.backend);
  }

  /** Events as [mask, token]; none if it was interrupted, which a simulated kernel may choose. */
  wait(poller: Poller, timeoutNs = 0, most = 64): [mask: number, token: number][] {
    const events = this.events.subarray(0, most * EVENT_STRIDE);
    const count = poller.wait(events, timeoutNs);
    if (count === -Errno.EINTR) return [];
    if (count < 0) throw new Error(`wait answers ${count}`);
    return Array.from({ length: count }, (_, i) => [
      events[i * EVENT_STRIDE]!,
      events[i * EVENT_STRIDE + 1]!,
    ]);
  }

  /** Lets `ns` nanoseconds pass. */
  pass(ns = 2 * MILLISECOND): void {
    const idle = this.poller();
    idle.wait(this.events, ns);
    idle.close();
  }

  /** Waits until all of `mask` is ready. */
  until(handle: number, mask: number): void {
    for (let i = 0; i < PATIENCE; i++) {
      const ready = this.kernel.waitFor(handle, mask, MILLISECOND);
      if (ready < 0) throw new Error(`waitFor answers ${ready}`);
      if ((ready & mask) === mask) return;
      this.pass(MILLISECOND);
    }
    throw new Error(`handle ${handle} is not ready for ${mask}`);
  }

  /** Expects that `poller` comes to report just this of the one handle in it; 0: keeps silent. */
  settles(poller: Poller, mask: number): void {
    const expected = mask === 0 ? [] : [mask];
    let seen: number[] = [];
    if (mask === 0) this.pass();
    for (let i = 0; i < PATIENCE; i++) {
      seen = this.wait(poller, MILLISECOND).map(([ready]) => ready);
      if (String(seen) === String(expected)) return;
      this.pass(MILLISECOND);
    }
    expect(seen).toEqual(expected);
  }

  /** Expects the mask of `handle`; `select`: what select(2) can tell of it, as `rwx` or dashes. */
  ready(handle: number, mask: number, select: string): void {
    const poller = this.poller();
    expect(poller.set(handle, EVERYTHING, Trigger.LEVEL, 7)).toBe(0);
    this.settles(poller, this.backend === 'select' ? selectMask(select) : mask);
    poller.close();
  }
}

function selectMask(text: string): number {
  return (text[0] === 'r' ? IN : 0) | (text[1] === 'w' ? OUT : 0) | (text[2] === 'x' ? PRI : 0);
}

function opened(handle: number): number {
  if (handle < 0) throw new Error(`no handle, but ${handle}`);
  return handle;
}

/** Sends until nothing more is taken and no acknowledgement is on its way: how many bytes. */
export function fill(hand: Hand, sender: number): number {
  const chunk = 'f'.repeat(1 << 15);
  let total = 0;
  for (let idle = 0; idle < 3;) {
    const sent = hand.send(sender, chunk);
    if (sent > 0) {
      total += sent;
      idle = 0;
    } else {
      expect(sent).toBe(-Errno.EAGAIN);
      hand.pass(SETTLING_NS);
      idle++;
    }
  }
  return total;
}

/** Receives `bytes` bytes. */
export function drain(hand: Hand, receiver: number, bytes: number): void {
  while (bytes > 0) {
    hand.until(receiver, IN);
    const text = hand.recv(receiver, Math.min(bytes, BUFFER_BYTES));
    if (typeof text === 'number') throw new Error(`recv answers ${text}`);
    bytes -= text.length;
  }
}

/** Writes whole slots until the pipe is full. */
export function fillPipe(hand: Hand, writer: number): void {
  let written: number;
  do written = hand.writeBytes(writer, SLOT_BYTES);
  while (written > 0);
  expect(written).toBe(-Errno.EAGAIN);
}

/** A connection whose server's end was reset after `text` came in from the client. */
export function resetAfter(hand: Hand, text: string): number {
  const { client, server } = hand.pair();
  if (text) {
    hand.send(client, text);
    hand.until(server, IN);
  }
  hand.send(server, 'unread');
  hand.until(client, IN);
  hand.kernel.close(client);
  hand.until(server, IN | HUP | ERR);
  return server;
}

export const state = (name: string, run: (hand: Hand) => void): KernelCase => ({
  name,
  run: (kernel, backend) => run(new Hand(kernel, backend)),
});

export const on = (
  backends: readonly PollerName[],
  name: string,
  run: (hand: Hand) => void,
): KernelCase => ({
  ...state(name, run),
  backends,
});
