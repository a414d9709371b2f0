/** The page's head, and what is chosen at its top. */
import { languages, models, type Language, type Model } from './address.js';
import { choice, element } from './element.js';
import type { Texts } from './english.js';
import { MOST_SEED } from './play.js';
import type { Play } from './take.js';

const GAP = 12;

/** Each language is named in itself. */
const NAMES: Readonly<Record<Language, string>> = { en: 'English', 'zh-TW': '正體中文' };

export function header(texts: Texts, language: Language): HTMLElement {
  return element(
    'header',
    {},
    element('a', { class: 'skip', href: '#transport', onclick: skip }, texts.skip),
    element(
      'div',
      {},
      element('p', { class: 'brand' }, 'Pollux lab'),
      element('h1', {}, texts.heading),
      element('p', { class: 'intro' }, texts.intro),
    ),
    element(
      'nav',
      { 'aria-label': texts.language },
      ...languages.map((each) =>
        element(
          'a',
          {
            href: '#',
            lang: each,
            hreflang: each,
            ...(each === language ? { 'aria-current': 'true' } : {}),
          },
          NAMES[each],
        ),
      ),
    ),
  );
}

/** What gets the focus in `main` by the keyboard is moved out from behind the bar. */
export function keepClear(main: HTMLElement, bar: HTMLElement): void {
  main.addEventListener('focusin', ({ target }) => {
    if (!(target instanceof HTMLElement) || !target.matches(':focus-visible')) return;
    const hidden = target.getBoundingClientRect().bottom + GAP - bar.getBoundingClientRect().top;
    if (hidden > 0) scrollBy(0, hidden);
  });
}

/** The part behind # is the page's address, so the link goes there by itself. */
function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('[data-do=play]')?.focus();
}

export const column = (name: string, ...parts: HTMLElement[]) =>
  element('div', { class: name }, ...parts);

export type Shown = Model | 'all';

/** A model, or all of them. */
export const modelChoice = (texts: Texts, choose: (shown: Shown) => void) =>
  choice<Shown>(
    texts.model,
    'model',
    [
      ...models.map((value) => ({ value, words: texts.names[value], hint: texts.about[value] })),
      { value: 'all', words: texts.all },
    ],
    'epoll',
    choose,
  );

const GUESTS = [
  ['c', 'C'],
  ['assemblyscript', 'AssemblyScript'],
] as const;

export function guestField(texts: Texts, choose: (guest: Play['language']) => void): HTMLElement {
  const field: HTMLSelectElement = element(
    'select',
    { name: 'guest', onchange: () => choose(field.value as Play['language']) },
    ...GUESTS.map(([value, words]) => element('option', { value }, words)),
  );
  return element('label', {}, element('span', {}, texts.controls.guest), field);
}

export function seedField(texts: Texts, choose: (text: string) => void): HTMLElement {
  const field: HTMLInputElement = element('input', {
    type: 'number',
    name: 'seed',
    min: 0,
    max: MOST_SEED,
    value: 0,
    onchange: () => choose(field.value),
  });
  return element(
    'label',
    { class: 'seed', title: texts.controls.seedHint },
    element('span', {}, texts.controls.seed),
    field,
  );
}
