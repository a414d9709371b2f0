/**
 * A world: one clock, one network, one log of choices, and the kernels in it, of which each is a
 * machine with one guest. It is one synchronous state machine. While a guest waits, the world goes
 * on; while it computes, no time passes, but each of its calls takes some.
 */
import { Errno } from '../kernel/errno.js';
import type { SocketAddress } from '../kernel/kernel.js';
import { benign, siteOf, type Choices, type Point } from './choice.js';
import { Deadlock, Livelock } from './error.js';
import { Network, type NetworkOptions } from './network.js';
import { Peer, PeerListener } from './peer.js';
import { END_OF_TIME_NS, Scheduler } from './scheduler.js';
import type { Suspension } from './suspension.js';
import { SimKernel, type KernelOptions } from './sim-kernel.js';

/** So many calls in vain take the usual time. */
const PATIENT_CALLS = 256;
/** Then their time doubles after so many, and so often: up to a quarter of a second. */
const CALLS_A_DOUBLING = 32;
const MOST_DOUBLINGS = 18;
/** How late a guest may wake up, for others have the processor. */
export const LATE_NS = [0, 10_000, 1e6, 20e6];
/** When a wait is interrupted for which there is no reason. */
const INTERRUPTED_NS = [Infinity, 0, 1e6, 1e9];

/** What is chosen in the waits of one machine. */
export interface WaitPoints {
  readonly late: Point;
  readonly eintr: Point;
  readonly handler: Point;
}

/** A machine that is started anew goes on with those that it had. */
export const waitPoints = (choices: Choices, host: string): WaitPoints => ({
  late: siteOf(choices, `${host}/wake`),
  eintr: siteOf(choices, `${host}/eintr`),
  handler: siteOf(choices, `${host}/handler`),
});

/** What a guest waits for. */
export interface Waiting {
  /** What the wait answers, or 0: it goes on. */
  ready(): number;
  /** In words, for whoever looks into a deadlock. */
  waitsFor(): string;
}

export interface WorldOptions extends NetworkOptions {
  choices?: Choices;
  /** How long each call takes. */
  callNs?: number;
  /** After how many calls in which nothing happens a guest is given up. */
  livelockCalls?: number;
}

export class World {
  readonly choices: Choices;
  readonly scheduler = new Scheduler();
  readonly network: Network;
  readonly callNs: number;
  readonly kernels: SimKernel[] = [];
  /** What waits of the guests that share this world, and wants to know when something happens. */
  readonly suspensions: Suspension[] = [];
  /** True if the last wait that was interrupted was so by a handler of the guest's own. */
  handled = false;
  /** Of those guests: whose turn it is after the last step; undefined: nobody's. */
  turn: Suspension | undefined = undefined;
  /** How often something happened for which a guest may have called in vain. */
  progressed = 0;
  #progressSeen = 0;
  /** What ends a guest that waits for ever where it may; otherwise that is a `Deadlock`. */
  rest: unknown = undefined;
  readonly #livelockCalls: number;
  /** Calls since something happened. */
  #idleCalls = 0;
  #stepsSeen = 0;

  constructor(options: WorldOptions = {}) {
    this.choices = options.choices ?? benign;
    this.network = new Network(this.scheduler, this.choices, options);
    this.callNs = options.callNs ?? 1000;
    this.#livelockCalls = options.livelockCalls ?? 1_000_000;
  }

  /** One more machine. */
  kernel(options: KernelOptions = {}): SimKernel {
    const kernel = new SimKernel(this, options);
    this.kernels.push(kernel);
    return kernel;
  }

  /** An actor's end of a connection that begins to be made, or a negated errno. */
  connect(address: SocketAddress): Peer | number {
    const socket = this.network.connect(address);
    return typeof socket === 'number' ? socket : new Peer(socket, this.scheduler);
  }

  /** An actor's listener, or a negated errno. Its address is one of the world's from then on. */
  listen(address: SocketAddress, backlog = 128): PeerListener | number {
    this.network.addAddress(address.host);
    const listener = this.network.listen(address, backlog);
    return typeof listener === 'number' ? listener : new PeerListener(listener, this.scheduler);
  }

  get now(): number {
    return this.scheduler.now;
  }

