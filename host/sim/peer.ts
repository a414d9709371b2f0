/**
 * What an actor has in hand: its end of a connection or of a pipe, or a listener. It never waits:
 * it is called when something may have changed, by an event of the scheduler.
 */
import { Shutdown, type SocketAddress } from '../kernel/kernel.js';
import type { File, Watcher } from './file.js';
import { Iovecs } from './iovec.js';
import type { Listener } from './listener.js';
import { Event, type Scheduler } from './scheduler.js';
import { TcpSocket } from './socket.js';

const RECEIVE_BYTES = 65536;
/** One for all: a call uses it, and is over. */
const iovecs = new Iovecs();

/** The owner of something is told of it. There is one for all times, for it is never cancelled. */
class Told extends Event {
  readonly #held: { tell(): void };

  constructor(held: { tell(): void }) {
    super();
    this.#held = held;
  }

  override happen(): void {
    this.#held.tell();
  }
}

/** A file of an actor's, which is told of each change of its readiness. */
class Held<F extends File> implements Watcher {
  /** Called when readiness newly arose, with all that is ready (`Readiness`). */
  onReady: ((mask: number) => void) | undefined;
  protected readonly file: F;
  protected readonly scheduler: Scheduler;
  #closed = false;
  readonly #told = new Told(this);

  constructor(file: F, scheduler: Scheduler) {
    this.file = file;
    this.scheduler = scheduler;
    file.users++;
    file.watch(this);
    this.woken();
  }

  woken(): void {
    if (!this.#told.due) this.scheduler.add(this.#told, this.scheduler.now);
  }

  /** Its owner hears what it is ready for. */
  tell(): void {
    const mask = this.#closed ? 0 : this.file.poll();
    if (mask !== 0) this.onReady?.(mask);
  }

  /** What it is ready for. */
  get mask(): number {
    return this.file.poll();
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.file.unwatch(this);
    this.file.drop();
  }
}

export class Peer extends Held<File> {
  /** What the network calls it: `net/1.client`. */
  get name(): string | undefined {
    return this.file instanceof TcpSocket ? this.file.name : undefined;
  }

  /** Its own address, of a connection. */
  get address(): SocketAddress {
    return this.file.address() as SocketAddress;
  }

  /** Sends what is in `bytes` from `at` on: how many bytes were taken, or a negated errno. */
  send(bytes: Uint8Array, at = 0): number {
    return this.file.write(iovecs.one(bytes, at));
  }

  /** What is there, at most `most` bytes; none: it is the end; or a negated errno. */
  recv(most = RECEIVE_BYTES): Uint8Array | number {
    const bytes = new Uint8Array(Math.min(most, Math.max(this.file.readable(), 1)));
    const length = this.recvInto(bytes, 0);
    if (length < 0) return length;
    return length === bytes.length ? bytes : bytes.subarray(0, length);
  }

  /** The same, into `bytes` from `at` on: how many bytes came. */
  recvInto(bytes: Uint8Array, at: number, most = bytes.length - at): number {
    return this.file.read(iovecs.one(bytes, at, most));
  }

  /** Ends its own half by default: a mask of `Shutdown`. */
  shutdown(how: number = Shutdown.WR): number {
    return this.file.shutdown(how);
  }

  /** The pending error (SO_ERROR), which is thereby taken: 0, or a negated errno. */
  takeError(): number {
    return this.file.takeError();
  }

  /** Closes a connection with a reset. */
  reset(): void {
    if (this.file instanceof TcpSocket) this.file.abort();
    this.close();
  }
}

export class PeerListener extends Held<Listener> {
  get address(): SocketAddress {
    return this.file.local;
  }

  /** The next connection, if one waits. */
  accept(): Peer | undefined {
    const connection = this.file.accept();
    return typeof connection === 'number' ? undefined : new Peer(connection, this.scheduler);
  }
}
