/**
 * The one composition root: it turns what a caller names into listeners, connections and streams,
 * gives these and nothing else to a guest, and leads the guest from start to end.
 */
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

import { errnoName } from '../host/kernel/errno.js';
import type { PollerName } from '../host/kernel/readiness.js';
import { LinuxKernel } from '../host/linux/linux-kernel.js';
import { HostError, UsageError } from '../host/kernel/error.js';
import { type DirectoryOption, openDirectories } from './directory.js';
import { limited, limitedBytes, type Guest } from './guest.js';
import { isQueued, isSignalled, type Plan } from './instance.js';
import type { Image, Isolation } from './message.js';
import { type Limits, limitNames } from './limit.js';
import { checkPolling, type PollName } from './polling.js';
import { openConnection, openListener, parseSocket, type GrantedSocket } from './socket.js';
import { ReactorRun, WorkerRun, type Exit, type Run } from './run.js';
import { processRun, ProcessRuns } from './serve/processes.js';
import { ServerRun } from './serve/server.js';
import { ThreadRuns } from './serve/thread-runs.js';

/**
 * A standard stream: the null device, the process's own, a pipe to the caller, or a descriptor of
 * the process.
 */
export type StreamOption = 'ignore' | 'inherit' | 'pipe' | number;

/**
 * Who serves the connections of the listeners: one guest all of them, or a guest for each, in a
 * thread or in a process of its own.
 */
export const serveNames = ['event', 'thread', 'process'] as const;
export type ServeName = (typeof serveNames)[number];

export const isolateNames = ['none', 'process', 'process,best-effort'] as const;
export type IsolateName = (typeof isolateNames)[number];

/** What a guest is given. It gets nothing that is not named here. */
export interface SandboxOptions extends Limits {
  /** The program's arguments; the first is its name. Default: the guest's name alone. */
  args?: string[];
  env?: Record<string, string>;
  /**
   * Directories, by the name that the guest knows each by. Nothing outside of them is reachable:
   * the kernel sees to that.
   */
  dirs?: Record<string, DirectoryOption>;
  /**
   * Listeners, each `[FD=]HOST:PORT[,blocking]`; port 0 takes any free one. Before it `udp:` makes
   * it a datagram socket, whose sends go to who sent the last datagram received; `unix:PATH` and
   * `fd:N` are the others.
   */
  listen?: string[];
  /** Connections that are made before the guest starts, in the same forms. */
  connect?: string[];
  /**
   * `event`, the default: the guest gets the listeners. `thread`, `process`: it is run anew for
   * each connection, and gets that in the listener's place; its streams are shared by all, `trace`
   * gets the number of the connection behind it, and `timeoutMs` is each connection's.
   */
  serve?: ServeName;
  /** With `thread` and `process`, the most connections at once; default 256, and 64. */
  maxConnections?: number;
  stdin?: StreamOption;
  stdout?: StreamOption;
  stderr?: StreamOption;
  /** What poll_oneoff asks: epoll (the default), poll, or select. */
  poller?: PollerName;
  /**
   * When poll_oneoff tells of readiness: `level`, the default, as long as it holds; `edge` when it
   * newly arises, which runtimes that never cease to wait for anything take to be the case (tokio's
   * would spin).
   */
  poll?: PollName;
  /**
   * True: what is wrong with one subscription is an error of the whole poll_oneoff, and not an
   * event of that one, and fd_allocate is not supported, as wasmtime has both.
   */
  strict?: boolean;
  /**
   * `process`: the guest runs in a process of its own, which has nothing else, not even with a bug
   * in V8: the kernel refuses it all other files, connections, signals and system calls (Landlock
   * and a filter). Where this Linux lacks Landlock that is a `HostError`; `process,best-effort`
   * does without. Default: `none`, a thread.
   */
  isolate?: IsolateName;
  /** A file for the transcript of every call. */
  trace?: string;
  /**
   * Called once with each sentence of something that the guest cannot be told; default: the
   * process's warnings.
   */
  warn?: (sentence: string) => void;
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
  /**
   * How many system calls were made for the guest until now, on sockets and to wait. Undefined for
   * a reactor, and with a guest for each connection. Of asynchronous I/O by threads (POLLUX_ASYNC)
   * those of the guest's own thread.
   */
  readonly systemCalls: bigint | undefined;
  /** Resolves when the guest has ended; never rejects. */
  readonly exit: Promise<Exit>;
  /** Ends the guest now, whatever it does. */
  stop(): Promise<Exit>;
  /**
   * Stops accepting, and ends the guest when its connections are closed, at the latest after
   * `limitMs` milliseconds.
   */
  drain(limitMs: number): Promise<Exit>;
}

const DEFAULT_DESCRIPTORS = 65536;
/** A thread takes about 10 MB, a process about 40. */
const DEFAULT_CONNECTIONS = { thread: 256, process: 64 };
const MIB = 2 ** 20;
/** stdin, stdout, stderr: every guest has them. */
const STREAMS = 3;
/**
 * Runs `guest` with what `options` name. Throws `UsageError`, `HostError`, or `GuestError` for a
 * guest that traps before it begins; then nothing was started.
 */
