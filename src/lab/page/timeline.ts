/**
 * Draws a take: of each guest what the process and what the kernel do, the network, and the world,
 * along an axis of time that is zoomed and moved. The same is there as a list for the keyboard and
 * for screen readers. Its style is timeline.css.
 */
import type { Moment } from './moment.js';
import type { Take } from './take.js';
import { coloursOf, hatch, type Colours } from './timeline-colour.js';
import { detailsOf } from './timeline-details.js';
import { type Attributes, button, element } from './element.js';
import { Gestures } from './timeline-gesture.js';
import { firstAbove, layOut, type Layout, type Scale } from './timeline-layout.js';
import { timelineLegend } from './timeline-legend.js';
import { EventList } from './timeline-list.js';
import { Picture } from './timeline-picture.js';
import { eventAt, placesOf } from './timeline-place.js';
import type { TimelineTexts } from './timeline-texts.js';
import { TimeWindow } from './timeline-window.js';

export interface TimelineOptions {
  /** The picture alone, and small: one of several that are compared. */
  readonly compact?: boolean;
  /** A few events are shown evenly, many true to time, unless it is said here or by a person. */
  readonly scale?: Scale;
  /** A place in the axis of time was clicked, or Enter pressed at an event of the list. */
  readonly onSeek?: (timeNs: number) => void;
  /** An event was chosen, by its index in the take. */
  readonly onChoose?: (index: number) => void;
}

const NOTHING: Take = { kernel: '', lanes: [], events: [], endNs: 0 };
/** What may fill the whole picture: 20 ns, or about two moments. */
const LEAST = { true: 20, even: 2.5 } as const;
const ZOOM = 1.5;
/** How near the present comes to an end of what is seen, and what is chosen, as a share of it. */
const PRESENT_MARGIN = 0.1;
const CHOSEN_MARGIN = 0.02;
/** So few are not shown as a whole at first, but so that the calls can be read. */
const FEW_EVENTS = 2000;
const LEGIBLE_PIXELS = 27;

