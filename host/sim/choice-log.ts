/**
 * The choice log: the one source of chance in a simulated run. Only what was not benign is written
 * down, each with its label and the how-manieth choice of that label it was. So every set of such
 * choices is a run of its own: the whole set repeats the run that made it, and one that some were
 * taken from is the same run with fewer faults.
 */
import type { Choices, Point } from './choice.js';
import { decisionOf, profileOf, RATE_UNIT, type Profile } from './fault.js';
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

/** The choices of one label. */
class Site implements Point {
  readonly #log: ChoiceLog;
  readonly #thing: string;
  readonly #decision: string;
  readonly #rate: number;
  /** Made when it is asked for the first time, for many never are. */
  #stream: Stream | undefined;
  #ordinal = 0;
  /** Made when it is first needed, as the stream is. */
  #text: string | undefined;

  /** `thing` is empty where the label has but one part. */
  constructor(log: ChoiceLog, thing: string, decision: string) {
    this.#log = log;
    this.#thing = thing;
    this.#decision = decision;
    this.#rate = log.rate(decision);
  }

  choose(alternatives: number): number {
    const log = this.#log;
    const ordinal = this.#ordinal++;
    log.asked++;
    let value = 0;
    if (this.#rate > 0) {
      if (!log.healed && alternatives > 1) value = this.#drawn(alternatives);
    } else if (log.given !== undefined) {
      // In a run with fewer faults there may be fewer alternatives.
      value = Math.min(log.given.get(this.#label)?.get(ordinal) ?? 0, alternatives - 1);
    }
    if (log.decide !== undefined) value = log.decide(this.#label, alternatives) ?? value;
    if (value !== 0 || log.told !== undefined) {
      const choice = { label: this.#label, ordinal, alternatives, value };
      if (value !== 0) log.taken.push(choice);
      log.told?.(choice);
    }
    return value;
  }

  get #label(): string {
    return (this.#text ??=
      this.#thing === '' ? this.#decision : `${this.#thing}/${this.#decision}`);
  }

  /** Of the values the two extreme ones are the likeliest, for bugs live at the ends. */
  #drawn(alternatives: number): number {
    const stream = (this.#stream ??= new Stream(this.#log.seed, this.#label));
    const word = stream.word();
    if (word % RATE_UNIT >= this.#rate) return 0;
    const kind = word >>> 30;
    if (kind === 0) return 1;
    return kind === 1 ? alternatives - 1 : 1 + stream.below(alternatives - 1);
  }
}

/** Is asked first what is chosen among `alternatives`; undefined: that is not for it to say. */
export type Decide = (label: string, alternatives: number) => number | undefined;

/** By label and ordinal: a value. */
type Given = ReadonlyMap<string, ReadonlyMap<number, number>>;

export class ChoiceLog implements Choices {
  /** What was chosen and is not benign, in the order of the choices. */
  readonly taken: Choice[] = [];
  /** How many choices were made. */
  asked = 0;
  /** True from `heal` on. */
  healed = false;
  readonly calm: boolean;
  readonly seed: number;
  readonly given: Given | undefined;
  readonly told: ((choice: Choice) => void) | undefined;
  readonly decide: Decide | undefined;
  readonly #profile: Profile;
  /** By decision. */
  readonly #rates = new Map<string, number>();
  readonly #sites = new Map<string, Site>();

  private constructor(
    seed: number,
    profile: Profile,
    given?: Given,
    told?: (choice: Choice) => void,
    decide?: Decide,
  ) {
    this.seed = seed;
    this.#profile = profile;
    this.given = given;
    this.told = told;
    this.decide = decide;
    this.calm =
      given === undefined && told === undefined && decide === undefined && profile.name === 'calm';
  }

  /**
   * Chooses by chance, at the rates of a profile, what `decide` leaves to it; `told` hears of every
   * choice.
   */
  static seeded(
    seed: number,
    profile: Profile,
    told?: (choice: Choice) => void,
    decide?: Decide,
  ): ChoiceLog {
    return new ChoiceLog(seed, profile, undefined, told, decide);
  }

  /**
   * Chooses what a log says, and what the log does not name benignly; `told` hears of every choice,
   * the benign ones too.
   */
  static replayed(
    choices: readonly Choice[],
    told?: (choice: Choice) => void,
    decide?: Decide,
  ): ChoiceLog {
    const given = new Map<string, Map<number, number>>();
    for (const { label, ordinal, value } of choices) {
      let values = given.get(label);
      if (!values) given.set(label, (values = new Map()));
      values.set(ordinal, value);
    }
    return new ChoiceLog(0, profileOf('calm', 0), given, told, decide);
  }

  choose(label: string, alternatives: number): number {
    return this.site(label).choose(alternatives);
  }

  site(label: string): Point {
    let site = this.#sites.get(label);
    if (site === undefined) {
      const decision = decisionOf(label);
      const thing = label.slice(0, Math.max(0, label.length - decision.length - 1));
      this.#sites.set(label, (site = new Site(this, thing, decision)));
    }
    return site;
  }

  point(thing: string, decision: string): Point {
    return new Site(this, thing, decision);
  }

  /** How often a decision is not benign. */
  rate(decision: string): number {
    let rate = this.#rates.get(decision);
    if (rate === undefined) this.#rates.set(decision, (rate = this.#profile.rate(decision)));
    return rate;
  }

  /** From now on everything is benign. */
  heal(): void {
    this.healed = true;
  }
}
