/** The keys that work anywhere on the page, but where somebody writes, or chooses with them. */
import { element } from './element.js';
import type { Texts } from './english.js';

export type Key =
  | 'play'
  | 'step'
  | 'back'
  | 'start'
  | 'end'
  | 'slower'
  | 'faster'
  | 'connect'
  | 'send'
  | 'stop reading'
  | 'read on'
  | 'half-close'
  | 'reset'
  | 'EINTR'
  | 'EAGAIN'
  | 'beside'
  | `model ${number}`;

const keys: Readonly<Record<string, Key>> = {
  ' ': 'play',
  k: 'play',
  arrowright: 'step',
  l: 'step',
  arrowleft: 'back',
  j: 'back',
  home: 'start',
  end: 'end',
  ',': 'slower',
  '.': 'faster',
  c: 'connect',
  s: 'send',
  x: 'stop reading',
  o: 'read on',
  h: 'half-close',
  r: 'reset',
  i: 'EINTR',
  a: 'EAGAIN',
  b: 'beside',
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`${i + 1}`, `model ${i}` as const])),
};

/** What has its own use of some keys. */
const OWN =
  'input:not([type=radio], [type=checkbox]), textarea, select, .timeline [tabindex], .picture';

/** What a key is for, if it is not for what has the focus. */
export function keyOf(event: KeyboardEvent): Key | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return undefined;
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.matches(OWN)) return undefined;
  if (event.key === ' ' && target.matches('button, summary, a, input')) return undefined;
  if (/^Arrow|^Home$|^End$/.test(event.key) && target.matches('input')) return undefined;
  return keys[event.key.toLowerCase()];
}

/** The list of the keys, and the switch that leaves them to others. */
export function keysView({ keys: texts }: Texts, on: boolean, turn: (on: boolean) => void) {
  const rows = [
    ['Space, K', texts.play],
    ['→ L, ← J', texts.step],
    ['Home, End', texts.ends],
    [', .', texts.speed],
    ['C', texts.connect],
    ['S', texts.send],
    ['X, O', texts.reading],
    ['H', texts.halfClose],
    ['R', texts.reset],
    ['I, A', texts.fault],
    ['1 – 8', texts.models],
    ['B', texts.beside],
  ] as const;
  const box = element('input', {
    type: 'checkbox',
    checked: on,
    onchange: () => turn(box.checked),
  });
  return element(
    'section',
    { class: 'keys', 'aria-labelledby': 'keys-title' },
    element('h3', { id: 'keys-title' }, texts.title),
    element(
      'dl',
      {},
      ...rows.map(([keys, words]) =>
        element('div', {}, element('dt', {}, element('kbd', {}, keys)), element('dd', {}, words)),
      ),
    ),
    element('label', { class: 'switch' }, box, element('span', {}, texts.on)),
  );
}
