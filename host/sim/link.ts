/**
 * The way from one end of a connection to the other. Packets arrive in the order in which they were
 * sent, each of them once: what is lost is sent again, and comes late. All that may go otherwise
 * between two ends is chosen here.
 */
import { pointOf, type Choices, type Point } from './choice.js';
import { Event, type Scheduler } from './scheduler.js';
import type { Packet } from './tcp.js';

const MICROSECOND_NS = 1e3;
const MILLISECOND_NS = 1e6;
/** How much longer than usual a packet is on its way. */
const LATENCIES_NS = [0, 20, 200, 2000, 20_000, 100_000].map((us) => us * MICROSECOND_NS);
/** A packet that is lost once, or twice, and the times after which it is sent again (RTO). */
const LOSSES_NS = [0, 200, 600].map((ms) => ms * MILLISECOND_NS);
/** How long no packet gets through at all. */
const CUTS_NS = [0, 50, 1000, 20_000].map((ms) => ms * MILLISECOND_NS);
/** What a byte takes: none, at 10 MB/s, at 100 kB/s. */
const BYTE_NS = [0, 100, 10_000];
/** What comes behind a piece of what was sent comes so much later. */
const GAPS_NS = [50 * MICROSECOND_NS, 5 * MILLISECOND_NS];
/** How long a sender finds no memory for what it sends. */
const PRESSURE_NS = MILLISECOND_NS;

/** What all links of a world share. */
export class Wire {
  readonly scheduler: Scheduler;
  readonly choices: Choices;
  readonly latencyNs: number;
  /** False where every choice is benign: then none is asked for. */
  readonly moody: boolean;
  /** Packets that have arrived, for others to be on their way in. */
  readonly spare: Sent[] = [];
  readonly #partition: Point;
  /** Until then, no packet gets through. */
  #healsNs = 0;

  constructor(scheduler: Scheduler, choices: Choices, latencyNs: number) {
    this.scheduler = scheduler;
    this.choices = choices;
    this.latencyNs = latencyNs;
    this.moody = choices.calm !== true;
    this.#partition = pointOf(choices, 'net', 'partition');
  }

  /** How long a packet of now waits for the network to be whole. */
  cutNs(): number {
    const { now } = this.scheduler;
    if (now >= this.#healsNs) {
      const chosen = this.#partition.choose(CUTS_NS.length);
      if (chosen === 0) return 0;
      this.#healsNs = now + CUTS_NS[chosen]!;
    }
    return this.#healsNs - now;
  }
}

/** Finds no memory for what it sends, and then some again. */
interface Sender {
  relieve(): void;
}

/** Is told anew of what has arrived already. */
interface Receiver {
  again(): void;
}

/** Where packets arrive. */
interface End {
  arrive(packet: Packet, bytes: number): void;
}

/** A packet on its way, which is another one when that has arrived: there are many. */
class Sent extends Event {
  readonly #wire: Wire;
  #link: Link | undefined;
  #end: End | undefined;
  #packet: Packet = 0;
  #bytes = 0;

  constructor(wire: Wire) {
    super();
    this.#wire = wire;
  }

  of(link: Link, end: End, packet: Packet, bytes: number): this {
    this.#link = link;
    this.#end = end;
    this.#packet = packet;
    this.#bytes = bytes;
    return this;
  }

  override happen(): void {
    const end = this.#end!;
    const packet = this.#packet;
    const bytes = this.#bytes;
    this.#link!.arrived();
    this.#wire.spare.push(this);
    end.arrive(packet, bytes);
  }
}

/** A packet of a connection that is not there yet. */
class Carried extends Event {
  readonly #link: Link;
  readonly #arrive: () => void;

  constructor(link: Link, arrive: () => void) {
    super();
    this.#link = link;
    this.#arrive = arrive;
  }

  override happen(): void {
    this.#link.arrived();
    this.#arrive();
  }
}

export class Link {
  readonly #wire: Wire;
  readonly #name: string;
  /** Packets on their way, and when the last of them arrives. */
  #inFlight = 0;
  #lastArrivalNs = 0;
  /** How much longer the next packet of data takes, and the one behind it. */
  #gapNs = 0;
  #nextGapNs = 0;
  readonly #byteNs: number = 0;
  // What is chosen again and again.
  readonly #latency: Point | undefined;
  readonly #loss: Point | undefined;
  readonly #split: Point | undefined;
  readonly #reset: Point | undefined;
  readonly #short: Point | undefined;
  readonly #eagain: Point | undefined;
  readonly #refused: Point | undefined;

  /** `name`: of the end that sends. */
  constructor(name: string, wire: Wire) {
    this.#wire = wire;
    this.#name = name;
    if (!wire.moody) return;
    const { choices } = wire;
    this.#latency = pointOf(choices, name, 'latency');
    this.#loss = pointOf(choices, name, 'loss');
    this.#split = pointOf(choices, name, 'split');
    this.#reset = pointOf(choices, name, 'reset');
    this.#short = pointOf(choices, name, 'short');
    this.#eagain = pointOf(choices, name, 'eagain');
    this.#refused = pointOf(choices, name, 'refused');
    this.#byteNs = BYTE_NS[this.choose('bandwidth', BYTE_NS.length)]!;
  }

