/** The log of choices that a run begins with. */
import { ChoiceLog, type Decide } from '../../host/sim/choice-log.js';
import { profileOf } from '../../host/sim/fault.js';
import type { RunOptions } from './outcome.js';

/** `now` is asked when the run goes on. */
export function logOf(options: RunOptions, now: () => number): ChoiceLog {
  const { seed = 1, profile = 'linux', log, chosen, decide } = options;
  const decided: Decide | undefined =
    decide && ((label, alternatives) => decide(label, alternatives, now()));
  return log === undefined
    ? ChoiceLog.seeded(seed, profileOf(profile, seed), chosen, decided)
    : ChoiceLog.replayed(log, chosen, decided);
}
