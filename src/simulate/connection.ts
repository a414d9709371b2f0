/**
 * An actor's ends of connections, on the same sockets as the guests'. What waits is a generator:
 * `yield*` it.
 */
import { Errno, errnoName } from '../../host/kernel/errno.js';
import { GuestError, HostError } from '../../host/kernel/error.js';
import { Shutdown, type SocketAddress } from '../../host/kernel/kernel.js';
import { Readiness } from '../../host/kernel/readiness.js';
import type { File, Watcher } from '../../host/sim/file.js';
import { Iovecs } from '../../host/sim/iovec.js';
import type { TraceHash } from '../../host/sim/trace-hash.js';
import type { World } from '../../host/sim/world.js';

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

/** Where connections are: the world, and the hash that hears of their bytes. */
export interface Stage {
  readonly world: World;
  readonly hash: TraceHash;
}

/** A connection that failed. */
export class ConnectionError extends GuestError {
  /** Negated: `-Errno.ECONNRESET`. */
  readonly errno: number;
  /** The name of the connection. */
  readonly connection: string;

  constructor(connection: string, errno: number, doing: string) {
    super(`the connection "${connection}" failed in ${doing}: ${errnoName(errno)}`);
    this.errno = errno;
    this.connection = connection;
  }
}

const PIECE_BYTES = 65536;
/** One for all: an actor's calls do not wait. */
const iovecs = new Iovecs();
const piece = new Uint8Array(PIECE_BYTES);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Connection {
  readonly name: string;
  readonly #file: File;
  readonly #hash: TraceHash;
  #open = true;

  constructor(name: string, file: File, { hash }: Stage, watcher: Watcher) {
    this.name = name;
    this.#file = file;
    this.#hash = hash;
    file.users++;
    file.watch(watcher);
  }

  /** Sends text (as UTF-8) or bytes, all of them, and waits for room as often as it needs. */
  *send(data: string | Uint8Array): Waiting<void> {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    for (let sent = 0; sent < bytes.length; ) {
      const result = this.#file.send(iovecs.one(bytes, sent));
      if (result === -Errno.EAGAIN) yield this.#wait(Readiness.OUT, 'room to send');
      else if (result < 0) throw new ConnectionError(this.name, result, 'sending');
      else {
        this.#hash.bytes(bytes, sent, result);
        sent += result;
      }
    }
  }

  /** What is there: at least a byte and at most `most`, or none: the other side is done. */
  *receive(most = PIECE_BYTES): Waiting<Uint8Array> {
    for (;;) {
      const result = this.#file.recv(iovecs.one(piece, 0, Math.min(most, PIECE_BYTES)), 0);
      if (result >= 0) {
        this.#hash.bytes(piece, 0, result);
        return piece.slice(0, result);
      }
      if (result !== -Errno.EAGAIN) throw new ConnectionError(this.name, result, 'receiving');
      yield this.#wait(Readiness.IN, 'something to receive');
    }
  }

  /** Just so many bytes; fewer: the other side was done before. */
  *receiveExactly(count: number): Waiting<Uint8Array> {
    const all = new Uint8Array(count);
    for (let received = 0; received < count; ) {
      const part = yield* this.receive(count - received);
      if (part.length === 0) return all.slice(0, received);
      all.set(part, received);
      received += part.length;
    }
    return all;
  }

  /** Everything until the other side is done. */
  *receiveAll(): Waiting<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = yield* this.receive();
      if (part.length === 0) break;
      parts.push(part);
    }
    const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  /** True if there is something to receive, or an end, or an error. */
  get readable(): boolean {
    return (this.#file.poll() & (Readiness.IN | Readiness.HUP | Readiness.ERR)) !== 0;
  }

  /** Says that nothing more will be sent; receiving goes on. */
  halfClose(): void {
    this.#file.shutdown(Shutdown.WR);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.drop();
  }

  /** Breaks it off: the other side gets ECONNRESET. */
  reset(): void {
    if (!this.#open) return;
    breakOff(this.#file);
    this.close();
  }

  /** Waits until it is there. */
  *established(): Waiting<void> {
    if ((this.#file.poll() & Readiness.OUT) === 0) yield this.#wait(Readiness.OUT, 'an answer');
    const error = this.#file.takeError();
    if (error < 0) throw new ConnectionError(this.name, error, 'connecting');
  }

  #wait(interest: number, what: string): Wait {
    const mask = interest | Readiness.HUP | Readiness.ERR;
    return {
      ready: () => (this.#file.poll() & mask) !== 0,
      untilNs: Infinity,
      words: `${what} on "${this.name}"`,
    };
  }
}

/** A listener of an actor's, for a guest that connects. */
export class Listener {
  readonly name: string;
  readonly #file: File;
  readonly #stage: Stage;
  readonly #watcher: Watcher;
  #accepted = 0;

  constructor(name: string, file: File, stage: Stage, watcher: Watcher) {
    this.name = name;
    this.#file = file;
    this.#stage = stage;
    this.#watcher = watcher;
    file.users++;
    file.watch(watcher);
  }

  /** The next connection. */
  *accept(): Waiting<Connection> {
    for (;;) {
      const file = this.#file.accept();
      if (typeof file !== 'number') {
        const name = `${this.name}.${++this.#accepted}`;
        return new Connection(name, file, this.#stage, this.#watcher);
      }
      if (file !== -Errno.EAGAIN) throw new ConnectionError(this.name, file, 'accepting');
      yield {
        ready: () => (this.#file.poll() & Readiness.IN) !== 0,
        untilNs: Infinity,
        words: `a connection to "${this.name}"`,
      };
    }
  }

  close(): void {
    this.#file.drop();
  }
}

/** Bytes as text. */
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);
