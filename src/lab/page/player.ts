/**
 * The position in a take, and its playing. It runs nothing: what has happened at a position is in
 * the take, before and after.
 */
import { momentAt, momentsOf, type Moment } from './moment.js';
import type { Take } from './take.js';

/** How much virtual time goes by in a second, in nanoseconds. */
export const SPEEDS_NS = [500, 2e3, 5e3, 2e4, 1e5, 1e6, 1e7, 1e8, 1e9] as const;
/** Until somebody chooses another speed, a take is over by then. */
const PATIENCE_S = 30;
/** A page that was in the background does not make up for it. */
const LONGEST_FRAME_MS = 100;

const nothing: Take = { kernel: '', lanes: [], events: [], endNs: 0 };

export class Player {
  readonly #changed: () => void;
  #take: Take = nothing;
  #moments: readonly Moment[] = [];
  #index = -1;
  #ns = 0;
  #speed = 0;
  #chosen = false;
  #playing = false;
  #frameMs: number | undefined;

  /** `changed` is told of every other position, and of playing that begins or ends. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get take(): Take {
    return this.#take;
  }

  get moments(): readonly Moment[] {
    return this.#moments;
  }

  /** The number of moments that have been, less one. */
  get index(): number {
    return this.#index;
  }

  get moment(): Moment | undefined {
    return this.#moments[this.#index];
  }

  get ns(): number {
    return this.#ns;
  }

  get playing(): boolean {
    return this.#playing;
  }

  get speed(): number {
    return this.#speed;
  }

  get atEnd(): boolean {
    return this.#ns >= this.#take.endNs && this.#index === this.#moments.length - 1;
  }

  /** Another take, at the same time or at the beginning. */
  show(take: Take, ns = this.#ns): void {
    this.#take = take;
    this.#moments = momentsOf(take);
    if (!this.#chosen) {
      const enough = SPEEDS_NS.findIndex((speed) => take.endNs / speed <= PATIENCE_S);
      this.#speed = enough < 0 ? SPEEDS_NS.length - 1 : enough;
    }
    this.seek(ns);
  }

  seek(ns: number): void {
    this.#ns = Math.max(0, Math.min(ns, this.#take.endNs));
    this.#index = ns <= 0 ? -1 : momentAt(this.#moments, this.#ns);
    this.#changed();
  }

  /** To the next moment, and from the last one to the end. */
  step(): void {
    const next = this.#moments[this.#index + 1];
    if (next) this.#index++;
    this.#ns = next ? Math.max(next.ns, 0) : this.#take.endNs;
    this.#changed();
  }

  back(): void {
    if (this.#index >= 0) this.#index--;
    this.#ns = this.moment?.ns ?? 0;
    this.#changed();
  }

  faster(by: number): void {
    this.#chosen = true;
    this.#speed = Math.max(0, Math.min(SPEEDS_NS.length - 1, this.#speed + by));
    this.#changed();
  }

  /** Plays from here, or from the beginning if this is the end. */
  play(): void {
    if (this.#playing) return;
    if (this.atEnd) this.seek(0);
    this.#playing = true;
    this.#frameMs = undefined;
    requestAnimationFrame((ms) => this.#frame(ms));
    this.#changed();
  }

  pause(): void {
    if (!this.#playing) return;
    this.#playing = false;
    this.#changed();
  }

  #frame(ms: number): void {
    if (!this.#playing) return;
    const passedMs = Math.min(ms - (this.#frameMs ?? ms), LONGEST_FRAME_MS);
    this.#frameMs = ms;
    const ns = this.#ns + (passedMs / 1000) * SPEEDS_NS[this.#speed]!;
    if (ns >= this.#take.endNs) this.#playing = false;
    this.seek(ns > 0 ? ns : Number.MIN_VALUE);
    requestAnimationFrame((next) => this.#frame(next));
  }
}
