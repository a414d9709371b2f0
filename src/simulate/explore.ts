/**
 * Tries all schedules within a bound: every run in which at most so many choices are not benign. A
 * run tells which choices there were; each of them, made otherwise, is another run.
 */
import type { Choice } from '../../host/sim/choice-log.js';
import { decisionOf, profileOf, type ProfileName } from '../../host/sim/fault.js';

export interface Bounds {
  /** How many choices may be other than benign. */
  readonly most: number;
  /** How many values of a choice are tried at most, the two extreme ones among them. */
  readonly values: number;
  /** What may happen: what the profile leaves out is benign. */
  readonly profile: ProfileName;
}

export interface Explored<Run> {
  readonly run: Run;
  readonly log: readonly Choice[];
  /** How many runs there are, as far as that is known: those of this length, and of the next. */
  readonly known: number;
}

/** One run with these choices; `chosen` is to hear of every choice in it. */
export type RunLog<Run> = (log: readonly Choice[], chosen: (choice: Choice) => void) => Run;

/** The benign run first, then those with one choice that is not, and so on, each once. */
export function* explore<Run>(
  runLog: RunLog<Run>,
  { most, values, profile }: Bounds,
): Generator<Explored<Run>, void, void> {
  const { rate } = profileOf(profile === 'swarm' ? 'posix' : profile, 0);
  let level: (readonly Choice[])[] = [[]];
  let known = 1;
  for (let depth = 0; depth <= most && level.length > 0; depth++) {
    const next: (readonly Choice[])[] = [];
    for (const log of level) {
      const after = log.at(-1);
      const points: Choice[] = [];
      // Only what comes behind the last choice, so that no set of choices comes twice.
      let behind = after === undefined;
      const run = runLog(log, (choice) => {
        if (behind && choice.alternatives > 1 && rate(decisionOf(choice.label)) > 0)
          points.push(choice);
        behind ||= choice.label === after?.label && choice.ordinal === after.ordinal;
      });
      const before = next.length;
      for (const point of depth === most ? [] : points) {
        for (const value of valuesOf(point.alternatives, values))
          next.push([...log, { ...point, value }]);
      }
      known += next.length - before;
      yield { run, log, known };
    }
    level = next;
  }
}

/** At most `most` of 1 to `alternatives` - 1: the first, the last, and evenly between them. */
export function valuesOf(alternatives: number, most: number): number[] {
  const last = alternatives - 1;
  if (last <= most) return Array.from({ length: last }, (_, i) => i + 1);
  if (most === 1) return [1];
  return Array.from({ length: most }, (_, i) => 1 + Math.floor((i * (last - 1)) / (most - 1)));
}
