/** The world of a play: a client for each name, who does at its times what the deeds say. */
import type { Actor, Script } from '../../simulate/actor.js';
import { ConnectionError, type Connection, type Waiting } from '../../simulate/connection.js';
import type { WorldScript } from '../../simulate/world.js';
import type { Deed, TakenAction } from './take.js';

/** Where the guest listens. */
export const ADDRESS = '127.0.0.1:7000';
/** Who is there for what no client does. */
export const KEEPER = 'kernel';
/** Between the pieces of what is sent: time enough to receive the one before. */
const PIECE_NS = 10_000;
/** How long is waited for what is owed to clients: where nothing happens by chance, and else. */
const CALM_PATIENCE_NS = 1e6;
const PATIENCE_NS = 2e9;
/** Of a text, in the words of an action. */
const LONGEST_TEXT = 40;

type ClientDeed = Exclude<Deed, { kind: 'EINTR' | 'EAGAIN' }>;

/** Is told of what is done, when it is done. */
export type Told = (action: Omit<TakenAction, 'kind'>) => void;

/** Calm: nothing happens by chance. */
export function clientsOf(deeds: readonly Deed[], calm: boolean, told: Told): WorldScript {
  const inOrder = deeds.toSorted((one, other) => one.atNs - other.atNs);
  const lastNs = inOrder.at(-1)?.atNs ?? 0;
  const limitNs = lastNs + (calm ? CALM_PATIENCE_NS : PATIENCE_NS);
  const byClient = new Map<string, ClientDeed[]>();
  for (const deed of inOrder) {
    if (!('client' in deed)) continue;
    const its = byClient.get(deed.client) ?? [];
    byClient.set(deed.client, [...its, deed]);
  }
  return (world) => {
    world.actor(KEEPER, keeper(inOrder, told));
    for (const [name, its] of byClient)
      world.actor(name, (me) => new Client(me, its, limitNs, told).script());
  };
}

/** Interrupts the guest; and without it a world without clients would be over at once. */
function keeper(deeds: readonly Deed[], told: Told): Script {
  return function* (me) {
    for (const { kind, atNs } of deeds) {
      if (kind !== 'EINTR' && kind !== 'EAGAIN') continue;
      yield* me.sleep(atNs - me.nowNs);
      const what = kind === 'EINTR' ? kind : 'EAGAIN for the next receive';
      told({ timeNs: me.nowNs, who: KEEPER, what, deed: kind });
      if (kind === 'EINTR') me.interrupt();
    }
  };
}

/** What is still to be sent, or said: bytes, or that no more will follow. */
interface Owed {
  readonly atNs: number;
  bytes: Uint8Array | undefined;
}

const quoted = (text: string) =>
  JSON.stringify(text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text);

/** So many parts of about the same length, as many as there are bytes at most. */
function piecesOf(text: string, pieces: number): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  const count = Math.min(pieces, bytes.length);
  const cut = (i: number) => Math.round((bytes.length * i) / count);
  return Array.from({ length: count }, (_, i) => bytes.subarray(cut(i), cut(i + 1)));
}

class Client {
  readonly #me: Actor;
  readonly #deeds: ClientDeed[];
  readonly #limitNs: number;
  readonly #told: Told;
  #connection: Connection | undefined;
  #owed: Owed[] = [];
  #reads = true;
  #sentBytes = 0;
  #receivedBytes = 0;
  #halfClosed = false;

  constructor(me: Actor, deeds: readonly ClientDeed[], limitNs: number, told: Told) {
    this.#me = me;
    this.#deeds = [...deeds];
    this.#limitNs = limitNs;
    this.#told = told;
  }

