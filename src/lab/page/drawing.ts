/** A picture of src/svg.ts as an element of the page, whose style is the page's own. */
import { statePicture } from '../../diagram.js';
import type { Machine } from '../../machine.js';
import { DEFINITIONS } from '../../svg.js';

/** As large at the end of a line that is lit. */
const MARKER = '<marker markerUnits="userSpaceOnUse" ';
const SVG = 'http://www.w3.org/2000/svg';
/** Of a bold character of the picture. */
const CHARACTER = 7.4;
const LIT = DEFINITIONS.replace('id="arrow"', 'id="lit-arrow"');

/** The state diagram of a machine; in each state is a text `.here` that is empty at first. */
export function stateDrawing(machine: Machine): SVGSVGElement {
  const { width, height, title, description, shapes } = statePicture(machine);
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('aria-label', `${title}. ${description}`);
  drawing.innerHTML = [DEFINITIONS, LIT, ...shapes].join('').replaceAll('<marker ', MARKER);
  for (const group of drawing.querySelectorAll('[data-state]')) {
    const box = group.querySelector('rect')!;
    const here = document.createElementNS(SVG, 'text');
    here.setAttribute('class', 'here');
    const x = Number(box.getAttribute('x')) + 10;
    const name = (group as SVGElement).dataset['state']!;
    here.setAttribute('x', `${x + (name.length + 1.5) * CHARACTER}`);
    here.setAttribute('y', `${Number(box.getAttribute('y')) + 17}`);
    group.append(here);
  }
  return drawing;
}
