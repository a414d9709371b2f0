/**
 * Draws the part of a timeline that is seen. What is narrower than a pixel is drawn together with
 * its neighbours, so that a picture costs what it has pixels, and not what the take has calls.
 */
import type { Taken, TakenCall } from './take.js';
import type { Colours } from './timeline-colour.js';
import {
  firstAbove,
  firstFrom,
  kernelLookOf,
  Look,
  type Layout,
  type Marks,
  type Track,
} from './timeline-layout.js';
import { type Places, placesOf } from './timeline-place.js';
import type { TimelineTexts } from './timeline-texts.js';
import { ticks } from './timeline-time.js';
import type { TimeWindow } from './timeline-window.js';

export interface Scene {
  readonly layout: Layout;
  readonly window: TimeWindow;
  readonly texts: TimelineTexts;
  readonly colours: Colours;
  readonly stripes: CanvasPattern;
  readonly width: number;
  readonly compact: boolean;
  /** The place of the present: nothing beyond it is drawn. */
  readonly present: number;
  /** The index of the event that is chosen. */
  readonly chosen: number | undefined;
}

const FONT = '11px system-ui, sans-serif';
const ARROW_ROOM = 7;
const HEAD = 4;
const TICK_SPACING = 88;

/** The words of a kernel's half of a call. */
const phaseWords = (texts: TimelineTexts, look: Look) =>
  look === Look.WAIT ? texts.waits : look === Look.COPY ? texts.copies : '';

export class Picture {
  readonly #pen: CanvasRenderingContext2D;
  readonly #scene: Scene;
  readonly #places: Places;
  readonly #perPixel: number;
  /** Of what is drawn, along the axis. */
  readonly #until: number;

  constructor(pen: CanvasRenderingContext2D, scene: Scene) {
    this.#pen = pen;
    this.#scene = scene;
    this.#places = placesOf(scene.layout, scene.compact, scene.width, scene.texts);
    this.#perPixel = scene.window.span / this.#places.plotWidth;
    this.#until = Math.min(scene.window.to, scene.present);
  }

