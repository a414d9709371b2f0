/**
 * One simulated run of a guest, from its start to its end, in this thread and at once: the same
 * module as elsewhere, on a kernel that is made of a seed, with the actors of its world.
 */
import { errnoName } from '../../host/kernel/errno.js';
import { UsageError } from '../../host/kernel/error.js';
import { Readiness } from '../../host/kernel/readiness.js';
import { ChoiceLog, type Choice } from '../../host/sim/choice-log.js';
import { Deadlock, Livelock } from '../../host/sim/error.js';
import { breaking, concerns, decisionOf, profileOf } from '../../host/sim/fault.js';
import type { Timer } from '../../host/sim/scheduler.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import { Sink, Source } from '../../host/sim/stream.js';
import type { TraceHash } from '../../host/sim/trace-hash.js';
import { World } from '../../host/sim/world.js';
import { Descriptor } from '../../host/wasi/descriptors.js';
import { formatAddress, parseGrant } from '../grant.js';
import type { Guest } from '../guest.js';
import { assemble, attach, type Assembled, type Grants, type Wrap } from '../instance.js';
import { Actor, type Cast, type Script } from './actor.js';
import { Company, type Host } from './company.js';
import { ConnectionError, textOf } from './connection.js';
import { Instrument, type Call, type Course } from './instrument.js';
import { MEMORY_CHOICES, moduleWithMemory } from './memory.js';
import {
  Failed,
  type Failure,
  type RunState,
  type SimulateOptions,
  type Simulated,
} from './outcome.js';
import { checkRepeatable } from './repeatable.js';

const HEAL_NS = 10e9;
const LIMIT_NS = 3600e9;
/** What a guest may do after its last actor is done: it should close what is to be closed. */
const GRACE_NS = 1e9;
const GRACE_CALLS = 1000;
/** Calls in which nothing happens in the world; time has long run faster then. */
const LIVELOCK_CALLS = 5000;
const BACKLOG = 4096;
const DEFAULT_DESCRIPTORS = 65536;
const NO_BYTES = new Uint8Array(0);
const encoder = new TextEncoder();

/** The guest called proc_exit. */
class Exited {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

/** All actors are done, and the guest had its time. */
const DONE = Symbol('done');

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * Runs a command once. Throws `UsageError` for what cannot be run, or could not be repeated; what
 * the guest does wrong is in the result.
 */
export function simulate(guest: Guest, options: SimulateOptions = {}): Simulated {
  checkRepeatable(guest);
  return new Run(guest, options).result();
}

class Run implements Course, Cast, RunState, Host {
  readonly world: World;
  readonly record: ((call: Call) => void) | undefined;
  readonly #guest: Guest;
  readonly #options: SimulateOptions;
  readonly #log: ChoiceLog;
  readonly #kernel: SimKernel;
  readonly #instrument = new Instrument(this);
  readonly #actors: Actor[] = [];
  readonly #stdout = new Sink();
  readonly #stderr = new Sink();
  readonly #limitNs: number;
  readonly #heals: Timer;
  #assembled: Assembled | undefined;
  #company: Company | undefined;
  /** Actors that are not done. */
  #unfinished = 0;
  #stopNs = Infinity;
  #stopCalls = Infinity;
  /** What has ended the run, whatever the guest does with it. */
  #end: unknown;