  /** A choice that is made once for a connection. */
  choose(decision: string, alternatives: number): number {
    if (!this.#wire.moody) return 0;
    return pointOf(this.#wire.choices, this.#name, decision).choose(alternatives);
  }

  /** True if what goes now arrives before the call that sends it is over. */
  get immediate(): boolean {
    return !this.#wire.moody && this.#wire.latencyNs === 0 && this.#inFlight === 0;
  }

  /** Has `arrive` happen when a packet arrives that is nothing but a header. */
  carry(arrive: () => void): void {
    const ns = this.#delayNs();
    if (this.#atOnce(ns, 0)) arrive();
    else this.#depart(new Carried(this, arrive), ns, 0);
  }

  /** The same for a packet of an established connection, which `end` is told of. */
  carryHeader(end: End, packet: Packet, bytes: number): void {
    const ns = this.#delayNs();
    if (this.#atOnce(ns, 0)) end.arrive(packet, bytes);
    else this.#depart(this.#sent(end, packet, bytes), ns, 0);
  }

  /** The same for a packet that carries data, or an end, and may be lost. */
  carryData(end: End, packet: Packet, bytes: number): void {
    const gapNs = this.#gapNs;
    this.#gapNs = this.#nextGapNs;
    this.#nextGapNs = 0;
    const ns = this.#delayNs() + this.#lossNs() + gapNs;
    const lengthNs = bytes * this.#byteNs;
    if (this.#atOnce(ns, lengthNs)) end.arrive(packet, bytes);
    else this.#depart(this.#sent(end, packet, bytes), ns, lengthNs);
  }

  #sent(end: End, packet: Packet, bytes: number): Sent {
    const wire = this.#wire;
    return (wire.spare.pop() ?? new Sent(wire)).of(this, end, packet, bytes);
  }

  /** A packet is on its way no more. */
  arrived(): void {
    this.#inFlight--;
  }

  /** True if an attempt to connect is refused. */
  refuses(): boolean {
    return this.#refused !== undefined && this.#refused.choose(2) === 1;
  }

  /** True if a SYN is lost. */
  loses(): boolean {
    return this.#loss !== undefined && this.#loss.choose(LOSSES_NS.length) > 0;
  }

  /** True if something on the way resets the connection, instead of letting a packet through. */
  resets(): boolean {
    return this.#reset !== undefined && this.#reset.choose(2) === 1;
  }

  /** How many of `bytes` go in one packet. */
  segment(bytes: number): number {
    if (this.#split === undefined || bytes < 2) return bytes;
    const chosen = this.#split.choose(1 + 3 * GAPS_NS.length);
    if (chosen === 0) return bytes;
    this.#nextGapNs = GAPS_NS[(chosen - 1) % GAPS_NS.length]!;
    const where = Math.floor((chosen - 1) / GAPS_NS.length);
    return [bytes >>> 1, 1, bytes - 1][where]!;
  }

  /** How many of `bytes` there is memory for now; if not for all, `sender` is relieved later. */
  room(bytes: number, sender: Sender): number {
    if (this.#short === undefined || bytes < 2) return bytes;
    const chosen = this.#short.choose(4);
    if (chosen === 0) return bytes;
    this.#relieve(sender);
    return [bytes >>> 1, 1, bytes - 1][chosen - 1]!;
  }

  /** True if what is there cannot be had now, after all; it is told of again later. */
  spurious(receiver: Receiver): boolean {
    if (this.#eagain === undefined || this.#eagain.choose(2) === 0) return false;
    this.#tellAgain(receiver);
    return true;
  }

  // Closures of their own: who makes one pays for it, even where it is not made.

  #relieve(sender: Sender): void {
    this.#wire.scheduler.after(PRESSURE_NS, () => sender.relieve());
  }

  #tellAgain(receiver: Receiver): void {
    this.#wire.scheduler.after(GAPS_NS[0]!, () => receiver.again());
  }

  #delayNs(): number {
    const { latencyNs } = this.#wire;
    if (this.#latency === undefined) return latencyNs;
    return latencyNs + LATENCIES_NS[this.#latency.choose(LATENCIES_NS.length)]!;
  }

  #lossNs(): number {
    if (this.#loss === undefined) return 0;
    return LOSSES_NS[this.#loss.choose(LOSSES_NS.length)]! + this.#wire.cutNs();
  }

  /** True if a packet is there at once. */
  #atOnce(ns: number, lengthNs: number): boolean {
    return ns === 0 && lengthNs === 0 && this.#inFlight === 0;
  }

  /** What was sent before arrives before; what is long takes `lengthNs` more from then on. */
  #depart(event: Event, ns: number, lengthNs: number): void {
    const { scheduler } = this.#wire;
    this.#inFlight++;
    this.#lastArrivalNs = Math.max(this.#lastArrivalNs, scheduler.now + ns) + lengthNs;
    scheduler.add(event, this.#lastArrivalNs);
  }
}
