/**
 * What an experiment of the lab is: a claim of the article, what must be measured for it to hold,
 * how that is measured, and what follows from the numbers. Types only; a verdict never measures,
 * and a measurement never judges.
 */

/** What a number is of. */
export interface Quantity {
  /** As the axis of a chart says it: `processor time per wait`. */
  readonly label: string;
  /** `µs`, `%`, `1/s`, or empty for a ratio. */
  readonly unit: string;
  /** Default: linear. */
  readonly scale?: 'linear' | 'log';
}

/** One number, of one repetition. */
export interface Reading {
  /** The name of a figure of the experiment. */
  readonly figure: string;
  /** Which line or bar of the chart: `epoll`. */
  readonly series: string;
  /** Where on the other axis: a number (`1000` descriptors), or a name (`read`). */
  readonly at: number | string;
  readonly value: number;
}

/** What is drawn together: one quantity, of each series, at each place. */
export interface Figure {
  readonly name: string;
  readonly title: string;
  readonly quantity: Quantity;
  /** Of the places; bars where `at` is a name, lines where it is a number. */
  readonly axis: { readonly label: string; readonly scale?: 'linear' | 'log' };
}

/** All readings of the same figure, series and place. */
export interface Estimate {
  readonly figure: string;
  readonly series: string;
  readonly at: number | string;
  readonly count: number;
  readonly mean: number;
  readonly median: number;
  /** Of the mean, at 95 %; Student's t. Equal to the mean where `count` is 1. */
  readonly low: number;
  readonly high: number;
}

export const outcomes = ['holds', 'holds with a condition', 'does not hold'] as const;
export type Outcome = (typeof outcomes)[number];

export interface Verdict {
  readonly outcome: Outcome;
  /** One sentence with the numbers from which it follows, and the condition if there is one. */
  readonly because: string;
}

/** Estimates, by what they are of. */
export interface Estimates {
  /** Throws `HostError` if nothing was measured there. */
  of(figure: string, series: string, at: number | string): Estimate;
  /** Undefined where nothing was measured. */
  find(figure: string, series: string, at: number | string): Estimate | undefined;
  readonly all: readonly Estimate[];
}

/** What a measurement is given. */
export interface Bench {
  /** Less of everything: one repetition takes a second or so. */
  readonly quick: boolean;
  /** An empty folder of this experiment's own. */
  readonly folder: string;
  /** Is aborted when the person has had enough; a repetition then ends soon, with an error. */
  readonly signal: AbortSignal;
  /** Something a reader must know: `select: no descriptor above 1023`. Told once. */
  note(sentence: string): void;
}

export interface Experiment {
  /** As it is typed: `crossing`. */
  readonly name: string;
  /** A few words. */
  readonly title: string;
  /** What the article says, in one sentence. */
  readonly claim: string;
  /** What must be seen for it to hold, in numbers. */
  readonly hypothesis: string;
  /** How it is measured, in a sentence or two. */
  readonly method: string;
  readonly figures: readonly Figure[];
  /** One repetition. Throws `HostError` where this machine cannot do it, and says why. */
  measure(bench: Bench): Promise<Reading[]>;
  /** A function of the estimates alone. */
  judge(estimates: Estimates): Verdict;
}
