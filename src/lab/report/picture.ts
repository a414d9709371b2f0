/** One chart as an SVG of its own, for a page that knows nothing of it: with title and colours. */
import type { Figure } from '../experiment.js';
import type { Result } from '../results.js';
import { alternative } from './alternative.js';
import { chart } from './chart.js';
import colours from './colour.css?inline';
import { drawingOf } from './drawing.js';
import { markup, Markup } from './markup.js';

const WIDTH = 720;
const MARGIN = 20;
const HEAD = 56;
const FOOT = 34;

export function picture(result: Result, figure: Figure, caption: string): string {
  const drawing = drawingOf(figure, result, WIDTH - 2 * MARGIN);
  const drawn = chart(drawing);
  const height = HEAD + drawn.height + FOOT;
  // The outer picture says what it is of; the chart is put inside, at its place.
  const inner = drawn.svg
    .replace(/ role="img"| aria-label="[^"]*"/g, '')
    .replace('<svg ', `<svg x="${MARGIN}" y="${HEAD}" `);
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"
width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description"
font-family="system-ui, sans-serif">
<title id="title">${figure.title}</title>
<desc id="description">${alternative(drawing)}</desc>
<style>${new Markup(colours.replaceAll(':root', 'svg'))}</style>
<rect width="${WIDTH}" height="${height}" rx="10" style="fill: var(--paper)"/>
<text x="${MARGIN}" y="34" font-size="17" font-weight="650" style="fill: var(--ink)">
${figure.title}</text>
${new Markup(inner)}
<text x="${MARGIN}" y="${height - 14}" font-size="11.5" style="fill: var(--faint)">${caption}</text>
</svg>
`.text;
}
