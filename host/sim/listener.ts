/**
 * A socket that listens: connections wait at it until they are accepted, and when too many do, it
 * does not answer any more, so that clients try again.
 */
import { Errno } from '../kernel/errno.js';
import { FileType, Shutdown, type SocketAddress } from '../kernel/kernel.js';
import { Readiness } from '../kernel/readiness.js';
import { File } from './file.js';
import type { Iovecs } from './iovec.js';
import type { Network } from './network.js';
import type { TcpSocket } from './socket.js';
import { READABLE } from './tcp.js';

const { IN, OUT, ERR, HUP, RDHUP } = Readiness;
/** What /proc/sys/net/core/somaxconn says. */
const MOST_BACKLOG = 4096;

export class Listener extends File {
  readonly type = FileType.SOCKET_STREAM;
  readonly local: SocketAddress;
  readonly #network: Network;
  readonly #backlog: number;
  readonly #queue: TcpSocket[] = [];
  #listening = true;
  /** After it listens no more: a mask of `Shutdown`. */
  #shut = 0;

  constructor(local: SocketAddress, backlog: number, network: Network) {
    super();
    this.local = local;
    this.#network = network;
    this.#backlog = backlog < 0 ? MOST_BACKLOG : Math.min(backlog, MOST_BACKLOG);
  }

  /** True if no more connections may wait: a backlog of 0 admits one. */
  get full(): boolean {
    return this.#queue.length > this.#backlog;
  }

  get listening(): boolean {
    return this.#listening;
  }

  poll(): number {
    if (this.#listening) return this.#queue.length > 0 ? IN : 0;
    return OUT | HUP | (this.#shut & Shutdown.RD ? IN | RDHUP : 0);
  }

  /** A connection is made, and waits here. */
  admit(connection: TcpSocket): void {
    this.#queue.push(connection);
    this.wake(READABLE);
    this.signal(IN);
  }

  override accept(): TcpSocket | number {
    if (!this.#listening) return -Errno.EINVAL;
    return this.#queue.shift() ?? -Errno.EAGAIN;
  }

  override recv(): number {
    return this.#shut & Shutdown.RD ? 0 : -Errno.ENOTCONN;
  }

  override send(): number {
    return -Errno.EPIPE;
  }

  override read(to: Iovecs): number {
    return to.total === 0 ? 0 : this.recv();
  }

  override write(from: Iovecs): number {
    return from.total === 0 ? 0 : -Errno.EPIPE;
  }

  override shutdown(how: number): number {
    const halves = how & (Shutdown.RD | Shutdown.WR);
    if (halves === 0) return -Errno.EINVAL;
    const closed = !this.#listening;
    if (closed) {
      this.#shut |= halves;
    } else if (halves & Shutdown.RD) {
      this.#stop();
      // tcp_disconnect reports an error, although there is none.
      this.wake(ERR);
      this.signal(ERR);
    }
    this.wake(0);
    return closed ? -Errno.ENOTCONN : 0;
  }

  override takeError(): number {
    return 0;
  }

  override address(): SocketAddress {
    return this.local;
  }

  override readable(): number {
    return this.#listening ? -Errno.EINVAL : 0;
  }

  release(): void {
    this.#stop();
    this.#network.unbind(this);
  }

  /** Listens no more: whoever waits is reset. The port stays taken until it is closed. */
  #stop(): void {
    this.#listening = false;
    for (const connection of this.#queue.splice(0)) connection.abort();
  }
}
