/** Worlds that come with Pollux: clients of an echo server, and clients that expect nothing. */
import { GuestError } from '../../host/kernel/error.js';
import type { Script } from './actor.js';
import { textOf, type Connection, type Waiting } from './connection.js';

/** Where a world is found again, by whoever has but a token. */
export type WorldOrigin =
  | { readonly name: WorldName; readonly options: ClientOptions }
  | { readonly file: string; readonly hash: string };

/** The world that a guest meets: it names its actors. Called anew for each run. */
export interface WorldScript {
  (world: WorldOf): void;
  /** Undefined: a function of the caller's. */
  readonly origin?: WorldOrigin;
}

export interface WorldOf {
  /** One more actor; its name is that of its choices and connections. */
  actor(name: string, script: Script): void;
}

export interface ClientOptions {
  /** The server's `HOST:PORT`. */
  address: string;
  clients?: number;
  /** Of each client. */
  messages?: number;
  /** Of each message. */
  bytes?: number;
}

/** Between the beginnings of two clients. */
const STAGGER_NS = 10_000;
const PAUSE_NS = 1_000_000;

/** The bytes of a message, which no other message has. */
function messageOf(client: number, message: number, bytes: number): string {
  const head = `${client}.${message}:`;
  return `${head}${'x'.repeat(Math.max(0, bytes - head.length - 1))}\n`;
}

/** Sends a message in one piece, or, as the log has it, in two with a pause between them. */
function* sendMessage(
  choose: (decision: string, alternatives: number) => number,
  sleep: (ns: number) => Waiting<void>,
  connection: Connection,
  message: string,
): Waiting<void> {
  const cut = choose('piece', message.length);
  if (cut === 0) {
    yield* connection.send(message);
    return;
  }
  yield* connection.send(message.slice(0, cut));
  yield* sleep(PAUSE_NS);
  yield* connection.send(message.slice(cut));
}

function mustBe(condition: boolean, sentence: () => string): void {
  if (!condition) throw new GuestError(sentence());
}

/**
 * Clients that each send messages to an echo server, wait for each echo, half-close, and expect
 * nothing more. As the log has it they send in pieces, pause, read late, reset, or send everything
 * and half-close before they receive anything.
 */
export function echoClients(options: ClientOptions): WorldScript {
  const { address, clients = 10, messages = 10, bytes = 32 } = options;
  const client = (number: number): Script =>
    function* (me) {
      yield* me.sleep(number * STAGGER_NS);
      const connection = yield* me.connect(address);
      const all = Array.from({ length: messages }, (_, i) => messageOf(number, i, bytes));
      const ahead = me.choose('ahead', 2) === 1;
      for (const message of ahead ? [all.join('')] : all) {
        yield* sendMessage(me.choose.bind(me), me.sleep.bind(me), connection, message);
        if (me.choose('leave', 2) === 1) {
          connection.reset();
          return;
        }
        if (ahead) connection.halfClose();
        const pause = me.choose('pause', 8);
        if (pause > 0) yield* me.sleep(pause * PAUSE_NS);
        const echo = textOf(yield* connection.receiveExactly(message.length));
        mustBe(
          echo === message,
          () => `sent ${JSON.stringify(message)}, and got ${JSON.stringify(echo)}`,
        );
      }
      if (!ahead) connection.halfClose();
      const rest = textOf(yield* connection.receiveAll());
      mustBe(rest === '', () => `after all echoes there came ${JSON.stringify(rest)}`);
      connection.close();
    };
  return Object.assign(
    (world: WorldOf) => {
      for (let i = 0; i < clients; i++) world.actor(`client ${i + 1}`, client(i));
    },
    { origin: { name: 'echo' as const, options } },
  );
}

/** Clients that each send bytes, half-close, and take whatever comes, without expecting any. */
export function anyClients(options: ClientOptions): WorldScript {
  const { address, clients = 10, messages = 10, bytes = 32 } = options;
  const client = (number: number): Script =>
    function* (me) {
      yield* me.sleep(number * STAGGER_NS);
      const connection = yield* me.connect(address);
      for (let i = 0; i < messages; i++) {
        const message = messageOf(number, i, bytes);
        yield* sendMessage(me.choose.bind(me), me.sleep.bind(me), connection, message);
        const pause = me.choose('pause', 8);
        if (pause > 0) yield* me.sleep(pause * PAUSE_NS);
      }
      connection.halfClose();
      yield* connection.receiveAll();
      connection.close();
    };
  return Object.assign(
    (world: WorldOf) => {
      for (let i = 0; i < clients; i++) world.actor(`client ${i + 1}`, client(i));
    },
    { origin: { name: 'any' as const, options } },
  );
}

export const worlds = { echo: echoClients, any: anyClients } as const;
export type WorldName = keyof typeof worlds;
