/** All models on the same world, under each other, with what each has cost until now. */
import { models, type Model } from './address.js';
import { countUntil } from './count.js';
import { Counters } from './counters.js';
import { button, element, say } from './element.js';
import type { Texts } from './english.js';
import { Strip } from './strip.js';
import type { Take } from './take.js';

interface Row {
  readonly element: HTMLElement;
  readonly strip: Strip;
  readonly counters: Counters;
  readonly failure: HTMLElement;
  take?: Take;
}

export class BesideView {
  readonly element: HTMLElement;
  readonly #rows: ReadonlyMap<Model, Row>;
  readonly #texts: Texts;

  constructor(texts: Texts, choose: (model: Model) => void) {
    this.#texts = texts;
    this.#rows = new Map(
      models.map((model) => {
        const strip = new Strip(texts.besideLane(texts.names[model]));
        const counters = new Counters(texts);
        const failure = element('p', { class: 'failure' });
        const name = button(texts.names[model], () => choose(model), { class: 'name' });
        const row = element(
          'li',
          { 'data-model': model },
          element('h3', {}, name),
          strip.element,
          counters.element,
          failure,
        );
        return [model, { element: row, strip, counters, failure }];
      }),
    );
    this.element = element(
      'section',
      { class: 'beside', 'aria-label': texts.all },
      element('p', { class: 'hint' }, texts.besideHint),
      element('ul', {}, ...[...this.#rows.values()].map((row) => row.element)),
    );
    const resized = new ResizeObserver(() => {
      for (const { strip } of this.#rows.values()) strip.draw();
    });
    resized.observe(this.element);
  }

  show(takes: ReadonlyMap<Model, Take>): void {
    const lengthNs = Math.max(...[...takes.values()].map(({ endNs }) => endNs));
    for (const [model, take] of takes) {
      const row = this.#rows.get(model)!;
      row.take = take;
      row.strip.show(take, lengthNs);
      say(row.failure, take.failure === undefined ? '' : this.#texts.failed(take.failure));
    }
  }

  at(ns: number): void {
    for (const { strip, counters, take } of this.#rows.values()) {
      strip.at(ns);
      if (take) counters.show(countUntil(take, ns));
    }
  }

  /** In the colours of now. */
  draw(): void {
    for (const { strip } of this.#rows.values()) strip.draw();
  }
}
