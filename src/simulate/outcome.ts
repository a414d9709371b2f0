/**
 * What a run is made of, and how it went.
 */
import type { SocketAddress } from '../../host/kernel/kernel.js';
import type { PollerName } from '../../host/kernel/readiness.js';
import { Deadlock, Livelock } from '../../host/sim/error.js';
import type { Choice } from '../../host/sim/choice-log.js';
import type { ProfileName } from '../../host/sim/fault.js';
import type { Disk } from '../../host/sim/disk.js';
import type { SegmentListener } from '../../host/sim/segment.js';
import type { PollName } from '../polling.js';
import type { CompanionEnd, CompanionOptions } from './company.js';
import type { AllContents } from './contents.js';
import type { DirectoryContents } from './directories.js';
import type { Call } from './instrument.js';
import type { WorldScript } from './world.js';

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
  /**
   * By their names for the guest, directories of this machine, or what there is in them. The guest
   * has a copy of its own in each run.
   */
  dirs?: Readonly<Record<string, DirectoryContents>>;
  /** How many bytes its disk has; default: 256 MiB. */
  diskBytes?: number;
  /** Guests that share the world with this one, by their names, each on a machine of its own. */
  companions?: Readonly<Record<string, CompanionOptions>>;
  /** What there is to read on stdin. */
  stdin?: string | Uint8Array;
  /** True: stdin and stdout are pipes to the actors (`me.stdin`, `me.stdout`). */
  pipes?: boolean;
  poller?: PollerName;
  /** As in a sandbox. */
  poll?: PollName;
  strict?: boolean;
  maxDescriptors?: number;
  /**
   * True: in some runs its memory can grow no further from the beginning on, or soon. Few guests
   * can do without, so that this is no part of a profile.
   */
  refuseMemory?: boolean;
  /**
   * How many loops, and calls of its own functions, a guest may make between two calls of the
   * host's; default: 100 million. One that makes more is taken for one that would never end.
   */
  fuel?: number;
  /**
   * How often the guest's process may die, at any of its calls, to be started anew with the same
   * grants after a while. Default: 0, for few worlds expect it; a file of a world may export it.
   */
  crashes?: number;
  /**
   * True: its machine may die with it, and then what was not synced to the disk may be lost.
   * Default: what a process wrote outlives it.
   */
  powerLoss?: boolean;
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
  /** Is told of each segment of the network. */
  segment?: SegmentListener;
  /** Is told of each choice. */
  chosen?: (choice: Choice) => void;
}

/** A run's options when all that it needs of this machine was read, and how it may be led. */
export interface RunOptions extends Omit<SimulateOptions, 'dirs'> {
  dirs?: AllContents;
  /** Is asked for each choice, before the log and chance are; undefined: it leaves it to them. */
  decide?: (label: string, alternatives: number, nowNs: number) => number | undefined;
  /** Is told of the call that the guest was in when it was ended; its errno is empty. */
  unfinished?: (call: Call) => void;
  /** Is told of each connection that an actor begins, by its name, and of its own address. */
  connected?: (name: string, local: SocketAddress) => void;
}

export const messageOf = (error: unknown) =>
  error instanceof Error ? error.message : String(error);

/** True if a guest may end so; undefined: it was ended. */
export const isRight = ({ exitCodes = [0] }: RunOptions, code: number | undefined): boolean =>
  code === undefined || exitCodes.includes(code);

/** What lies on the guest's disk, by its paths. */
export type DiskView = Pick<Disk, 'read' | 'list'>;

/** What a property may look at. */
export interface RunState {
  readonly nowNs: number;
  readonly calls: number;
  /** How often its process has died. */
  readonly crashes: number;
  /** The connections that the guest has accepted and not closed. */
  readonly connections: number;
  /** The address of who is at the other end of a descriptor that is a connection. */
  peerOf(fd: number): SocketAddress | undefined;
  /** The guest's memory. */
  readonly memory: Uint8Array;
  readonly stdout: string;
  readonly stderr: string;
  readonly disk: DiskView;
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
  /** As the run has left it. */
  readonly disk: DiskView;
  /** Of all that the guest asked and was answered: equal for equal runs. */
  readonly hash: string;
  /** The choices that were not benign: the run is repeated by them. */
  readonly log: readonly Choice[];
  readonly calls: number;
  readonly choices: number;
  readonly virtualNs: number;
  /** By their names. */
  readonly companions: Readonly<Record<string, CompanionEnd>>;
}

/** Ends a run that has failed. */
export class Failed {
  readonly failure: Failure;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    this.failure = { kind, message, cause };
  }
}

const SPENT = 'the guest loops, and calls nothing; if it has so much to compute, give it more fuel';

/**
 * What it means that a guest was left by `error`: a failure of the run, or whatever else it is.
 * `spent`: it has no fuel left.
 */
export function failureOf(error: unknown, waiting: readonly string[], spent: boolean): unknown {
  if (error instanceof Deadlock)
    return new Failed('deadlock', [error.message, ...waiting].join('; '), error);
  if (error instanceof Livelock) return new Failed('livelock', error.message, error);
  if (error instanceof RangeError) return new Failed('stack', error.message, error);
  if (error instanceof WebAssembly.RuntimeError && spent)
    return new Failed('livelock', SPENT, error);
  if (error instanceof WebAssembly.RuntimeError) return new Failed('trap', error.message, error);
  if (error instanceof WebAssembly.Exception)
    return new Failed('trap', 'an exception was not caught', error);
  return error;
}
