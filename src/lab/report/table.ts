/** The numbers of a chart, with their intervals: a row for each place, a column for each series. */
import type { Drawing } from './drawing.js';
import { markup, type Markup } from './markup.js';
import { interval, labelled, measured, placed } from './number.js';

/** With more columns than this, and fewer rows, a table is turned round. */
const MOST_COLUMNS = 4;

function cell(drawing: Drawing, series: string, at: number | string): Markup {
  const found = drawing.estimates.find((each) => each.series === series && each.at === at);
  if (!found) return markup`<td><span class="none">not measured</span></td>`;
  const ends = interval(found);
  const span = ends === undefined ? undefined : markup` <span class="interval">${ends}</span>`;
  return markup`<td>${measured(found.mean)}${span}</td>`;
}

/** How often it was measured: `5`, or `3 to 5`. */
function repetitions({ estimates }: Drawing): string {
  const counts = estimates.map(({ count }) => count);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const times = least === most ? `${most}` : `${least} to ${most}`;
  return most === 1
    ? 'of one repetition'
    : `means of ${times} repetitions, and below each its 95 % interval`;
}

export function table(drawing: Drawing, id: string): Markup {
  const { figure, series, places } = drawing;
  const turned = series.length > MOST_COLUMNS && places.length < series.length;
  const corner = turned ? figure.quantity.label : figure.axis.label;
  const columns = turned ? places.map(placed) : series;
  const head = columns.map((name) => markup`<th scope="col">${name}</th>`);
  const rows = turned
    ? series.map((name) => ({ name, cells: places.map((at) => cell(drawing, name, at)) }))
    : places.map((at) => ({
        name: placed(at),
        cells: series.map((name) => cell(drawing, name, at)),
      }));
  const body = rows.map(({ name, cells }) => markup`<tr><th scope="row">${name}</th>${cells}</tr>`);
  const caption = `${labelled(figure.quantity)}: ${repetitions(drawing)}`;
  return markup`<p class="caption" id="${id}">${caption}</p>
<div class="scroll" role="region" tabindex="0" aria-labelledby="${id}">
<table class="numbers" aria-labelledby="${id}">
<thead><tr><th scope="col">${corner}</th>${head}</tr></thead>
<tbody>
${body}
</tbody>
</table>
</div>`;
}