  constructor(guest: Guest, options: SimulateOptions) {
    const { seed = 1, profile = 'linux', log, healNs = HEAL_NS, limitNs } = options;
    this.#guest = guest;
    this.#options = options;
    this.record = options.record;
    this.#log =
      log === undefined
        ? ChoiceLog.seeded(seed, profileOf(profile, seed))
        : ChoiceLog.replayed(log, options.chosen);
    this.world = new World({ choices: this.#log, livelockCalls: LIVELOCK_CALLS });
    this.world.network.onSegment = options.segment;
    this.#kernel = this.world.kernel({ host: 'guest' });
    this.#limitNs = limitNs ?? healNs + LIMIT_NS;
    this.#heals = this.world.scheduler.at(healNs, () => this.#log.heal());
  }

  result(): Simulated {
    let code: number | undefined;
    let failure: Failure | undefined;
    let company: ReturnType<Company['dispose']> | undefined;
    try {
      code = this.#runGuest(this.#grants());
      failure = this.#judge(code);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      failure = error.failure;
    } finally {
      company = this.#company?.dispose();
      this.#kernel.dispose();
      this.#instrument.end();
    }
    if (company !== undefined) this.hash.text(company.hash);
    return {
      failure,
      code,
      stdout: this.stdout,
      stderr: this.stderr,
      hash: this.hash.digest,
      log: this.#log.taken,
      calls: this.calls + (company?.calls ?? 0),
      choices: this.#log.asked,
      virtualNs: this.nowNs,
      companions: company?.ends ?? {},
    };
  }

  // What properties look at.

  get nowNs(): number {
    return this.world.now;
  }

  get calls(): number {
    return this.#instrument.calls;
  }

  get connections(): number {
    return this.#assembled?.process.descriptors.connections ?? 0;
  }

  get memory(): Uint8Array {
    const memory = this.#assembled?.process.memory;
    memory?.holds(0, Number.MAX_SAFE_INTEGER); // it may have grown
    return memory?.bytes ?? NO_BYTES;
  }

  get stdout(): string {
    return textOf(this.#stdout.bytes);
  }

  get stderr(): string {
    return textOf(this.#stderr.bytes);
  }

  get waiting(): readonly string[] {
    const actors = this.#actors
      .filter(({ over }) => !over)
      .map(({ name, waitsFor }) => `"${name}" waits for ${waitsFor}`);
    return [...actors, ...(this.#company?.waiting ?? [])];
  }

  // What actors ask.

  get hash(): TraceHash {
    return this.#instrument.hash;
  }

  excuses({ link }: ConnectionError): boolean {
    const breaks = ({ label }: Choice) => breaking.has(decisionOf(label));
    if (link === undefined) return this.#log.taken.some(breaks);
    const own = `${link.slice(0, link.lastIndexOf('.'))}.`;
    return this.#log.taken.some((choice) => breaks(choice) && concerns(choice.label, own));
  }

  finished(): void {
    if (--this.#unfinished > 0) return;
    this.world.scheduler.cancel(this.#heals);
    this.world.rest = DONE;
    this.#stopNs = this.nowNs + GRACE_NS;
    this.#stopCalls = this.calls + GRACE_CALLS;
  }

  failed({ name }: Actor, error: unknown): never {
    if (error instanceof UsageError) throw error;
    throw new Failed('actor', `"${name}": ${messageOf(error)}`, error);
  }

  tick(): void {
    if (this.nowNs <= this.#limitNs) return;
    throw new Failed('unanswered', `after ${this.nowNs / 1e9} s ${this.waiting.join(', ')}`);
  }

  // What companions ask.

  get recorded(): boolean {
    return this.record !== undefined;
  }

  companionFailed(kind: 'trap' | 'exit', message: string): never {
    throw (this.#end = new Failed(kind, message));
  }

  // What stands around each call of the guest.

  get now(): number {
    return this.world.now;
  }

  before(): void {
    if (this.#end !== undefined) throw this.#end;
    if (this.nowNs > this.#stopNs || this.calls >= this.#stopCalls) throw DONE;
    if (this.nowNs > this.#limitNs) this.tick();
  }

  after(): void {
    const { invariant } = this.#options;
    if (invariant === undefined) return;
    try {
      invariant(this);
    } catch (error) {
      throw new Failed('invariant', messageOf(error), error);
    }
  }

  ended(error: unknown): void {
    this.#end ??= error;
  }

  // The guest.

  #add(name: string, script: Script): void {
    if (this.#actors.some((each) => each.name === name))
      throw new UsageError(`there are two actors "${name}": each needs a name of its own`);
    this.#actors.push(new Actor(name, script, this));
    this.#unfinished++;
  }

  #addCompany(): void {
    const { companions } = this.#options;
    if (companions === undefined) return;
    this.#company = new Company(this, companions);
    this.#unfinished += this.#company.awaited;
  }

  #grants(): Grants {
    const kernel = this.#kernel;
    const { listen = [], connect = [], stdin = NO_BYTES, maxDescriptors } = this.#options;
    const input = typeof stdin === 'string' ? encoder.encode(stdin) : stdin;
    const streams = [new Source(input), this.#stdout, this.#stderr].map((file, fd) =>
      Descriptor.stream(kernel.open(file), file.type, fd === 0, fd !== 0),
    );
    const listeners = listen.map((text) => {
      const grant = parseGrant(text);
      const handle = kernel.listen(grant, BACKLOG);
      check(handle, `cannot listen at ${formatAddress(grant)}`);
      return { fd: grant.fd, descriptor: Descriptor.listener(handle, !grant.blocking) };
    });
    this.#addCompany();
    // Now, for actors connect at once, and what follows may be a connection to one of them.
    this.#options.world?.({ actor: (name, script) => this.#add(name, script) });
    const connections = connect.map((text) => {
      const grant = parseGrant(text);
      const handle = kernel.connect(grant);
      const what = `cannot connect to ${formatAddress(grant)}`;
      check(handle, what);
      kernel.waitFor(handle, Readiness.OUT, Infinity);
      check(kernel.socketError(handle), what);
      return { fd: grant.fd, descriptor: Descriptor.connection(handle, !grant.blocking) };
    });
    // Those with a number of their own come first, as in the sandbox.
    const sockets = [...listeners, ...connections].sort(
      (a, b) => Number(b.fd !== undefined) - Number(a.fd !== undefined),
    );
    return { streams, sockets, maxDescriptors: maxDescriptors ?? DEFAULT_DESCRIPTORS };
  }

  /** Runs it to its end: its exit code, or undefined if it was ended. */
  #runGuest(grants: Grants): number | undefined {
    const { args = [this.#guest.name], env = {}, poller = 'epoll' } = this.#options;
    const embedder = {
      args: args.map((each) => encoder.encode(each)),
      environ: Object.entries(env).map(([name, value]) => encoder.encode(`${name}=${value}`)),
      poller,
      embedded: false,
      watch: () => () => {},
      exit: (code: number): never => {
        throw new Exited(code);
      },
      interrupted: () => {},
      warn: () => {},
    };
    const { choices } = this.world;
    const room = this.#options.refuseMemory ? choices.choose('guest/memory', MEMORY_CHOICES) : 0;
    const module = moduleWithMemory(this.#guest, room);
    const wrap: Wrap = (...each) => this.#instrument.wrap(...each);
    try {
      this.#assembled = assemble(module, this.#kernel, grants, embedder, wrap);
      const instance = new WebAssembly.Instance(module, this.#assembled.imports);
      attach(this.#assembled, instance);
      (instance.exports['_start'] as () => void)();
      return 0;
    } catch (error) {
      return this.#outcome(this.#end ?? error);
    }
  }

  /** What it means that the guest was left by `error`. */
  #outcome(error: unknown): number | undefined {
    if (error instanceof Exited) return error.code;
    if (error === DONE) return undefined;
    if (error instanceof Deadlock && this.#unfinished === 0) return undefined;
    if (error instanceof Deadlock)
      throw new Failed('deadlock', [error.message, ...this.waiting].join('; '), error);
    if (error instanceof Livelock) throw new Failed('livelock', error.message, error);
    if (error instanceof RangeError) throw new Failed('stack', error.message, error);
    if (error instanceof WebAssembly.RuntimeError) throw new Failed('trap', error.message, error);
    if (error instanceof WebAssembly.Exception)
      throw new Failed('trap', 'an exception was not caught', error);
    throw error;
  }

  /** What is wrong with a run that came to its end, if anything is. */
  #judge(code: number | undefined): Failure | undefined {
    const { exitCodes = [0], eventually } = this.#options;
    if (code !== undefined && !exitCodes.includes(code)) {
      const said = this.stderr.trim();
      return { kind: 'exit', message: `its exit code is ${code}${said && `: ${said}`}` };
    }
    this.#settle();
    if (this.#unfinished > 0) {
      return { kind: 'unanswered', message: this.waiting.join(', ') };
    }
    try {
      eventually?.(this);
    } catch (error) {
      return { kind: 'eventually', message: messageOf(error), cause: error };
    }
    return undefined;
  }

  /** A guest that has ended of itself may leave actors that are not done yet. */
  #settle(): void {
    while (this.#unfinished > 0 && this.nowNs <= this.#limitNs && this.world.step());
  }
}

function check(result: number, what: string): void {
  if (result < 0) throw new UsageError(`${what}: ${errnoName(result)}`);
}
