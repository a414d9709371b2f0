/**
 * The one composition root: it turns what a caller names into listeners, connections and streams, gives these and nothing
 * else to a guest, and leads the guest from start to end.
 */
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';

import { errnoName } from '../host/kernel/errno.js';
import { pollerNames, Readiness, Trigger, type PollerName } from '../host/kernel/readiness.js';
import { LinuxKernel } from '../host/linux/linux-kernel.js';
import { GuestError, HostError, UsageError } from './error.js';
import { formatAddress, parseGrant, resolveGrant, type SocketGrant } from './grant.js';
import { limited, type Guest } from './guest.js';
import type { Plan } from './instance.js';
import { Reactor } from './reactor.js';
import { Command, TRAP_EXIT_CODE, type WorkerData, type WorkerMessage } from './worker.js';

/** A standard stream: the null device, the process's own, a pipe to the caller, or a descriptor of the process. */
export type StreamOption = 'ignore' | 'inherit' | 'pipe' | number;

/** What a guest is given. It gets nothing that is not named here. */
export interface SandboxOptions {
  /** The program's arguments; the first is its name. Default: the guest's name alone. */
  args?: string[];
  env?: Record<string, string>;
  /** Listeners, each `[FD=]HOST:PORT[,blocking]`; port 0 takes any free one. */
  listen?: string[];
  /** Connections that are made before the guest starts, each `[FD=]HOST:PORT[,blocking]`. */
  connect?: string[];
  stdin?: StreamOption;
  stdout?: StreamOption;
  stderr?: StreamOption;
  /** What poll_oneoff asks: epoll (the default), poll, or select. */
  poller?: PollerName;
  /** The most that the guest's memory may grow to. */
  maxMemoryMiB?: number;
  /** The most descriptors that the guest may have open; default 65,536. */
  maxDescriptors?: number;
  /** The longest that the guest may run. */
  timeoutMs?: number;
  /** A file for the transcript of every call. */
  trace?: string;
  /** Called with a sentence of something that the guest cannot be told; default: the process's warnings. */
  warn?: (sentence: string) => void;
}

/** How a guest ended. */
export interface Exit {
  /** The guest's own exit code; 134 for a trap, 124 for a time limit, 0 if it was stopped or drained. */
  code: number;
  reason: 'exit' | 'trap' | 'timeout' | 'stopped';
  /** What the guest did wrong, with its stack, if it trapped. */
  trap?: GuestError;
}

/** A guest that runs. */
export interface Box {
  /** The address of the first listener, `HOST:PORT`. */
  readonly address: string | undefined;
  /** The addresses of all listeners, in the order given. */
  readonly addresses: string[];
  /** The other ends of the streams that are `'pipe'`. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Resolves when the guest has ended; never rejects. */
  readonly exit: Promise<Exit>;
  /** Ends the guest now, whatever it does. */
  stop(): Promise<Exit>;
  /** Stops accepting, and ends the guest when its connections are closed, at the latest after `limitMs` milliseconds. */
  drain(limitMs: number): Promise<Exit>;
}

const BACKLOG = 4096;
const DEFAULT_DESCRIPTORS = 65536;
export const TIMEOUT_EXIT_CODE = 124;
/** How long a guest that was asked to stop may take to leave a wait by itself, before its thread is terminated. */
const GRACE_MS = 20;

/** Runs `guest` with what `options` name. Throws `UsageError` or `HostError`, and then nothing was started. */
export async function sandbox(guest: Guest, options: SandboxOptions = {}): Promise<Box> {
  checkOptions(guest, options);
  const kernel = new LinuxKernel();
  try {
    const sockets = await openSockets(kernel, options);
    const streams = [openStream(kernel, options.stdin, 0), openStream(kernel, options.stdout, 1)];
    streams.push(openStream(kernel, options.stderr, 2));
    const encoder = new TextEncoder();
    const plan: Plan = {
      module: options.maxMemoryMiB === undefined ? guest.module : await limited(guest, options.maxMemoryMiB),
      args: (options.args ?? [guest.name]).map((each) => encoder.encode(each)),
      environ: Object.entries(options.env ?? {}).map(([name, value]) => encoder.encode(`${name}=${value}`)),
      poller: options.poller ?? 'epoll',
      maxDescriptors: options.maxDescriptors ?? DEFAULT_DESCRIPTORS,
      trace: options.trace,
      streams: streams.map(({ guestEnd }) => guestEnd),
      sockets,
    };
    const addresses = sockets.filter(({ listener }) => listener).map(({ descriptor }) => addressOf(kernel, descriptor));
    const run = guest.kind === 'reactor' ? new ReactorRun(options) : new WorkerRun(options, kernel);
    await run.start(plan);
    for (const { descriptor } of sockets) kernel.close(descriptor);
    for (const { guestEnd, piped } of streams) if (piped && guestEnd !== null) kernel.close(guestEnd);
    void run.exit.then(() => kernel.dispose());
    const [stdin, stdout, stderr] = streams.map(({ callerEnd }, fd) => wrapStream(kernel, callerEnd, fd));
    return {
      address: addresses[0],
      addresses,
      stdin,
      stdout,
      stderr,
      exit: run.exit,
      stop: () => run.stop('stopped'),
      drain: (limitMs) => run.drain(limitMs),
    };
  } catch (error) {
    kernel.dispose();
    throw error;
  }
}

