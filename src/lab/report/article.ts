/** One experiment of the report: claim, verdict, charts, tables, notes, method. */
import type { Figure } from '../experiment.js';
import type { Result } from '../results.js';
import { chart, sample } from './chart.js';
import { drawingOf, hasLines, type Drawing } from './drawing.js';
import { markup, Markup } from './markup.js';
import { badge, reasonOf, standingOf } from './standing.js';
import { table } from './table.js';

/** Of the column of text, and of a phone's. The style sheet shows one of the two. */
const WIDE = 680;
const NARROW = 340;

/** What tells the lines of a narrow chart, which has no room for their names. */
function legend(drawing: Drawing): Markup | undefined {
  const { series, look } = drawing;
  if (!hasLines(drawing) || series.length === 1) return undefined;
  const entries = series.map((name) => markup`<li>${new Markup(sample(look(name)))} ${name}</li>`);
  return markup`<ul class="legend">
${entries}
</ul>`;
}

function figure(figure: Figure, result: Result): Markup {
  const [wide, narrow] = [WIDE, NARROW].map((width) => drawingOf(figure, result, width));
  const caption = markup`<figcaption><h3>${figure.title}</h3></figcaption>`;
  if (wide!.estimates.length === 0)
    return markup`<figure>
${caption}
<p>Nothing of this was measured.</p>
</figure>`;
  return markup`<figure>
${caption}
${legend(narrow!)}
<div class="wide">${new Markup(chart(wide!).svg)}</div>
<div class="narrow">${new Markup(chart(narrow!).svg)}</div>
${table(wide!, `${result.name}-${figure.name}`)}
</figure>`;
}

const notesOf = ({ notes }: Result) =>
  notes.length === 0
    ? undefined
    : markup`<p class="term">Notes</p>
<ul class="notes">
${notes.map((note) => markup`<li>${note}</li>`)}
</ul>`;

export function article(result: Result): Markup {
  const { name, title, claim, hypothesis, method, figures, verdict } = result;
  return markup`<article id="${name}" aria-labelledby="${name}-title">
<header>
<p class="kicker"><code>${name}</code></p>
<h2 id="${name}-title">${title}</h2>
</header>
<p class="claim">${claim}</p>
<p class="verdict">${badge(standingOf(result))}: ${reasonOf(result)}</p>
<dl class="terms">
<div><dt>It holds if</dt><dd>${hypothesis}</dd></div>
<div><dt>Measured by</dt><dd>${method}</dd></div>
</dl>
${verdict === undefined ? [] : figures.map((each) => figure(each, result))}
${notesOf(result)}
</article>`;
}
