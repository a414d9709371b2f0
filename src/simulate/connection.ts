/**
 * An actor's ends of connections, on the same sockets as the guests'. What waits is a generator:
 * `yield*` it.
 */
import { Errno, errnoName } from '../../host/kernel/errno.js';
import { GuestError } from '../../host/kernel/error.js';
import { Readiness } from '../../host/kernel/readiness.js';
import type { Peer, PeerListener } from '../../host/sim/peer.js';
import type { TraceHash } from '../../host/sim/trace-hash.js';
import { joined } from '../bytes.js';

/** What an actor waits for. */
export interface Wait {
  /** True if it goes on. */
  ready(): boolean;
  /** When it goes on in any case. */
  readonly untilNs: number;
  /** In words, for whoever looks into a deadlock. */
  readonly words: string;
}

/** What `yield*` is given: it waits, and has a value in the end. */
export type Waiting<Value> = Generator<Wait, Value, void>;

/** Whose connections they are. */
export interface Owner {
  /** Hears of all bytes. */
  readonly hash: TraceHash;
  /** Something may have changed. */
  readonly wake: () => void;
}

/** A connection that failed. */
export class ConnectionError extends GuestError {
  /** Negated: `-Errno.ECONNRESET`. */
  readonly errno: number;
  /** What the network calls the connection; undefined: there was none. */
  readonly link: string | undefined;

  constructor(name: string, link: string | undefined, errno: number, doing: string) {
    super(`the connection of "${name}" failed in ${doing}: ${errnoName(errno)}`);
    this.errno = errno;
    this.link = link;
  }
}

/** What is over already, and waits for nothing. */
const NO_WAIT: Waiting<void> = noWait();
NO_WAIT.next();

