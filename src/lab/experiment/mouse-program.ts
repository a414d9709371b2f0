/**
 * The program of the experiment `mouse`: a thread that watches devices by asking each of them again
 * and again, or that sleeps until an event is there, queues it, and calls its handler.
 */
import { once } from 'node:events';
import { closeSync, openSync, readSync } from 'node:fs';
import { hrtime, pid } from 'node:process';
import { Worker } from 'node:worker_threads';

import { Errno, errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import { EVENT_STRIDE, Readiness, Trigger } from '../../../host/kernel/readiness.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { EVENT_BYTES, MOUSE, UNPLUGGED, type Press } from './mouse-device.js';
import type { HandJob } from './mouse-hand.js';
import { scheduleOf, type Schedule } from './schedule.js';
import { attempt, jobOfSubject, tell } from './subject.js';

/** Asking is `blocked` where a device that has nothing to tell makes who asks it wait. */
export type Way = 'asking' | 'blocked' | 'queue';

export interface ProgramOrder {
  way: Way;
  /** How many; the first is a mouse, the others are keyboards. */
  devices: number;
  presses: Press[];
}

export interface ProgramMessage {
  /** For how long the watching thread ran, and for how long it could have run. */
  ranNs: number;
  couldNs: number;
  /** How long after each press its handler ran. */
  clicksUs: number[];
  keysUs: number[];
}

/** Of the watching thread, until now. */
interface Times extends Schedule {
  readonly atNs: number;
}

const timesNow = (): Times => ({ atNs: performance.now() * 1e6, ...scheduleOf(pid) });

interface Event {
  ns: bigint;
  handler: (ns: bigint) => void;
}

const HAND = new URL('./mouse-hand.js', import.meta.url);
/** One iovec, and what it is for. */
const IOVEC = 0;
const EVENT = 8;
const EVENTS = 64;
const WARMING = 10;

class Watcher {
  readonly #kernel = new LinuxKernel();
  readonly #bytes = new Uint8Array(EVENT + EVENT_BYTES);
  readonly #hand = new Worker(HAND);
  /** By device: the read end of its pipe. */
  #devices: number[] = [];
  #plugged = 0;
  /** Presses that are still to come. */
  #expected = 0;
  #job!: HandJob;
  #began = timesNow();
  #ended = this.#began;
  #clicksUs: number[] = [];
  #keysUs: number[] = [];

  constructor() {
    new Uint32Array(this.#bytes.buffer, 0, 2).set([EVENT, EVENT_BYTES]);
    this.#kernel.attach({ bytes: this.#bytes });
  }

  async ready(): Promise<void> {
    await once(this.#hand, 'message');
    for (const way of ['asking', 'blocked', 'queue'] as const) {
      const press = (_: unknown, i: number): Press => ({ pauseMs: 1, device: i % 2 });
      this.watch({ way, devices: 2, presses: Array.from({ length: WARMING }, press) });
    }
  }

  watch({ way, devices, presses }: ProgramOrder): ProgramMessage {
    const kernel = this.#kernel;
    const pipes = Array.from({ length: devices }, () => this.#pipe());
    this.#devices = pipes.map(([read]) => read!);
    this.#plugged = devices;
    this.#expected = presses.length;
    [this.#clicksUs, this.#keysUs] = [[], []];
    this.#job = { presses, devices: pipes.map(([, write]) => write!) };
    this.#ways[way]();
    for (const end of pipes.flatMap((ends) => [...ends])) kernel.close(end);
    const [from, to] = [this.#began, this.#ended];
    const ranNs = to.ranNs - from.ranNs;
    const couldNs = to.atNs - from.atNs - (to.waitedNs - from.waitedNs);
    // What it ran is told at once, and what it waited when that is over.
    return {
      ranNs,
      couldNs: Math.max(couldNs, ranNs),
      clicksUs: this.#clicksUs,
      keysUs: this.#keysUs,
    };
  }

  /** All is set up for watching: now the hand may press, and what is watched counts. */
  #begin(): void {
    this.#hand.postMessage(this.#job);
    this.#began = timesNow();
  }

  readonly #ways: Record<Way, () => void> = {
    asking: () => this.#ask(),
    blocked: () => this.#askBlocked(),
    queue: () => this.#handle(),
  };

  readonly #onClick = (ns: bigint) => this.#react(ns, this.#clicksUs);
  readonly #onKeyDown = (ns: bigint) => this.#react(ns, this.#keysUs);

  #react(ns: bigint, timesUs: number[]): void {
    if (ns === UNPLUGGED) return void this.#plugged--;
    timesUs.push(Number(hrtime.bigint() - ns) / 1e3);
    if (--this.#expected === 0) this.#ended = timesNow();
  }

  #handler(device: number): (ns: bigint) => void {
    return device === MOUSE ? this.#onClick : this.#onKeyDown;
  }

  /** Asks every device whether something happened, round and round. */
  #ask(): void {
    this.#begin();
    while (this.#plugged > 0) {
      for (let device = 0; device < this.#devices.length; device++) {
        const ns = this.#read(device);
        if (ns !== undefined) this.#handler(device)(ns);
      }
    }
  }

  /** The same, but a device lets nobody go before it has something to tell. */
  #askBlocked(): void {
    // A pipe that is opened anew is in a mode of its own.
    const open = (device: number) => openSync(`/proc/self/fd/${device}`, 'r');
    const plugged = new Map(this.#devices.map((each, device) => [device, open(each)]));
    const event = new BigUint64Array(1);
    this.#begin();
    while (plugged.size > 0) {
      for (const [device, descriptor] of plugged) {
        readSync(descriptor, event);
        const ns = event[0]!;
        this.#handler(device)(ns);
        if (ns !== UNPLUGGED) continue;
        closeSync(descriptor);
        plugged.delete(device);
      }
    }
  }

  /** Sleeps until events are there, and queues each with its handler; a loop takes them out. */
  #handle(): void {
    const poller = this.#kernel.poller('epoll');
    for (const [device, read] of this.#devices.entries())
      poller.set(read, Readiness.IN, Trigger.LEVEL, device);
    const ready = new Int32Array(EVENTS * EVENT_STRIDE);
    const queue: Event[] = [];
    this.#begin();
    while (this.#plugged > 0) {
      const count = poller.wait(ready, Infinity);
      for (let at = 0; at < count * EVENT_STRIDE; at += EVENT_STRIDE) {
        const device = ready[at + 1]!;
        const ns = this.#read(device);
        if (ns !== undefined) queue.push({ ns, handler: this.#handler(device) });
      }
      for (let event = queue.shift(); event; event = queue.shift()) event.handler(event.ns);
    }
    poller.close();
  }

  /** What a device tells, if there is something. */
  #read(device: number): bigint | undefined {
    const bytes = this.#kernel.readv(this.#devices[device]!, IOVEC, 1);
    if (bytes === -Errno.EAGAIN) return undefined;
    if (bytes !== EVENT_BYTES) throw new HostError(`a device fails: ${errnoName(bytes)}`);
    return new DataView(this.#bytes.buffer).getBigUint64(EVENT, true);
  }

  #pipe(): Int32Array {
    const ends = new Int32Array(2);
    const result = this.#kernel.pipe(ends);
    if (result < 0) throw new HostError(`a device cannot be made: ${errnoName(result)}`);
    return ends;
  }
}

await attempt(async () => {
  jobOfSubject();
  const watcher = new Watcher();
  await watcher.ready();
  const watch = (order: ProgramOrder) => tell(watcher.watch(order));
  process.on('message', (order: ProgramOrder) => void attempt(() => watch(order)));
  await tell({});
});
