/**
 * Runs a guest again and again, each time with another seed, until one run fails; then makes that
 * failure small and says what it was.
 */
import type { Choice } from '../../host/sim/choice-log.js';
import { inWords, type ProfileName } from '../../host/sim/fault.js';
import { GuestError } from '../../host/kernel/error.js';
import type { Guest } from '../guest.js';
import { contentsOf } from './directories.js';
import { explore } from './explore.js';
import { describeCall, type Call } from './instrument.js';
import { sideBySide } from './lanes.js';
import {
  failureKinds,
  type Failure,
  type FailureKind,
  type SimulateOptions,
  type Simulated,
} from './outcome.js';
import { simulate } from './simulate.js';
import { shrink, type Shrunk } from './shrink.js';
import { tokenOf } from './token.js';

export interface CheckOptions extends Omit<SimulateOptions, 'log' | 'record' | 'chosen'> {
  /** How many seeds; default 100. `seed` is the first of them. */
  runs?: number;
  /** True: every run is run twice, and must go the same way; otherwise one in sixteen. */
  paranoid?: boolean;
  /**
   * In place of seeds: all runs in which at most so many choices are not benign. `runs` is then the
   * most of them.
   */
  exhaustive?: number;
  /** With `exhaustive`: how many values of a choice are tried at most; default 3. */
  values?: number;
  /** How many runs may be spent on making a failure small; default 1,000. */
  shrinkRuns?: number;
  /** Is told how far it is, now and then. */
  progress?: (progress: Checked) => void;
  /** Ends it early. */
  signal?: AbortSignal;
}

/** What was checked, and found good. */
export interface Checked {
  readonly runs: number;
  readonly calls: number;
  readonly choices: number;
  /** Choices that were not benign. */
  readonly faults: number;
  readonly virtualNs: number;
  /** Runs that differed from each other. */
  readonly different: number;
  /** False: it was ended early, or there were more schedules than `runs`. */
  readonly complete: boolean;
  /** With `exhaustive`: how many runs there are, as far as that is known. */
  readonly known?: number;
}

/** A guest failed. `message` is the report of it. */
export class CheckError extends GuestError {
  readonly failure: Failure;
  /** The seed that found it; undefined: it was found without. */
  readonly seed: number | undefined;
  /** The fewest choices with which it fails. */
  readonly log: readonly Choice[];
  /** `npx pollux replay TOKEN` repeats it. */
  readonly token: string;
  readonly checked: Checked;

  constructor(found: Found, report: string) {
    super(report);
    this.failure = found.failure;
    this.seed = found.seed;
    this.log = found.log;
    this.token = found.token;
    this.checked = found.checked;
  }
}

interface Found {
  failure: Failure;
  seed: number | undefined;
  profile: ProfileName;
  log: readonly Choice[];
  token: string;
  checked: Checked;
}

const TWICE_OF = 16;
const LAST_CALLS = 12;
/** For so long it does not look at the event loop. */
const SLICE_MS = 50;

/**
 * Checks a guest. Throws `CheckError` for the first run that fails, `UsageError` for what cannot be
 * run.
 */
export async function check(guest: Guest, given: CheckOptions = {}): Promise<Checked> {
  // Once for all runs, which would otherwise differ by what is written there meanwhile.
  const options = { ...given, dirs: contentsOf(given.dirs) };
  const tally = new Tally();
  const planned = plan(guest, options);
  for (const slice = new Slice(); ;) {
    const next = planned.next();
    if (next.done === true) return tally.now(next.value);
    const { run, log, seed, known } = next.value;
    tally.count(run);
    tally.known = known;
    const twice = options.paranoid === true || tally.runs % TWICE_OF === 1;
    const failure = run.failure ?? (twice ? repeated(guest, options, run, log) : undefined);
    if (failure !== undefined)
      throw await errorOf(guest, options, seed, { ...run, failure }, tally);
    if (!slice.over) continue;
    options.progress?.(tally.now(false));
    await slice.next();
    if (options.signal?.aborted) return tally.now(false);
  }
}

/** Runs go on for a while, and then the event loop has its turn. */
class Slice {
  #startMs = performance.now();

  get over(): boolean {
    return performance.now() - this.#startMs >= SLICE_MS;
  }

  async next(): Promise<void> {
    await new Promise(setImmediate);
    this.#startMs = performance.now();
  }
}

interface Planned {
  run: Simulated;
  log: readonly Choice[] | undefined;
  seed: number | undefined;
  known?: number;
}

/** The runs, one after the other; in the end, whether there are no more. */
function* plan(guest: Guest, options: CheckOptions): Generator<Planned, boolean, void> {
  const { runs = 100, seed: first = 1, exhaustive, values = 3, profile = 'linux' } = options;
  if (exhaustive !== undefined) {
    const { runs: most = Infinity } = options;
    let done = 0;
    const bounds = { most: exhaustive, values, profile };
    const runLog = (log: readonly Choice[], chosen: (choice: Choice) => void) =>
      simulate(guest, { ...options, log, chosen });
    for (const { run, log, known } of explore(runLog, bounds)) {
      yield { run, log, seed: undefined, known };
      if (++done >= most) return known === done;
    }
    return true;
  }
  for (let seed = first; seed < first + runs; seed++)
    yield { run: simulate(guest, { ...options, seed }), log: undefined, seed };
  return true;
}

