/**
 * A task of the experiment `tasks`: it computes, asks a device, and waits for the answer, in turn.
 * It does not wait by itself: it yields where it would have to, and goes on when it is told. So the
 * same task runs in a thread that blocks and in an event loop.
 */
import { HostError } from '../../../host/kernel/error.js';
import { Clock } from '../../../host/kernel/kernel.js';
import { Readiness } from '../../../host/kernel/readiness.js';
import type { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { check, IOVEC, MESSAGE, wait } from './connection.js';

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

/** A request is one byte, the delay, and so is its answer. */
export const REQUEST_BYTES = 1;

export const nowMs = (kernel: LinuxKernel) => Number(kernel.now(Clock.MONOTONIC)) / 1e6;

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
    bytes[MESSAGE] = waitMs;
    check(kernel.send(socket, IOVEC, 1, 0), 'the device cannot be asked');
    yield;
    if (check(kernel.recv(socket, IOVEC, 1, 0, 0), 'the device cannot be heard') === 0)
      throw new HostError('the device has closed a connection');
  }
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
    if (!done) wait(kernel, socket, Readiness.IN);
  }
  return spans;
}
