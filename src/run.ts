/**
 * One run of a guest, from its start to its one end: a command in a thread of its own, a reactor in
 * this one. It opens nothing and closes nothing; what the guest has is in its plan.
 */
import type { Worker } from 'node:worker_threads';

import { type CpuClock, cpuTimeMs } from '../host/linux/cpu-time.js';
import type { LinuxKernel } from '../host/linux/linux-kernel.js';
import { GuestError, HostError } from '../host/kernel/error.js';
import type { Plan } from './instance.js';
import { Command, errorOf, TRAP_EXIT_CODE, type Job, type WorkerMessage } from './message.js';
import type { Limits } from './limit.js';
import { Reactor } from './reactor.js';
import { startThread } from './serve/threads.js';

const TIMEOUT_EXIT_CODE = 124;
/** Sentences that are remembered, to be said once. */
const MOST_SAID = 1024;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Between two looks at the processor time that is left. */
const SHORTEST_LOOK_MS = 5;
/**
 * How long a guest that was asked to stop may take to leave a wait by itself, before its thread is
 * terminated.
 */
const GRACE_MS = 20;

/** How a guest ended. */
export interface Exit {
  /**
   * The guest's own exit code; 134 for a trap, 124 for a limit of time, 0 if it was stopped or
   * drained.
   */
  code: number;
  reason: 'exit' | 'trap' | 'timeout' | 'cpu' | 'stopped';
  /** What the guest did wrong, with its stack, if it trapped. */
  trap?: GuestError;
}

/** What a guest did wrong, in a sentence, with the innermost place. */
export function describeTrap(trap: GuestError): string {
  const [, innermost = ''] = /\n\s*(at .*)/.exec(trap.stack ?? '') ?? [];
  return `the guest trapped: ${trap.message} ${innermost}`.trimEnd();
}

/** By which limit a guest was ended, in a sentence; undefined if it was by none. */
export function describeLimit(
  { reason }: Exit,
  { timeoutMs, maxCpuMs }: Limits,
): string | undefined {
  if (reason === 'timeout') return `the guest ran longer than its limit of ${timeoutMs} ms`;
  if (reason !== 'cpu') return undefined;
  return `the guest used more processor time than its limit of ${maxCpuMs} ms`;
}

/** What the caller wants of a run. */
export interface RunOptions extends Limits {
  warn?: (sentence: string) => void;
}

/** What a run of either kind has: one end, and a limit of time. */
export abstract class Run {
  readonly exit: Promise<Exit>;
  protected readonly warn: (sentence: string) => void;
  #resolve!: (exit: Exit) => void;
  #reason: Exit['reason'] | undefined;
  #timers: NodeJS.Timeout[] = [];
  #over = false;
  readonly #timeoutMs: number | undefined;
  #cpuTimer: NodeJS.Timeout | undefined;
  readonly #maxCpuMs: number | undefined;

