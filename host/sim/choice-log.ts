/**
 * The choice log: the one source of chance in a simulated run. Only what was not benign is written
 * down, each with its label and the how-manieth choice of that label it was. So every set of such
 * choices is a run of its own: the whole set repeats the run that made it, and one that some were
 * taken from is the same run with fewer faults.
 */
import type { Choices } from './choice.js';
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
interface Site {
  ordinal: number;
  readonly rate: number;
  readonly stream: Stream | undefined;
  /** By ordinal. */
  readonly given: ReadonlyMap<number, number> | undefined;
}

export class ChoiceLog implements Choices {
  /** What was chosen and is not benign, in the order of the choices. */
  readonly taken: Choice[] = [];
  /** How many choices were made. */
  asked = 0;
  readonly calm: boolean;
  #healed = false;
  readonly #sites = new Map<string, Site>();
  readonly #siteOf: (label: string) => Site;
  readonly #told: ((choice: Choice) => void) | undefined;

  private constructor(
    siteOf: (label: string) => Site,
    { told, calm = false }: { told?: ((choice: Choice) => void) | undefined; calm?: boolean },
  ) {
    this.#siteOf = siteOf;
    this.#told = told;
    this.calm = calm;
  }

  /** Chooses by chance, at the rates of a profile. */
  static seeded(seed: number, profile: Profile): ChoiceLog {
    const siteOf = (label: string): Site => {
      const rate = profile.rate(decisionOf(label));
      const stream = rate > 0 ? new Stream(seed, label) : undefined;
      return { ordinal: 0, rate, stream, given: undefined };
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
    return new ChoiceLog(
      (label) => ({ ordinal: 0, rate: 0, stream: undefined, given: given.get(label) }),
      { told },
    );
  }

  choose(label: string, alternatives: number): number {
    this.asked++;
    let site = this.#sites.get(label);
    if (site === undefined) this.#sites.set(label, (site = this.#siteOf(label)));
    const ordinal = site.ordinal++;
    let value = 0;
    if (site.stream !== undefined) value = this.#drawn(site.stream, site.rate, alternatives);
    // In a run with fewer faults there may be fewer alternatives.
    else if (site.given !== undefined)
      value = Math.min(site.given.get(ordinal) ?? 0, alternatives - 1);
    if (value !== 0) this.taken.push({ label, ordinal, alternatives, value });
    if (this.#told !== undefined) this.#told({ label, ordinal, alternatives, value });
    return value;
  }

  /** From now on everything is benign. */
  heal(): void {
    this.#healed = true;
  }

  /** Of the values the two extreme ones are the likeliest, for bugs live at the ends. */
  #drawn(stream: Stream, rate: number, alternatives: number): number {
    if (this.#healed || alternatives < 2) return 0;
    const word = stream.word();
    if (word % RATE_UNIT >= rate) return 0;
    const kind = word >>> 30;
    if (kind === 0) return 1;
    return kind === 1 ? alternatives - 1 : 1 + stream.below(alternatives - 1);
  }
}
