/**
 * The network of a world: which address leads to which listener, and how packets get from one end
 * of a connection to the other. Streams are never corrupted, reordered or holed: a packet that is
 * lost is one that comes late.
 */
import { Errno } from '../kernel/errno.js';
import type { SocketAddress } from '../kernel/kernel.js';
import { isLoopback, isV6, isWildcard, normal } from './address.js';
import { Listener } from './listener.js';
import type { Scheduler, Timer } from './scheduler.js';
import { State, TcpSocket, type Buffers, type Packet } from './socket.js';

/** net.ipv4.ip_local_port_range. */
const FIRST_PORT = 32768;
const LAST_PORT = 60999;
const SECOND_NS = 1e9;
/** net.ipv4.tcp_syn_retries: after 1, 3, 7, … 63 seconds; it is given up after 127. */
const SYN_RETRIES = 6;
/** net.ipv4.tcp_synack_retries. */
const SYN_ACK_RETRIES = 5;

/** An attempt to connect, or a connection that found no room at its listener. */
interface Attempt {
  retries: number;
  timer: Timer | undefined;
}

export interface NetworkOptions extends Partial<Buffers> {
  /** How long a packet is on its way. 0: it arrives before the call that sends it is over. */
  latencyNs?: number;
}

export class Network {
  readonly #scheduler: Scheduler;
  readonly #latencyNs: number;
  readonly #buffers: Buffers;
  readonly #listeners = new Map<number, Listener[]>();
  readonly #attempts = new Map<TcpSocket, Attempt>();
  readonly #addresses = new Set<string>();
  #lastPort = FIRST_PORT - 1;
  #connections = 0;

  constructor(scheduler: Scheduler, options: NetworkOptions) {
    this.#scheduler = scheduler;
    this.#latencyNs = options.latencyNs ?? 0;
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
    const client = new TcpSocket(`${name}.client`, local, this, this.#buffers);
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

  /** How many of `bytes` go in one packet. */
  segment(_from: TcpSocket, bytes: number): number {
    return bytes;
  }

  /** Brings a packet from one end to the other. */
  transmit(from: TcpSocket, to: TcpSocket, packet: Packet, bytes: number): void {
    const ns = this.#latencyNs;
    if (ns === 0 && from.inFlight === 0) {
      to.arrive(packet, bytes);
      return;
    }
    this.#later(from, ns, () => to.arrive(packet, bytes));
  }

  /** Something that `from` sends arrives later, and behind what it has sent before. */
  #later(from: TcpSocket, ns: number, arrive: () => void): void {
    from.inFlight++;
    from.lastArrivalNs = Math.max(from.lastArrivalNs, this.#scheduler.now + ns);
    this.#scheduler.at(from.lastArrivalNs, () => {
      from.inFlight--;
      arrive();
    });
  }

  #carry(from: TcpSocket, arrive: () => void): void {
    if (this.#latencyNs === 0 && from.inFlight === 0) arrive();
    else this.#later(from, this.#latencyNs, arrive);
  }

  // The handshake.

  /** Sends a SYN. */
  #synchronize(client: TcpSocket, to: SocketAddress, attempt: Attempt): void {
    this.#carry(client, () => {
      const listener = this.#find(to);
      if (listener === undefined) {
        this.#carry(client, () => client.reset());
      } else if (listener.full) {
        this.#again(client, attempt, SYN_RETRIES, () => {
          this.#synchronize(client, to, attempt);
        });
      } else {
        const name = client.name.replace('client', 'server');
        const server = new TcpSocket(name, to, this, this.#buffers);
        this.#carry(server, () => this.#acknowledge(client, server, listener));
      }
    });
  }

  /** The SYN-ACK is at the client, whose ACK is next. */
  #acknowledge(client: TcpSocket, server: TcpSocket, listener: Listener): void {
    if (client.state !== State.SYN_SENT) return;
    this.#attempts.delete(client);
    client.established(server);
    this.#carry(client, () => {
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
      server.users = 0;
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
