/**
 * A reactor in Node's own event loop: `turn` is called once at the start and then whenever
 * something that its last poll_oneoff asked for is ready, or that poll's clock has run out. No call
 * of it ever waits, so the loop stays free; a turn that computes for ever would hold it, which is
 * why untrusted guests are commands.
 */
import { LinuxKernel, type LinuxPoller } from '../host/linux/linux-kernel.js';
import { make, type Made, type Plan } from './instance.js';

/** Turns in a row before the rest of the event loop gets its own. */
const TURNS_IN_A_ROW = 8;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

class Exit {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

export type ReactorEnd = { code: number } | { trap: unknown };

export class Reactor {
  readonly #kernel = new LinuxKernel();
  #made!: Made;
  /** End the watches of its interest sets. */
  readonly #watches = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Immediate | undefined;
  #turning = false;
  #end: ReactorEnd | undefined;
  readonly #ended: (end: ReactorEnd) => void;

  private constructor(ended: (end: ReactorEnd) => void) {
    this.#ended = ended;
  }

  /** Makes the guest of `plan` and schedules its first turn; `ended` is called once. */
  static async start(
    plan: Plan,
    ended: (end: ReactorEnd) => void,
    warn: (sentence: string) => void,
  ): Promise<Reactor> {
    const reactor = new Reactor(ended);
    const exit = (code: number): never => {
      reactor.#end ??= { code };
      throw new Exit(code);
    };
    try {
      reactor.#made = await make(plan, async () => plan.module, reactor.#kernel, {
        embedded: true,
        watch: (poller) => reactor.#watch(poller as LinuxPoller),
        exit,
        interrupted: () => {},
        warn,
      });
      const { exports } = reactor.#made.instance;
      if (exports['_initialize']) reactor.#call(exports['_initialize'] as () => void);
    } catch (error) {
      reactor.#unwatch();
      reactor.#kernel.dispose();
      throw error;
    }
    reactor.#again = setImmediate(() => reactor.#turns());
    return reactor;
  }

  /** Ends the guest between two turns, or after this one. */
  stop(): void {
    this.#end ??= { code: 0 };
    if (!this.#turning) this.#finish();
  }

  /** Accepts no more, and ends with the last connection. */
  drain(): void {
    const { descriptors } = this.#made.process;
    descriptors.retireListeners();
    descriptors.drained = () => this.stop();
    if (descriptors.connections === 0) this.stop();
    else this.#again ??= setImmediate(() => this.#turns());
  }

  #turns(): void {
    if (this.#end && !this.#turning) return this.#finish();
    clearTimeout(this.#timer);
    if (this.#again) clearImmediate(this.#again);
    this.#again = undefined;
    const turn = this.#made.instance.exports['turn'] as () => number | undefined;
    const { poll, process } = this.#made;
    let more = true;
    for (let i = 0; more && !this.#end && i < TURNS_IN_A_ROW; i++) {
      poll.settled = true;
      process.pendingTimeoutNs = Infinity;
      // What its last poll has not asked for yet is not watched: a turn whose poll found something
      // is followed by another.
      more = this.#call(turn) === 1 || !poll.settled;
    }
    if (this.#end) return this.#finish();
    if (more) {
      this.#again = setImmediate(() => this.#turns());
    } else if (process.pendingTimeoutNs !== Infinity) {
      const ms = Math.min(Math.ceil(process.pendingTimeoutNs / 1e6), LONGEST_TIMER_MS);
      this.#timer = setTimeout(() => this.#turns(), ms);
    }
  }

  #call<Result>(guestFunction: () => Result): Result | undefined {
    this.#turning = true;
    try {
      return guestFunction();
    } catch (error) {
      if (!(error instanceof Exit)) this.#end ??= { trap: error };
      return undefined;
    } finally {
      this.#turning = false;
    }
  }

  #watch(poller: LinuxPoller): () => void {
    const end = poller.watch(() => this.#turns());
    const unwatch = () => {
      this.#watches.delete(unwatch);
      end();
    };
    this.#watches.add(unwatch);
    return unwatch;
  }

  #unwatch(): void {
    for (const unwatch of this.#watches) unwatch();
  }

  #finish(): void {
    this.#unwatch();
    clearTimeout(this.#timer);
    if (this.#again) clearImmediate(this.#again);
    this.#made.trace?.close();
    this.#kernel.dispose();
    const end = this.#end!;
    this.#ended(end);
  }
}
