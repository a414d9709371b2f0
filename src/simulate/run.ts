/**
 * One simulated run of a guest, from its start to its end, in this thread and at once: the same
 * module as elsewhere, on a kernel that is made of a seed, with the actors of its world.
 */
import { errnoName } from '../../host/kernel/errno.js';
import { UsageError } from '../../host/kernel/error.js';
import type { PollerName } from '../../host/kernel/readiness.js';
import { ChoiceLog, type Choice } from '../../host/sim/choice-log.js';
import { Deadlock, Livelock } from '../../host/sim/error.js';
import { profileOf, type ProfileName } from '../../host/sim/fault.js';
import type { Timer } from '../../host/sim/scheduler.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import { Sink, Source } from '../../host/sim/stream.js';
import { World } from '../../host/sim/world.js';
import { FileType } from '../../host/kernel/kernel.js';
import { Descriptor } from '../../host/wasi/descriptors.js';
import { formatAddress, parseGrant } from '../grant.js';
import type { Guest } from '../guest.js';
import { assemble, attach, type Assembled, type Grants } from '../instance.js';
import { Actor, type Cast, type Script } from './actor.js';
import { ConnectionError, textOf } from './connection.js';
import { Instrument, type Call, type Course } from './instrument.js';
import { checkRepeatable } from './repeatable.js';

/** The world that a guest meets: it names its actors. Called anew for each run. */
export type WorldScript = (world: WorldOf) => void;

export interface WorldOf {
  /** One more actor; its name is that of its choices and connections. */
  actor(name: string, script: Script): void;
}

/** What a run is made of. */
export interface SimulateOptions {
  /** Of all that the log decides. Default 1. */
  seed?: number;
  /** What happens by chance, and how often. Default: `linux`. */
  profile?: ProfileName;
  /** In place of chance: what is not benign. Then seed and profile decide nothing. */
  log?: readonly Choice[];
  world?: WorldScript;
  /** The program's arguments; the first is its name. Default: the guest's name alone. */
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Listeners, each `[FD=]HOST:PORT[,blocking]`. */
  listen?: readonly string[];
  /** Connections to listeners of actors', each `[FD=]HOST:PORT[,blocking]`. */
  connect?: readonly string[];
  /** What there is to read on stdin. */
  stdin?: string | Uint8Array;
  poller?: PollerName;
  maxDescriptors?: number;
  /** From when on nothing but the benign happens; default: after 10 virtual seconds. */
  healNs?: number;
  /** When the run has failed if an actor is not done; default: an hour after the healing. */
  limitNs?: number;
  /** After each call of the guest: throws if something is not as it must be. */
  invariant?: (run: RunState) => void;
  /** In the end, when all actors are done: throws if something is not as it must be. */
  eventually?: (run: RunState) => void;
  /** The exit codes that are right; default: 0. */
  exitCodes?: readonly number[];
  /** Is told of each call. */
  record?: (call: Call) => void;
  /** Is told of each choice; with a log only. */
  chosen?: (choice: Choice) => void;
}

/** What a property may look at. */
export interface RunState {
  readonly nowNs: number;
  readonly calls: number;
  /** The connections that the guest has accepted and not closed. */
  readonly connections: number;
  /** The guest's memory. */
  readonly memory: Uint8Array;
  readonly stdout: string;
  readonly stderr: string;
  /** Of the actors that are not done. */
  readonly waiting: readonly string[];
}

/** The ways in which a run fails. */
export const failureKinds = {
  trap: 'the guest trapped',
  exit: 'the guest ended with a code that is not right',
  deadlock: 'something waits for ever',
  livelock: 'the guest calls and calls, and nothing happens',
  actor: 'an actor saw what must not be',
  invariant: 'the invariant was broken',
  eventually: 'what had to be in the end was not',
  unanswered: 'an actor was not done in time',
  stack: "the guest's stack overflowed, where depends on V8, so that the run may not repeat",
  nondeterminism: 'the same run went otherwise when it was repeated',
} as const;
export type FailureKind = keyof typeof failureKinds;

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
  /** What was thrown. */
  readonly cause?: unknown;
}

/** How a run went. */
export interface Simulated {
  readonly failure: Failure | undefined;
  /** Its exit code, or undefined: it was ended when all its actors were done. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Of all that the guest asked and was answered: equal for equal runs. */
  readonly hash: string;
  /** The choices that were not benign: the run is repeated by them. */
  readonly log: readonly Choice[];
  readonly calls: number;
  readonly choices: number;
  readonly virtualNs: number;
}

const HEAL_NS = 10e9;
const LIMIT_NS = 3600e9;
/** What a guest may do after its last actor is done: it should close what is to be closed. */
const GRACE_NS = 1e9;
const GRACE_CALLS = 1000;
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
class Done {}

/** A run that has failed. */
class Failed {
  readonly failure: Failure;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    this.failure = { kind, message, cause };
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * Runs a command once. Throws `UsageError` for what cannot be run, or could not be repeated; what
 * the guest does wrong is in the result.
 */
export function simulate(guest: Guest, options: SimulateOptions = {}): Simulated {
  checkRepeatable(guest);
  return new Run(guest, options).result();
}

class Run implements Course, Cast, RunState {
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
  #assembled!: Assembled;
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
    this.world = new World({ choices: this.#log });
    this.#kernel = this.world.kernel({ host: 'guest' });
    this.#limitNs = limitNs ?? healNs + LIMIT_NS;
    this.#heals = this.world.scheduler.at(healNs, () => this.#log.heal());
  }

  result(): Simulated {
    let code: number | undefined;
    let failure: Failure | undefined;
    try {
      this.#assemble();
      code = this.#runGuest();
      failure = this.#judge(code);
    } finally {
      this.#kernel.dispose();
    }
    return {
      failure,
      code,
      stdout: this.stdout,
      stderr: this.stderr,
      hash: this.hash.digest,
      log: this.#log.taken,
      calls: this.calls,
      choices: this.#log.asked,
      virtualNs: this.nowNs,
    };
  }
}
