/**
 * The guests that share the world of a run with the one that it is about, each on a machine of its
 * own: on stacks of their own where the engine has those (JSPI), in threads in lockstep elsewhere.
 * It is the same run either way.
 */
import process from 'node:process';

import { errnoName } from '../../host/kernel/errno.js';
import { UsageError } from '../../host/kernel/error.js';
import type { PollerName } from '../../host/kernel/readiness.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import { Sink, Source } from '../../host/sim/stream.js';
import { Suspension } from '../../host/sim/suspension.js';
import type { World } from '../../host/sim/world.js';
import { formatAddress } from '../grant.js';
import type { Guest } from '../guest.js';
import { hasStartFunction } from '../memory-limit.js';
import { checkPolling, type PollName } from '../polling.js';
import type { Connecting } from './connecting.js';
import { textOf } from './connection.js';
import { parseSimulatedGrant } from './grant.js';
import type { Call } from './instrument.js';
import { Companion } from './lockstep/companion.js';
import { MEMORY_CHOICES, moduleOf } from './module.js';
import type { SimulateOptions } from './outcome.js';
import { LOOPS, type End, type Granted, type Program } from './program.js';
import { checkRepeatable } from './repeatable.js';
import { StackCompanion } from './stack/companion.js';
import { hasStacks } from './stack/realm.js';
import { Stage } from './stack/stage.js';

/** One more guest of a world; what is not said here is as for the guest that the run is about. */
export interface CompanionOptions {
  guest: Guest;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  listen?: readonly string[];
  connect?: readonly string[];
  stdin?: string | Uint8Array;
  poller?: PollerName;
  poll?: PollName;
  strict?: boolean;
  maxDescriptors?: number;
  exitCodes?: readonly number[];
  /** True: the run is not over before it has ended, by itself. Default: false. */
  awaited?: boolean;
}

/** How a companion fared. */
export interface CompanionEnd {
  /** Its exit code; undefined: it was ended with the run, or trapped. */
  readonly code: number | undefined;
  readonly trap: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Its calls, if the run was recorded. */
  readonly record: readonly Call[];
}

/** What a run is told of its companions. */
export interface Host {
  readonly world: World;
  /** Is told of the calls of the guest that the run is about. */
  readonly record: ((call: Call) => void) | undefined;
  readonly options: Pick<SimulateOptions, 'refuseMemory' | 'fuel'>;
  /** True while there shall be more events. */
  readonly goesOn: boolean;
  /** Throws if the run has lasted too long. */
  tick(): void;
  /** A companion that is awaited has ended. */
  finished(): void;
  /** Throws, for the run has failed, unless a fault is to blame. */
  companionFailed(kind: 'trap' | 'exit' | 'livelock', message: string): void;
}

interface Member {
  readonly name: string;
  readonly options: CompanionOptions;
  readonly kernel: SimKernel;
  readonly guest: Companion | StackCompanion;
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** How guests that share a world are run. */
export const ways = ['stacks', 'threads'] as const;
export type Way = (typeof ways)[number];

/** Makes the company of a run. */
export type CompanyOf = (...given: ConstructorParameters<typeof Company>) => Company;

const BACKLOG = 4096;
const DEFAULT_DESCRIPTORS = 65536;
const encoder = new TextEncoder();

export class Company {
  /** Undefined: they are in threads. */
  readonly stage: Stage | undefined;
  /** How the guest that the run is about waits. */
  readonly suspension: Suspension;
  readonly #host: Host;
  readonly #members: Member[] = [];