/** Runs a run again, by its log: it must go the same way. */
function repeated(
  guest: Guest,
  options: CheckOptions,
  run: Simulated,
  log: readonly Choice[] | undefined,
): Failure | undefined {
  const again = simulate(guest, { ...options, log: log ?? run.log });
  if (again.hash === run.hash) return undefined;
  const message = `its trace hash was ${run.hash}, and then ${again.hash}`;
  return { kind: 'nondeterminism', message };
}

class Tally {
  runs = 0;
  known: number | undefined;
  #calls = 0;
  #choices = 0;
  #faults = 0;
  #virtualNs = 0;
  readonly #hashes = new Set<number>();

  count({ calls, choices, log, virtualNs, hash }: Simulated): void {
    this.runs++;
    this.#calls += calls;
    this.#choices += choices;
    this.#faults += log.length;
    this.#virtualNs += virtualNs;
    // Of a set there is an end at 2^24; half of the digits are enough to count by.
    if (this.#hashes.size < 2 ** 23) this.#hashes.add(Number.parseInt(hash.slice(0, 12), 16));
  }

  now(complete: boolean): Checked {
    return {
      runs: this.runs,
      calls: this.#calls,
      choices: this.#choices,
      faults: this.#faults,
      virtualNs: this.#virtualNs,
      different: this.#hashes.size,
      complete,
      ...(this.known !== undefined && { known: this.known }),
    };
  }
}

/** Two checks as one. */
export function sum(a: Checked, b: Checked): Checked {
  return {
    runs: a.runs + b.runs,
    calls: a.calls + b.calls,
    choices: a.choices + b.choices,
    faults: a.faults + b.faults,
    virtualNs: a.virtualNs + b.virtualNs,
    different: a.different + b.different,
    complete: a.complete && b.complete,
  };
}

/** The smallest log with which a run fails in a way; a small one, where that was ended early. */
async function smallest(
  guest: Guest,
  options: CheckOptions,
  log: readonly Choice[],
  kind: FailureKind,
): Promise<Shrunk> {
  const steps = shrink(log, options.shrinkRuns ?? 1000);
  const slice = new Slice();
  const ended = () => options.signal?.aborted === true;
  let step = steps.next(false);
  while (step.done !== true) {
    const fails =
      !ended() && simulate(guest, { ...options, log: step.value }).failure?.kind === kind;
    step = steps.next(fails);
    if (slice.over) await slice.next();
  }
  return { ...step.value, cut: step.value.cut || ended() };
}

/** Makes a failure small, and tells it. */
async function errorOf(
  guest: Guest,
  options: CheckOptions,
  seed: number | undefined,
  run: Simulated & { failure: Failure },
  tally: Tally,
): Promise<CheckError> {
  const { profile = 'linux' } = options;
  const kind = run.failure.kind;
  const small =
    kind === 'nondeterminism'
      ? { choices: run.log, runs: 0, cut: false }
      : await smallest(guest, options, run.log, kind);
  const calls: Call[] = [];
  const last = simulate(guest, {
    ...options,
    log: small.choices,
    record: (call) => {
      calls.push(call);
      if (calls.length > LAST_CALLS) calls.shift();
    },
  });
  // The choices as they are made in the small run, where there may be fewer alternatives.
  const log = kind === 'nondeterminism' ? run.log : last.log;
  const failure = last.failure?.kind === kind ? last.failure : run.failure;
  const found: Found = {
    failure,
    seed,
    profile,
    log,
    token: tokenOf(guest, options, log),
    checked: tally.now(false),
  };
  const told = callsOf(guest, calls, last);
  return new CheckError(found, reportOf(guest, options, found, run.log.length, small.cut, told));
}

/** The last calls, in lines: of one guest, or of several in lanes. */
function callsOf({ name }: Guest, calls: readonly Call[], { companions }: Simulated): string[] {
  const others = Object.entries(companions).map(([lane, { record }]) => [lane, record] as const);
  if (others.length === 0) return calls.map((call) => `  ${describeCall(call)}`);
  return sideBySide(new Map([[name, calls], ...others]), LAST_CALLS);
}

function reportOf(
  guest: Guest,
  options: CheckOptions,
  { failure, seed, profile, log, token }: Found,
  before: number,
  cut: boolean,
  calls: readonly string[],
): string {
  const where = seed === undefined ? '' : ` with seed ${seed} of profile "${profile}"`;
  const faults =
    log.length === 0
      ? ['no fault is needed for that']
      : [
          `faults: ${log.length} of ${before}${cut ? ', and maybe fewer would do' : ''}`,
          ...log.map(describeChoice),
        ];
  const world =
    options.world === undefined || options.world.origin !== undefined
      ? ''
      : ' --world FILE (whose export "world" is this one)';
  return [
    `${guest.name} fails${where}: ${failureKinds[failure.kind]}`,
    `  ${failure.message}`,
    ...faults,
    'the last calls:',
    ...calls,
    'to repeat it:',
    `  npx pollux replay ${token}${world}`,
  ].join('\n');
}

/** A choice in a line: what it did, and how it is written down. */
export function describeChoice({ label, ordinal, alternatives, value }: Choice): string {
  return `  ${inWords(label)} (${label} #${ordinal + 1}: ${value} of 0 to ${alternatives - 1})`;
}