  *script(): Waiting<void> {
    const me = this.#me;
    for (;;) {
      while (this.#deeds.length > 0 && this.#deeds[0]!.atNs <= me.nowNs)
        yield* this.#do(this.#deeds.shift()!);
      yield* this.#transfer();
      const nextNs = this.#nextNs();
      if (nextNs === Infinity && (this.#settled || me.nowNs >= this.#limitNs)) return;
      const untilNs = Math.min(nextNs, Math.max(this.#limitNs, me.nowNs + 1));
      yield* me.until(() => this.#canTransfer, 'the server', untilNs - me.nowNs);
    }
  }

  /** When it does something next by itself. */
  #nextNs(): number {
    const owed = this.#owed[0];
    const owedNs = owed === undefined || owed.atNs <= this.#me.nowNs ? Infinity : owed.atNs;
    return Math.min(this.#deeds[0]?.atNs ?? Infinity, owedNs);
  }

  /** True if the server owes it nothing that it would receive. */
  get #settled(): boolean {
    if (this.#connection === undefined) return true;
    if (this.#owed.length > 0) return false;
    return !this.#reads || (this.#receivedBytes >= this.#sentBytes && !this.#halfClosed);
  }

  get #canTransfer(): boolean {
    const connection = this.#connection;
    if (connection === undefined) return false;
    const due = this.#owed.length > 0 && this.#owed[0]!.atNs <= this.#me.nowNs;
    return (this.#reads && connection.readable) || (due && connection.writable);
  }

  *#do(deed: ClientDeed): Waiting<void> {
    const { kind } = deed;
    if (kind === 'connect') return yield* this.#connect();
    const connection = this.#connection;
    if (connection === undefined)
      return this.#tell(`${kind}: it has no connection`, kind, { vain: true });
    if (kind === 'send') {
      const { text, pieces, atNs } = deed;
      const parts = piecesOf(text, pieces);
      const many = parts.length > 1 ? ` in ${parts.length} pieces` : '';
      this.#tell(`sends ${quoted(text)}${many}`, kind);
      parts.forEach((bytes, i) => this.#owed.push({ atNs: atNs + i * PIECE_NS, bytes }));
    } else if (kind === 'half-close') {
      this.#tell('half-closes', kind);
      this.#owed.push({ atNs: deed.atNs, bytes: undefined });
    } else if (kind === 'reset') {
      this.#tell('resets', kind);
      connection.reset();
      this.#over();
    } else {
      this.#tell(kind === 'read on' ? 'reads on' : 'stops reading', kind);
      this.#reads = kind === 'read on';
    }
  }

  *#connect(): Waiting<void> {
    if (this.#connection !== undefined)
      return this.#tell('connects: it is connected already', 'connect', { vain: true });
    this.#tell('connects', 'connect');
    try {
      this.#connection = yield* this.#me.connect(ADDRESS);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Sends and receives what can be. */
  *#transfer(): Waiting<void> {
    try {
      this.#send();
      while (this.#reads && this.#connection?.readable) {
        const bytes = yield* this.#connection.receive();
        this.#receivedBytes += bytes.length;
        if (bytes.length > 0) continue;
        this.#tell('sees the end');
        this.#connection.close();
        this.#over();
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #send(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    for (let owed = this.#owed[0]; owed !== undefined; owed = this.#owed[0]) {
      if (owed.atNs > this.#me.nowNs) return;
      if (owed.bytes === undefined) {
        connection.halfClose();
        this.#halfClosed = true;
      } else {
        const sent = connection.offer(owed.bytes);
        this.#sentBytes += sent;
        owed.bytes = owed.bytes.subarray(sent);
        if (owed.bytes.length > 0) return;
      }
      this.#owed.shift();
    }
  }

  /** A connection that failed is over; whatever else it is fails the run. */
  #failed(error: unknown): void {
    if (!(error instanceof ConnectionError)) throw error;
    this.#tell(error.message);
    this.#connection?.close();
    this.#over();
  }

  #over(): void {
    this.#connection = undefined;
    this.#owed = [];
    this.#reads = true;
    this.#halfClosed = false;
    this.#sentBytes = 0;
    this.#receivedBytes = 0;
  }

  #tell(what: string, deed?: Deed['kind'], more: { vain?: boolean } = {}): void {
    const { name, nowNs } = this.#me;
    this.#told({ timeNs: nowNs, who: name, what, ...(deed && { deed }), ...more });
  }
}
