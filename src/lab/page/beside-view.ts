/** All models on the same world, under each other, with what each has cost until now. */
import { models, type Language, type Model } from './address.js';
import { countUntil } from './count.js';
import { Counters } from './counters.js';
import { button, element, say } from './element.js';
import type { Texts } from './english.js';
import type { Take } from './take.js';
import { timelineLegend } from './timeline-legend.js';
import { timelineTexts } from './timeline-texts.js';
import { Timeline } from './timeline.js';

class Row {
  readonly element: HTMLElement;
  readonly #texts: Texts;
  readonly #timeline: Timeline;
  readonly #counters: Counters;
  readonly #failure = element('p', { class: 'failure' });
  #take: Take | undefined;

  constructor(texts: Texts, language: Language, model: Model, choose: () => void) {
    this.#texts = texts;
    const strip = element('div');
    this.#timeline = new Timeline(strip, timelineTexts[language], { compact: true, scale: 'true' });
    this.#counters = new Counters(texts);
    this.element = element(
      'li',
      { 'data-model': model },
      element('h2', {}, button(texts.names[model], choose, { class: 'name' })),
      strip,
      this.#counters.element,
      this.#failure,
    );
  }

  show(take: Take, endNs: number): void {
    this.#take = take;
    this.#timeline.show(take, endNs);
    say(this.#failure, take.failure === undefined ? '' : this.#texts.failed(take.failure));
  }

  at(ns: number): void {
    this.#timeline.at(ns);
    if (this.#take) this.#counters.show(countUntil(this.#take, ns));
  }

  dispose(): void {
    this.#timeline.dispose();
  }
}

export class BesideView {
  readonly element: HTMLElement;
  readonly #rows: ReadonlyMap<Model, Row>;

  constructor(texts: Texts, language: Language, choose: (model: Model) => void) {
    this.#rows = new Map(
      models.map((model) => [model, new Row(texts, language, model, () => choose(model))]),
    );
    this.element = element(
      'section',
      { class: 'beside', 'aria-label': texts.all },
      element('p', { class: 'hint' }, texts.besideHint),
      timelineLegend(timelineTexts[language]),
      element('ul', {}, ...[...this.#rows.values()].map((row) => row.element)),
    );
  }

  show(takes: ReadonlyMap<Model, Take>): void {
    const endNs = Math.max(...[...takes.values()].map((take) => take.endNs));
    for (const [model, take] of takes) this.#rows.get(model)!.show(take, endNs);
  }

  at(ns: number): void {
    for (const row of this.#rows.values()) row.at(ns);
  }

  dispose(): void {
    for (const row of this.#rows.values()) row.dispose();
  }
}

/** The takes as one, so that time is stepped through all of them: each is a lane. */
export function merged(takes: ReadonlyMap<Model, Take>): Take {
  const all = [...takes];
  const events = all.flatMap(([, take], lane) =>
    // What the world does is the same for all of them, and is told once.
    take.events
      .filter(({ kind }) => kind === 'call' || lane === 0)
      .map((event) => (event.kind === 'call' ? { ...event, lane } : event)),
  );
  const begin = (event: (typeof events)[number]) =>
    event.kind === 'call' ? event.startNs : event.timeNs;
  return {
    kernel: all[0]?.[1].kernel ?? '',
    lanes: all.map(([model]) => model),
    events: events.sort((a, b) => begin(a) - begin(b)),
    endNs: Math.max(0, ...all.map(([, take]) => take.endNs)),
  };
}
