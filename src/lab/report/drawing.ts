/**
 * What a chart is made of: a figure's estimates in order, the look of each series, and the scales.
 * A series looks the same in all charts of its experiment, and is never told by its colour alone.
 */
import type { Estimate, Figure } from '../experiment.js';
import type { Result } from '../results.js';

export interface Look {
  /** A custom property of CSS, which differs in light and dark. */
  readonly colour: string;
  readonly symbol: 'circle' | 'square' | 'triangle' | 'diamond' | 'star' | 'wye' | 'hexagon';
  readonly dash: string;
}

const COLOURS = 8;
const symbols = ['circle', 'square', 'triangle', 'diamond', 'star', 'wye', 'hexagon'] as const;
const dashes = ['none', '7 3', '2 3', '9 3 2 3', '12 4'] as const;

export interface Drawing {
  readonly figure: Figure;
  readonly estimates: readonly Estimate[];
  /** Both in the order in which they first came. */
  readonly series: readonly string[];
  readonly places: readonly (number | string)[];
  look(series: string): Look;
  /** How wide it is drawn, in pixels. */
  readonly width: number;
}

const distinct = <Item>(items: readonly Item[]): Item[] => [...new Set(items)];

/** A figure's drawing, among those of its experiment. */
export function drawingOf(figure: Figure, result: Result, width: number): Drawing {
  const estimatesOf = ({ name }: Figure) => result.estimates.filter((e) => e.figure === name);
  const known = distinct(result.figures.flatMap(estimatesOf).map(({ series }) => series));
  const estimates = estimatesOf(figure);
  const places = distinct(estimates.map(({ at }) => at));
  if (places.every((at) => typeof at === 'number')) places.sort((a, b) => a - b);
  return {
    figure,
    estimates,
    series: distinct(estimates.map(({ series }) => series)),
    places,
    look(series) {
      const i = known.indexOf(series);
      return {
        colour: `var(--series-${(i % COLOURS) + 1})`,
        symbol: symbols[i % symbols.length]!,
        dash: dashes[i % dashes.length]!,
      };
    },
    width,
  };
}

/** Lines go from number to number; where the places have names, there are bars. */
export function hasLines({ places }: Drawing): boolean {
  return places.length > 1 && places.every((at) => typeof at === 'number');
}

/** Where each place has one series alone, and not the same, the two are told by one name. */
export function isSparse({ estimates, places, series }: Drawing): boolean {
  return series.length > 1 && estimates.length === places.length;
}

export interface Axis {
  readonly type: 'linear' | 'log';
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
}

/** 1, 2, 5, 10, 20, ..., as far as they lie within. */
function decades(low: number, high: number, mantissas: readonly number[]): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    ticks.push(...mantissas.map((each) => Number(`${each}e${power}`)));
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** About how much of a chart's width is for its lines, and what a tick's number takes. */
const PLOTTED = 0.75;
const TICK = 50;
/** More than so many decades have ticks at powers of ten alone. */
const FEW_DECADES = 2.5;

function logarithmic(low: number, high: number): Axis {
  const few = Math.log10(high / low) < FEW_DECADES;
  const ticks = decades(low, high, few ? [1, 2, 5] : [1]);
  return { type: 'log', domain: [low, high], ticks };
}

/** The next number below that is 1, 2 or 5 at a power of ten, or above. */
const floor125 = (value: number) => decades(value / 10, value, [1, 2, 5]).at(-1)!;
const ceil125 = (value: number) => decades(value, value * 10, [1, 2, 5])[0]!;

/** Ticks of a linear axis, about so many. */
const LINEAR_TICKS = 5;

function linear(low: number, high: number): Axis {
  const step = ceil125((high - low) / LINEAR_TICKS);
  const first = Math.ceil(low / step);
  const ticks = Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  return { type: 'linear', domain: [low, high], ticks };
}

/**
 * The axis of the values, with room for their intervals. One that shall be logarithmic is so where
 * all of the values are above zero. An interval that reaches below zero where no value does says
 * that little is known, and not that there could be less than nothing: it is cut off.
 */
export function valueAxis({ figure, estimates }: Drawing): Axis {
  const highest = Math.max(...estimates.map(({ high }) => high));
  const lowest = Math.min(...estimates.map(({ low }) => low));
  const least = Math.min(...estimates.map(({ mean }) => mean));
  if (figure.quantity.scale === 'log' && least > 0)
    return logarithmic(floor125(Math.max(lowest, least / 10) / 1.1), ceil125(highest * 1.1));
  const low = least < 0 ? lowest : 0;
  return linear(low, highest > low ? Math.max(highest, 0) : low + 1);
}

/** The axis of the places, where they are numbers: with ticks at them, if there is room. */
export function placeAxis({ figure, places, width }: Drawing): Axis {
  const numbers = places as readonly number[];
  const [low, high] = [numbers[0]!, numbers.at(-1)!];
  const axis = figure.axis.scale === 'log' && low > 0 ? logarithmic(low, high) : linear(low, high);
  const x = (at: number) => (axis.type === 'log' ? Math.log(at) : at);
  const room = (width * PLOTTED) / (x(high) - x(low));
  const apart = numbers.every((at, i) => i === 0 || (x(at) - x(numbers[i - 1]!)) * room > TICK);
  return apart ? { ...axis, ticks: numbers } : axis;
}
