/**
 * Where the events of a take lie along the axis of time, in arrays that are quick to search: what
 * is drawn is found by bisection, and what is too narrow to be seen is known as a sum.
 */
import { comesBehind, type Moment } from './moment.js';
import type { Take, TakenCall } from './take.js';

/**
 * True to time, or even: each moment at which something happens has its place, and what lies
 * between grows with the logarithm of the time, so that a call of a microsecond is seen beside a
 * wait of a second.
 */
export type Scale = 'true' | 'even';

/** Where moments are even: how much has room for the name of a call, and for what a segment is. */
const CALL_ROOM = 2.75;
const MARK_ROOM = 2;

/** What a stretch of a call is shown as, of the process and of the kernel. */
export const Look = { BLOCKED: 0, WAIT: 1, COPY: 2, NONE: 3, IDLE: 4 } as const;
export type Look = (typeof Look)[keyof typeof Look];
const LOOKS = Object.keys(Look).length;

/** The calls of one guest, in their order; they do not overlap. */
export interface Track {
  readonly name: string;
  /** By call: its index among the events. */
  readonly events: Int32Array;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** Where a call that waited first began to copy, or else its start. */
  readonly copies: Float64Array;
  /** By look and call: how long all calls before it are together; one more than there are calls. */
  readonly sums: readonly Float64Array[];
}

/** Events that have no duration. */
export interface Marks {
  readonly events: Int32Array;
  readonly places: Float64Array;
}

export interface Layout {
  readonly take: Take;
  readonly scale: Scale;
  readonly length: number;
  readonly tracks: readonly Track[];
  readonly segments: Marks;
  readonly actions: Marks;
  /** Those at whom segments arrive from outside: guests, and who was connected to. */
  readonly inside: ReadonlySet<string>;
  placeOf(timeNs: number): number;
  timeOf(place: number): number;
  /** Where a moment is, of several at one time. */
  placeOfMoment(moment: Moment): number;
}

type Ascending = Float64Array | Int32Array;