  constructor(options: RunOptions) {
    this.exit = new Promise((resolve) => (this.#resolve = resolve));
    const warn = options.warn ?? ((sentence) => process.emitWarning(sentence));
    const said = new Set<string>();
    this.warn = (sentence) => {
      if (said.has(sentence)) return;
      // A server's sentences name connections, without end.
      if (said.size === MOST_SAID) said.clear();
      said.add(sentence);
      warn(sentence);
    };
    this.#timeoutMs = options.timeoutMs;
    this.#maxCpuMs = options.maxCpuMs;
  }

  abstract start(plan: Plan): Promise<void>;

  /** See `Box.systemCalls`. */
  get systemCalls(): bigint | undefined {
    return undefined;
  }

  protected abstract end(): void;
  protected abstract drainNow(): void;

  async stop(reason: 'stopped' | 'timeout' | 'cpu'): Promise<Exit> {
    this.#reason ??= reason;
    if (!this.#over) this.end();
    return await this.exit;
  }

  async drain(limitMs: number): Promise<Exit> {
    if (this.#over) return await this.exit;
    this.#reason ??= 'stopped';
    this.#after(limitMs, () => this.end());
    this.drainNow();
    return await this.exit;
  }

  /** `clock`: of the processor time that the guest uses, which counts from here on too. */
  protected started(clock?: CpuClock): void {
    if (this.#timeoutMs !== undefined) this.#after(this.#timeoutMs, () => this.stop('timeout'));
    if (this.#maxCpuMs === undefined || clock === undefined) return;
    this.#limitCpu(clock, (cpuTimeMs(clock) ?? 0) + this.#maxCpuMs);
  }

  /** Looks again when the limit can be reached at the earliest. */
  #limitCpu(clock: CpuClock, limitMs: number): void {
    const used = cpuTimeMs(clock);
    if (this.#over || used === undefined) return;
    if (used >= limitMs) return void this.stop('cpu');
    const leftMs = Math.min(Math.max(limitMs - used, SHORTEST_LOOK_MS), LONGEST_TIMER_MS);
    this.#cpuTimer = setTimeout(() => this.#limitCpu(clock, limitMs), leftMs);
  }

  #after(ms: number, act: () => unknown): void {
    this.#timers.push(setTimeout(act, Math.min(ms, LONGEST_TIMER_MS)));
  }

  protected finished(code: number, trap: GuestError | undefined): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    clearTimeout(this.#cpuTimer);
    if (trap) this.#resolve({ code: TRAP_EXIT_CODE, reason: 'trap', trap });
    else if (this.#reason === 'timeout' || this.#reason === 'cpu')
      this.#resolve({ code: TIMEOUT_EXIT_CODE, reason: this.#reason });
    else if (this.#reason === 'stopped') this.#resolve({ code: 0, reason: 'stopped' });
    else this.#resolve({ code, reason: 'exit' });
  }
}

/**
 * The commands that run, which process.exit() must not wait for: their threads may be in a wait.
 */
const running = new Set<WorkerRun>();
let listening = false;

function endWithProcess(run: WorkerRun): void {
  running.add(run);
  void run.exit.then(() => running.delete(run));
  if (!listening) process.on('exit', () => running.forEach((each) => each.wake()));
  listening = true;
}

/** A thread that runs one command after the other, lent for one of them. */
export interface Lent {
  worker: Worker;
  giveBack: () => void;
}

/** A command, in a thread: one of its own, or one that is lent. */
export class WorkerRun extends Run {
  readonly #kernel: LinuxKernel;
  readonly #lent: Lent | undefined;
  readonly #command = new Int32Array(new SharedArrayBuffer(4));
  readonly #calls = new BigUint64Array(new SharedArrayBuffer(8));
  #worker: Worker | undefined;
  #trap: GuestError | undefined;

  constructor(options: RunOptions, kernel: LinuxKernel, lent?: Lent) {
    super(options);
    this.#kernel = kernel;
    this.#lent = lent;
  }

  async start(plan: Plan): Promise<void> {
    const job: Job = {
      plan,
      wake: this.#kernel.wakeHandle,
      command: this.#command.buffer as SharedArrayBuffer,
      calls: this.#calls.buffer as SharedArrayBuffer,
    };
    const worker = this.#lent?.worker ?? startThread(job);
    if (worker.threadId === -1) {
      this.finished(1, undefined);
      throw new HostError('the thread that was lent has ended');
    }
    this.#worker = worker;
    endWithProcess(this);
    await new Promise<void>((resolve, reject) => {
      const onMessage = (message: WorkerMessage) => {
        if (message.type === 'begins') this.started(message.clock);
        if (message.type === 'ready') resolve();
        if (message.type === 'warning') this.warn(message.sentence);
        if (message.type === 'trap') this.#trap = new GuestError(message.message, message.stack);
        if (message.type === 'failed') reject(errorOf(message));
        if (message.type === 'ended') over(message.code);
      };
      const onError = (error: Error) => {
        reject(new HostError(`the guest's thread failed: ${error.message}`, { cause: error }));
        this.#trap ??= new GuestError(error.message, error.stack);
      };
      const over = (code: number) => {
        worker.off('message', onMessage).off('error', onError).off('exit', over);
        reject(new HostError(`the guest's thread ended before the guest began, with code ${code}`));
        this.#leave(worker);
        this.finished(code, this.#trap);
      };
      worker.on('message', onMessage).on('error', onError).on('exit', over);
      if (this.#lent) worker.postMessage(job);
    });
  }

  override get systemCalls(): bigint | undefined {
    return this.#lent ? undefined : Atomics.load(this.#calls, 0);
  }

  /** Ends the guest's wait, and with that the guest. */
  wake(): void {
    this.#tell(Command.STOP);
  }

  protected end(): void {
    if (!this.#worker) return this.finished(0, undefined); // it never began
    this.wake();
    setTimeout(() => void this.#worker?.terminate(), GRACE_MS);
  }

  protected drainNow(): void {
    this.#tell(Command.DRAIN);
  }

  #tell(command: number): void {
    if (Atomics.load(this.#command, 0) >= command) return;
    Atomics.store(this.#command, 0, command);
    this.#kernel.wake();
  }

  /** A thread that was told to stop is lent to nobody else: its end is on the way. */
  #leave(worker: Worker): void {
    this.#worker = undefined;
    if (this.#command[0] === Command.STOP) void worker.terminate();
    else this.#lent?.giveBack();
  }
}

/** A reactor, in this thread's event loop. */
export class ReactorRun extends Run {
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
