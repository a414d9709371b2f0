/**
 * A task of the experiment `tasks`: it computes, asks a device, and waits for the answer, in turn.
 * It does not wait by itself: it yields where it would have to, and goes on when it is told. So the
 * same task runs in a thread that blocks and in an event loop.
 */
import { errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import { Clock } from '../../../host/kernel/kernel.js';
import { Readiness } from '../../../host/kernel/readiness.js';
import type { LinuxKernel } from '../../../host/linux/linux-kernel.js';

export const TASKS = 3;

/** Who does them. */
export const ways = ['one thread', 'three threads', 'event loop'] as const;
export type Way = (typeof ways)[number];

/** What each task does so many times. */
export interface Work {
  steps: number;
  /** Of processor time, which is what computing takes, whoever else is on the processor. */
  computeMs: number;
  /** How long the device takes to answer. */
  waitMs: number;
}

/** From when to when somebody was not waiting, on the clock that all processes share. */
export type Span = [fromMs: number, toMs: number];

const PATIENCE_NS = 10e9;
/** One iovec, of the one byte of a request, which is the delay, and of its answer. */
const IOVEC = 0;
const BYTE = 8;

export const nowMs = (kernel: LinuxKernel) => Number(kernel.now(Clock.MONOTONIC)) / 1e6;

/** A kernel for the tasks of one thread. */
export function attachMemory(kernel: LinuxKernel): Uint8Array {
  const bytes = new Uint8Array(BYTE + 1);
  new Uint32Array(bytes.buffer, 0, 2).set([BYTE, 1]);
  kernel.attach({ bytes });
  return bytes;
}

/** A connection to the device, which is there when this returns. */
export function connect(kernel: LinuxKernel, port: number): number {
  const socket = check(kernel.connect({ host: '127.0.0.1', port }), 'connect');
  check(kernel.waitFor(socket, Readiness.OUT, PATIENCE_NS), 'connect');
  check(kernel.socketError(socket), 'connect');
  return socket;
}

function compute(kernel: LinuxKernel, ms: number): void {
  const end = kernel.now(Clock.THREAD_CPUTIME) + BigInt(Math.round(ms * 1e6));
  while (kernel.now(Clock.THREAD_CPUTIME) < end);
}

/** Yields where it has to wait for its socket to become readable. */
export function* task(
  kernel: LinuxKernel,
  bytes: Uint8Array,
  socket: number,
  { steps, computeMs, waitMs }: Work,
): Generator<void, void, void> {
  for (let step = 0; step < steps; step++) {
    compute(kernel, computeMs);
    bytes[BYTE] = waitMs;
    check(kernel.send(socket, IOVEC, 1, 0), 'ask');
    yield;
    if (check(kernel.recv(socket, IOVEC, 1, 0, 0), 'hear') === 0)
      throw new HostError('the device has closed a connection');
  }
}

/** Blocks until the socket is readable. */
export function block(kernel: LinuxKernel, socket: number): void {
  if (check(kernel.waitFor(socket, Readiness.IN, PATIENCE_NS), 'wait') === 0)
    throw new HostError('the device does not answer');
}

/** A task in a thread that blocks: when it was not waiting. */
export function runBlocking(
  kernel: LinuxKernel,
  bytes: Uint8Array,
  socket: number,
  work: Work,
): Span[] {
  const spans: Span[] = [];
  const running = task(kernel, bytes, socket, work);
  for (let done = false; !done;) {
    const from = nowMs(kernel);
    done = running.next().done!;
    spans.push([from, nowMs(kernel)]);
    if (!done) block(kernel, socket);
  }
  return spans;
}

export function check(result: number, what: string): number {
  if (result < 0) throw new HostError(`a task cannot ${what}: ${errnoName(result)}`);
  return result;
}
