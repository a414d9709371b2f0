/** Times as people read them, and where an axis has its marks. */
import type { Layout } from './timeline-layout.js';
import type { TimeWindow } from './timeline-window.js';

const UNITS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
] as const;

/** `1.204 ms`; as exact as `stepNs`, if that is given, or to four digits. */
export function timeText(ns: number, stepNs?: number): string {
  const [size, unit] = UNITS.find(([each]) => Math.abs(ns) >= each) ?? [1, 'ns'];
  const digits = Math.max(0, Math.ceil(-Math.log10((stepNs ?? Math.abs(ns) / 1000) / size) - 1e-9));
  return `${Number((ns / size).toFixed(Math.min(digits || 0, 9)))} ${unit}`;
}

/** The marks of an axis that is `pixels` long: where, and what it says there. */
export function ticks(
  { scale, timeOf, placeOf }: Layout,
  { from, to, span }: TimeWindow,
  pixels: number,
  spacing: number,
): { place: number; text: string }[] {
  const many = Math.max(1, Math.floor(pixels / spacing));
  if (scale === 'even') {
    const places = Array.from({ length: many }, (_, i) => from + (span * (i + 0.5)) / many);
    // Of several moments of one time the first is marked, and each so exactly that it is another:
    // what they are rounded to is less than what lies between them.
    const moments = places
      .map((place) => ({ place, ns: Math.round(timeOf(place)) }))
      .filter(({ ns }, i, all) => ns !== all[i - 1]?.ns);
    return moments.map(({ place, ns }, i) => {
      const near = [moments[i - 1], moments[i + 1]].flatMap((each) =>
        each === undefined ? [] : [Math.abs(each.ns - ns) * 0.99],
      );
      return { place, text: timeText(ns, Math.max(1, Math.min(ns / 1000, ...near))) };
    });
  }
  const firstNs = timeOf(from);
  const lastNs = timeOf(to);
  const stepNs = niceStep((lastNs - firstNs) / many);
  const marks: { place: number; text: string }[] = [];
  for (let at = Math.ceil(firstNs / stepNs) * stepNs; at <= lastNs; at += stepNs)
    marks.push({ place: placeOf(at), text: at === 0 ? '0' : timeText(at, stepNs) });
  return marks;
}

/** 1, 2 or 5 of a power of ten, and not less. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least)!;
}
