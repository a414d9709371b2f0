/**
 * Makes a failing log small: as few choices as possible, and then as small ones as possible, such
 * that the run fails in the same way. It knows no kernel; a log is a list, and `fails` tells.
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
 * The smallest log that is found within `mostRuns` calls of `fails`, which is true of `choices`.
 * Whatever one could leave out of it, or make smaller by one, is needed.
 */
export function shrink(
  choices: readonly Choice[],
  fails: (choices: readonly Choice[]) => boolean,
  mostRuns: number,
): Shrunk {
  const search = new Search(choices, fails, mostRuns);
  let before: readonly Choice[];
  do {
    before = search.best;
    search.drop();
    search.lower();
  } while (search.best !== before && !search.cut);
  // What cannot lose a choice may still not be the smallest: often one alone is enough.
  if (search.best.length > 1 && search.alone(choices)) search.lower();
  return { choices: search.best, runs: search.runs, cut: search.cut };
}

class Search {
  best: readonly Choice[];
  runs = 0;
  cut = false;
  readonly #fails: (choices: readonly Choice[]) => boolean;
  readonly #mostRuns: number;

  constructor(
    choices: readonly Choice[],
    fails: (choices: readonly Choice[]) => boolean,
    mostRuns: number,
  ) {
    this.best = choices;
    this.#fails = fails;
    this.#mostRuns = mostRuns;
  }

  /** Leaves out ever smaller pieces: all, halves, quarters, and in the end single choices. */
  drop(): void {
    if (this.best.length > 0 && this.#try([])) return;
    let size = Math.ceil(this.best.length / 2);
    while (size > 0 && this.best.length > 0) {
      let dropped = false;
      // From the end: what came last is the likeliest not to have mattered.
      for (let end = this.best.length; end > 0; end -= size) {
        const start = Math.max(0, end - size);
        const rest = [...this.best.slice(0, start), ...this.best.slice(end)];
        if (rest.length < this.best.length && this.#try(rest)) dropped = true;
      }
      if (size > 1) size = Math.ceil(size / 2);
      else if (!dropped) break;
    }
  }

  /** Tries each of `choices` without all the others. */
  alone(choices: readonly Choice[]): boolean {
    return choices.some((choice) => this.#try([choice]));
  }

  /** Makes each value the least that still fails. */
  lower(): void {
    for (let i = 0; i < this.best.length; i++) {
      if (this.#tryValue(i, 1)) continue;
      // Not monotonic, maybe: what is found is a value whose half-way neighbours do not fail.
      let works = this.best[i]!.value;
      let fails = 1;
      while (works - fails > 1) {
        const middle = Math.floor((works + fails) / 2);
        if (this.#tryValue(i, middle)) works = middle;
        else fails = middle;
      }
    }
  }

  #tryValue(index: number, value: number): boolean {
    const choice = this.best[index]!;
    if (choice.value <= value) return choice.value === value;
    return this.#try(this.best.map((each, i) => (i === index ? { ...each, value } : each)));
  }

  #try(choices: readonly Choice[]): boolean {
    if (this.runs >= this.#mostRuns) {
      this.cut = true;
      return false;
    }
    this.runs++;
    if (!this.#fails(choices)) return false;
    this.best = choices;
    return true;
  }
}
