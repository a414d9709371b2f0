/**
 * One simulated run of a guest, from its start to its end, in this thread and at once: the same
 * module as elsewhere, on a kernel that is made of a seed, with the actors of its world. It runs in
 * a browser too; what it needs of this machine simulate.ts gives it.
 */
import { UsageError } from '../../host/kernel/error.js';
import type { Kernel, SocketAddress } from '../../host/kernel/kernel.js';
import type { ChoiceLog } from '../../host/sim/choice-log.js';
import type { Disk } from '../../host/sim/disk.js';
import { Deadlock } from '../../host/sim/error.js';
import type { Timer } from '../../host/sim/scheduler.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import { Sink } from '../../host/sim/stream.js';
import { SUSPENDED } from '../../host/sim/suspension.js';
import type { TraceHash } from '../../host/sim/trace-hash.js';
import { World } from '../../host/sim/world.js';
import type { Guest } from '../guest.js';
import { checkPolling } from '../polling.js';
import { Actor, type Cast, type Script } from './actor.js';
import { begin, type Begun } from './begin.js';
import type { Company, CompanyOf, Host } from './company.js';
import { connectAll } from './connecting.js';
import { textOf } from './connection.js';
import { loadedDisk } from './contents.js';
import { Crash, Crashes } from './crash.js';
import { connectAtOnce, give, peerOf, type Given } from './given.js';
import { Instrument, type Call, type Course } from './instrument.js';
import { logOf } from './log.js';
import {
  Failed,
  failureOf,
  isRight,
  messageOf,
  type Failure,
  type FailureKind,
  type RunOptions,
  type RunState,
  type Simulated,
} from './outcome.js';
import { Exited } from './program.js';
import { checkRepeatable } from './repeatable.js';
import { RecallingKernel } from './stack/recalling-kernel.js';
import type { Part, Stage } from './stack/stage.js';

const HEAL_NS = 10e9;
const LIMIT_NS = 3600e9;
/** What a guest may do after its last actor is done: it should close what is to be closed. */
const GRACE_NS = 1e9;
const GRACE_CALLS = 1000;
/** Calls in which nothing happens in the world; time has long run faster then. */
const LIVELOCK_CALLS = 5000;

/** All actors are done, and the guest had its time. */
const DONE = Symbol('done');

/**
 * Runs a command once. Throws `UsageError` for what cannot be run, or could not be repeated; what
 * the guest does wrong is in the result.
 */
export function run(guest: Guest, options: RunOptions, companyOf?: CompanyOf): Simulated {
  checkRepeatable(guest);
  checkPolling(options);
  return new Run(guest, options, companyOf).result();
}

class Run implements Course, Cast, RunState, Host {
  readonly world: World;
  readonly disk: Disk;
  readonly options: RunOptions;
  readonly record: ((call: Call) => void) | undefined;
  pipes: Cast['pipes'];
  readonly unfinished: ((call: Call) => void) | undefined;
  readonly #guest: Guest;
  readonly #companyOf: CompanyOf | undefined;
  readonly #invariant: RunOptions['invariant'];
  readonly #log: ChoiceLog;
  #kernel: SimKernel;
  readonly #instrument = new Instrument(this);
  readonly #actors: Actor[] = [];
  readonly #stdout = new Sink();
  readonly #stderr = new Sink();
  readonly #limitNs: number;
  readonly #heals: Timer;
  readonly #crashes: Crashes;
  #begun: Begun | undefined;
  #company: Company | undefined;
  /** When the call that goes on began. */
  #startNs = 0;
  #left: { readonly code: number | undefined } | undefined; // undefined: the guest goes on
  /** Actors that are not done. */
  #unfinished = 0;
  #stopNs = Infinity;
  #stopCalls = Infinity;
  /** What has ended the run, whatever the guest does with it. */
  #end: unknown;