function checkOptions(guest: Guest, options: SandboxOptions): void {
  const poller = options.poller ?? 'epoll';
  if (!pollerNames.includes(poller)) {
    throw new UsageError(`"${poller}" is no poller: choose ${pollerNames.join(', ')}`);
  }
  if (guest.kind === 'reactor' && poller !== 'epoll') {
    throw new UsageError("a reactor is woken by Node's event loop through epoll: leave the poller at epoll");
  }
  for (const name of ['maxMemoryMiB', 'maxDescriptors', 'timeoutMs'] as const) {
    const value = options[name];
    if (value !== undefined && !(value > 0 && Number.isFinite(value))) {
      throw new UsageError(`${name} is ${value}: it must be a number greater than 0`);
    }
  }
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (name === '' || name.includes('=') || `${name}${value}`.includes('\0')) {
      throw new UsageError(`"${name}" cannot be a variable of the environment: its name is empty or has "=" or NUL in it`);
    }
  }
  if (options.args?.some((each) => each.includes('\0'))) {
    throw new UsageError('an argument has a NUL character in it, which no program can be given');
  }
}

async function openSockets(kernel: LinuxKernel, options: SandboxOptions): Promise<Plan['sockets']> {
  const limit = options.maxDescriptors ?? DEFAULT_DESCRIPTORS;
  const taken = new Set<number>();
  const grants = [
    ...(options.listen ?? []).map((text) => ({ ...parseGrant(text), listener: true })),
    ...(options.connect ?? []).map((text) => ({ ...parseGrant(text), listener: false })),
  ];
  for (const { fd } of grants) {
    if (fd === undefined) continue;
    if (taken.has(fd)) throw new UsageError(`descriptor ${fd} is given twice: each socket needs a number of its own`);
    if (fd >= limit) throw new UsageError(`descriptor ${fd} is too large: the guest may have ${limit}`);
    taken.add(fd);
  }
  // Those with a number of their own come first, so that the lowest free number of the others is not theirs.
  grants.sort((a, b) => Number(b.fd !== undefined) - Number(a.fd !== undefined));
  const order = new Map(grants.map((grant, i) => [grant, i]));
  const sockets: Plan['sockets'] = [];
  for (const grant of [...order.keys()]) {
    const descriptor = await (grant.listener ? openListener(kernel, grant) : openConnection(kernel, grant));
    sockets.push({ fd: grant.fd, descriptor, listener: grant.listener, blocking: grant.blocking });
  }
  return sockets;
}

async function openListener(kernel: LinuxKernel, grant: SocketGrant): Promise<number> {
  const address = await resolveGrant(grant);
  const handle = kernel.listen(address, BACKLOG);
  if (handle < 0) throw new UsageError(`cannot listen at ${formatAddress(address)}: ${errnoName(handle)}`);
  return handle;
}

async function openConnection(kernel: LinuxKernel, grant: SocketGrant): Promise<number> {
  const address = await resolveGrant(grant);
  const handle = kernel.connect(address);
  if (handle >= 0) await writable(kernel, handle);
  const error = handle < 0 ? handle : kernel.socketError(handle);
  if (error < 0) throw new UsageError(`cannot connect to ${formatAddress(address)}: ${errnoName(error)}`);
  return handle;
}

/** Resolves when the outcome of a connect is known; Node's event loop goes on meanwhile. */
async function writable(kernel: LinuxKernel, handle: number): Promise<void> {
  const poller = kernel.poller('epoll');
  poller.set(handle, Readiness.OUT, Trigger.LEVEL, 0);
  await new Promise<void>((resolve) => {
    const unwatch = poller.watch(() => {
      unwatch();
      resolve();
    });
  });
  poller.remove(handle);
  poller.close();
}

function addressOf(kernel: LinuxKernel, handle: number): string {
  const address = kernel.localAddress(handle);
  if (typeof address === 'number') throw new HostError(`a listener has no address: ${errnoName(address)}`);
  return formatAddress(address);
}

interface Stream {
  /** The descriptor that the guest gets a duplicate of; null: the null device. */
  guestEnd: number | null;
  callerEnd: number | undefined;
  piped: boolean;
}

function openStream(kernel: LinuxKernel, option: StreamOption = 'ignore', fd: number): Stream {
  if (option === 'ignore') return { guestEnd: null, callerEnd: undefined, piped: false };
  if (option === 'inherit') return { guestEnd: fd, callerEnd: undefined, piped: false };
  if (typeof option === 'number') return { guestEnd: option, callerEnd: undefined, piped: false };
  if (option !== 'pipe') throw new UsageError(`"${option}" is no stream: choose ignore, inherit, pipe, or a descriptor`);
  const ends = new Int32Array(2);
  const result = kernel.pipe(ends);
  if (result < 0) throw new HostError(`a pipe cannot be made: ${errnoName(result)}`);
  const [readEnd, writeEnd] = ends as unknown as [number, number];
  return fd === 0
    ? { guestEnd: readEnd, callerEnd: writeEnd, piped: true }
    : { guestEnd: writeEnd, callerEnd: readEnd, piped: true };
}

