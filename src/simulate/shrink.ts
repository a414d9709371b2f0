/**
 * Makes a failing log small: as few choices as possible, and then as small ones as possible, such
 * that the run fails in the same way. It knows no kernel; a log is a list, and its caller tells.
 */
import type { Choice } from '../../host/sim/choice-log.js';

export interface Shrunk {
  choices: readonly Choice[];
  /** How many runs it took. */
  runs: number;
  /** True if no run was left to show that it cannot be smaller. */
  cut: boolean;
}

/**
 * The smallest log that is found within `mostRuns` runs, of which `choices` fails. Yields each log
 * that is to be run, and is told whether that fails, so that the caller may do something else
 * meanwhile. Whatever one could leave out of what it answers, or make smaller by one, is needed.
 */
export function* shrink(
  choices: readonly Choice[],
  mostRuns: number,
): Generator<readonly Choice[], Shrunk, boolean> {
  const search = new Search(choices, mostRuns);
  let before: readonly Choice[];
  do {
    before = search.best;
    yield* search.drop();
    yield* search.lower();
  } while (search.best !== before && !search.cut);
  // What cannot lose a choice may still not be the smallest: often one alone is enough.
  if (search.best.length > 1 && (yield* search.alone(choices))) yield* search.lower();
  return { choices: search.best, runs: search.runs, cut: search.cut };
}

type Steps<Result> = Generator<readonly Choice[], Result, boolean>;

class Search {
  best: readonly Choice[];
  runs = 0;
  cut = false;
  readonly #mostRuns: number;

  constructor(choices: readonly Choice[], mostRuns: number) {
    this.best = choices;
    this.#mostRuns = mostRuns;
  }

  /** Leaves out ever smaller pieces: all, halves, quarters, and in the end single choices. */
  *drop(): Steps<void> {
    if (this.best.length > 0 && (yield* this.#try([]))) return;
    let size = Math.ceil(this.best.length / 2);
    while (size > 0 && this.best.length > 0) {
      let dropped = false;
      // From the end: what came last is the likeliest not to have mattered.
      for (let end = this.best.length; end > 0; end -= size) {
        const start = Math.max(0, end - size);
        const rest = [...this.best.slice(0, start), ...this.best.slice(end)];
        if (rest.length < this.best.length && (yield* this.#try(rest))) dropped = true;
      }
      if (size > 1) size = Math.ceil(size / 2);
      else if (!dropped) break;
    }
  }

  /** Tries each of `choices` without all the others. */
  *alone(choices: readonly Choice[]): Steps<boolean> {
    for (const choice of choices) if (yield* this.#try([choice])) return true;
    return false;
  }

  /** Makes each value the least that still fails. */
  *lower(): Steps<void> {
    for (let i = 0; i < this.best.length; i++) {
      if (yield* this.#tryValue(i, 1)) continue;
      // Not monotonic, maybe: what is found is a value whose half-way neighbours do not fail.
      let works = this.best[i]!.value;
      let fails = 1;
      while (works - fails > 1) {
        const middle = Math.floor((works + fails) / 2);
        if (yield* this.#tryValue(i, middle)) works = middle;
        else fails = middle;
      }
    }
  }

  *#tryValue(index: number, value: number): Steps<boolean> {
    const choice = this.best[index]!;
    if (choice.value <= value) return choice.value === value;
    return yield* this.#try(this.best.map((each, i) => (i === index ? { ...each, value } : each)));
  }

  *#try(choices: readonly Choice[]): Steps<boolean> {
    if (this.runs >= this.#mostRuns) {
      this.cut = true;
      return false;
    }
    this.runs++;
    if (!(yield choices)) return false;
    this.best = choices;
    return true;
  }
}
