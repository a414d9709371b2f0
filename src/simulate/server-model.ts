/**
 * What can happen to the server's machine: a client sends a few messages and shuts down, its queue
 * holds so many, and what is owed goes out one after the other.
 */
import { PROTOCOL_ERROR, type Event, type Machine } from './machine.js';
import type { Model } from './search.js';

interface Connection {
  /** The machine's state. */
  readonly at: string;
  /** Messages that the client has not sent yet, that are queued, and that were answered. */
  readonly unsent: number;
  readonly queued: number;
  readonly answered: number;
  readonly greeted: boolean;
  /** The client has shut down. */
  readonly ended: boolean;
  readonly failed: boolean;
}

type Happening = readonly [event: Event, change?: Partial<Connection>];

/** Messages that a queue holds; one more may be on its way when it is full. */
const QUEUE = 3;

class ServerModel implements Model<Connection> {
  readonly initial: Connection;
  readonly #machine: Machine;
  readonly #messages: number;

  constructor(machine: Machine, messages: number) {
    this.#machine = machine;
    this.#messages = messages;
    this.initial = {
      at: machine.initial,
      unsent: messages,
      queued: 0,
      answered: 0,
      greeted: false,
      ended: false,
      failed: false,
    };
  }

  key(connection: Connection): string {
    return Object.values(connection).join();
  }

  *next(from: Connection): Generator<readonly [string, Connection]> {
    for (const [event, change] of this.#happens(from)) {
      const { state } = this.#machine.step(from.at, event);
      yield [event, { ...from, ...change, at: state }];
    }
  }

  wrong(connection: Connection): string | undefined {
    const { at, unsent, queued, answered, greeted, ended, failed } = connection;
    const { final, sets } = this.#state(at);
    if (at === PROTOCOL_ERROR) return 'what may happen is a protocol error';
    if (final !== (sets.length === 0)) return 'it is over, and waited for, or neither';
    if (queued > QUEUE + 1) return 'the queue has no end';
    if (unsent + queued + answered !== this.#messages + Number(greeted))
      return 'a message was lost, or made up';
    if (failed) return final ? undefined : 'it has failed, and goes on';
    if (final && queued > 0) return 'it is over, and an answer is owed';
    if (final && !ended) return 'it is over, and its client is not';
    if (final || at === this.#machine.initial) return undefined;
    if (queued > 0 && !sets.includes('outputs')) return 'what is owed is never sent';
    if (queued >= QUEUE && sets.includes('inputs')) return 'the queue is full, and it reads on';
    if (queued === 0 && !sets.includes('inputs')) return 'nothing is owed, and it does not read';
    return undefined;
  }

  done({ at }: Connection): boolean {
    return this.#state(at).final;
  }

  #state(at: string) {
    return this.#machine.states.find(({ name }) => name === at)!;
  }

  *#happens({ at, unsent, queued, answered, ended }: Connection): Generator<Happening> {
    const { final, sets } = this.#state(at);
    if (final) return;
    yield ['FAILED', { failed: true }];
    if (at === this.#machine.initial) {
      yield ['BEGIN'];
      yield ['GREETED', { queued: 1, greeted: true }];
      return;
    }
    yield ['NOT_READY'];
    // A receive that is asynchronous may have been on its way when the queue was filled.
    const receives = !ended && (sets.includes('inputs') || queued === QUEUE);
    if (receives && unsent > 0) {
      const change = { unsent: unsent - 1, queued: queued + 1 };
      yield [change.queued >= QUEUE ? 'FILLED' : 'RECEIVED', change];
    } else if (receives) yield ['ENDED', { ended: true }];
    if (sets.includes('outputs') && queued > 0)
      yield [queued > 1 ? 'SENT' : 'DRAINED', { queued: queued - 1, answered: answered + 1 }];
  }
}

/** What can happen to a connection by this machine, with so many messages. */
export const serverModel = (machine: Machine, messages: number): Model<unknown> =>
  new ServerModel(machine, messages) as Model<unknown>;
