/**
 * A server that runs its guest anew for each connection: it accepts, in Node's event loop, and
 * hands the connection to a run as the guest's one socket. No byte of a connection comes by here.
 * Where the guest runs, in a thread or in a process, is for those who prepare the runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { Errno, errnoName } from '../../host/kernel/errno.js';
import { GuestError, UsageError } from '../../host/kernel/error.js';
import { Readiness, Trigger } from '../../host/kernel/readiness.js';
import { LinuxKernel, type LinuxPoller } from '../../host/linux/linux-kernel.js';
import { adopt, type Plan } from '../instance.js';
import { describeLimit, describeTrap, Run, type RunOptions } from '../run.js';

/** Runs that are ready before their connection comes. */
const PREPARED = 2;
/**
 * Connections whose guest has not begun: each holds a descriptor, and more of them could hold those
 * that the first guest needs.
 */
const MOST_BEGINNING = 4;
/** Between two tries, when the machine lacks descriptors, memory, threads or processes. */
const PAUSE_MS = 100;
/** After ten seconds without a guest, a client is better told. */
const TRIES = 100;

const EXHAUSTED = new Set<number>([-Errno.EMFILE, -Errno.ENFILE, -Errno.ENOBUFS, -Errno.ENOMEM]);

/** Prepares the runs of the connections, and holds what they share. */
export interface Runs {
  /** A run that can start at once. Rejects with `HostError`. */
  prepare(options: RunOptions): Promise<Run>;
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
  #plan!: Plan;
  #listeners: Listener[] = [];
  #poller!: LinuxPoller;
  #unwatch = () => {};
  #watched = false;
  #state: 'accepting' | 'draining' | 'ending' | 'ended' = 'accepting';
  /** Accepted so far, and of these not over yet. */
  #accepted = 0;
  #open = 0;
  #beginning = 0;
  #preparing = 0;
  readonly #prepared: Run[] = [];
  readonly #current = new Set<Run>();
  /** Reasons not to accept: each is one connection, or one try, that lacks something. */
  #lacking = 0;

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
    this.#goOn();
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
    this.#unwatch();
    this.#unwatch = () => {};
    for (const { descriptor } of this.#listeners) this.#kernel.close(descriptor);
    this.#listeners = [];
    this.#goOn();
  }

  /** After every change: prepares, listens or ends, as things stand. */
  #goOn(): void {
    if (this.#state === 'accepting') {
      const room = Math.min(
        this.#options.maxConnections - this.#open,
        MOST_BEGINNING - this.#beginning,
        PREPARED,
      );
      const wanted = this.#lacking > 0 ? 0 : room;
      while (this.#prepared.length + this.#preparing < wanted) void this.#prepare();
      this.#listen(wanted > 0 && this.#prepared.length > 0);
    } else if (this.#open === 0 && this.#state !== 'ended') {
      this.#state = 'ended';
      void this.#finish();
    }
  }

  async #finish(): Promise<void> {
    for (const run of this.#prepared) void run.stop('stopped');
    await this.#runs.close();
    this.#kernel.dispose();
    this.finished(0, undefined);
  }

  async #prepare(): Promise<void> {
    this.#preparing++;
    try {
      const run = await this.#runs.prepare({ ...this.#options, warn: this.warn });
      if (this.#state === 'ended') void run.stop('stopped');
      else this.#prepared.push(run);
    } catch (error) {
      await this.#lack((error as Error).message);
    } finally {
      this.#preparing--;
      this.#goOn();
    }
  }

  /** Accepts nobody for a while. Several that lack the same do not come back at the same moment. */
  async #lack(what: string): Promise<void> {
    if (this.#state === 'ending' || this.#state === 'ended') return;
    this.warn(`connections wait: ${what}`);
    this.#lacking++;
    await sleep(PAUSE_MS * (1 + Math.random()));
    this.#lacking--;
  }

  /** Listeners that are not accepted from would be ready, and tell it, without end. */
  #listen(on: boolean): void {
    if (on === this.#watched) return;
    this.#watched = on;
    for (const { descriptor } of this.#listeners) {
      if (on) this.#poller.set(descriptor, Readiness.IN, Trigger.LEVEL, 0);
      else this.#poller.remove(descriptor);
    }
  }

  #accept(): void {
    for (const listener of this.#listeners) {
      while (this.#prepared.length > 0) {
        const connection = this.#kernel.accept(listener.descriptor);
        if (EXHAUSTED.has(connection)) {
          void this.#lack(errnoName(connection)).finally(() => this.#goOn());
          return this.#goOn();
        }
        // EAGAIN, or the error of a client that is gone: who is still there is told again.
        if (connection < 0) break;
        void this.#serve(connection, listener, this.#prepared.shift()!);
      }
    }
    this.#goOn();
    if (this.#open === this.#options.maxConnections) {
      this.warn(`${this.#open} connections are open, which is the limit: more wait for their turn`);
    }
  }

  async #serve(connection: number, listener: Listener, prepared: Run): Promise<void> {
    const number = ++this.#accepted;
    this.#open++;
    this.#beginning++;
    const { trace } = this.#plan;
    const run = await this.#begin(prepared, number, {
      ...this.#plan,
      trace: trace === undefined ? undefined : `${trace}.${number}`,
      sockets: [{ ...listener, descriptor: connection, kind: 'connection' }],
    });
    this.#kernel.close(connection); // the guest has its own
    this.#beginning--;
    this.#goOn();
    if (run) {
      const exit = await run.exit;
      this.#current.delete(run);
      if (exit.trap) this.warn(`connection ${number}: ${describeTrap(exit.trap)}`);
      const limit = describeLimit(exit, this.#options);
      if (limit !== undefined) this.warn(`connection ${number}: ${limit}`);
    }
    this.#open--;
    this.#goOn();
  }

  /** The run of a connection, which has begun; undefined if there is none, which was said. */
  async #begin(prepared: Run, number: number, plan: Plan): Promise<Run | undefined> {
    let run: Run | undefined = prepared;
    for (let tries = 1; this.#state !== 'ending'; tries++) {
      try {
        run ??= await this.#runs.prepare({ ...this.#options, warn: this.warn });
        this.#current.add(run);
        await run.start(plan);
        return run;
      } catch (error) {
        if (run) this.#current.delete(run);
        run = undefined;
        const { message } = error as Error;
        // What the machine lacks now it may have later; the others are wrong every time.
        const wrong = error instanceof UsageError || error instanceof GuestError;
        if (wrong || tries === TRIES) {
          this.warn(`connection ${number}: ${message}`);
          return undefined;
        }
        await this.#lack(message);
      }
    }
    if (run) void run.stop('stopped');
    return undefined;
  }
}
