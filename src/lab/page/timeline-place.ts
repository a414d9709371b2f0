/** Where the lanes of a timeline stand in its picture, from the top down, and what is where. */
import { firstAbove, firstFrom, type Layout, type Marks } from './timeline-layout.js';
import type { TimelineTexts } from './timeline-texts.js';
import type { TimeWindow } from './timeline-window.js';

export interface Bar {
  readonly y: number;
  readonly height: number;
}

export interface Places {
  /** Where time begins; before it are the names of the lanes. */
  readonly left: number;
  readonly plotWidth: number;
  readonly height: number;
  readonly axis: Bar;
  readonly tracks: readonly { readonly application: Bar; readonly kernel: Bar }[];
  readonly network: Bar | undefined;
  readonly world: Bar | undefined;
  readonly captions: readonly { text: string; y: number; strong: boolean }[];
}

const FULL = { axis: 22, head: 18, bar: 26, between: 26, gap: 14, network: 36, world: 22, em: 6.4 };
const COMPACT = { axis: 0, head: 0, bar: 14, between: 2, gap: 4, network: 14, world: 0, em: 0 };
const WIDEST_CAPTION = 110;
/** How far from a mark a click may be, and still means it. */
const NEAR_PIXELS = 8;

export function placesOf(
  { tracks, segments, actions }: Layout,
  compact: boolean,
  width: number,
  texts: TimelineTexts,
): Places {
  const size = compact ? COMPACT : FULL;
  const captions: { text: string; y: number; strong: boolean }[] = [];
  let y = size.axis;
  const bar = (height: number, text: string): Bar => {
    const placed = { y, height };
    if (!compact) captions.push({ text, y: y + height / 2, strong: false });
    y += height;
    return placed;
  };
  const placed = tracks.map(({ name }) => {
    y += size.gap / 2;
    if (tracks.length > 1 && !compact) {
      captions.push({ text: name, y: y + size.head / 2, strong: true });
      y += size.head;
    }
    const application = bar(size.bar, texts.application);
    y += size.between;
    return { application, kernel: bar(size.bar, texts.kernel) };
  });
  y += size.gap;
  const network = segments.events.length > 0 ? bar(size.network, texts.network) : undefined;
  if (network) y += size.gap / 2;
  const world = actions.events.length > 0 && !compact ? bar(size.world, texts.world) : undefined;
  // Characters of Chinese are twice as wide as letters.
  const letters = captions.map(({ text }) => text.replace(/[^\0-\u02ff]/g, 'mm').length);
  const left = compact ? 0 : Math.min(Math.max(0, ...letters) * size.em + 12, WIDEST_CAPTION);
  return {
    left,
    plotWidth: Math.max(1, width - left),
    height: y + size.gap / 2,
    axis: { y: 0, height: size.axis },
    tracks: placed,
    network,
    world,
    captions,
  };
}

const within = ({ y, height }: Bar, at: number, slack = 4) =>
  at >= y - slack && at <= y + height + slack;

/** The index of the event that is drawn at a point, or next to it. */
export function eventAt(
  { tracks, segments, actions }: Layout,
  places: Places,
  window: TimeWindow,
  x: number,
  y: number,
): number | undefined {
  const perPixel = window.span / places.plotWidth;
  const place = window.from + (x - places.left) * perPixel;
  const near = NEAR_PIXELS * perPixel;
  const i = places.tracks.findIndex(({ application, kernel }) => {
    const whole = { y: application.y, height: kernel.y + kernel.height - application.y };
    return within(whole, y);
  });
  if (i >= 0) {
    const { events, starts, ends } = tracks[i]!;
    const at = firstAbove(ends, place);
    if (at < starts.length && starts[at]! <= place) return events[at];
    return nearest(events, [at - 1, at], near, (each) =>
      Math.max(starts[each]! - place, place - ends[each]!),
    );
  }
  if (places.network && within(places.network, y)) return markAt(segments, place, near);
  return places.world && within(places.world, y) ? markAt(actions, place, near) : undefined;
}

function markAt({ events, places }: Marks, place: number, near: number): number | undefined {
  const at = firstFrom(places, place);
  return nearest(events, [at - 1, at], near, (each) => Math.abs(places[each]! - place));
}

/** Of the candidates the event that is least far, if it is near. */
function nearest(
  events: Int32Array,
  candidates: number[],
  near: number,
  far: (each: number) => number,
): number | undefined {
  const there = candidates.filter((each) => each >= 0 && each < events.length && far(each) <= near);
  return events[there.sort((a, b) => far(a) - far(b))[0] ?? -1];
}
