/**
 * The choice log: the one source of chance in a simulated run. Only what was not benign is written
 * down, each with its label and the how-manieth choice of that label it was. So every set of such
 * choices is a run of its own: the whole set repeats the run that made it, and one that some were
 * taken from is the same run with fewer faults.
 */
import type { Choices, Point } from './choice.js';
import { decisionOf, RATE_UNIT, type Profile } from './fault.js';
import { Stream } from './prng.js';

/** A choice that was made. */
export interface Choice {
  readonly label: string;
  /** How many choices were made by this label before. */
  readonly ordinal: number;
  readonly alternatives: number;
  /** 0 to `alternatives` - 1; 0 is the benign one. */
  readonly value: number;
}

/** All that is known of a label. */
class Site implements Point {
  readonly #log: ChoiceLog;
  readonly #label: string;
  readonly #rate: number;
  readonly #stream: Stream | undefined;
  /** By ordinal. */
  readonly #given: ReadonlyMap<number, number> | undefined;
  #ordinal = 0;

  constructor(
    log: ChoiceLog,
    label: string,
    rate: number,
    stream: Stream | undefined,
    given: ReadonlyMap<number, number> | undefined,
  ) {
    this.#log = log;
    this.#label = label;
    this.#rate = rate;
    this.#stream = stream;
    this.#given = given;
  }

  choose(alternatives: number): number {
    const log = this.#log;
    const ordinal = this.#ordinal++;
    log.asked++;
    let value = 0;
    if (this.#stream !== undefined) {
      if (!log.healed && alternatives > 1) value = this.#drawn(this.#stream, alternatives);
    } else if (this.#given !== undefined) {
      // In a run with fewer faults there may be fewer alternatives.
      value = Math.min(this.#given.get(ordinal) ?? 0, alternatives - 1);
    }
    if (value !== 0 || log.told !== undefined) {
      const choice = { label: this.#label, ordinal, alternatives, value };
      if (value !== 0) log.taken.push(choice);
      log.told?.(choice);
    }
    return value;
  }

  /** Of the values the two extreme ones are the likeliest, for bugs live at the ends. */
  #drawn(stream: Stream, alternatives: number): number {
    const word = stream.word();
    if (word % RATE_UNIT >= this.#rate) return 0;
    const kind = word >>> 30;
    if (kind === 0) return 1;
    return kind === 1 ? alternatives - 1 : 1 + stream.below(alternatives - 1);
  }
}

type SiteOf = (log: ChoiceLog, label: string) => Site;

export class ChoiceLog implements Choices {
  /** What was chosen and is not benign, in the order of the choices. */
  readonly taken: Choice[] = [];
  /** How many choices were made. */
  asked = 0;
  readonly calm: boolean;
  /** True from `heal` on. */
  healed = false;
  readonly told: ((choice: Choice) => void) | undefined;
  readonly #sites = new Map<string, Site>();
  readonly #siteOf: SiteOf;

  private constructor(
    siteOf: SiteOf,
    { told, calm = false }: { told?: ((choice: Choice) => void) | undefined; calm?: boolean },
  ) {
    this.#siteOf = siteOf;
    this.told = told;
    this.calm = calm;
  }

  /** Chooses by chance, at the rates of a profile. */
  static seeded(seed: number, profile: Profile): ChoiceLog {
    const siteOf: SiteOf = (log, label) => {
      const rate = profile.rate(decisionOf(label));
      const stream = rate > 0 ? new Stream(seed, label) : undefined;
      return new Site(log, label, rate, stream, undefined);
    };
    return new ChoiceLog(siteOf, { calm: profile.name === 'calm' });
  }

  /**
   * Chooses what a log says, and what the log does not name benignly; `told` hears of every choice,
   * the benign ones too.
   */
  static replayed(choices: readonly Choice[], told?: (choice: Choice) => void): ChoiceLog {
    const given = new Map<string, Map<number, number>>();
    for (const { label, ordinal, value } of choices) {
      let values = given.get(label);
      if (!values) given.set(label, (values = new Map()));
      values.set(ordinal, value);
    }
    const siteOf: SiteOf = (log, label) => new Site(log, label, 0, undefined, given.get(label));
    return new ChoiceLog(siteOf, { told });
  }

  choose(label: string, alternatives: number): number {
    return this.point(label).choose(alternatives);
  }

  point(label: string): Point {
    let site = this.#sites.get(label);
    if (site === undefined) this.#sites.set(label, (site = this.#siteOf(this, label)));
    return site;
  }

  /** From now on everything is benign. */
  heal(): void {
    this.healed = true;
  }
}
