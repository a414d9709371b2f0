/** The part of a timeline that is seen: it is zoomed and moved, and never leaves the timeline. */
export class TimeWindow {
  #from = 0;
  #to = 1;
  #length = 1;
  #least = 1;

  get from(): number {
    return this.#from;
  }

  get to(): number {
    return this.#to;
  }

  get span(): number {
    return this.#to - this.#from;
  }

  /** Whether all is seen. */
  get whole(): boolean {
    return this.#from <= 0 && this.#to >= this.#length;
  }

  /** Sees all of a timeline of that length; at most it is zoomed in to `least`. */
  fit(length: number, least: number): void {
    this.#length = length;
    this.#least = Math.min(least, length);
    this.#from = 0;
    this.#to = length;
  }

  /** Sees all. */
  widen(): void {
    this.show(0, this.#length);
  }

  /** Sees what it saw of a timeline that has become longer or shorter. */
  resize(length: number, least: number): void {
    const { from, to, whole } = this;
    this.fit(length, least);
    if (!whole) this.show(from, to);
  }

  /** Sees from here to there, as far as there is anything. */
  show(from: number, to: number): void {
    const span = Math.min(Math.max(to - from, this.#least), this.#length);
    this.#from = Math.min(Math.max(from, 0), this.#length - span);
    this.#to = this.#from + span;
  }

  /** Above 1 it sees less, and `around` stays where it is. */
  zoom(factor: number, around = (this.#from + this.#to) / 2): void {
    const span = Math.min(Math.max(this.span / factor, this.#least), this.#length);
    const share = (around - this.#from) / this.span;
    this.show(around - share * span, around - share * span + span);
  }

  pan(by: number): void {
    const { span } = this;
    const from = Math.min(Math.max(this.#from + by, 0), this.#length - span);
    this.show(from, from + span);
  }

  /** Moves only if the place is not seen, or is too near to an end: a share of what is seen. */
  reveal(place: number, share: number): void {
    const margin = share * this.span;
    if (place < this.#from + margin) this.pan(place - margin - this.#from);
    else if (place > this.#to - margin) this.pan(place + margin - this.#to);
  }
}
