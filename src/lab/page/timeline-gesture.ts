/**
 * What hands do to a timeline: drag, pinch and wheel, and keys. They move and zoom its window; a
 * press that does not move is a click. The page still scrolls up and down where it is touched.
 */
import type { TimeWindow } from './timeline-window.js';

export interface Held {
  readonly window: TimeWindow;
  /** Where the axis of time begins, and how long it is, in pixels. */
  plot(): { left: number; width: number };
  /** The window has changed. */
  moved(): void;
  clicked(x: number, y: number): void;
}

const CLICK_PIXELS = 4;
const WHEEL_PIXELS = 400;
const KEY_ZOOM = 1.5;
const KEY_SHARE = 0.15;
/** By `deltaMode`: a pixel, a line, a page. */
const DELTA_PIXELS = [1, 16, 400];

interface Pointer {
  x: number;
  readonly fromX: number;
  readonly fromY: number;
  moved: boolean;
}

export class Gestures {
  readonly #element: HTMLElement;
  readonly #held: Held;
  readonly #pointers = new Map<number, Pointer>();

  constructor(element: HTMLElement, held: Held) {
    this.#element = element;
    this.#held = held;
  }

  listen(): void {
    const element = this.#element;
    element.addEventListener('pointerdown', (event) => this.#down(event));
    element.addEventListener('pointermove', (event) => this.#move(event));
    element.addEventListener('pointerup', (event) => this.#up(event, true));
    element.addEventListener('pointercancel', (event) => this.#up(event, false));
    element.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    element.addEventListener('keydown', (event) => this.#key(event));
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    const { offsetX: x, offsetY: y, pointerId } = event;
    this.#pointers.set(pointerId, { x, fromX: x, fromY: y, moved: this.#pointers.size > 0 });
    this.#element.setPointerCapture(pointerId);
  }

  #move({ pointerId, offsetX }: PointerEvent): void {
    const pointer = this.#pointers.get(pointerId);
    if (!pointer) return;
    if (!pointer.moved && Math.abs(offsetX - pointer.fromX) < CLICK_PIXELS) return;
    const before = this.#grip();
    const by = offsetX - pointer.x;
    pointer.x = offsetX;
    pointer.moved = true;
    const { window } = this.#held;
    const after = this.#grip();
    if (before && after) {
      const place = this.#placeAt(before.middle);
      window.zoom(after.apart / before.apart, place);
      window.pan(place - this.#placeAt(after.middle));
    } else {
      window.pan((-by * window.span) / this.#held.plot().width);
    }
    this.#held.moved();
  }

  #up({ pointerId }: PointerEvent, isClick: boolean): void {
    const pointer = this.#pointers.get(pointerId);
    this.#pointers.delete(pointerId);
    if (pointer && isClick && !pointer.moved) this.#held.clicked(pointer.fromX, pointer.fromY);
  }

  /** Of two fingers: how far apart, and what is between them. */
  #grip(): { apart: number; middle: number } | undefined {
    const [one, other] = this.#pointers.values();
    if (!one || !other) return undefined;
    one.moved = true;
    return { apart: Math.max(Math.abs(one.x - other.x), 8), middle: (one.x + other.x) / 2 };
  }

  #placeAt(x: number): number {
    const { window } = this.#held;
    const { left, width } = this.#held.plot();
    return window.from + ((x - left) / width) * window.span;
  }

  /** Up and down zoom; where there is nothing to zoom out of, the page scrolls. */
  #wheel(event: WheelEvent): void {
    const { window } = this.#held;
    const pixels = DELTA_PIXELS[event.deltaMode] ?? 1;
    const across = (event.shiftKey ? event.deltaY || event.deltaX : event.deltaX) * pixels;
    const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!isPan && event.deltaY > 0 && window.whole) return;
    event.preventDefault();
    if (isPan) window.pan((across * window.span) / this.#held.plot().width);
    else window.zoom(2 ** ((-event.deltaY * pixels) / WHEEL_PIXELS), this.#placeAt(event.offsetX));
    this.#held.moved();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { window } = this.#held;
    const keys: Record<string, () => void> = {
      '+': () => window.zoom(KEY_ZOOM),
      '=': () => window.zoom(KEY_ZOOM),
      '-': () => window.zoom(1 / KEY_ZOOM),
      '0': () => window.widen(),
      ArrowLeft: () => window.pan(-KEY_SHARE * window.span),
      ArrowRight: () => window.pan(KEY_SHARE * window.span),
      Home: () => window.pan(-Infinity),
      End: () => window.pan(Infinity),
    };
    const act = keys[event.key];
    if (!act) return;
    act();
    // The page has keys of its own.
    event.preventDefault();
    event.stopPropagation();
    this.#held.moved();
  }
}
