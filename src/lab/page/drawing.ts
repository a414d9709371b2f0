/** The state diagram of src/diagram.ts as an element of the page, in its language and its style. */
import { statePicture } from '../../diagram.js';
import { PROTOCOL_ERROR, type Machine } from '../../machine.js';
import { DEFINITIONS } from '../../svg.js';
import type { Texts } from './english.js';

const SVG = 'http://www.w3.org/2000/svg';
/** Of a bold character of the picture. */
const CHARACTER = 7.4;
/** Arrows of their own where a line is lit, and no larger at the end of a thicker line. */
const ARROWS = [DEFINITIONS, DEFINITIONS.replace('id="arrow"', 'id="lit-arrow"')]
  .join('')
  .replaceAll('<marker ', '<marker markerUnits="userSpaceOnUse" ');

/** The state diagram of a machine; in each state is a text `.here` that is empty at first. */
export function stateDrawing(machine: Machine, { picture: texts, names }: Texts): SVGSVGElement {
  const { width, height, shapes } = statePicture(machine);
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
  drawing.setAttribute('role', 'img');
  drawing.innerHTML = [ARROWS, ...shapes].join('');
  const title = texts.title(names[machine.name as keyof typeof names]);
  drawing.querySelector(':scope > text.strong')!.textContent = title;
  drawing.querySelector(':scope > text.faint')!.textContent = texts.other(PROTOCOL_ERROR);
  const transitions = machine.transitions.map(
    ({ from, event, state, call }) => `${from} → ${state}: ${event} / ${call}.`,
  );
  const description = [`${title}.`, texts.begins(machine.initial), ...transitions].join(' ');
  drawing.setAttribute('aria-label', description);
  for (const group of drawing.querySelectorAll<SVGElement>('[data-state]')) finish(group, texts);
  return drawing;
}

/** Translates what a state means, and makes room for who is in it. */
function finish(group: SVGElement, { words, comma }: Texts['picture']): void {
  const meaning = group.querySelector('text:last-of-type')!;
  meaning.textContent = meaning
    .textContent!.split(', ')
    .map((word) => words[word as keyof typeof words] ?? word)
    .join(comma);
  const name = group.querySelector('text')!;
  const here = document.createElementNS(SVG, 'text');
  here.setAttribute('class', 'here');
  const x = Number(name.getAttribute('x')) + (name.textContent!.length + 1.5) * CHARACTER;
  here.setAttribute('x', `${x}`);
  here.setAttribute('y', name.getAttribute('y')!);
  group.append(here);
}