function wrapStream(kernel: LinuxKernel, callerEnd: number | undefined, fd: number): Socket | undefined {
  if (callerEnd === undefined) return undefined;
  return new Socket({ fd: kernel.release(callerEnd), readable: fd !== 0, writable: fd === 0 });
}

/** What a run of either kind has: one end, and a limit of time. */
abstract class Run {
  readonly exit: Promise<Exit>;
  protected readonly warn: (sentence: string) => void;
  #resolve!: (exit: Exit) => void;
  #reason: Exit['reason'] | undefined;
  #timers: NodeJS.Timeout[] = [];
  readonly #timeoutMs: number | undefined;

  constructor(options: SandboxOptions) {
    this.exit = new Promise((resolve) => (this.#resolve = resolve));
    this.warn = options.warn ?? ((sentence) => process.emitWarning(sentence));
    this.#timeoutMs = options.timeoutMs;
  }

  abstract start(plan: Plan): Promise<void>;
  protected abstract end(): void;
  protected abstract drainNow(): void;

  async stop(reason: 'stopped' | 'timeout'): Promise<Exit> {
    this.#reason ??= reason;
    this.end();
    return await this.exit;
  }

  async drain(limitMs: number): Promise<Exit> {
    this.#reason ??= 'stopped';
    this.#timers.push(setTimeout(() => this.end(), limitMs));
    this.drainNow();
    return await this.exit;
  }

  protected started(): void {
    if (this.#timeoutMs === undefined) return;
    this.#timers.push(setTimeout(() => void this.stop('timeout'), Math.min(this.#timeoutMs, 2 ** 31 - 1)));
  }

  protected finished(code: number, trap: GuestError | undefined): void {
    for (const timer of this.#timers) clearTimeout(timer);
    if (trap) this.#resolve({ code: TRAP_EXIT_CODE, reason: 'trap', trap });
    else if (this.#reason === 'timeout') this.#resolve({ code: TIMEOUT_EXIT_CODE, reason: 'timeout' });
    else if (this.#reason === 'stopped') this.#resolve({ code: 0, reason: 'stopped' });
    else this.#resolve({ code, reason: 'exit' });
  }
}

/** A command, in a thread of its own. */
class WorkerRun extends Run {
  readonly #kernel: LinuxKernel;
  readonly #command = new Int32Array(new SharedArrayBuffer(4));
  #worker!: Worker;
  #trap: GuestError | undefined;

  constructor(options: SandboxOptions, kernel: LinuxKernel) {
    super(options);
    this.#kernel = kernel;
  }

  async start(plan: Plan): Promise<void> {
    const workerData: WorkerData = {
      plan,
      wake: this.#kernel.wakeHandle,
      command: this.#command.buffer as SharedArrayBuffer,
    };
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, name: 'pollux' });
    await new Promise<void>((resolve, reject) => {
      this.#worker.on('message', (message: WorkerMessage) => {
        if (message.type === 'ready') resolve();
        if (message.type === 'warning') this.warn(message.sentence);
        if (message.type === 'trap') this.#trap = new GuestError(message.message, message.stack);
        if (message.type === 'failed') {
          reject(message.name === 'UsageError' ? new UsageError(message.message) : new HostError(message.message));
        }
      });
      this.#worker.on('error', (error) => {
        reject(new HostError(`the guest's thread failed: ${error.message}`, { cause: error }));
        this.#trap ??= new GuestError(error.message, error.stack);
      });
      this.#worker.on('exit', (code) => {
        reject(new HostError(`the guest's thread ended before the guest began, with code ${code}`));
        this.finished(code, this.#trap);
      });
    });
    this.started();
  }

  protected end(): void {
    this.#tell(Command.STOP);
    setTimeout(() => void this.#worker.terminate(), GRACE_MS);
  }

  protected drainNow(): void {
    this.#tell(Command.DRAIN);
  }

  #tell(command: number): void {
    if (Atomics.load(this.#command, 0) >= command) return;
    Atomics.store(this.#command, 0, command);
    this.#kernel.wake();
  }
}

/** A reactor, in this thread's event loop. */
class ReactorRun extends Run {
  #reactor!: Reactor;

  async start(plan: Plan): Promise<void> {
    const ended = (end: { code: number } | { trap: unknown }) => {
      if ('code' in end) return this.finished(end.code, undefined);
      const { message = String(end.trap), stack } = end.trap as Partial<Error>;
      this.finished(TRAP_EXIT_CODE, new GuestError(message, stack));
    };
    this.#reactor = await Reactor.start(plan, ended, this.warn);
    this.started();
  }

  protected end(): void {
    this.#reactor.stop();
  }

  protected drainNow(): void {
    this.#reactor.drain();
  }
}