function* noWait(): Waiting<void> {}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Connection {
  readonly name: string;
  readonly #peer: Peer;
  readonly #hash: TraceHash;
  /** To receive, and to send: they are made once. */
  #input: Wait | undefined;
  #room: Wait | undefined;

  constructor(name: string, peer: Peer, owner: Owner) {
    this.name = name;
    this.#peer = peer;
    this.#hash = owner.hash;
    peer.onReady = owner.wake;
  }

  /** What the network calls it: `net/1.client`. */
  get link(): string | undefined {
    return this.#peer.name;
  }

  /** Sends text (as UTF-8) or bytes, all of them, and waits for room as often as it needs. */
  send(data: string | Uint8Array): Waiting<void> {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    const sent = this.#offer(bytes, 0);
    return sent === bytes.length ? NO_WAIT : this.#sendRest(bytes, sent);
  }

  *#sendRest(bytes: Uint8Array, sent: number): Waiting<void> {
    for (let at = sent; at < bytes.length;) {
      const taken = this.#offer(bytes, at);
      if (taken === 0) yield this.#full();
      at += taken;
    }
  }

  /** How many of the bytes from `at` on were taken; 0: there is no room. */
  #offer(bytes: Uint8Array, at: number): number {
    if (at === bytes.length) return 0;
    const result = this.#peer.send(bytes, at);
    if (result === -Errno.EAGAIN) return 0;
    if (result < 0) this.#fail(result, 'sending');
    this.#hash.bytes(bytes, at, result);
    return result;
  }

  /** What is there: at least a byte and at most `most`, or none: the other side is done. */
  *receive(most?: number): Waiting<Uint8Array> {
    for (;;) {
      const result = this.#peer.recv(most);
      if (typeof result !== 'number') {
        this.#hash.bytes(result, 0, result.length);
        return result;
      }
      yield this.#nothing(result);
    }
  }

  /** Just so many bytes; fewer: the other side was done before. */
  *receiveExactly(count: number): Waiting<Uint8Array> {
    const all = new Uint8Array(count);
    const received = yield* this.receiveInto(all, count);
    return received === count ? all : all.slice(0, received);
  }

  /** The same, to the beginning of `bytes`: how many came. */
  *receiveInto(bytes: Uint8Array, count: number): Waiting<number> {
    let received = 0;
    while (received < count) {
      const result = this.#peer.recvInto(bytes, received, count - received);
      if (result < 0) {
        yield this.#nothing(result);
        continue;
      }
      this.#hash.bytes(bytes, received, result);
      if (result === 0) break;
      received += result;
    }
    return received;
  }

  /** Everything until the other side is done. */
  *receiveAll(): Waiting<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = yield* this.receive();
      if (part.length === 0) break;
      parts.push(part);
    }
    return joined(parts);
  }

  /** True if there is something to receive, or an end, or an error. */
  get readable(): boolean {
    return (this.#peer.mask & (Readiness.IN | Readiness.HUP | Readiness.ERR)) !== 0;
  }

  /** True if there is room to send, or nothing can be sent any more. */
  get writable(): boolean {
    return (this.#peer.mask & (Readiness.OUT | Readiness.HUP | Readiness.ERR)) !== 0;
  }

  /** Sends what there is room for, and does not wait: how many of the bytes. */
  offer(bytes: Uint8Array): number {
    const result = this.#peer.send(bytes);
    if (result === -Errno.EAGAIN) return 0;
    if (result < 0) this.#fail(result, 'sending');
    this.#hash.bytes(bytes, 0, result);
    return result;
  }

  /** Says that nothing more will be sent; receiving goes on. */
  halfClose(): void {
    this.#peer.shutdown();
  }

  close(): void {
    this.#peer.close();
  }

  /** Breaks it off: the other side gets ECONNRESET. */
  reset(): void {
    this.#peer.reset();
  }

  /** Waits until it is there. */
  *established(): Waiting<void> {
    if ((this.#peer.mask & Readiness.OUT) === 0 || (this.#peer.mask & Readiness.HUP) !== 0)
      yield this.#wait(Readiness.OUT, 'an answer');
    const error = this.#peer.takeError();
    if (error < 0) this.#fail(error, 'connecting');
  }

  #fail(errno: number, doing: string): never {
    throw new ConnectionError(this.name, this.#peer.name, errno, doing);
  }

  /** Nothing was taken: what to wait for. */
  #full(): Wait {
    return (this.#room ??= this.#wait(Readiness.OUT, 'room to send'));
  }

  /** Nothing was received: what to wait for, or it throws. */
  #nothing(result: number): Wait {
    if (result !== -Errno.EAGAIN) this.#fail(result, 'receiving');
    return (this.#input ??= this.#wait(Readiness.IN, 'something to receive'));
  }

  #wait(interest: number, what: string): Wait {
    const mask = interest | Readiness.HUP | Readiness.ERR;
    const peer = this.#peer;
    return {
      ready: () => (peer.mask & mask) !== 0,
      untilNs: Infinity,
      words: `${what} on "${this.name}"`,
    };
  }
}

/** A listener of an actor's, for a guest that connects. */
export class ActorListener {
  readonly #name: string;
  readonly #listener: PeerListener;
  readonly #owner: Owner;
  #accepted = 0;

  constructor(name: string, listener: PeerListener, owner: Owner) {
    this.#name = name;
    this.#listener = listener;
    this.#owner = owner;
    listener.onReady = owner.wake;
  }

  /** The next connection. */
  *accept(): Waiting<Connection> {
    for (;;) {
      const peer = this.#listener.accept();
      if (peer) return new Connection(`${this.#name}.${++this.#accepted}`, peer, this.#owner);
      yield {
        ready: () => (this.#listener.mask & Readiness.IN) !== 0,
        untilNs: Infinity,
        words: `a connection to "${this.#name}"`,
      };
    }
  }

  close(): void {
    this.#listener.close();
  }
}

/** Bytes as text. */
export const textOf = (bytes: Uint8Array): string =>
  bytes.length === 0 ? '' : decoder.decode(bytes);
