/** What a model is, in one sentence, and what becomes of the process in its two phases. */
import type { Model } from './address.js';
import { element } from './element.js';
import type { Texts } from './english.js';
import { compare, type Phase } from '../../happy-path.js';
import { machines } from '../../machine.js';

function badge(name: string, { blocked, busy }: Phase, { phases }: Texts): HTMLElement {
  const kind = blocked ? 'blocked' : busy ? 'busy' : 'free';
  return element(
    'span',
    { class: `badge ${kind}` },
    element('i', { 'aria-hidden': 'true' }),
    phases.of(name, phases[kind]),
  );
}

/** The nodes of it, to be put where those of another model were. */
export function aboutModel(texts: Texts, model: Model): HTMLElement[] {
  const { phases, names, about } = texts;
  const { wait, copy, class: kind } = compare(machines[model]);
  return [
    element(
      'div',
      { class: 'badges' },
      element('h2', {}, names[model]),
      badge(phases.wait, wait, texts),
      badge(phases.copy, copy, texts),
      element('span', { class: 'badge class', title: phases.classHint }, phases[kind!]),
    ),
    element('p', {}, about[model]),
  ];
}
