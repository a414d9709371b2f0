/**
 * The state diagram of a model, made of its machine's table, in which the states that connections
 * are in, and the last transition, are lit.
 */
import { stateDrawing } from './drawing.js';
import { element, say } from './element.js';
import type { Texts } from './english.js';
import type { Moment } from './moment.js';
import type { TakenStep } from './take.js';
import { machines } from '../../machine.js';
import type { Model } from './address.js';

/** What the machine of each connection is in at a moment, and the last transition of any. */
export interface Lit {
  readonly states: ReadonlyMap<string, string>;
  readonly step?: TakenStep;
}

/** What is lit after the moments up to an index, at a time. */
export function litAt(moments: readonly Moment[], index: number, ns: number): Lit {
  const states = new Map<string, string>();
  let step: TakenStep | undefined;
  for (const { event, part } of moments.slice(0, index + 1)) {
    if (event.kind !== 'call') continue;
    // In a call in which the process sleeps, time goes on.
    const untilNs = part === 'answered' ? event.endNs : Math.min(ns, event.endNs - 1);
    for (const each of event.steps ?? []) {
      if (each.timeNs > untilNs) break;
      states.set(each.connection, each.to);
      step = each;
    }
    if (part === 'answered' && event.state !== undefined && !event.steps)
      states.set(event.connection ?? '', event.state);
  }
  return { states, ...(step ? { step } : {}) };
}

export class StateView {
  readonly element: HTMLElement;
  readonly #texts: Texts;
  readonly #picture: HTMLElement;
  readonly #took = element('p', { class: 'took' });
  readonly #where = element('p', { class: 'where' });
  #model: Model | undefined;

  constructor(texts: Texts) {
    this.#texts = texts;
    // Where it is wider than the screen it is moved sideways.
    this.#picture = element('div', {
      class: 'picture',
      tabindex: 0,
      role: 'group',
      'aria-label': texts.diagram,
    });
    this.element = element(
      'section',
      { class: 'states', 'aria-labelledby': 'states-title' },
      element('h3', { id: 'states-title' }, texts.diagram),
      this.#picture,
      this.#took,
      this.#where,
    );
  }

  show(model: Model, { states, step }: Lit): void {
    if (model !== this.#model) {
      this.#model = model;
      this.#picture.replaceChildren(stateDrawing(machines[model], this.#texts));
    }
    const inState = new Map<string, string[]>();
    for (const [connection, state] of states)
      inState.set(state, [...(inState.get(state) ?? []), connection]);
    for (const group of this.#picture.querySelectorAll<SVGGElement>('[data-state]')) {
      const here = inState.get(group.dataset['state']!);
      group.classList.toggle('lit', here !== undefined);
      say(group.querySelector('.here')!, here?.join(' ') ?? '');
    }
    for (const group of this.#picture.querySelectorAll<SVGGElement>('[data-from]')) {
      const { from, to, events } = group.dataset;
      const lit =
        step?.from === from && step?.to === to && events!.split(' ').includes(step!.event);
      group.classList.toggle('lit', lit);
      if (lit) group.parentNode!.append(group);
    }
    say(this.#took, step ? this.#texts.took(step.event, step.from, step.to) : '\u00a0');
    const places = [...states].map(([connection, state]) =>
      connection === '' ? state : this.#texts.inState(connection, state),
    );
    say(this.#where, this.#texts.diagramHint(places.join(this.#texts.picture.comma)));
  }
}
