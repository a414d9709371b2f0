/**
 * Drawing as SVG: a few shapes, one style for light and dark. What is said by shading is said in
 * words too.
 */

const STYLE = `
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1b1f24; }
.strong { font-weight: 700; }
.faint { fill: #57606a; }
.paper { fill: #ffffff; }
.line { stroke: #1b1f24; fill: none; }
.box { stroke: #1b1f24; fill: #ffffff; }
.blocked { stroke: #1b1f24; fill: #c4c9d0; }
.wait { stroke: #1b1f24; fill: url(#dots); }
.copy { stroke: #1b1f24; fill: url(#stripes); }
.none { stroke: #1b1f24; fill: none; stroke-dasharray: 2 4; }
.solid { fill: #1b1f24; }
.mark { stroke: #8c959f; fill: none; }
.back { stroke-dasharray: 5 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .faint { fill: #9da7b3; }
  .paper { fill: #0d1117; }
  .line, .box, .blocked, .wait, .copy, .none { stroke: #e6edf3; }
  .box { fill: #0d1117; }
  .blocked { fill: #4a525c; }
  .solid { fill: #e6edf3; }
}`.trim();

/** What lines end with, and lanes are filled with. */
export const DEFINITIONS = `<defs>
<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"
orient="auto"><path d="M0 0L8 4L0 8z" class="solid"/></marker>
<pattern id="dots" width="8" height="8" patternUnits="userSpaceOnUse">
<rect width="8" height="8" class="paper"/><path d="M2 4h1" class="mark"/></pattern>
<pattern id="stripes" width="8" height="8" patternUnits="userSpaceOnUse">
<rect width="8" height="8" class="paper"/><path d="M0 8L8 0" class="mark"/></pattern>
</defs>`;

const escaped = (words: string) => words.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);

export type Anchor = 'start' | 'middle' | 'end';

/** Text that begins, is centred or ends at x, and stands on y. */
export function text(x: number, y: number, words: string, style = '', anchor: Anchor = 'start') {
  const styled = style === '' ? '' : ` class="${style}"`;
  const anchored = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${y}"${styled}${anchored}>${escaped(words)}</text>`;
}

export function box(x: number, y: number, width: number, height: number, style: string) {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" class="${style}"/>`;
}

/** A line through points, x and y in turn. */
export function line(points: number[], style = 'line', arrow = false) {
  const path = points.map((n, i) => `${i === 0 ? 'M' : i % 2 === 0 ? 'L' : ' '}${n}`).join('');
  return `<path d="${path}" class="${style}"${arrow ? ' marker-end="url(#arrow)"' : ''}/>`;
}

export function dot(x: number, y: number, radius: number) {
  return `<circle cx="${x}" cy="${y}" r="${radius}" class="solid"/>`;
}

/** Shapes that belong together, and what they stand for: `data-NAME="VALUE"`. */
export function group(data: Readonly<Record<string, string>>, ...shapes: string[]) {
  const attributes = Object.entries(data).map(([name, value]) => ` data-${name}="${value}"`);
  return `<g${attributes.join('')}>${shapes.join('')}</g>`;
}

export interface Picture {
  width: number;
  height: number;
  title: string;
  /** What a reader who does not see it needs to know. */
  description: string;
  shapes: string[];
}

export function svg({ width, height, title, description, shapes }: Picture): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
      `height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>${STYLE}</style>`,
    DEFINITIONS,
    box(0, 0, width, height, 'paper'),
    ...shapes,
    '</svg>',
    '',
  ].join('\n');
}
