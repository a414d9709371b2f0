/**
 * Actors: what a guest meets in its simulated world, written as generator functions that wait by
 * `yield*`. They live in virtual time and know no other: an actor that waits for a promise or a
 * timer of Node's waits for something that does not exist here.
 */
import { UsageError } from '../../host/kernel/error.js';
import { pointOf, type Point } from '../../host/sim/choice.js';
import type { Timer } from '../../host/sim/scheduler.js';
import type { TraceHash } from '../../host/sim/trace-hash.js';
import type { World } from '../../host/sim/world.js';
import {
  ActorListener,
  Connection,
  ConnectionError,
  type Owner,
  type Wait,
  type Waiting,
} from './connection.js';
import { parseSimulatedGrant } from './grant.js';
import type { RunOptions } from './outcome.js';
import type { Pipes } from './stream.js';

/** What an actor does, from its beginning to its end. */
export type Script = (me: Actor) => Waiting<void>;

/** Actors step after all else that happens at the same time. */
const PRIORITY = 10;

/** What the actors of a run share. */
export interface Cast {
  readonly world: World;
  readonly hash: TraceHash;
  /** The actors' ends of the guest's streams, if they are pipes. */
  readonly pipes: Pipes | undefined;
  /** True if a fault may have broken a connection, or an attempt at one, and not the guest. */
  excuses(link: string | undefined): boolean;
  readonly options: Pick<RunOptions, 'connected'>;
  /** One more actor has come to its end. */
  finished(): void;
  /** Throws, for the run has failed. */
  failed(actor: Actor, error: unknown): never;
  /** Throws if the run has lasted too long. */
  tick(): void;
}

export class Actor implements Owner {
  readonly name: string;
  /** True from its end on. */
  over = false;
  readonly #cast: Cast;
  readonly #script: Waiting<void>;
  #wait: Wait | undefined;
  #timeout: Timer | undefined;
  #connections = 0;
  /** By decision. */
  readonly #points = new Map<string, Point>();

  constructor(name: string, script: Script, cast: Cast) {
    this.name = name;
    this.#cast = cast;
    this.#script = script(this);
    if (typeof (this.#script as Partial<Waiting<void>> | undefined)?.next !== 'function') {
      throw new UsageError(
        `the actor "${name}" is no generator function: write function* (me) { … }`,
      );
    }
    cast.world.scheduler.after(0, this.wake, PRIORITY);
  }

  get hash(): TraceHash {
    return this.#cast.hash;
  }

  /** The time, in nanoseconds since the world began. */
  get nowNs(): number {
    return this.#cast.world.now;
  }

  /** What it waits for, in words. */
  get waitsFor(): string {
    return this.#wait?.words ?? 'its turn';
  }

  /**
   * Something that the log decides: 0, the usual, to `alternatives` - 1. `decision` is one of
   * those of the profiles: `pause`, `piece`, `leave`.
   */
  choose(decision: string, alternatives: number): number {
    return this.point(decision).choose(alternatives);
  }

  /** The same, for what is decided again and again. */
  point(decision: string): Point {
    let point = this.#points.get(decision);
    if (point === undefined) {
      point = pointOf(this.#cast.world.choices, this.name, decision);
      this.#points.set(decision, point);
    }
    return point;
  }

  *sleep(ns: number): Waiting<void> {
    const untilNs = this.nowNs + ns;
    yield { ready: () => this.nowNs >= untilNs, untilNs, words: `${ns} ns to pass` };
  }

  /** Waits until `ready()`, which is asked again whenever something happens to this actor. */
  *until(ready: () => boolean, words: string, limitNs = Infinity): Waiting<boolean> {
    if (!ready()) yield { ready, untilNs: this.nowNs + limitNs, words };
    return ready();
  }

  /**
   * Interrupts what the guest waits for, or else waits for next, and it is told so (EINTR), as if a
   * handler of its own had run.
   */
  interrupt(): void {
    const { world } = this.#cast;
    world.handled = true;
    world.kernels.find(({ host }) => host === 'guest')?.wake();
  }

  /** A connection to a listener, `HOST:PORT`. Throws `ConnectionError` if there will be none. */
  *connect(address: string): Waiting<Connection> {
    const name = this.#connections++ === 0 ? this.name : `${this.name}.${this.#connections}`;
    const peer = this.#cast.world.connect(socketAddress(address));
    if (typeof peer === 'number') throw new ConnectionError(name, undefined, peer, 'connecting');
    this.#cast.options.connected?.(name, peer.address);
    const connection = new Connection(name, peer, this);
    yield* connection.established();
    return connection;
  }

  /** Listens at `HOST:PORT`, for a guest that connects. Throws `ConnectionError`. */
  listen(address: string): ActorListener {
    const listener = this.#cast.world.listen(socketAddress(address));
    if (typeof listener === 'number')
      throw new ConnectionError(this.name, undefined, listener, 'listening');
    return new ActorListener(this.name, listener, this);
  }

  /** The other end of the guest's standard input, with `pipes`; one actor may have it. */
  get stdin(): Connection {
    return this.#stream('stdin');
  }

  get stdout(): Connection {
    return this.#stream('stdout');
  }

  #stream(name: 'stdin' | 'stdout'): Connection {
    const { pipes } = this.#cast;
    if (!pipes) throw new UsageError(`${name} is no pipe: simulate it with pipes: true`);
    return new Connection(name, pipes[name], this);
  }

  /**
   * True if a connection, or an attempt at one, may have ended by a fault or by the death of the
   * guest's process, so that the guest is not to blame: whoever has more to say connects again.
   */
  lost({ link }: Connection | ConnectionError): boolean {
    return this.#cast.excuses(link);
  }

  /** Goes on, if it can; an event of the scheduler calls it. */
  readonly wake = (): void => {
    const cast = this.#cast;
    if (this.over) return;
    cast.tick();
    if (this.#wait !== undefined && !this.#due(this.#wait)) return;
    const { scheduler } = cast.world;
    if (this.#timeout !== undefined) scheduler.cancel(this.#timeout);
    this.#timeout = undefined;
    cast.hash.number(this.nowNs);
    do {
      this.#wait = this.#resume();
      if (this.#wait === undefined) return;
    } while (this.#due(this.#wait));
    const { untilNs } = this.#wait;
    if (untilNs !== Infinity) this.#timeout = scheduler.at(untilNs, this.wake, PRIORITY);
  };

  #due({ ready, untilNs }: Wait): boolean {
    return this.nowNs >= untilNs || ready();
  }

  /** Its script goes on: what it waits for next, or undefined: it is over. */
  #resume(): Wait | undefined {
    try {
      const { done, value } = this.#script.next();
      if (done !== true) {
        if (typeof (value as Partial<Wait> | undefined)?.ready === 'function') return value;
        throw new UsageError(
          `the actor "${this.name}" yields something that is no wait: write yield* and a wait`,
        );
      }
    } catch (error) {
      this.over = true;
      if (!(error instanceof ConnectionError && this.lost(error))) this.#cast.failed(this, error);
    }
    this.over = true;
    this.#cast.finished();
    return undefined;
  }
}

function socketAddress(text: string): { host: string; port: number } {
  const { host, port, fd, blocking } = parseSimulatedGrant(text);
  if (fd !== undefined || blocking) throw new UsageError(`"${text}" is not HOST:PORT`);
  return { host, port };
}