  constructor(guest: Guest, options: RunOptions, companyOf?: CompanyOf) {
    const { healNs = HEAL_NS, limitNs } = options;
    this.#guest = guest;
    this.#companyOf = companyOf;
    this.options = options;
    this.#crashes = new Crashes(options);
    this.record = options.record;
    this.unfinished = options.unfinished;
    this.#invariant = options.invariant;
    this.#log = logOf(options, () => this.nowNs);
    this.world = new World({ choices: this.#log, livelockCalls: LIVELOCK_CALLS });
    this.world.network.onSegment = options.segment;
    this.disk = loadedDisk(this.world, 'guest', options, this.hash);
    this.#kernel = this.world.kernel({ host: 'guest', disk: this.disk });
    this.#limitNs = limitNs ?? healNs + LIMIT_NS;
    this.#heals = this.world.scheduler.at(healNs, () => this.#log.heal());
  }

  result(): Simulated {
    let code: number | undefined;
    let failure: Failure | undefined;
    let company: ReturnType<Company['dispose']> | undefined;
    try {
      code = this.#runGuest();
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
      disk: this.disk,
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

  get crashes(): number {
    return this.#crashes.count;
  }

  get connections(): number {
    return this.#begun?.assembled.process.descriptors.connections ?? 0;
  }

  peerOf(fd: number): SocketAddress | undefined {
    return peerOf(this.#kernel, this.#begun?.assembled.process.descriptors.get(fd));
  }

  get memory(): Uint8Array {
    const memory = this.#begun?.assembled.process.memory;
    memory?.holds(0, Number.MAX_SAFE_INTEGER); // it may have grown
    return memory?.bytes ?? new Uint8Array(0);
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

  excuses(link: string | undefined): boolean {
    return this.#crashes.excuse(link, this.#log.taken);
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
    // Others may go on for ever, so that a guest which waits would never come to its next call.
    if (this.nowNs > this.#stopNs) throw DONE;
    if (this.nowNs <= this.#limitNs) return;
    throw new Failed('unanswered', `after ${this.nowNs / 1e9} s ${this.waiting.join(', ')}`);
  }

  // What companions ask.

  get goesOn(): boolean {
    if (this.#left === undefined) return true;
    return (
      isRight(this.options, this.#left.code) && this.#unfinished > 0 && this.nowNs <= this.#limitNs
    );
  }

  companionFailed(kind: FailureKind, message: string): void {
    // Whose connection was broken by a fault may end as it likes.
    if (kind === 'exit' && this.excuses(undefined)) return;
    throw (this.#end = new Failed(kind, message));
  }

  // What stands around each call of the guest.

  get now(): number {
    return this.#kernel.nowNs;
  }

  before(): number {
    const company = this.#company;
    if (company?.suspension.resuming) return this.#startNs;
    if (company?.stage === undefined) company?.suspension.catchUp();
    if (this.#end !== undefined) throw this.#end;
    if (this.calls >= this.#stopCalls) throw DONE;
    this.tick();
    if (this.#stopNs === Infinity) this.#crashes.ask(this.world.choices, 'guest');
    return (this.#startNs = this.now);
  }

  after(): void {
    if (this.#invariant === undefined) return;
    try {
      this.#invariant(this);
    } catch (error) {
      throw new Failed('invariant', messageOf(error), error);
    }
  }

  ended(error: unknown): void {
    if (error !== SUSPENDED) this.#end ??= error;
  }

  #add(name: string, script: Script): void {
    if (this.#actors.some((each) => each.name === name))
      throw new UsageError(`there are two actors "${name}": each needs a name of its own`);
    this.#actors.push(new Actor(name, script, this));
    this.#unfinished++;
  }

  /** Puts the others into the world, before it has any connection: actors connect at once. */
  #populate(pipes: Cast['pipes']): void {
    const { companions, world } = this.options;
    this.pipes = pipes;
    if (this.crashes > 0) return;
    if (companions !== undefined && Object.keys(companions).length > 0) {
      if (this.#companyOf === undefined)
        throw new UsageError('other guests share its world, and here a guest runs alone');
      this.#company = this.#companyOf(this, this.#guest, this.#kernel, companions);
      this.#unfinished += this.#company.awaited;
    }
    world?.({ actor: (name, script) => this.#add(name, script) });
  }

  #given(): Given {
    const outputs = [this.#stdout, this.#stderr];
    const { listening } = this.#crashes;
    return give(this.#kernel, this.options, outputs, listening, (pipes) => this.#populate(pipes));
  }

  /** A connection of the guest's that a fault has broken is tried again. */
  #connect({ connecting }: Given): void {
    if (this.#company !== undefined) return connectAll(this.#kernel, connecting);
    connectAtOnce(this.#kernel, connecting, () => {
      this.tick();
      return this.excuses(undefined);
    });
  }

  /** Makes the guest: what it exports as its start. `lead` may put something before its imports. */
  #begin(given: Given, kernel: Kernel, lead: Parameters<Part['begin']>[0]): () => void {
    this.#begun = undefined;
    this.#begun = begin(this.#guest, this.options, given, kernel, {
      choices: this.world.choices,
      wrap: (...each) => this.#instrument.wrap(...each),
      // In company a call that goes on is begun again, and must see what it saw before.
      handled: () => this.#company === undefined && this.world.handled,
      lead,
    });
    return this.#begun.start;
  }

  /** Runs it to its end, however often it dies: its exit code, or undefined if it was ended. */
  #runGuest(): number | undefined {
    for (;;) {
      const given = this.#given();
      const stage = this.#company?.stage;
      if (stage !== undefined) return this.#runOnStage(stage, given);
      const left = this.#runHere(given);
      if (!(left instanceof Crash)) return this.#leave(left);
      this.#end = undefined;
      this.#kernel = this.#crashes.bury(this.#kernel, left, this);
    }
  }

  /** Runs an instance where this stands: by what it was left, or undefined, as it has returned. */
  #runHere(given: Given): unknown {
    let left: unknown;
    try {
      this.#connect(given);
      this.#crashes.over(this.world);
      this.#begin(given, this.#kernel, (imports) => imports)();
    } catch (error) {
      left = error;
    }
    try {
      // It has ended of itself when what it did is over.
      if (this.#end === undefined) this.#company?.suspension.catchUp();
    } catch (error) {
      left = error;
    }
    return this.#end ?? left;
  }

  #runOnStage(stage: Stage, given: Given): number | undefined {
    const kernel = new RecallingKernel(this.#kernel);
    const main = stage.add({
      kernel,
      suspension: this.#company!.suspension,
      prepare: () => this.#connect(given),
      begin: (imports) => this.#begin(given, kernel, imports),
      ended: (error) => void this.#leave(this.#end ?? error),
    });
    try {
      stage.run(main);
    } catch (error) {
      return this.#leave(error);
    }
    return this.#left === undefined ? this.#leave(this.world.deadlock()) : this.#left.code;
  }

  /** It was left by `error`, or has returned: its exit code, if it has one. */
  #leave(error: unknown): number | undefined {
    const code = this.#outcome(error);
    this.#left = { code };
    // A process that has ended has closed all that it had.
    if (isRight(this.options, code) && code !== undefined) this.#kernel.dispose();
    return code;
  }

  /** What it means that the guest was left by `error`. */
  #outcome(error: unknown): number | undefined {
    if (error === undefined) return 0;
    if (error instanceof Exited) return error.code;
    if (error === DONE) return undefined;
    if (error instanceof Deadlock && this.#unfinished === 0) return undefined;
    throw failureOf(error, this.waiting, this.#begun?.fuel.value < 0);
  }

  /** What is wrong with a run that came to its end, if anything is. */
  #judge(code: number | undefined): Failure | undefined {
    if (!isRight(this.options, code)) {
      const said = this.stderr.trim();
      return { kind: 'exit', message: `its exit code is ${code}${said && `: ${said}`}` };
    }
    this.#settle();
    if (this.#unfinished > 0) return { kind: 'unanswered', message: this.waiting.join(', ') };
    try {
      this.options.eventually?.(this);
    } catch (error) {
      return { kind: 'eventually', message: messageOf(error), cause: error };
    }
    return undefined;
  }

  /** A guest that has ended of itself may leave actors that are not done yet. */
  #settle(): void {
    while (this.goesOn && (this.#company ?? this.world).step());
  }
}
