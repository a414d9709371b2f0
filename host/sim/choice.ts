/**
 * Choices: the one place that chance comes from. Whatever may go one way or another asks here, by a
 * label, and by nothing else; so a log of the answers is all that a run consists of.
 */

/** A decision that is made again and again: its label, which is looked up once. */
export interface Point {
  choose(alternatives: number): number;
}

export interface Choices {
  /** True where every choice will be benign: whoever would ask for many need not. */
  readonly calm?: boolean;

  /**
   * One decision among `alternatives` (≥ 1): 0 to `alternatives` - 1. 0 is the benign one, what
   * Linux does on an idle loopback. `label` names the thing and the decision
   * (`net/1.client/split`); each label has its own stream of random numbers.
   */
  choose(label: string, alternatives: number): number;

  /** Where that is quicker: a label, for whoever asks by it again and again. */
  site?(label: string): Point;

  /** The same of the label `thing/decision`, for who is the only one to ask by it. */
  point?(thing: string, decision: string): Point;
}

/** A label, for whoever asks by it again and again. */
export function siteOf(choices: Choices, label: string): Point {
  return choices.site?.(label) ?? { choose: (alternatives) => choices.choose(label, alternatives) };
}

/** The label `thing/decision`, for who is the only one to ask by it. */
export function pointOf(choices: Choices, thing: string, decision: string): Point {
  return choices.point?.(thing, decision) ?? siteOf(choices, `${thing}/${decision}`);
}

/** Nothing ever goes another way. */
export const benign: Choices = {
  calm: true,
  choose: () => 0,
};
