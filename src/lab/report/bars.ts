/**
 * Bars, one below the other, so that a name has the room it needs: grouped by place, with their
 * intervals and their values. On a logarithmic scale, which has no zero for a bar to begin at, they
 * are dots.
 */
import {
  axisX,
  dot,
  gridX,
  rect,
  ruleX,
  ruleY,
  text,
  type Markish,
  type PlotOptions,
} from '@observablehq/plot';

import type { Estimate } from '../experiment.js';
import { isSparse, valueAxis, type Axis, type Drawing } from './drawing.js';
import { labelled, measured, placed, ticked, withUnit } from './number.js';

/** What a character of a label takes, at the most. */
const CHARACTER = 6.9;
const BAR = 17;
const GAP = 9;
/** A line of text that stands above a bar or a group. */
const LINE = 18;
const BOTTOM = 50;
/** What a tick's number needs to the left of the axis, if nothing else does. */
const EDGE = 5;
/** Names that would take more of the width than this stand above their bars. */
const MOST_OF_WIDTH = 0.36;

/** Words that keep the lines of the grid away from them. */
const ON_PAPER = { fill: 'var(--ink)', stroke: 'var(--paper)', strokeWidth: 4 };

/** A bar, with all heights in pixels from the top. */
interface Row extends Estimate {
  readonly name: string;
  readonly nameY: number;
  readonly y1: number;
  readonly y: number;
  readonly y2: number;
}

interface Laid {
  readonly rows: readonly Row[];
  readonly headings: readonly { readonly name: string; readonly y: number }[];
  /** What the names take of the width. */
  readonly left: number;
  readonly height: number;
}

/** Where each bar stands: below the heading of its place, if there are places and series. */
function layOut(drawing: Drawing): Laid {
  const { estimates, series, places, width } = drawing;
  const rows: Row[] = [];
  const headings: { name: string; y: number }[] = [];
  const sparse = isSparse(drawing);
  const grouped = places.length > 1 && series.length > 1 && !sparse;
  const nameOf = (name: string, at: number | string) =>
    sparse ? `${placed(at)}: ${name}` : series.length > 1 ? name : placed(at);
  const longest = Math.max(...estimates.map(({ series, at }) => nameOf(series, at).length));
  const above = longest * CHARACTER > width * MOST_OF_WIDTH;
  let top = 6;
  for (const at of places) {
    if (grouped) {
      headings.push({ name: placed(at), y: top + LINE / 2 });
      top += LINE + 4;
    }
    for (const name of series) {
      const found = estimates.find((each) => each.at === at && each.series === name);
      if (!found) continue;
      const y1 = top + (above ? LINE : 0);
      const nameY = above ? top + LINE / 2 - 1 : y1 + BAR / 2;
      rows.push({
        ...found,
        name: nameOf(name, at),
        nameY,
        y1,
        y: y1 + BAR / 2,
        y2: y1 + BAR,
      });
      top = y1 + BAR + GAP;
    }
    if (grouped) top += GAP;
  }
  return { rows, headings, left: above ? EDGE : longest * CHARACTER + 10, height: top };
}

/** The bars themselves, or what stands for them on a logarithmic scale. */
function bodies(rows: readonly Row[], axis: Axis, { series, look }: Drawing): Markish[] {
  return series.flatMap((name) => {
    const own = rows.filter((row) => row.series === name);
    const { colour, symbol } = look(name);
    const ends = { x1: axis.domain[0], x2: 'mean' };
    return axis.type === 'linear'
      ? [rect(own, { x1: 0, x2: 'mean', y1: 'y1', y2: 'y2', fill: colour, rx: 2 })]
      : [
          ruleY(own, { ...ends, y: 'y', stroke: colour, strokeWidth: 2, strokeDasharray: '1 4' }),
          dot(own, { x: 'mean', y: 'y', r: 6, symbol, fill: colour }),
        ];
  });
}

/** An interval is a line with an end on either side, seen on the bar and beside it. */
function intervals(rows: readonly Row[], axis: Axis): Markish[] {
  const least = axis.domain[0];
  const own = rows.filter(({ low, high }) => low < high);
  // What is cut off at the axis has no end there.
  const whole = own.filter(({ low }) => low >= least);
  const low = (row: Row) => Math.max(row.low, least);
  const end = { y1: ({ y }: Row) => y - 4, y2: ({ y }: Row) => y + 4 };
  return [
    { stroke: 'var(--paper)', strokeWidth: 3.5 },
    { stroke: 'var(--ink)', strokeWidth: 1.5 },
  ].flatMap((style) => [
    ruleY(own, { x1: low, x2: 'high', y: 'y', ...style }),
    ruleX(whole, { x: 'low', ...end, ...style }),
    ruleX(own, { x: 'high', ...end, ...style }),
  ]);
}

export function bars(drawing: Drawing): PlotOptions {
  const { figure } = drawing;
  const { rows, headings, left, height } = layOut(drawing);
  const axis = valueAxis(drawing);
  const valueOf = ({ mean }: Row) => withUnit(measured(mean), figure.quantity);
  const words = Math.max(...rows.map((row) => valueOf(row).length));
  const x = (row: Row) => Math.max(row.high, row.mean, axis.type === 'linear' ? 0 : row.high);
  return {
    height: height + BOTTOM,
    marginTop: 0,
    marginBottom: BOTTOM,
    marginLeft: left,
    marginRight: words * CHARACTER + 14,
    x: { type: axis.type, domain: [...axis.domain] },
    y: { type: 'identity', axis: null },
    marks: [
      gridX([...axis.ticks], { stroke: 'var(--grid)', strokeOpacity: 1 }),
      axisX([...axis.ticks], {
        text: ticked,
        tickSize: 5,
        label: labelled(figure.quantity),
        labelAnchor: 'center',
        labelArrow: 'none',
        labelOffset: 42,
        fill: 'var(--faint)',
        stroke: 'var(--faint)',
      }),
      // A dot stands on its interval, and an interval on its bar.
      ...(axis.type === 'log' ? intervals(rows, axis) : []),
      ...bodies(rows, axis, drawing),
      ...(axis.type === 'log' ? [] : intervals(rows, axis)),
      ...(axis.type === 'linear' ? [ruleX([0], { stroke: 'var(--faint)' })] : []),
      text(headings, {
        y: 'y',
        frameAnchor: 'left',
        dx: 1 - left,
        textAnchor: 'start',
        text: 'name',
        fontWeight: 600,
        ...ON_PAPER,
      }),
      text(rows, {
        y: 'nameY',
        frameAnchor: 'left',
        dx: left > EDGE ? -8 : 1 - left,
        textAnchor: left > EDGE ? 'end' : 'start',
        text: 'name',
        ...ON_PAPER,
      }),
      text(rows, { x, y: 'y', dx: 8, textAnchor: 'start', text: valueOf, ...ON_PAPER }),
    ],
  };
}
