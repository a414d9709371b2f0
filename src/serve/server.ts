/**
 * A server that runs its guest anew for each connection: it accepts, in Node's event loop, and
 * hands the connection to a run as the guest's one socket. No byte of a connection comes by here.
 * Where the guest runs, a thread or a process, is who makes the runs' affair.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { Errno } from '../../host/kernel/errno.js';
import { GuestError, UsageError } from '../../host/kernel/error.js';
import { Readiness, Trigger } from '../../host/kernel/readiness.js';
import { LinuxKernel, type LinuxPoller } from '../../host/linux/linux-kernel.js';
import { adopt, type Plan } from '../instance.js';
import { describeTrap, Run, type RunOptions } from '../run.js';

/** Accepted in a row before the rest of the event loop gets its turn. */
const ACCEPT_BURST = 64;
/** Between two tries, when descriptors, memory, threads or processes are lacking. */
const PAUSE_MS = 100;
/** After ten seconds without a guest, a client is better told. */
const TRIES = 100;

const EXHAUSTED = new Set<number>([-Errno.EMFILE, -Errno.ENFILE, -Errno.ENOBUFS, -Errno.ENOMEM]);

/** Makes the runs of the connections, and what they share. */
export interface Runs {
  make(options: RunOptions): Run;
  /** Ends what they share: nothing of it is left. */
  close(): Promise<void>;
}

export interface ServerOptions extends RunOptions {
  /** The most connections at once; more wait in the listener's queue. */
  maxConnections: number;
}

type Listener = Plan['sockets'][number];

export class ServerRun extends Run {
  readonly #kernel = new LinuxKernel();
  readonly #options: ServerOptions;
  readonly #runs: Runs;
  readonly #current = new Set<Run>();
  #plan!: Plan;
  #listeners: Listener[] = [];
  #poller!: LinuxPoller;
  #unwatch = () => {};
  #watched = false;
  #paused: NodeJS.Timeout | undefined;
  #accepted = 0;
  #open = 0;
  #state: 'accepting' | 'draining' | 'ending' | 'ended' = 'accepting';

  constructor(options: ServerOptions, runs: Runs) {
    super(options);
    this.#options = options;
    this.#runs = runs;
  }

  /** The limit of time is that of each connection, and begins with it. */
  async start(plan: Plan): Promise<void> {
    try {
      const streams = plan.streams.map((stream) =>
        stream === null ? null : adopt(this.#kernel, stream, 'a standard stream'),
      );
      this.#plan = { ...plan, streams };
      this.#listeners = plan.sockets.map((socket) => ({
        ...socket,
        descriptor: adopt(this.#kernel, socket.descriptor, 'a listener'),
      }));
      this.#poller = this.#kernel.poller('epoll');
      this.#unwatch = this.#poller.watch(() => this.#accept());
    } catch (error) {
      this.#kernel.dispose();
      await this.#runs.close();
      throw error;
    }
    this.#resume();
  }

  protected end(): void {
    if (this.#state === 'ended') return;
    this.#closeListeners('ending');
    for (const run of this.#current) void run.stop('stopped');
    void this.#runs.close();
  }

  protected drainNow(): void {
    this.#closeListeners('draining');
  }

  #closeListeners(state: 'draining' | 'ending'): void {
    this.#state = state;
    clearTimeout(this.#paused);
    this.#unwatch();
    this.#unwatch = () => {};
    for (const { descriptor } of this.#listeners) this.#kernel.close(descriptor);
    this.#listeners = [];
    if (this.#open === 0) void this.#finish();
  }

  async #finish(): Promise<void> {
    this.#state = 'ended';
    await this.#runs.close();
    this.#kernel.dispose();
    this.finished(0, undefined);
  }

  #accept(): void {
    for (const listener of this.#listeners) {
      for (let i = 0; i < ACCEPT_BURST && this.#open < this.#options.maxConnections; i++) {
        const connection = this.#kernel.accept(listener.descriptor);
        if (EXHAUSTED.has(connection)) return this.#pause();
        if (connection === -Errno.EAGAIN) break;
        // Another error is that of a client which is gone already.
        if (connection >= 0) void this.#serve(connection, listener);
      }
    }
    if (this.#open < this.#options.maxConnections) return;
    this.#watchListeners(false);
    this.warn(`${this.#open} connections are served, which is the limit: more wait for their turn`);
  }

  #pause(): void {
    this.#watchListeners(false);
    this.#paused ??= setTimeout(() => this.#resume(), PAUSE_MS);
  }

  #resume(): void {
    clearTimeout(this.#paused);
    this.#paused = undefined;
    if (this.#open < this.#options.maxConnections) this.#watchListeners(true);
  }

  /** Listeners that are not accepted from would be ready, and tell it, without end. */
  #watchListeners(on: boolean): void {
    if (on === this.#watched) return;
    this.#watched = on;
    for (const { descriptor } of this.#listeners) {
      if (on) this.#poller.set(descriptor, Readiness.IN, Trigger.LEVEL, 0);
      else this.#poller.remove(descriptor);
    }
  }

  async #serve(connection: number, listener: Listener): Promise<void> {
    const number = ++this.#accepted;
    this.#open++;
    const run = await this.#begin(connection, listener, number);
    this.#kernel.close(connection); // the guest has its own
    if (run) {
      const { reason, trap } = await run.exit;
      this.#current.delete(run);
      if (trap) this.warn(`connection ${number}: ${describeTrap(trap)}`);
      if (reason === 'timeout') {
        const limit = `its limit of ${this.#options.timeoutMs} ms`;
        this.warn(`connection ${number}: the guest ran longer than ${limit}`);
      }
    }
    this.#open--;
    if (this.#state === 'accepting') this.#resume();
    else if (this.#open === 0) void this.#finish();
  }

  /** The run of a connection; undefined if there is none, which was said. */
  async #begin(connection: number, listener: Listener, number: number): Promise<Run | undefined> {
    const { trace } = this.#plan;
    const plan: Plan = {
      ...this.#plan,
      trace: trace === undefined ? undefined : `${trace}.${number}`,
      sockets: [{ ...listener, descriptor: connection, listener: false }],
    };
    for (let tries = 1; this.#state !== 'ending'; tries++) {
      const run = this.#runs.make({ ...this.#options, warn: this.warn });
      this.#current.add(run);
      try {
        await run.start(plan);
        return run;
      } catch (error) {
        this.#current.delete(run);
        // What the machine lacks now it may have later; the others are wrong every time.
        const wrong = error instanceof UsageError || error instanceof GuestError;
        if (!wrong && tries < TRIES) await sleep(PAUSE_MS);
        else {
          this.warn(`connection ${number}: ${(error as Error).message}`);
          return undefined;
        }
      }
    }
    return undefined;
  }
}
