/** A picture of src/svg.ts as an element of the page, whose style is the page's own. */
import { statePicture } from '../../diagram.js';
import type { Machine } from '../../machine.js';
import { DEFINITIONS } from '../../svg.js';

const SVG = 'http://www.w3.org/2000/svg';
/** A state's own place for the names of the connections in it, left of its box. */
const HERE_X = 34;

/** The state diagram of a machine; in each state is a text `.here` that is empty at first. */
export function stateDrawing(machine: Machine): SVGSVGElement {
  const { width, height, title, description, shapes } = statePicture(machine);
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('aria-label', `${title}. ${description}`);
  drawing.innerHTML = [DEFINITIONS, ...shapes].join('');
  for (const group of drawing.querySelectorAll('[data-state]')) {
    const box = group.querySelector('rect')!;
    const here = document.createElementNS(SVG, 'text');
    here.setAttribute('class', 'here');
    here.setAttribute('text-anchor', 'end');
    here.setAttribute('x', `${HERE_X}`);
    here.setAttribute('y', `${Number(box.getAttribute('y')) + 17}`);
    group.append(here);
  }
  return drawing;
}
