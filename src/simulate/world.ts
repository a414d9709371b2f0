/** Worlds that come with Pollux: clients of an echo server, clients that expect nothing, nobody. */
import { GuestError } from '../../host/kernel/error.js';
import { joined } from '../bytes.js';
import type { Actor, Script } from './actor.js';
import { ConnectionError, textOf, type Connection, type Waiting } from './connection.js';

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
  /**
   * True: who loses its connection to a fault, or to a crash of the guest, connects again and goes
   * on with what was not answered. Clients of `any` do not.
   */
  reconnect?: boolean;
}

/** Between the beginnings of two clients. */
const STAGGER_NS = 10_000;
const PAUSE_NS = 1_000_000;
/** From the loss of a connection to the next attempt. */
const RECONNECT_NS = 10_000_000;

const encoder = new TextEncoder();

/** The bytes of a message, which no other message has. */
function messageOf(client: number, message: number, bytes: number): Uint8Array {
  const head = `${client}.${message}:`;
  return encoder.encode(`${head}${'x'.repeat(Math.max(0, bytes - head.length - 1))}\n`);
}

/** By client: its messages. They are made once for all runs. */
function messagesOf({ clients = 10, messages = 10, bytes = 32 }: ClientOptions): Uint8Array[][] {
  return Array.from({ length: clients }, (_, client) =>
    Array.from({ length: messages }, (_, message) => messageOf(client, message, bytes)),
  );
}

/** Sends a message in one piece, or, as the log has it, in two with a pause between them. */
function sendMessage(me: Actor, connection: Connection, message: Uint8Array): Waiting<void> {
  const cut = me.choose('piece', message.length);
  return cut === 0 ? connection.send(message) : sendInTwo(me, connection, message, cut);
}

function* sendInTwo(
  me: Actor,
  connection: Connection,
  message: Uint8Array,
  cut: number,
): Waiting<void> {
  yield* connection.send(message.subarray(0, cut));
  yield* me.sleep(PAUSE_NS);
  yield* connection.send(message.subarray(cut));
}

/** The first `length` bytes of `echo` are; `most`: so many of the last may be missing. */
function mustBeEcho(echo: Uint8Array, length: number, message: Uint8Array, most: number): void {
  let same = message.length - length <= most;
  for (let i = 0; same && i < length; i++) same = echo[i] === message[i];
  if (same) return;
  const got = textOf(echo.subarray(0, length));
  throw new GuestError(`sent ${JSON.stringify(textOf(message))}, and got ${JSON.stringify(got)}`);
}

/** What a client has still to say. */
interface Session {
  messages: readonly Uint8Array[];
  /** The first of the messages that was not answered. */
  next: number;
  /** True: all is sent before anything is received, as one message. */
  ahead: boolean | undefined;
}

/** True if a connection was lost that its guest is not to blame for. */
const isLost = (me: Actor, error: unknown): boolean =>
  error instanceof ConnectionError && me.lost(error);

/**
 * Sends what is left, message by message, and takes from it what was answered. False: the
 * connection was lost, of which without `reconnect` a shorter echo is no sign, but an error.
 */
function* exchange(
  me: Actor,
  connection: Connection,
  session: Session,
  reconnect: boolean,
): Waiting<boolean> {
  const ahead = (session.ahead ??= me.choose('ahead', 2) === 1);
  if (ahead && session.next < session.messages.length) {
    session.messages = [joined(session.messages.slice(session.next))];
    session.next = 0;
  }
  const longest = session.messages.reduce((most, { length }) => Math.max(most, length), 0);
  const echo = new Uint8Array(longest);
  const leave = me.point('leave');
  const pause = me.point('pause');
  for (; session.next < session.messages.length; session.next++) {
    const message = session.messages[session.next]!;
    yield* sendMessage(me, connection, message);
    if (leave.choose(2) === 1) {
      connection.reset();
      session.next = session.messages.length;
      return true;
    }
    if (ahead) connection.halfClose();
    const paused = pause.choose(8);
    if (paused > 0) yield* me.sleep(paused * PAUSE_NS);
    const length = yield* connection.receiveInto(echo, message.length);
    const lost = reconnect && me.lost(connection);
    mustBeEcho(echo, length, message, lost ? message.length : 0);
    if (length < message.length) return false;
  }
  if (!ahead) connection.halfClose();
  const rest = yield* connection.receiveAll();
  if (rest.length > 0) {
    throw new GuestError(`after all echoes there came ${JSON.stringify(textOf(rest))}`);
  }
  return true;
}

/** One connection after the other, until everything was answered. */
function* converse(me: Actor, address: string, session: Session): Waiting<void> {
  for (;;) {
    let connection: Connection | undefined;
    try {
      connection = yield* me.connect(address);
      if (yield* exchange(me, connection, session, true)) break;
    } catch (error) {
      if (!isLost(me, error)) throw error;
      if (session.next === session.messages.length) break;
    } finally {
      connection?.close();
    }
    yield* me.sleep(RECONNECT_NS);
  }
}

/**
 * One of them. It is one function for all, for what different generator functions make has
 * different shapes, and V8 is slow with many.
 */
function* echoClient(
  me: Actor,
  number: number,
  messages: readonly Uint8Array[],
  { address, reconnect = false }: ClientOptions,
): Waiting<void> {
  yield* me.sleep(number * STAGGER_NS);
  const session: Session = { messages, next: 0, ahead: undefined };
  if (reconnect) return yield* converse(me, address, session);
  const connection = yield* me.connect(address);
  yield* exchange(me, connection, session, false);
  connection.close();
}

/**
 * Clients that each send messages to an echo server, wait for each echo, half-close, and expect
 * nothing more. As the log has it they send in pieces, pause, read late, reset, or send everything
 * and half-close before they receive anything.
 */
export function echoClients(options: ClientOptions): WorldScript {
  const messages = messagesOf(options);
  return Object.assign(
    (world: WorldOf) => {
      messages.forEach((own, i) =>
        world.actor(`client ${i + 1}`, (me) => echoClient(me, i, own, options)),
      );
    },
    { origin: { name: 'echo' as const, options } },
  );
}

/** Clients that each send bytes, half-close, and take whatever comes, without expecting any. */
export function anyClients(options: ClientOptions): WorldScript {
  const messages = messagesOf(options);
  const client = (number: number): Script =>
    function* (me) {
      yield* me.sleep(number * STAGGER_NS);
      const connection = yield* me.connect(options.address);
      for (const message of messages[number]!) {
        yield* sendMessage(me, connection, message);
        const pause = me.choose('pause', 8);
        if (pause > 0) yield* me.sleep(pause * PAUSE_NS);
      }
      connection.halfClose();
      yield* connection.receiveAll();
      connection.close();
    };
  return Object.assign(
    (world: WorldOf) => {
      messages.forEach((_, i) => world.actor(`client ${i + 1}`, client(i)));
    },
    { origin: { name: 'any' as const, options } },
  );
}

/** A world with no actor in it. */
export function noClients(options: ClientOptions): WorldScript {
  return Object.assign(() => {}, { origin: { name: 'none' as const, options } });
}

export const worlds = { echo: echoClients, any: anyClients, none: noClients } as const;
export type WorldName = keyof typeof worlds;
