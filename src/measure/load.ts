/**
 * The load that the models are measured under, in a process of its own: each connection sends a
 * message, waits for its echo, and sends the next. It is modest, one thread of Node, and nothing is
 * on its way before its parent says so, or after it has told its result: then both have stopped.
 * Its connections stay open until its parent ends it, so that nothing that it costs to close them,
 * and nobody who serves them, is missing in the figures.
 */
import process from 'node:process';

import { errnoName } from '../../host/kernel/errno.js';
import { HostError } from '../../host/kernel/error.js';
import { EVENT_STRIDE, Readiness, Trigger } from '../../host/kernel/readiness.js';
import { LinuxKernel } from '../../host/linux/linux-kernel.js';
import type { LoadJob, LoadMessage } from './message.js';

const PATIENCE_NS = 10e9;
/** Two iovecs, of the message and of its echo, and then both. */
const OUT = 0;
const IN = 8;
const BYTES = 16;

class Load {
  readonly #kernel = new LinuxKernel();
  readonly #poller = this.#kernel.poller('epoll');
  readonly #events = new Int32Array(256 * EVENT_STRIDE);
  readonly #sockets: number[] = [];
  /** By socket: bytes of its echo that are there, and when it was asked for. */
  readonly #received: number[] = [];
  readonly #asked: number[] = [];
  readonly #messageBytes: number;

  constructor({ host, port, connections, messageBytes, parent }: LoadJob) {
    this.#kernel.endWithParent();
    if (process.ppid !== parent) process.exit(1); // it has ended already
    this.#messageBytes = messageBytes;
    const bytes = new Uint8Array(BYTES + 2 * messageBytes);
    new Uint32Array(bytes.buffer, 0, 4).set([
      BYTES,
      messageBytes,
      BYTES + messageBytes,
      messageBytes,
    ]);
    this.#kernel.attach({ bytes });
    for (let i = 0; i < connections; i++) this.#connect(host, port);
  }

  #connect(host: string, port: number): void {
    const socket = check(this.#kernel.connect({ host, port }), 'connect');
    this.#kernel.waitFor(socket, Readiness.OUT, PATIENCE_NS);
    check(this.#kernel.socketError(socket), 'connect');
    check(this.#poller.set(socket, Readiness.IN, Trigger.LEVEL, socket), 'connect');
    this.#sockets.push(socket);
  }

  #ask(socket: number): void {
    this.#received[socket] = 0;
    this.#asked[socket] = performance.now();
    const sent = check(this.#kernel.send(socket, OUT, 1, 0), 'send');
    if (sent < this.#messageBytes) throw new HostError('a message did not fit in its socket');
  }

  /** Echoes for so long, and until nothing is on its way: the microseconds that each took. */
  run(seconds: number): number[] {
    const times: number[] = [];
    const end = performance.now() + seconds * 1000;
    for (const socket of this.#sockets) this.#ask(socket);
    for (let open = this.#sockets.length; open > 0;) {
      const count = check(this.#poller.wait(this.#events, PATIENCE_NS), 'wait');
      if (count === 0) throw new HostError('the server does not answer');
      for (let at = 0; at < count * EVENT_STRIDE; at += EVENT_STRIDE) {
        const socket = this.#events[at + 1]!;
        const bytes = check(this.#kernel.recv(socket, IN, 1, 0, 0), 'receive');
        if (bytes === 0) throw new HostError('the server closed a connection');
        if ((this.#received[socket]! += bytes) < this.#messageBytes) continue;
        const now = performance.now();
        times.push((now - this.#asked[socket]!) * 1000);
        if (now < end) this.#ask(socket);
        else open--;
      }
    }
    return times;
  }
}

function check(result: number, what: string): number {
  if (result < 0) throw new HostError(`the load cannot ${what}: ${errnoName(result)}`);
  return result;
}

const tell = (message: LoadMessage) => process.send!(message);

/** Does `work`, or tells the parent in a sentence why it cannot be done. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    tell({ type: 'failed', sentence: (error as Error).message });
    process.disconnect();
  }
}

const job = JSON.parse(process.argv[2]!) as LoadJob;
attempt(() => {
  const load = new Load(job);
  load.run(job.warmupSeconds);
  process.on('message', () =>
    attempt(() => {
      const times = load.run(job.seconds).sort((a, b) => a - b);
      const quantile = (q: number) => times[Math.floor(q * times.length)]!;
      tell({ type: 'done', echoes: times.length, p50Us: quantile(0.5), p99Us: quantile(0.99) });
    }),
  );
  tell({ type: 'warm' });
});