/** The first index from which on `values` are at least `least`; they ascend. */
export function firstFrom(values: Ascending, least: number, from = 0): number {
  let low = from;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first index from which on `values` are more than `limit`. */
export function firstAbove(values: Ascending, limit: number, from = 0): number {
  let low = from;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The moments at which something happens, with their places. */
class Axis {
  readonly #times: Float64Array;
  readonly #places: Float64Array;
  readonly #scale: Scale;
  /** The last that there is; the first is the beginning. */
  #last = 0;
  /** What the next keeps away from the last, where moments are even. */
  #room = 1;

  constructor(scale: Scale, most: number) {
    this.#scale = scale;
    this.#times = new Float64Array(most + 1);
    this.#places = new Float64Array(most + 1);
  }

  /** The place of a moment that is not before the last; evenly at least `least`. */
  add(timeNs: number, room = 1, least = 0): number {
    const before = this.#times[this.#last]!;
    const passed = Math.max(0, timeNs - before);
    const from = this.#places[this.#last]!;
    const even = from + Math.max(this.#room, 1 + Math.log2(1 + passed / 1000));
    const place = this.#scale === 'true' ? from + passed : Math.max(even, least);
    this.#room = room;
    this.#last++;
    this.#times[this.#last] = before + passed;
    this.#places[this.#last] = place;
    return place;
  }

  /** From one ascending quantity to the other, both ways. */
  finished() {
    const times = this.#times.subarray(0, this.#last + 1);
    const places = this.#places.subarray(0, this.#last + 1);
    const between = (from: Float64Array, to: Float64Array) => (value: number) => {
      const after = firstAbove(from, value);
      if (after === 0) return to[0]!;
      if (after === from.length) return to[after - 1]!;
      const share = (value - from[after - 1]!) / (from[after]! - from[after - 1]!);
      return to[after - 1]! + share * (to[after]! - to[after - 1]!);
    };
    const length = Math.max(places.at(-1)!, 1);
    return { length, placeOf: between(times, places), timeOf: between(places, times) };
  }
}

/** Times are whole nanoseconds; this is behind all that happens in one. */
const WOKEN = 0.5;

/**
 * What is still to come of a call that has begun: that it copies, or that it ends. Who sleeps is
 * woken by what happens at that time, and who asks is told of it, and so behind it.
 */
interface Coming {
  readonly timeNs: number;
  readonly turn: number;
  readonly event: number;
  readonly isEnd: boolean;
}

/** By event: its place, where it ends, and where it began to copy. */
interface Ways {
  readonly starts: Float64Array;
  readonly copies: Float64Array;
  readonly ends: Float64Array;
}

/** Lays out a take as far as `endNs`, so that several may be as long as each other. */
export function layOut(take: Take, scale: Scale, endNs = take.endNs): Layout {
  const { events, lanes } = take;
  const axis = new Axis(scale, 3 * events.length + 1);
  const ways: Ways = {
    starts: new Float64Array(events.length),
    copies: new Float64Array(events.length),
    ends: new Float64Array(events.length),
  };
  /** The next is the last. */
  const coming: Coming[] = [];
  const expect = (next: Coming) => {
    let at = coming.length;
    while (at > 0 && coming[at - 1]!.turn <= next.turn) at--;
    coming.splice(at, 0, next);
  };
  const comeBy = (turn: number) => {
    while (coming.length > 0 && coming.at(-1)!.turn <= turn) {
      const { event, isEnd, timeNs } = coming.pop()!;
      const least = ways.starts[event]! + (isEnd ? CALL_ROOM : 0);
      ways[isEnd ? 'ends' : 'copies'][event] = axis.add(timeNs, 1, least);
    }
  };
  events.forEach((event, i) => {
    const timeNs = event.kind === 'call' ? event.startNs : event.timeNs;
    comeBy(event.kind === 'call' ? timeNs + WOKEN : timeNs);
    ways.copies[i] = ways.starts[i] = axis.add(timeNs, event.kind === 'call' ? 1 : MARK_ROOM);
    if (event.kind !== 'call') return;
    const { copyNs, endNs } = event;
    if (copyNs !== undefined)
      expect({ timeNs: copyNs, turn: copyNs + WOKEN, event: i, isEnd: false });
    const turn = comesBehind(event) || copyNs === endNs ? endNs + WOKEN : endNs;
    expect({ timeNs: endNs, turn, event: i, isEnd: true });
  });
  comeBy(Infinity);
  axis.add(Math.max(endNs, take.endNs));
  return {
    take,
    scale,
    ...axis.finished(),
    tracks: lanes.map((name, lane) => trackOf(take, name, lane, ways)),
    segments: marksOf(take, 'segment', ways.starts),
    actions: marksOf(take, 'action', ways.starts),
    inside: insideOf(take),
    placeOfMoment: ({ event, part }) => {
      const index = events.indexOf(event);
      return (part === 'answered' ? ways.ends : ways.starts)[index]!;
    },
  };
}

const callAt = ({ events }: Take, index: number) => events[index] as TakenCall;

function indicesOf({ events }: Take, wanted: (event: Take['events'][number]) => boolean) {
  const indices: number[] = [];
  events.forEach((event, i) => wanted(event) && indices.push(i));
  return Int32Array.from(indices);
}

function marksOf(take: Take, kind: 'segment' | 'action', starts: Float64Array): Marks {
  const events = indicesOf(take, (event) => event.kind === kind);
  return { events, places: Float64Array.from(events, (event) => starts[event]!) };
}

/** What the kernel does in a call, or in the end: who sleeps in it is not its matter. */
export function kernelLookOf({ phase, copyNs }: TakenCall): Look {
  if (copyNs !== undefined) return Look.COPY;
  if (phase === 'wait') return Look.WAIT;
  return phase === 'copy' ? Look.COPY : Look.NONE;
}

function trackOf(take: Take, name: string, lane: number, ways: Ways): Track {
  const events = indicesOf(take, (event) => event.kind === 'call' && event.lane === lane);
  const [starts, copies, ends] = [ways.starts, ways.copies, ways.ends].map((places) =>
    Float64Array.from(events, (event) => places[event]!),
  ) as [Float64Array, Float64Array, Float64Array];
  const sums = Array.from({ length: LOOKS }, () => new Float64Array(events.length + 1));
  for (let i = 0; i < events.length; i++) {
    const call = callAt(take, events[i]!);
    const [start, copy, end] = [starts[i]!, copies[i]!, ends[i]!];
    for (let look = 0; look < LOOKS; look++) sums[look]![i + 1] = sums[look]![i]!;
    sums[kernelLookOf(call)]![i + 1]! += end - copy;
    sums[Look.WAIT]![i + 1]! += copy - start;
    if (call.blocked) sums[Look.BLOCKED]![i + 1]! += end - start;
    if (call.idle) sums[Look.IDLE]![i + 1]! += end - start;
  }
  return { name, events, starts, copies, ends, sums };
}

/** Who is connected to is inside; if nobody is seen to connect, the guests alone are. */
function insideOf({ events, lanes }: Take): ReadonlySet<string> {
  const inside = new Set(lanes);
  for (const event of events) {
    if (event.kind === 'segment' && event.flags === 'SYN') inside.add(event.to);
  }
  return inside;
}