export async function sandbox(guest: Guest, options: SandboxOptions = {}): Promise<Box> {
  checkOptions(guest, options);
  const kernel = new LinuxKernel();
  let removeAll = () => {};
  try {
    const dirs = openDirectories(kernel, options.dirs);
    const granted = await openSockets(kernel, options);
    removeAll = () => granted.forEach(({ remove }) => remove());
    const sockets = granted.map(({ socket }) => socket);
    const streams = [openStream(kernel, options.stdin, 0), openStream(kernel, options.stdout, 1)];
    streams.push(openStream(kernel, options.stderr, 2));
    const encoder = new TextEncoder();
    const plan: Plan = {
      module: await limited(guest, options.maxMemoryMiB),
      queued: isQueued(guest.module),
      args: (options.args ?? [guest.name]).map((each) => encoder.encode(each)),
      environ: Object.entries(options.env ?? {}).map(([name, value]) =>
        encoder.encode(`${name}=${value}`),
      ),
      poller: options.poller ?? 'epoll',
      edge: options.poll === 'edge',
      strict: options.strict,
      maxDescriptors: options.maxDescriptors ?? DEFAULT_DESCRIPTORS,
      maxFiles: options.maxFiles ?? Infinity,
      maxWrittenBytes: (options.maxWrittenMiB ?? Infinity) * MIB,
      trace: options.trace,
      streams: streams.map(({ guestEnd }) => guestEnd),
      dirs,
      // Those with a number of their own come first, so that the lowest free number of the others
      // is not theirs.
      sockets: [...sockets].sort((a, b) => Number(b.fd !== undefined) - Number(a.fd !== undefined)),
    };
    const addresses = granted.filter(({ listener }) => listener).map(({ name }) => name);
    const answers = granted.some(({ listener, socket }) => listener && socket.kind === 'datagram');
    const run = runOf(guest, options, kernel, plan, answers);
    await run.start(plan);
    for (const { descriptor } of sockets) kernel.close(descriptor);
    for (const { guestEnd, piped } of streams)
      if (piped && guestEnd !== null) kernel.close(guestEnd);
    void run.exit.then(() => kernel.dispose());
    void run.exit.then(removeAll);
    const [stdin, stdout, stderr] = streams.map(({ callerEnd }, fd) =>
      wrapStream(kernel, callerEnd, fd),
    );
    return {
      address: addresses[0],
      addresses,
      stdin,
      stdout,
      stderr,
      get systemCalls() {
        return run.systemCalls;
      },
      exit: run.exit,
      stop: () => run.stop('stopped'),
      drain: (limitMs) => run.drain(limitMs),
    };
  } catch (error) {
    removeAll();
    kernel.dispose();
    throw error;
  }
}

function runOf(
  guest: Guest,
  options: SandboxOptions,
  kernel: LinuxKernel,
  plan: Plan,
  answers: boolean,
): Run {
  if (guest.kind === 'reactor') return new ReactorRun(options);
  const { serve = 'event', maxConnections } = options;
  const isolation = isolationOf(guest, options, plan, answers);
  if (serve === 'event') {
    if (!isolation) return new WorkerRun(options, kernel);
    return processRun({ ...options, isolation }, imageOf(guest, options, plan), kernel);
  }
  const server = { ...options, maxConnections: maxConnections ?? DEFAULT_CONNECTIONS[serve] };
  if (serve === 'thread') return new ServerRun(server, new ThreadRuns());
  return new ServerRun(server, new ProcessRuns(imageOf(guest, options, plan), isolation));
}

function imageOf(guest: Guest, options: SandboxOptions, plan: Plan): Image {
  const { args, environ, poller, edge, strict, queued, dirs } = plan;
  const { maxDescriptors, maxFiles, maxWrittenBytes } = plan;
  const polling = { poller, edge, strict };
  const limits = { maxDescriptors, maxFiles, maxWrittenBytes };
  const bytes = limitedBytes(guest, options.maxMemoryMiB);
  return { bytes, args, environ, ...polling, queued, dirs, ...limits };
}

function isolationOf(
  guest: Guest,
  { isolate = 'none' }: SandboxOptions,
  { queued }: Plan,
  answers: boolean,
): Isolation | undefined {
  if (isolate === 'none') return undefined;
  const bestEffort = isolate === 'process,best-effort';
  return { bestEffort, queues: queued, signals: isSignalled(guest.module), answers };
}

