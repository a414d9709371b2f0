/** The numbers of a chart, with their intervals: a row for each place, a column for each series. */
import { isSparse, type Drawing } from './drawing.js';
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

interface Grid {
  readonly corner: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly Markup[] }[];
}

function grid(drawing: Drawing): Grid {
  const { figure, estimates, series, places } = drawing;
  const { label } = figure.quantity;
  const corner = figure.axis.label;
  if (isSparse(drawing)) {
    const rows = estimates.map(({ series, at }) => ({
      name: `${placed(at)}: ${series}`,
      cells: [cell(drawing, series, at)],
    }));
    return { corner, columns: [label], rows };
  }
  if (series.length > MOST_COLUMNS && places.length < series.length) {
    const cells = (name: string) => places.map((at) => cell(drawing, name, at));
    const rows = series.map((name) => ({ name, cells: cells(name) }));
    return { corner: label, columns: places.map(placed), rows };
  }
  const cells = (at: number | string) => series.map((name) => cell(drawing, name, at));
  return {
    corner,
    columns: series,
    rows: places.map((at) => ({ name: placed(at), cells: cells(at) })),
  };
}

export function table(drawing: Drawing, id: string): Markup {
  const { corner, columns, rows } = grid(drawing);
  const head = columns.map((name) => markup`<th scope="col">${name}</th>`);
  const body = rows.map(({ name, cells }) => markup`<tr><th scope="row">${name}</th>${cells}</tr>`);
  const caption = `${labelled(drawing.figure.quantity)}: ${repetitions(drawing)}`;
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
