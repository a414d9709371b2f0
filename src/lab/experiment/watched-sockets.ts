/**
 * Sockets to watch, and what a wait for them costs. Each is a datagram socket of its own, bound to
 * loopback, and idle until something is sent to it: that costs one descriptor, where a connection
 * would cost two. They are watched in the thread that calls, and a wait always finds something.
 */
import { Errno, errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import { Clock } from '../../../host/kernel/kernel.js';
import {
  EVENT_STRIDE,
  Readiness,
  Trigger,
  type Poller,
  type PollerName,
} from '../../../host/kernel/readiness.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { attachMessage, check, IOVEC } from './connection.js';

const HOST = '127.0.0.1';
/** No wait lasts so long, for something is ready; if nothing is, it is no measurement. */
const PATIENCE_NS = 1e9;
/** The first batch of waits; each is twice the last, until one takes long enough to be measured. */
const FEWEST_WAITS = 4;

export class WatchedSockets {
  readonly #kernel = new LinuxKernel();
  readonly #sockets: number[] = [];

  constructor() {
    attachMessage(this.#kernel, 1);
  }

  /** Opens so many, or as many as this process may have open; answers how many there are. */
  open(count: number): number {
    while (this.#sockets.length < count) {
      const socket = this.#kernel.datagram({ host: HOST, port: 0 }, true);
      if (socket < 0) break;
      this.#sockets.push(socket);
    }
    return this.#sockets.length;
  }

  /** Closes the last one, so that as many descriptors may be opened for something else. */
  closeLast(): void {
    this.#kernel.close(this.#sockets.pop()!);
  }

  /** A new set of the first `count`, as many as it takes. */
  watch(name: PollerName, count: number): Watch {
    return new Watch(this.#kernel, name, this.#sockets.slice(0, count));
  }

  /** Makes one ready: it is, until `take`. */
  send(index: number): void {
    const address = this.#kernel.localAddress(this.#sockets[index]!);
    if (typeof address === 'number') throw new HostError(`a socket is lost: ${errnoName(address)}`);
    const sender = check(this.#kernel.datagram(address, false), 'a socket cannot be opened');
    check(this.#kernel.send(sender, IOVEC, 1, 0), 'a socket cannot be sent to');
    this.#kernel.close(sender);
  }

  take(index: number): void {
    check(
      this.#kernel.recv(this.#sockets[index]!, IOVEC, 1, 0, 0),
      'a socket cannot be received from',
    );
  }

  dispose(): void {
    this.#kernel.dispose();
  }
}

export class Watch {
  /** How many of the sockets it took, before one that it has no room for. */
  readonly count: number;
  /** The highest descriptor among them. */
  readonly highest: number;
  readonly #kernel: LinuxKernel;
  readonly #poller: Poller;
  readonly #events: Int32Array;

  constructor(kernel: LinuxKernel, name: PollerName, sockets: readonly number[]) {
    this.#kernel = kernel;
    this.#poller = kernel.poller(name);
    this.#events = new Int32Array(sockets.length * EVENT_STRIDE);
    const refused = sockets.findIndex((socket, i) => !this.#take(socket, i));
    this.count = refused < 0 ? sockets.length : refused;
    this.highest = Math.max(-1, ...sockets.slice(0, this.count));
  }

  /** False if the set has no room for it. */
  #take(socket: number, token: number): boolean {
    const result = this.#poller.set(socket, Readiness.IN, Trigger.LEVEL, token);
    if (result === -Errno.EINVAL) return false;
    return check(result, 'a socket cannot be watched') === 0;
  }

  /**
   * The processor time of one wait, in nanoseconds, that finds `ready` of them: the average of as
   * many in a row as take `leastNs`.
   */
  costOfWait(ready: number, leastNs: number): number {
    for (let waits = FEWEST_WAITS; ; waits *= 2) {
      const before = this.#kernel.now(Clock.THREAD_CPUTIME);
      for (let i = 0; i < waits; i++) {
        const found = check(
          this.#poller.wait(this.#events, PATIENCE_NS),
          'a socket cannot be waited for',
        );
        if (found !== ready) throw new HostError(`a wait found ${found} ready, and not ${ready}`);
      }
      const spentNs = Number(this.#kernel.now(Clock.THREAD_CPUTIME) - before);
      if (spentNs >= leastNs) return spentNs / waits;
    }
  }

  close(): void {
    this.#poller.close();
  }
}
