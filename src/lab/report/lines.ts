/** Lines against a number: each with its symbol, its dashes, its intervals, and its name. */
import {
  areaY,
  axisX,
  axisY,
  dot,
  gridY,
  lineY,
  ruleX,
  ruleY,
  scale,
  text,
  type PlotOptions,
} from '@observablehq/plot';

import { placeAxis, valueAxis, type Axis, type Drawing } from './drawing.js';
import { labelled, ticked } from './number.js';

const HEIGHT = 340;
const TOP = 34;
const BOTTOM = 46;
/** What a character of a label takes, and one of a name, which is bold. */
const CHARACTER = 6.9;
const BOLD = 7.8;
const LABEL_GAP = 34;
/** From one name to the next. */
const LINE = 16;
/** Intervals at the same place stand so far beside each other. */
const ASIDE = 3;
/** Below this width the names stand in a legend, and the lines have the room. */
const ROOM_FOR_NAMES = 480;

/** Moves positions apart that are nearer than a line of text; they stay in order, and inside. */
function spread(positions: readonly number[], top: number, bottom: number): number[] {
  const order = positions.map((_, i) => i).sort((a, b) => positions[a]! - positions[b]!);
  const moved = positions.slice();
  let least = top;
  for (const i of order) {
    moved[i] = Math.max(moved[i]!, least);
    least = moved[i] + LINE;
  }
  let most = bottom;
  for (const i of order.toReversed()) {
    moved[i] = Math.min(moved[i]!, most);
    most = moved[i] - LINE;
  }
  return moved;
}

/** The names of the lines, each at the height where its line ends. */
function names(drawing: Drawing, axis: Axis) {
  const { series, estimates, places, look } = drawing;
  const range: [number, number] = [HEIGHT - BOTTOM, TOP];
  const y = scale({ y: { type: axis.type, domain: [...axis.domain], range } });
  const last = series.map((name) => {
    const own = estimates.filter((each) => each.series === name);
    return own.reduce((a, b) => (places.indexOf(b.at) > places.indexOf(a.at) ? b : a));
  });
  const heights = spread(
    last.map(({ mean }) => y.apply(mean) as number),
    TOP,
    HEIGHT - BOTTOM,
  );
  return series.flatMap((name, i) => {
    const at = { y: y.invert!(heights[i]!) as number };
    const { colour, symbol } = look(name);
    return [
      dot([at], { y: 'y', frameAnchor: 'right', dx: 22, r: 4, symbol, fill: colour }),
      text([at], {
        y: 'y',
        frameAnchor: 'right',
        textAnchor: 'start',
        dx: LABEL_GAP - 2,
        text: () => name,
        fontWeight: 600,
        fill: 'var(--ink)',
      }),
    ];
  });
}

export function lines(drawing: Drawing): PlotOptions {
  const { figure, estimates, series, look, width } = drawing;
  const [x, y] = [placeAxis(drawing), valueAxis(drawing)];
  const named = series.length > 1 && width >= ROOM_FOR_NAMES;
  const longest = Math.max(...series.map((name) => name.length));
  const widestTick = Math.max(...y.ticks.map((tick) => ticked(tick).length));
  const lastTick = ticked(x.ticks.at(-1)!).length;
  const marks = series.flatMap((name, i) => {
    const { colour, symbol, dash } = look(name);
    const own = estimates
      .filter((each) => each.series === name)
      .map((each) => ({ ...each, low: Math.max(each.low, y.domain[0]) }))
      .sort((a, b) => Number(a.at) - Number(b.at));
    return [
      areaY(own, { x: 'at', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.1 }),
      ruleX(own, {
        x: 'at',
        y1: 'low',
        y2: 'high',
        stroke: colour,
        strokeWidth: 1.5,
        dx: (i - (series.length - 1) / 2) * ASIDE,
      }),
      lineY(own, { x: 'at', y: 'mean', stroke: colour, strokeWidth: 2, strokeDasharray: dash }),
      dot(own, {
        x: 'at',
        y: 'mean',
        r: 4.5,
        symbol,
        fill: colour,
        stroke: 'var(--paper)',
        strokeWidth: 1,
      }),
    ];
  });
  return {
    height: HEIGHT,
    marginTop: TOP,
    marginBottom: BOTTOM,
    marginLeft: widestTick * CHARACTER + 14,
    marginRight: named ? LABEL_GAP + longest * BOLD : lastTick * CHARACTER * 0.5 + 3,
    x: { type: x.type, domain: [...x.domain] },
    y: { type: y.type, domain: [...y.domain] },
    marks: [
      gridY([...y.ticks], { stroke: 'var(--grid)', strokeOpacity: 1 }),
      ruleY([y.domain[0]], { stroke: 'var(--faint)' }),
      axisY([...y.ticks], {
        text: ticked,
        tickSize: 0,
        label: labelled(figure.quantity),
        labelAnchor: 'top',
        labelArrow: 'none',
        fill: 'var(--faint)',
      }),
      axisX([...x.ticks], {
        text: ticked,
        tickSize: 5,
        label: figure.axis.label,
        labelAnchor: 'center',
        labelArrow: 'none',
        labelOffset: 40,
        fill: 'var(--faint)',
        stroke: 'var(--faint)',
      }),
      ...marks,
      ...(named ? names(drawing, y) : []),
    ],
  };
}
