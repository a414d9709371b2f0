/**
 * The network of a world: which address leads to which listener, and how packets get from one end
 * of a connection to the other. Streams are never corrupted, reordered or holed: a packet that is
 * lost is one that comes late.
 */
import { Errno } from '../kernel/errno.js';
import type { SocketAddress } from '../kernel/kernel.js';
import { isLoopback, isV6, isWildcard, normal } from './address.js';
import type { Choices } from './choice.js';
import { Link, Wire } from './link.js';
import { Listener } from './listener.js';
import type { Scheduler, Timer } from './scheduler.js';
import { SegmentFlag, type SegmentListener } from './segment.js';
import { TcpSocket } from './socket.js';
import { State, type Buffers } from './tcp.js';

/** net.ipv4.ip_local_port_range. */
const FIRST_PORT = 32768;
const LAST_PORT = 60999;
const SECOND_NS = 1e9;
/** net.ipv4.tcp_syn_retries: after 1, 3, 7, … 63 seconds; it is given up after 127. */
const SYN_RETRIES = 6;
/** net.ipv4.tcp_synack_retries. */
const SYN_ACK_RETRIES = 5;

const { SYN, RST, ACK } = SegmentFlag;
const NO_BYTES = new Uint8Array(0);

/** An attempt to connect, or a connection that found no room at its listener. */
interface Attempt {
  retries: number;
  timer: Timer | undefined;
}

/** Buffers that may be in the place of the usual ones, sender's and receiver's. */
const SMALL_BYTES = [
  [65536, 65536],
  [16384, 8192],
  [4608, 2304], // SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF
] as const;

export interface NetworkOptions extends Partial<Buffers> {
  /** How long a packet is on its way. 0: it arrives before the call that sends it is over. */
  latencyNs?: number;
}

export class Network {
  /** Is told of each segment. */
  onSegment: SegmentListener | undefined = undefined;
  readonly #scheduler: Scheduler;
  readonly #wire: Wire;
  readonly #buffers: Buffers;
  readonly #listeners = new Map<number, Listener[]>();
  readonly #attempts = new Map<TcpSocket, Attempt>();
  readonly #addresses = new Set<string>();
  #lastPort = FIRST_PORT - 1;
  #connections = 0;