  draw(): void {
    const { layout, colours, compact } = this.#scene;
    const { left, plotWidth, height } = this.#places;
    const pen = this.#pen;
    pen.font = FONT;
    pen.textBaseline = 'middle';
    pen.clearRect(0, 0, this.#scene.width, height);
    if (!compact) this.#axis();
    this.#captions();
    pen.save();
    pen.beginPath();
    const end = Math.min(this.#x(this.#until), left + plotWidth);
    pen.rect(left, 0, Math.max(0, end - left), height);
    pen.clip();
    layout.tracks.forEach((track, i) => this.#track(track, i));
    this.#segments();
    if (!compact) this.#actions();
    this.#outline();
    pen.restore();
    pen.fillStyle = colours.cursor;
    const { window, present } = this.#scene;
    if (present < window.from || present > window.to) return;
    const { height: top } = this.#places.axis;
    pen.fillRect(Math.min(this.#x(present), left + plotWidth) - 1, top, 2, height - top);
  }

  #x(place: number): number {
    return this.#places.left + (place - this.#scene.window.from) / this.#perPixel;
  }

  #axis(): void {
    const { layout, window, colours } = this.#scene;
    const { axis, plotWidth, left, height } = this.#places;
    const pen = this.#pen;
    for (const { place, text } of ticks(layout, window, plotWidth, TICK_SPACING)) {
      const x = Math.round(this.#x(place));
      pen.fillStyle = colours.line;
      pen.fillRect(x, axis.height - 4, 1, height);
      const half = pen.measureText(text).width / 2;
      const at = Math.min(Math.max(x - half, left), left + plotWidth - 2 * half);
      pen.fillStyle = colours.faint;
      pen.fillText(text, at, axis.height / 2);
    }
  }

  #captions(): void {
    const { colours } = this.#scene;
    const { captions, left } = this.#places;
    const pen = this.#pen;
    for (const { text, y, strong } of captions) {
      pen.font = strong ? `600 ${FONT}` : FONT;
      pen.fillStyle = strong ? colours.text : colours.faint;
      pen.fillText(text, 0, y, left - 6);
    }
    pen.font = FONT;
  }

  #track(track: Track, i: number): void {
    const { window, colours } = this.#scene;
    const { application } = this.#places.tracks[i]!;
    const pen = this.#pen;
    // The process runs, but where a call says otherwise.
    const from = this.#x(Math.max(window.from, 0));
    pen.fillStyle = colours.runs;
    pen.fillRect(from, application.y, this.#x(this.#until) - from, application.height);
    let at = firstAbove(track.ends, window.from);
    while (at < track.starts.length && track.starts[at]! < this.#until) {
      if (this.#wide(track, at)) {
        this.#call(track, at, i);
        at++;
        continue;
      }
      const column = Math.floor(this.#x(track.starts[at]!));
      let next = this.#nextColumn(track.starts, column, at);
      if (next - 1 > at && this.#wide(track, next - 1)) next--;
      this.#column(track, at, next, column, i);
      at = next;
    }
  }

  #wide({ starts, ends }: Track, at: number): boolean {
    return ends[at]! - starts[at]! >= this.#perPixel;
  }

  /** The first of `places`, behind `at`, that lies beyond a column of pixels. */
  #nextColumn(places: Float64Array, column: number, at: number): number {
    const { left } = this.#places;
    const beyond = this.#scene.window.from + (column + 1 - left) * this.#perPixel;
    return Math.max(at + 1, firstFrom(places, beyond, at));
  }

  /** Several calls in one column of pixels: as high as their share of its time. */
  #column(track: Track, from: number, to: number, column: number, i: number): void {
    const { colours, stripes } = this.#scene;
    const { application, kernel } = this.#places.tracks[i]!;
    const share = (look: Look) =>
      Math.min(1, (track.sums[look]![to]! - track.sums[look]![from]!) / this.#perPixel);
    const blocked = share(Look.BLOCKED);
    const wait = share(Look.WAIT);
    const copy = share(Look.COPY);
    const none = share(Look.NONE);
    const idle = share(Look.IDLE);
    this.#stack(application, column, [
      [blocked, stripes],
      [idle, colours.idle],
      [wait + copy + none - blocked - idle, colours.kernel],
    ]);
    this.#stack(kernel, column, [
      [wait, colours.wait],
      [copy, colours.copy],
      [none, colours.none],
    ]);
  }

  #stack(
    { y, height }: { y: number; height: number },
    x: number,
    parts: [share: number, colour: string | CanvasPattern][],
  ): void {
    let bottom = y + height;
    for (const [share, colour] of parts) {
      // The last call may reach into the next column.
      const part = Math.min(share * height, bottom - y);
      if (part <= 0) continue;
      this.#pen.fillStyle = colour;
      this.#pen.fillRect(x, bottom - part, 1, part);
      bottom -= part;
    }
  }

  #call(track: Track, at: number, i: number): void {
    const { layout, colours, stripes, texts, compact, window } = this.#scene;
    const { application, kernel } = this.#places.tracks[i]!;
    const call = layout.take.events[track.events[at]!] as TakenCall;
    const from = this.#x(Math.max(track.starts[at]!, window.from));
    const to = this.#x(Math.min(track.ends[at]!, this.#until));
    const look = kernelLookOf(call);
    const pen = this.#pen;
    pen.fillStyle = call.blocked ? stripes : call.idle ? colours.idle : colours.kernel;
    pen.fillRect(from, application.y, to - from, application.height);
    const split = Math.min(Math.max(this.#x(track.copies[at]!), from), to);
    pen.fillStyle = colours.wait;
    pen.fillRect(from, kernel.y, split - from, kernel.height);
    pen.fillStyle = [colours.none, colours.wait, colours.copy][look] ?? colours.none;
    pen.fillRect(split, kernel.y, to - split, kernel.height);
    if (compact) return;
    const asleep = call.blocked ? texts.blocked : call.idle ? texts.idle : '';
    this.#label(asleep, from, to, application, true);
    this.#label(texts.waits, from, split, kernel, false);
    this.#label(phaseWords(texts, look), split, to, kernel, false);
    this.#arrows(track, at, call, application.y + application.height, kernel.y);
  }

  /** What goes into the kernel, and what comes out of it. */
  #arrows(track: Track, at: number, call: TakenCall, top: number, bottom: number): void {
    const { colours } = this.#scene;
    const from = this.#x(track.starts[at]!);
    const to = this.#x(track.ends[at]!);
    if (to - from < 2 * ARROW_ROOM) return;
    const pen = this.#pen;
    this.#arrow(from + 1, top, bottom, colours.text);
    const seen = Math.max(from + 1, this.#places.left);
    const middle = (top + bottom) / 2;
    const name = pen.measureText(call.name).width;
    pen.fillStyle = colours.text;
    if (to - seen > name + 2 * ARROW_ROOM) pen.fillText(call.name, seen + ARROW_ROOM, middle);
    if (call.open || this.#until < track.ends[at]!) return;
    this.#arrow(to - 1, bottom, top, colours.text);
    const room = to - seen - name - 5 * ARROW_ROOM;
    const [errno = ''] = call.answer.split(' ', 1);
    const answer = this.#fitting([call.answer, errno], room);
    if (answer === undefined) return;
    pen.fillStyle = colours.faint;
    pen.fillText(answer, to - pen.measureText(answer).width - ARROW_ROOM, middle);
  }

  #arrow(x: number, from: number, to: number, colour: string): void {
    const pen = this.#pen;
    const back = to > from ? -HEAD : HEAD;
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, from);
    pen.lineTo(x, to + back);
    pen.stroke();
    pen.beginPath();
    pen.moveTo(x, to);
    pen.lineTo(x - HEAD + 1, to + back);
    pen.lineTo(x + HEAD - 1, to + back);
    pen.fill();
  }

  /** Words in the middle of a bar, if they fit. */
  #label(
    text: string,
    from: number,
    to: number,
    { y, height }: { y: number; height: number },
    onPaper: boolean,
  ): void {
    const { colours } = this.#scene;
    const pen = this.#pen;
    const { width } = pen.measureText(text);
    if (text === '' || to - from < width + 10) return;
    const x = (from + to - width) / 2;
    if (onPaper) {
      pen.fillStyle = colours.paper;
      pen.fillRect(x - 4, y + 3, width + 8, height - 6);
    }
    pen.fillStyle = onPaper ? colours.text : colours.on;
    pen.fillText(text, x, y + height / 2);
  }

  /** Of each column of pixels the first mark, and how far it is to the next one that is drawn. */
  #marks({ events, places }: Marks, draw: (event: Taken, x: number, room: number) => void): void {
    const { layout, window } = this.#scene;
    let at = firstFrom(places, window.from);
    while (at < places.length && places[at]! <= this.#until) {
      const x = this.#x(places[at]!);
      const next = this.#nextColumn(places, Math.floor(x), at);
      const room = next < places.length ? this.#x(places[next]!) - x : Infinity;
      draw(layout.take.events[events[at]!]!, x, room);
      at = next;
    }
  }

  #segments(): void {
    const { layout, colours, compact } = this.#scene;
    const { network } = this.#places;
    if (!network) return;
    const { y, height } = network;
    this.#marks(layout.segments, (event, x, room) => {
      if (event.kind !== 'segment') return;
      const arrives = layout.inside.has(event.to);
      const colour = colours.segment;
      if (compact || room < ARROW_ROOM) {
        this.#pen.fillStyle = colour;
        this.#pen.fillRect(x, arrives ? y + height / 2 : y, 1, height / 2);
        return;
      }
      this.#arrow(x, arrives ? y + height : y, arrives ? y : y + height, colour);
      const what = event.bytes > 0 ? `${event.bytes} B` : event.flags;
      const words = event.text === '' ? what : `${what} ${JSON.stringify(event.text)}`;
      this.#words([words, what], x + ARROW_ROOM, y + height / 2, room - 2 * ARROW_ROOM);
    });
  }

  #actions(): void {
    const { layout, colours } = this.#scene;
    const { world } = this.#places;
    if (!world) return;
    const middle = world.y + world.height / 2;
    this.#marks(layout.actions, (event, x, room) => {
      if (event.kind !== 'action') return;
      const pen = this.#pen;
      pen.fillStyle = colours.action;
      pen.beginPath();
      pen.moveTo(x, middle - 5);
      pen.lineTo(x + 5, middle);
      pen.lineTo(x, middle + 5);
      pen.lineTo(x - 5, middle);
      pen.fill();
      const words = [`${event.who} ${event.what}`, event.what];
      this.#words(words, x + ARROW_ROOM + 1, middle, room - 2 * ARROW_ROOM);
    });
  }

  /** The longest of some words that fits. */
  #words(words: string[], x: number, y: number, room: number): void {
    const text = this.#fitting(words, room);
    if (text === undefined) return;
    this.#pen.fillStyle = this.#scene.colours.text;
    this.#pen.fillText(text, x, y);
  }

  #fitting(words: string[], room: number): string | undefined {
    return words.find((each) => this.#pen.measureText(each).width <= room);
  }

  /** Around the event that is chosen. */
  #outline(): void {
    const { layout, colours, chosen } = this.#scene;
    const event = chosen === undefined ? undefined : layout.take.events[chosen];
    if (event === undefined) return;
    const pen = this.#pen;
    pen.strokeStyle = colours.chosen;
    pen.lineWidth = 2;
    if (event.kind === 'call') {
      const track = layout.tracks[event.lane]!;
      const at = firstFrom(track.events, chosen!);
      const { application, kernel } = this.#places.tracks[event.lane]!;
      const from = this.#x(track.starts[at]!);
      const width = Math.max(3, this.#x(track.ends[at]!) - from);
      const { y } = application;
      pen.strokeRect(from - 1, y - 2, width + 2, kernel.y + kernel.height - y + 4);
      return;
    }
    const marks = event.kind === 'segment' ? layout.segments : layout.actions;
    const lane = event.kind === 'segment' ? this.#places.network : this.#places.world;
    if (!lane) return;
    const x = this.#x(marks.places[firstFrom(marks.events, chosen!)]!);
    pen.strokeRect(x - 6, lane.y - 1, 12, lane.height + 2);
  }
}
