/**
 * Waits of a guest that runs in a thread of its own. They cannot stand on this thread's stack, on
 * which the others' waits come and go: the verb that would wait is left by `SUSPENDED`, and called
 * again when its wait is over.
 */
import type { Timer } from './scheduler.js';
import type { Waiting, World } from './world.js';

/** What a verb throws that waits. */
export const SUSPENDED = Symbol('suspended');

export class Suspension {
  readonly #world: World;
  readonly #resume: () => void;
  #waiting: Waiting | undefined;
  #deadline: Timer | undefined;
  #answer: number | undefined;

  /** `resume` is called when a wait is over. */
  constructor(world: World, resume: () => void) {
    this.#world = world;
    this.#resume = resume;
  }

  /** True in a verb that is called again. */
  get resuming(): boolean {
    return this.#answer !== undefined;
  }

  /** As `World.block`, for a guest in a thread of its own. */
  block(waiting: Waiting, timeoutNs: number): number {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer !== undefined) return answer;
    const result = waiting.ready();
    if (result !== 0 || timeoutNs <= 0) return result;
    this.#waiting = waiting;
    if (timeoutNs !== Infinity)
      this.#deadline = this.#world.scheduler.after(Math.ceil(timeoutNs), () => this.#over(0));
    this.#world.suspensions.push(this);
    // oxlint-disable-next-line typescript/only-throw-error
    throw SUSPENDED;
  }

  /** The verb that was called again is over, whether it asked for the answer or not. */
  done(): void {
    this.#answer = undefined;
  }

  /** Looks whether what it waits for has come. */
  rouse(): void {
    const result = this.#waiting!.ready();
    if (result !== 0) this.#over(result);
  }

  waitsFor(): string {
    return this.#waiting!.waitsFor();
  }

  /** Waits no more, and nobody is told. */
  cancel(): void {
    if (this.#waiting === undefined) return;
    if (this.#deadline !== undefined) this.#world.scheduler.cancel(this.#deadline);
    this.#deadline = undefined;
    this.#waiting = undefined;
    this.#world.suspensions.splice(this.#world.suspensions.indexOf(this), 1);
  }

  #over(answer: number): void {
    this.cancel();
    this.#answer = answer;
    this.#resume();
  }
}