  constructor(scheduler: Scheduler, choices: Choices, options: NetworkOptions) {
    this.#scheduler = scheduler;
    this.#wire = new Wire(scheduler, choices, options.latencyNs ?? 0);
    this.#buffers = {
      sendBytes: options.sendBytes ?? 2_626_560,
      receiveBytes: options.receiveBytes ?? 1_310_720,
    };
  }

  /** Makes it an address of a machine of this world. */
  addAddress(host: string): void {
    this.#addresses.add(normal(host) ?? host);
  }

  /** A listener at `address`, or a negated errno. */
  listen(address: SocketAddress, backlog: number): Listener | number {
    const host = normal(address.host);
    if (host === undefined || !isPort(address.port)) return -Errno.EINVAL;
    if (!isWildcard(host) && !this.#exists(host)) return -Errno.EADDRNOTAVAIL;
    const port = address.port === 0 ? this.#freePort() : address.port;
    const others = this.#listeners.get(port) ?? [];
    // SO_REUSEADDR is always set: only who listens is in the way.
    if (others.some(({ listening, local }) => listening && collide(local.host, host)))
      return -Errno.EADDRINUSE;
    const listener = new Listener({ host, port }, backlog, this);
    this.#listeners.set(port, [...others, listener]);
    return listener;
  }

  /** The port is free again. */
  unbind(listener: Listener): void {
    const { port } = listener.local;
    const others = this.#listeners.get(port)!.filter((each) => each !== listener);
    if (others.length > 0) this.#listeners.set(port, others);
    else this.#listeners.delete(port);
  }

  /** A socket that begins to connect to `address`, or a negated errno. */
  connect(address: SocketAddress): TcpSocket | number {
    let host = normal(address.host);
    if (host === undefined || !isPort(address.port)) return -Errno.EINVAL;
    if (isWildcard(host)) host = isV6(host) ? '::1' : '127.0.0.1';
    if (!this.#exists(host)) return -Errno.ENETUNREACH;
    const from = isV6(host) || !isLoopback(host) ? host : '127.0.0.1';
    const local = { host: from, port: this.#freePort() };
    const name = `net/${++this.#connections}`;
    const client = this.#socket(`${name}.client`, local);
    const attempt = { retries: 0, timer: undefined };
    this.#attempts.set(client, attempt);
    this.#synchronize(client, { host, port: address.port }, attempt);
    return client;
  }

  /** Nothing more comes of an attempt to connect. */
  abandon(client: TcpSocket): void {
    const attempt = this.#attempts.get(client);
    if (attempt?.timer) this.#scheduler.cancel(attempt.timer);
    this.#attempts.delete(client);
  }

  /** How many there were, attempts included: `net/1` to `net/N`. */
  get connections(): number {
    return this.#connections;
  }

  get now(): number {
    return this.#scheduler.now;
  }

  #tell(from: SocketAddress, to: SocketAddress, flags: number): void {
    this.onSegment?.(this.#scheduler.now, from, to, flags, NO_BYTES);
  }

  // The handshake.

  /** Sends a SYN. */
  #synchronize(client: TcpSocket, to: SocketAddress, attempt: Attempt): void {
    const again = () =>
      this.#again(client, attempt, SYN_RETRIES, () => this.#synchronize(client, to, attempt));
    if (client.link.loses()) {
      again();
      return;
    }
    client.link.carry(() => {
      const listener = this.#find(to);
      this.#tell(client.local, to, SYN);
      if (listener === undefined || client.link.refuses()) {
        client.link.carry(() => {
          this.#tell(to, client.local, RST | ACK);
          client.reset();
        });
      } else if (listener.full) {
        again();
      } else {
        const server = this.#socket(client.name.replace('client', 'server'), to);
        server.link.carry(() => this.#acknowledge(client, server, listener));
      }
    });
  }

  /** The SYN-ACK is at the client, whose ACK is next. */
  #acknowledge(client: TcpSocket, server: TcpSocket, listener: Listener): void {
    if (client.state !== State.SYN_SENT) return;
    this.#tell(server.local, client.local, SYN | ACK);
    this.#attempts.delete(client);
    client.established(server);
    client.link.carry(() => {
      this.#tell(client.local, server.local, ACK);
      server.established(client);
      this.#admit(server, listener, { retries: 0, timer: undefined });
    });
  }

  /** The connection is made; if there is no room for it at the listener it waits elsewhere. */
  #admit(server: TcpSocket, listener: Listener, attempt: Attempt): void {
    if (!listener.listening) {
      server.abort();
    } else if (!listener.full) {
      this.#attempts.delete(server);
      listener.admit(server);
    } else {
      this.#attempts.set(server, attempt);
      this.#again(server, attempt, SYN_ACK_RETRIES, () => this.#admit(server, listener, attempt));
    }
  }

  /** Tries again after 1, then 2, then 4 seconds, … and at last gives up. */
  #again(socket: TcpSocket, attempt: Attempt, most: number, action: () => void): void {
    const ns = 2 ** attempt.retries * SECOND_NS;
    const last = attempt.retries++ === most;
    attempt.timer = this.#scheduler.after(ns, () => {
      if (!last) action();
      else if (socket.state === State.SYN_SENT) socket.fail(Errno.ETIMEDOUT);
      else socket.forget();
    });
  }

  #socket(name: string, local: SocketAddress): TcpSocket {
    const link = new Link(name, this.#wire);
    const small = SMALL_BYTES[link.choose('window', 1 + SMALL_BYTES.length) - 1];
    const buffers = small ? { sendBytes: small[0], receiveBytes: small[1] } : this.#buffers;
    return new TcpSocket(name, local, this, link, buffers);
  }

  #find({ host, port }: SocketAddress): Listener | undefined {
    const all = this.#listeners.get(port)?.filter(({ listening }) => listening);
    return (
      all?.find(({ local }) => local.host === host) ??
      all?.find(({ local }) => isWildcard(local.host) && collide(local.host, host))
    );
  }

  #exists(host: string): boolean {
    return isLoopback(host) || this.#addresses.has(host);
  }

  #freePort(): number {
    do this.#lastPort = this.#lastPort === LAST_PORT ? FIRST_PORT : this.#lastPort + 1;
    while (this.#listeners.has(this.#lastPort));
    return this.#lastPort;
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65535;
}

/** True if a listener at one of two addresses of the same port answers for the other too. */
function collide(one: string, other: string): boolean {
  if (one === '::' || other === '::') return true;
  if (isV6(one) !== isV6(other)) return false;
  return one === other || isWildcard(one) || isWildcard(other);
}