export class Timeline {
  readonly #canvas = element('canvas', { class: 'timeline-canvas' });
  readonly #surface = element('div', { class: 'timeline-surface' }, this.#canvas);
  readonly #tools = element('div', { class: 'timeline-tools', role: 'group' });
  readonly #details = element('div', {
    class: 'timeline-details',
    role: 'region',
    tabindex: 0,
  });
  readonly #list: EventList;
  readonly #home: HTMLElement;
  readonly #options: TimelineOptions;
  readonly #window = new TimeWindow();
  readonly #ends = new AbortController();
  readonly #resized: ResizeObserver;
  #texts: TimelineTexts;
  /** What was asked for. */
  #wanted: Scale | undefined;
  #take = NOTHING;
  #endNs: number | undefined;
  #layout: Layout;
  #starts = new Float64Array();
  #nowNs = 0;
  #moment: Moment | undefined;
  /** The index of the event that the present is of, or -1. */
  #now = -1;
  #chosen: number | undefined;
  #colours: { colours: Colours; stripes: CanvasPattern } | undefined;
  #frame: number | undefined;

  constructor(home: HTMLElement, texts: TimelineTexts, options: TimelineOptions = {}) {
    this.#home = home;
    this.#texts = texts;
    this.#options = options;
    this.#wanted = options.scale;
    this.#layout = layOut(NOTHING, this.scale);
    this.#list = new EventList(texts, {
      choose: (index) => this.choose(index),
      seek: (index) => this.#seek(this.#starts[index]!),
    });
    home.classList.add('timeline');
    home.classList.toggle('timeline-compact', options.compact ?? false);
    home.append(this.#surface);
    if (!options.compact) {
      home.prepend(this.#tools);
      home.append(this.#details, this.#list.element);
      this.#surface.tabIndex = 0;
      this.#hold();
    }
    this.#resized = new ResizeObserver(() => {
      this.#list.resized();
      this.#refresh();
    });
    this.#resized.observe(this.#surface);
    const { signal } = this.#ends;
    for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)'])
      matchMedia(query).addEventListener('change', () => this.recolour(), { signal });
    this.write(texts);
  }

  /** In another language. */
  write(texts: TimelineTexts): void {
    this.#texts = texts;
    this.#surface.setAttribute('role', this.#options.compact ? 'img' : 'application');
    this.#surface.setAttribute('aria-label', `${texts.timeline}: ${this.#keys()}`);
    this.#details.setAttribute('aria-label', texts.details);
    this.#list.write(texts);
    this.#writeTools();
    this.#writeDetails();
    this.#refresh();
  }

  /**
   * Shows a take, as far as `endNs` if that is given: then several are as long as each other. Of a
   * take of the same guests, what is seen of the time stays.
   */
  show(take: Take, endNs?: number): void {
    const { from, to, whole } = this.#window;
    const { timeOf } = this.#layout;
    const same = take.lanes.join() === this.#take.lanes.join() && !whole;
    const seenNs = [timeOf(from), timeOf(to)] as const;
    this.#take = take;
    this.#endNs = endNs;
    this.#starts = Float64Array.from(take.events, (event) =>
      event.kind === 'call' ? event.startNs : event.timeNs,
    );
    this.#lay();
    const { placeOf } = this.#layout;
    if (same) this.#window.show(placeOf(seenNs[0]), placeOf(seenNs[1]));
    else if (this.scale === 'even' && take.events.length <= FEW_EVENTS && !this.#options.compact)
      this.#window.show(0, this.#places().plotWidth / LEGIBLE_PIXELS);
    this.#chosen = undefined;
    this.#now = -2;
    this.#list.show(take);
    this.at(this.#nowNs);
  }

  /**
   * The present: what is later is not drawn. What has begun last is explained, or what the moment
   * is of, which says where the present is among all that happens at that time.
   */
  at(timeNs: number, moment?: Moment): void {
    this.#nowNs = timeNs;
    this.#moment = moment;
    const last = firstAbove(this.#starts, timeNs) - 1;
    const now = moment ? this.#take.events.indexOf(moment.event) : last;
    this.#list.at(now, moment?.part === 'answered' ? last : now);
    if (now !== this.#now) {
      this.#now = now;
      if (this.#chosen === undefined) this.#writeDetails();
    }
    this.#window.reveal(this.#present, PRESENT_MARGIN);
    this.#refresh();
  }

  /** Chooses an event by its index in the take, and tells of it. */
  choose(index: number | undefined): void {
    this.#chosen = index;
    this.#list.choose(index);
    this.#writeDetails();
    if (index !== undefined) {
      const { placeOf } = this.#layout;
      this.#window.reveal(placeOf(this.#starts[index]!), CHOSEN_MARGIN);
      this.#options.onChoose?.(index);
    }
    this.#refresh();
  }

  get scale(): Scale {
    return this.#wanted ?? (this.#take.events.length > FEW_EVENTS ? 'true' : 'even');
  }

  set scale(scale: Scale) {
    const { timeOf } = this.#layout;
    const { from, to, whole } = this.#window;
    const seenNs = [timeOf(from), timeOf(to)] as const;
    this.#wanted = scale;
    this.#lay();
    const { placeOf } = this.#layout;
    if (!whole) this.#window.show(placeOf(seenNs[0]), placeOf(seenNs[1]));
    this.#refresh();
  }

  /** The colours of the page have changed. */
  recolour(): void {
    this.#colours = undefined;
    this.#refresh();
  }

  /** Leaves the element as it was. */
  dispose(): void {
    this.#ends.abort();
    this.#resized.disconnect();
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#home.classList.remove('timeline', 'timeline-compact');
    for (const each of [this.#tools, this.#surface, this.#details, this.#list.element])
      each.remove();
  }

  #keys(): string {
    return this.#options.compact ? this.#take.kernel : this.#texts.keys;
  }

  #lay(): void {
    this.#layout = layOut(this.#take, this.scale, this.#endNs);
    this.#window.fit(this.#layout.length, LEAST[this.scale]);
    const isTrue = String(this.scale === 'true');
    this.#tools.querySelector('[aria-pressed]')?.setAttribute('aria-pressed', isTrue);
  }

  /** The place of the present: that of the moment, until time has passed since. */
  get #present(): number {
    const isMoment = this.#moment?.ns === this.#nowNs;
    return isMoment ? this.#layout.placeOfMoment(this.#moment!) : this.#layout.placeOf(this.#nowNs);
  }

  #places() {
    const width = this.#surface.clientWidth;
    return placesOf(this.#layout, this.#options.compact ?? false, width, this.#texts);
  }

  #hold(): void {
    new Gestures(this.#surface, {
      window: this.#window,
      plot: () => {
        const { left, plotWidth } = this.#places();
        return { left, width: plotWidth };
      },
      moved: () => this.#refresh(),
      clicked: (x, y) => this.#clicked(x, y),
    }).listen();
  }

  #clicked(x: number, y: number): void {
    const places = this.#places();
    const index = eventAt(this.#layout, places, this.#window, x, y);
    if (index !== undefined) return this.choose(index);
    if (y > places.axis.height || x < places.left) return this.choose(undefined);
    const share = (x - places.left) / places.plotWidth;
    const place = this.#window.from + share * this.#window.span;
    this.#seek(Math.round(this.#layout.timeOf(place)));
  }

  #seek(timeNs: number): void {
    this.#options.onSeek?.(timeNs);
  }

  #writeTools(): void {
    const { zoomIn, zoomOut, fit, proportional, timeline } = this.#texts;
    this.#tools.setAttribute('aria-label', timeline);
    this.#tools.replaceChildren(
      this.#button('+', zoomIn, () => this.#window.zoom(ZOOM)),
      this.#button('−', zoomOut, () => this.#window.zoom(1 / ZOOM)),
      this.#button('↔', fit, () => this.#window.widen()),
      this.#button(
        proportional,
        proportional,
        () => (this.scale = this.scale === 'true' ? 'even' : 'true'),
        {
          'aria-pressed': String(this.scale === 'true'),
        },
      ),
      timelineLegend(this.#texts),
    );
  }

  #button(sign: string, name: string, act: () => void, more: Attributes = {}): HTMLButtonElement {
    const press = () => {
      act();
      this.#refresh();
    };
    return button(sign, press, { title: name, 'aria-label': name, ...more });
  }

  #writeDetails(): void {
    const event = this.#take.events[this.#chosen ?? this.#now];
    this.#details.replaceChildren(...detailsOf(this.#take, event, this.#texts));
  }

  /** Draws when the browser next does. */
  #refresh(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#draw();
    });
  }

  #draw(): void {
    const width = this.#surface.clientWidth;
    const { height } = this.#places();
    const ratio = devicePixelRatio;
    const pixels = [Math.round(width * ratio), Math.round(height * ratio)] as const;
    if (this.#canvas.width !== pixels[0] || this.#canvas.height !== pixels[1]) {
      [this.#canvas.width, this.#canvas.height] = pixels;
      this.#canvas.style.height = `${height}px`;
    }
    const pen = this.#canvas.getContext('2d')!;
    if (!this.#colours) {
      const colours = coloursOf(this.#home);
      this.#colours = { colours, stripes: hatch(pen, colours) };
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    new Picture(pen, {
      ...this.#colours,
      layout: this.#layout,
      window: this.#window,
      texts: this.#texts,
      width,
      compact: this.#options.compact ?? false,
      present: this.#present,
      chosen: this.#chosen,
    }).draw();
  }
}