function checkOptions(guest: Guest, options: SandboxOptions): void {
  checkServe(guest, options);
  checkIsolation(guest, options);
  checkPolling(options);
  if (guest.kind === 'reactor' && (options.poller ?? 'epoll') !== 'epoll') {
    throw new UsageError(
      "a reactor is woken by Node's event loop through epoll: leave the poller at epoll",
    );
  }
  for (const name of [...limitNames, 'maxConnections'] as const) {
    const value = options[name];
    if (value !== undefined && !(value > 0 && Number.isFinite(value))) {
      throw new UsageError(`${name} is ${value}: it must be a number greater than 0`);
    }
  }
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (name === '' || name.includes('=') || `${name}${value}`.includes('\0')) {
      throw new UsageError(
        `"${name}" cannot be a variable of the environment: it has no name, "=" in it, or NUL`,
      );
    }
  }
  if (options.args?.some((each) => each.includes('\0'))) {
    throw new UsageError('an argument has a NUL character in it, which no program can be given');
  }
}

function checkIsolation(guest: Guest, { isolate = 'none', ...options }: SandboxOptions): void {
  if (!isolateNames.includes(isolate)) {
    throw new UsageError(`"${isolate}" is no isolation: choose ${isolateNames.join(' or ')}`);
  }
  if (guest.kind === 'reactor' && options.maxCpuMs !== undefined) {
    throw new UsageError("a reactor's processor time is that of Node's thread: leave out maxCpuMs");
  }
  if (isolate === 'none') return;
  if (guest.kind === 'reactor') {
    throw new UsageError("a reactor runs in Node's event loop: only a command can be isolated");
  }
  if (options.serve === 'thread') {
    throw new UsageError('a guest per thread shares this process: isolate those per process');
  }
}

function checkServe(guest: Guest, { serve = 'event', ...options }: SandboxOptions): void {
  if (!serveNames.includes(serve)) {
    throw new UsageError(`"${serve}" is no way to serve: choose ${serveNames.join(', ')}`);
  }
  if (serve === 'event') {
    if (options.maxConnections === undefined) return;
    throw new UsageError(
      'maxConnections is for a guest per connection: with "event" the one guest accepts',
    );
  }
  if (guest.kind === 'reactor') {
    throw new UsageError(`a reactor serves all its connections itself: leave serve at event`);
  }
  if (!options.listen?.length) {
    throw new UsageError(`a guest per ${serve} needs a listener, whose connections it is run for`);
  }
  if (options.listen.some((text) => parseSocket(text).form === 'udp')) {
    throw new UsageError(`a guest per ${serve} is run for connections: UDP has none`);
  }
  if (options.connect?.length) {
    throw new UsageError(
      `a guest per ${serve} gets the connection that was accepted, and no other: leave out connect`,
    );
  }
}

async function openSockets(kernel: LinuxKernel, options: SandboxOptions): Promise<Granted[]> {
  const limit = options.maxDescriptors ?? DEFAULT_DESCRIPTORS;
  // Directories come after the streams.
  const first = STREAMS + Object.keys(options.dirs ?? {}).length;
  const taken = new Set<number>();
  const grants = [
    ...(options.listen ?? []).map((text) => ({ ...parseSocket(text), listener: true })),
    ...(options.connect ?? []).map((text) => ({ ...parseSocket(text), listener: false })),
  ];
  for (const { fd } of grants) {
    if (fd === undefined) continue;
    if (fd < first)
      throw new UsageError(`descriptor ${fd} is a directory's: choose ${first} or a higher one`);
    if (taken.has(fd))
      throw new UsageError(
        `descriptor ${fd} is given twice: each socket needs a number of its own`,
      );
    if (fd >= limit)
      throw new UsageError(`descriptor ${fd} is too large: the guest may have ${limit}`);
    taken.add(fd);
  }
  const needed = first + grants.length;
  if (needed > limit) {
    throw new UsageError(
      `the guest may have ${limit} descriptors, but what it is given are ${needed} already`,
    );
  }
  const sockets: Granted[] = [];
  try {
    for (const { listener, ...option } of grants) {
      const granted = await (listener ? openListener : openConnection)(kernel, option);
      sockets.push({ ...granted, listener });
    }
  } catch (error) {
    for (const { remove } of sockets) remove();
    throw error;
  }
  return sockets;
}

type Granted = GrantedSocket & { listener: boolean };

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
  if (option !== 'pipe')
    throw new UsageError(`"${option}" is no stream: choose ignore, inherit, pipe, or a descriptor`);
  const ends = new Int32Array(2);
  const result = kernel.pipe(ends);
  if (result < 0) throw new HostError(`a pipe cannot be made: ${errnoName(result)}`);
  const [readEnd, writeEnd] = ends as unknown as [number, number];
  return fd === 0
    ? { guestEnd: readEnd, callerEnd: writeEnd, piped: true }
    : { guestEnd: writeEnd, callerEnd: readEnd, piped: true };
}

function wrapStream(
  kernel: LinuxKernel,
  callerEnd: number | undefined,
  fd: number,
): Socket | undefined {
  if (callerEnd === undefined) return undefined;
  return new Socket({ fd: kernel.release(callerEnd), readable: fd !== 0, writable: fd === 0 });
}
