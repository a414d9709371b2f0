/**
 * A figure as a picture in SVG: lines where the places are numbers, bars where they have names.
 * Colours are custom properties of CSS, so that whoever shows it says what is light and dark.
 */
import { dot, lineY, plot, type PlotOptions } from '@observablehq/plot';
import { parseHTML } from 'linkedom';

import { alternative } from './alternative.js';
import { bars } from './bars.js';
import { hasLines, type Drawing, type Look } from './drawing.js';
import { lines } from './lines.js';

const { document } = parseHTML('<!doctype html><html></html>');

export interface Chart {
  readonly svg: string;
  readonly height: number;
}

/** Coordinates to a tenth of a pixel: half the size of a file, and nobody sees it. */
const shortened = (svg: string) =>
  svg.replace(/ (d|transform|x|y|x1|x2|y1|y2|cx|cy|width|height)="[^"]*"/g, (attribute) =>
    attribute.replace(/-?\d+\.\d{2,}(?!\d|e)/g, (number) =>
      String(Number(Number(number).toFixed(1))),
    ),
  );

/**
 * What is plotted, without a style of its own, and without names of its parts: for who does not see
 * it, a chart is what its description says, and not hundreds of marks.
 */
function plotted(options: PlotOptions): SVGSVGElement {
  const svg = plot({ ...options, document }) as unknown as SVGSVGElement;
  for (const style of svg.querySelectorAll('style')) style.remove();
  for (const part of svg.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
  return svg;
}

export function chart(drawing: Drawing): Chart {
  const options: PlotOptions = {
    width: drawing.width,
    style: { fontSize: '12px', fontFamily: 'inherit' },
    ...(hasLines(drawing) ? lines(drawing) : bars(drawing)),
  };
  const svg = plotted(options);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', alternative(drawing));
  svg.setAttribute('class', 'chart');
  return { svg: shortened(svg.outerHTML), height: Number(svg.getAttribute('height')) };
}

/** A piece of a line, as a legend shows it. */
export function sample({ colour, symbol, dash }: Look): string {
  const [width, height] = [36, 14];
  const line = [1, width - 1].map((x) => ({ x, y: height / 2 }));
  const svg = plotted({
    width,
    height,
    margin: 0,
    axis: null,
    x: { type: 'identity' },
    y: { type: 'identity' },
    marks: [
      lineY(line, { x: 'x', y: 'y', stroke: colour, strokeWidth: 2, strokeDasharray: dash }),
      dot([{ x: width / 2, y: height / 2 }], { x: 'x', y: 'y', r: 4.5, symbol, fill: colour }),
    ],
  });
  svg.setAttribute('aria-hidden', 'true');
  return shortened(svg.outerHTML);
}