  /** `kernel` is that of the guest that the run is about, `main`. */
  constructor(
    host: Host,
    main: Guest,
    kernel: SimKernel,
    companions: Readonly<Record<string, CompanionOptions>>,
  ) {
    const { world } = host;
    this.#host = host;
    const guests = [main, ...Object.values(companions).map(({ guest }) => guest)];
    guests.forEach(checkRepeatable);
    if (wayOf(guests) === 'stacks') this.stage = new Stage(world, () => this.step());
    this.suspension = new Suspension(
      world,
      kernel.waits,
      this.stage ? undefined : () => this.#wait(),
    );
    kernel.suspension = this.suspension;
    try {
      for (const [name, options] of Object.entries(companions)) this.#add(name, options);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** How many the run waits for. */
  get awaited(): number {
    return this.#members.filter(({ options }) => options.awaited).length;
  }

  /** What those wait for that the run waits for. */
  get waiting(): string[] {
    return this.#members.flatMap(({ name, options, guest, kernel }) =>
      options.awaited && guest.end === undefined
        ? [`"${name}" waits for ${kernel.suspended ?? 'its turn'}`]
        : [],
    );
  }

  /** The next event, and what the guest in a thread does whose turn it is then; false: no more. */
  step(): boolean {
    const { world, goesOn } = this.#host;
    if (!goesOn || !world.step()) return false;
    this.#host.tick();
    if (this.stage !== undefined || world.turn === undefined) return true;
    for (const { kernel, guest } of this.#members)
      if (kernel.suspension === world.turn) (guest as Companion).go();
    return true;
  }

  /** Ends all that have not ended: the hash of each one's calls, and how it fared. */
  dispose(): { hash: string; calls: number; ends: Record<string, CompanionEnd> } {
    let hash = '';
    let calls = 0;
    const ends: Record<string, CompanionEnd> = {};
    for (const { name, guest, kernel, stdout, stderr } of this.#members.splice(0)) {
      const end = guest.dispose();
      kernel.dispose();
      hash += end?.hash ?? '';
      calls += end?.calls ?? 0;
      ends[name] = {
        code: end?.code,
        trap: end?.trap,
        stdout: textOf(stdout.bytes),
        stderr: textOf(stderr.bytes),
        record: end?.record ?? [],
      };
    }
    this.stage?.dispose();
    return { hash, calls, ends };
  }

  /** The guest that the run is about waits where it stands, and the others have their turns. */
  #wait(): void {
    const { world } = this.#host;
    do {
      if (!this.step()) throw world.deadlock();
    } while (world.turn !== this.suspension);
  }

  #add(name: string, options: CompanionOptions): void {
    const { world, record } = this.#host;
    const { refuseMemory, fuel } = this.#host.options;
    const { guest, args = [guest.name], env = {}, poller = 'epoll', stdin = '' } = options;
    if (name === 'guest')
      throw new UsageError(
        '"guest" is what the guest of the run is called: name the other one anew',
      );
    checkPolling(options);
    const kernel = world.kernel({ host: name });
    kernel.suspension = new Suspension(world, kernel.waits);
    const stdout = new Sink();
    const stderr = new Sink();
    const input = typeof stdin === 'string' ? encoder.encode(stdin) : stdin;
    const granted: Granted[] = [new Source(input), stdout, stderr].map((file, fd) => ({
      fd,
      handle: kernel.open(file),
      kind: fd === 0 ? 'in' : 'out',
      nonblocking: false,
    }));
    for (const text of options.listen ?? []) {
      const { fd, blocking, ...address } = parseSimulatedGrant(text);
      const handle = kernel.listen(address, BACKLOG);
      if (handle < 0)
        throw new UsageError(`cannot listen at ${formatAddress(address)}: ${errnoName(handle)}`);
      granted.push({ fd, handle, kind: 'listener', nonblocking: !blocking });
    }
    const connecting = (options.connect ?? []).map((text): Connecting => {
      const { fd, blocking, ...address } = parseSimulatedGrant(text);
      const grant: Granted = { fd, handle: -1, kind: 'connection', nonblocking: !blocking };
      granted.push(grant);
      return { address, grant };
    });
    const program: Program = {
      args: args.map((each) => encoder.encode(each)),
      environ: Object.entries(env).map(([key, value]) => encoder.encode(`${key}=${value}`)),
      poller,
      edge: options.poll === 'edge',
      strict: options.strict,
      maxDescriptors: options.maxDescriptors ?? DEFAULT_DESCRIPTORS,
      granted,
      recorded: record !== undefined,
    };
    const room = refuseMemory ? world.choices.choose(`${name}/memory`, MEMORY_CHOICES) : 0;
    const module = moduleOf(guest, room, { fuel, shared: this.stage === undefined });
    const ended = (end: End) => this.#ended(name, options, end);
    const running =
      this.stage === undefined
        ? new Companion(kernel, { ...module, program }, connecting, ended)
        : new StackCompanion(this.stage, kernel, module, program, connecting, ended);
    this.#members.push({ name, options, kernel, guest: running, stdout, stderr });
  }

  #ended(name: string, { exitCodes = [0], awaited = false }: CompanionOptions, end: End): void {
    if (end.trap === LOOPS) this.#host.companionFailed('livelock', `the guest "${name}": ${LOOPS}`);
    else if (end.trap !== undefined)
      this.#host.companionFailed('trap', `the guest "${name}" trapped: ${end.trap}`);
    if (end.code !== undefined && !exitCodes.includes(end.code))
      this.#host.companionFailed('exit', `the exit code of "${name}" is ${end.code}`);
    if (awaited) this.#host.finished();
  }
}

/**
 * The way in which these guests are run. A guest whose module has a start function can only be in a
 * thread: that function is called by no export, so it has no stack to be suspended with.
 */
function wayOf(guests: readonly Guest[]): Way {
  const chosen = process.env['POLLUX_COMPANY'];
  if (chosen !== undefined && !ways.includes(chosen as Way)) {
    throw new UsageError(
      `POLLUX_COMPANY is "${chosen}": guests that share a world run in ${ways.join(' or ')}`,
    );
  }
  if (chosen === 'stacks' && !hasStacks) {
    throw new UsageError(
      `POLLUX_COMPANY is "stacks", which need WebAssembly.Suspending, and Node ` +
        `${process.version} has none: leave it unset, or take Node 24 or newer`,
    );
  }
  if (chosen === 'threads' || !hasStacks) return 'threads';
  return guests.some(({ bytes }) => hasStartFunction(bytes!)) ? 'threads' : 'stacks';
}