  /** The time that a call takes. */
  charge(): void {
    this.count();
    this.scheduler.pass(this.#idleCalls < PATIENT_CALLS ? this.callNs : this.#idleNs());
  }

  /**
   * How long a call takes of a guest that calls in vain, again and again: ever longer, up to the
   * next event, as if others had the processor. A guest that only asks whether something has come
   * would otherwise make millions of calls until a client has slept enough.
   */
  #idleNs(): number {
    const ns = idleNs(this.#idleCalls, this.callNs);
    return Math.max(this.callNs, Math.min(ns, this.scheduler.nextNs - this.scheduler.now));
  }

  /** A call that takes no time of this thread's. Throws `Livelock` if there were too many. */
  count(): void {
    const { scheduler } = this;
    if (++this.#idleCalls > this.#livelockCalls) {
      if (scheduler.steps === this.#stepsSeen) {
        throw new Livelock(
          `the guest made ${this.#livelockCalls} calls, and meanwhile nothing happened`,
        );
      }
      this.progress();
    }
  }

  /** The event that goes on is a guest's turn, and nothing that happens to anybody. */
  turnOf(guest: Suspension): void {
    this.turn = guest;
    this.#stepsSeen++;
  }

  /** The next event happens: false if there is none. */
  step(): boolean {
    if (this.suspensions.length > 0) this.#rouse();
    this.turn = undefined;
    return this.scheduler.step();
  }

  /** Whoever waits looks what came of the last event, or of the last turn, which may be nothing. */
  #rouse(): void {
    const happened = this.turn === undefined || this.progressed !== this.#progressSeen;
    this.#progressSeen = this.progressed;
    for (const suspension of this.suspensions.slice()) suspension.rouse(happened);
  }

  /** Lets `ns` nanoseconds pass, in which nobody waits for anything. */
  idle(ns: number): void {
    const untilNs = this.now + ns;
    while (this.scheduler.nextNs <= untilNs) this.step();
    this.scheduler.pass(untilNs - this.now);
    this.progress();
  }

  /** Something happened: whoever calls in vain may have an answer now. */
  progress(): void {
    this.progressed++;
    this.#idleCalls = 0;
    this.#stepsSeen = this.scheduler.steps;
  }

  /**
   * Lets the world go on until `waiting` is ready, or `timeoutNs` nanoseconds are over: what it
   * answers, or 0; or -EINTR. Throws `Deadlock` where neither would ever be.
   */
  block(kernel: SimKernel, waiting: Waiting, timeoutNs: number): number {
    const { scheduler } = this;
    let result = waiting.ready();
    if (result !== 0 || timeoutNs <= 0) return result;
    const deadlineNs = scheduler.now + Math.ceil(timeoutNs);
    let lateNs = LATE_NS[kernel.waits.late.choose(LATE_NS.length)]!;
    const interruptedNs = scheduler.now + this.interruptedNs(kernel.waits);
    const untilNs = Math.min(deadlineNs, interruptedNs);
    while (scheduler.nextNs <= untilNs && this.step()) {
      // What happens meanwhile, it finds all at once.
      if (lateNs > 0) scheduler.pass(lateNs);
      lateNs = 0;
      result = waiting.ready();
      if (result !== 0) return result;
    }
    if (interruptedNs < deadlineNs) {
      scheduler.pass(interruptedNs - scheduler.now);
      return -Errno.EINTR;
    }
    if (deadlineNs > END_OF_TIME_NS) {
      if (this.rest !== undefined) throw this.rest;
      throw new Deadlock(`${kernel.host} waits for ever: ${waiting.waitsFor()}`);
    }
    if (deadlineNs > scheduler.now) scheduler.pass(deadlineNs - scheduler.now);
    return 0;
  }

  /** How long a wait that begins lasts at most, until something interrupts it. */
  interruptedNs({ eintr, handler }: WaitPoints): number {
    if (this.choices.calm === true) return Infinity;
    let chosen = eintr.choose(INTERRUPTED_NS.length);
    this.handled = chosen === 0;
    if (chosen === 0) chosen = handler.choose(INTERRUPTED_NS.length);
    return INTERRUPTED_NS[chosen]!;
  }

  /** What it is when there is no event any more, and guests that share this world wait. */
  deadlock(): Deadlock {
    const all = this.kernels.flatMap(({ host, suspended }) =>
      suspended === undefined ? [] : [`${host} waits for ever: ${suspended}`],
    );
    return new Deadlock(all.join('; '));
  }
}

/** How long a call takes after so many in which nothing happened. */
export function idleNs(idleCalls: number, callNs: number): number {
  if (idleCalls < PATIENT_CALLS) return callNs;
  const doublings = Math.floor((idleCalls - PATIENT_CALLS) / CALLS_A_DOUBLING);
  return callNs * 2 ** Math.min(doublings, MOST_DOUBLINGS);
}
