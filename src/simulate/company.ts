/**
 * The guests that share the world of a run with the one that it is about: each on a machine of its
 * own, in a thread of its own, in lockstep with the world.
 */
import { errnoName } from '../../host/kernel/errno.js';
import { UsageError } from '../../host/kernel/error.js';
import type { PollerName } from '../../host/kernel/readiness.js';
import { Sink, Source } from '../../host/sim/stream.js';
import type { World } from '../../host/sim/world.js';
import { formatAddress, parseGrant } from '../grant.js';
import type { Guest } from '../guest.js';
import { shareMemory } from '../memory-limit.js';
import { textOf } from './connection.js';
import type { Call } from './instrument.js';
import { Companion, type Connecting } from './lockstep/companion.js';
import type { End, Granted, Job } from './lockstep/verb.js';
import { metered } from './module.js';
import { checkRepeatable } from './repeatable.js';

/** One more guest of a world; what is not said here is as for the guest that the run is about. */
export interface CompanionOptions {
  guest: Guest;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  listen?: readonly string[];
  connect?: readonly string[];
  stdin?: string | Uint8Array;
  poller?: PollerName;
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
  readonly recorded: boolean;
  /** A companion that is awaited has ended. */
  finished(): void;
  /** Throws, for the run has failed. */
  companionFailed(kind: 'trap' | 'exit', message: string): never;
}

interface Member {
  readonly options: CompanionOptions;
  readonly companion: Companion;
  readonly stdout: Sink;
  readonly stderr: Sink;
}

const BACKLOG = 4096;
const DEFAULT_DESCRIPTORS = 65536;
const encoder = new TextEncoder();
const shared = new WeakMap<Guest, WebAssembly.Module>();

export class Company {
  readonly #host: Host;
  readonly #members: Member[] = [];

  constructor(host: Host, companions: Readonly<Record<string, CompanionOptions>>) {
    this.#host = host;
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
    return this.#members.flatMap(({ options, companion: { name, end, kernel } }) =>
      options.awaited && end === undefined
        ? [`"${name}" waits for ${kernel.suspended ?? 'its turn'}`]
        : [],
    );
  }

  /** Ends all that have not ended: the hash of each one's calls, and how it fared. */
  dispose(): { hash: string; calls: number; ends: Record<string, CompanionEnd> } {
    let hash = '';
    let calls = 0;
    const ends: Record<string, CompanionEnd> = {};
    for (const { companion, stdout, stderr } of this.#members.splice(0)) {
      const end = companion.dispose();
      companion.kernel.dispose();
      hash += end?.hash ?? '';
      calls += end?.calls ?? 0;
      ends[companion.name] = {
        code: end?.code,
        trap: end?.trap,
        stdout: textOf(stdout.bytes),
        stderr: textOf(stderr.bytes),
        record: end?.record ?? [],
      };
    }
    return { hash, calls, ends };
  }

  #add(name: string, options: CompanionOptions): void {
    const { world, recorded } = this.#host;
    const { guest, args = [guest.name], env = {}, poller = 'epoll', stdin = '' } = options;
    checkRepeatable(guest);
    const kernel = world.kernel({ host: name });
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
      const { fd, blocking, ...address } = parseGrant(text);
      const handle = kernel.listen(address, BACKLOG);
      if (handle < 0)
        throw new UsageError(`cannot listen at ${formatAddress(address)}: ${errnoName(handle)}`);
      granted.push({ fd, handle, kind: 'listener', nonblocking: !blocking });
    }
    const connecting = (options.connect ?? []).map((text): Connecting => {
      const { fd, blocking, ...address } = parseGrant(text);
      const grant: Granted = { fd, handle: -1, kind: 'connection', nonblocking: !blocking };
      granted.push(grant);
      return { address, grant };
    });
    const job: Job = {
      module: sharedModule(guest),
      args: args.map((each) => encoder.encode(each)),
      environ: Object.entries(env).map(([key, value]) => encoder.encode(`${key}=${value}`)),
      poller,
      maxDescriptors: options.maxDescriptors ?? DEFAULT_DESCRIPTORS,
      granted,
      recorded,
    };
    const companion = new Companion(name, kernel, world, job, connecting, (end) =>
      this.#ended(name, options, end),
    );
    this.#members.push({ options, companion, stdout, stderr });
  }

  #ended(name: string, { exitCodes = [0], awaited = false }: CompanionOptions, end: End): void {
    if (end.trap !== undefined)
      this.#host.companionFailed('trap', `the guest "${name}" trapped: ${end.trap}`);
    if (end.code !== undefined && !exitCodes.includes(end.code))
      this.#host.companionFailed('exit', `the exit code of "${name}" is ${end.code}`);
    if (awaited) this.#host.finished();
  }
}

/** The module with a memory that its thread and the world's can share. */
function sharedModule(guest: Guest): WebAssembly.Module {
  let module = shared.get(guest);
  if (module === undefined) {
    const { bytes } = metered(guest);
    module = new WebAssembly.Module(shareMemory(bytes) as Uint8Array<ArrayBuffer>);
    shared.set(guest, module);
  }
  return module;
}
