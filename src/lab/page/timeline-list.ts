/**
 * All events of a take as a list, for who does not see the picture or has no mouse: only the rows
 * that are seen are in the page, whatever the take holds. The arrows choose an event.
 */
import type { Taken, Take } from './take.js';
import { element } from './element.js';
import type { TimelineTexts } from './timeline-texts.js';
import { timeText } from './timeline-time.js';

const ROW_PIXELS = 28;
/** Rows above and below what is seen, so that a scroll shows no gap. */
const SPARE = 6;
const PAGE_ROWS = 10;
/** Browsers lay out no element that is much higher. */
const MOST_PIXELS = 8_000_000;

let lists = 0;

/** What is done in a list. */
export interface Reader {
  choose(index: number): void;
  /** Go to the time of an event. */
  seek(index: number): void;
}

export class EventList {
  readonly element = element('div', { class: 'timeline-list', tabindex: 0, role: 'listbox' });
  readonly #height = element('div', { class: 'timeline-rows', role: 'presentation' });
  readonly #id = `timeline-list-${lists++}`;
  readonly #reader: Reader;
  #take: Take | undefined;
  #texts: TimelineTexts;
  #chosen: number | undefined;
  #now = -1;
  #last = -1;
  #rows = { from: 0, to: 0 };

  constructor(texts: TimelineTexts, reader: Reader) {
    this.#texts = texts;
    this.#reader = reader;
    this.element.append(this.#height);
    this.element.addEventListener('scroll', () => this.#fill());
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.element.addEventListener('click', ({ target }) => {
      const row = (target as Element).closest<HTMLElement>('[role=option]');
      if (row) this.#reader.choose(Number(row.dataset['index']));
    });
    this.write(texts);
  }

  /** In another language. */
  write(texts: TimelineTexts): void {
    this.#texts = texts;
    this.element.setAttribute('aria-label', texts.events);
    this.#fill(true);
  }

  show(take: Take): void {
    this.#take = take;
    this.#chosen = undefined;
    this.#now = -2;
    this.#height.style.height = `${this.#pixels}px`;
    this.#fill(true);
  }

  /**
   * The index of the event of the present, or -1, and of the last that has begun. The first is
   * scrolled to, unless a person reads the list.
   */
  at(now: number, last: number): void {
    if (now === this.#now && last === this.#last) return;
    this.#now = now;
    this.#last = last;
    if (!this.element.contains(document.activeElement)) this.#reveal(Math.max(0, now));
    this.#fill(true);
  }

  choose(index: number | undefined): void {
    this.#chosen = index;
    if (index !== undefined) this.#reveal(index);
    this.#fill(true);
  }

  /** Fills what is seen, if it is seen for the first time. */
  resized(): void {
    this.#fill();
  }

  get #count(): number {
    return this.#take?.events.length ?? 0;
  }

  get #pixels(): number {
    return Math.min(this.#count * ROW_PIXELS, MOST_PIXELS);
  }

  /** How far a row is scrolled: less than it is high, if there are too many of them. */
  get #step(): number {
    if (this.#pixels === this.#count * ROW_PIXELS) return ROW_PIXELS;
    const { clientHeight } = this.element;
    return (this.#pixels - clientHeight) / (this.#count - clientHeight / ROW_PIXELS);
  }

  #reveal(index: number): void {
    const { clientHeight, scrollTop } = this.element;
    const seen = clientHeight / ROW_PIXELS;
    const first = scrollTop / this.#step;
    if (index < first) this.element.scrollTop = index * this.#step;
    else if (index + 1 > first + seen) this.element.scrollTop = (index + 1 - seen) * this.#step;
  }

  #fill(anew = false): void {
    const { clientHeight, scrollTop } = this.element;
    const first = scrollTop / this.#step;
    const from = Math.max(0, Math.floor(first) - SPARE);
    const to = Math.min(this.#count, Math.ceil(first + clientHeight / ROW_PIXELS) + SPARE);
    const stays = this.#step === ROW_PIXELS && from === this.#rows.from && to === this.#rows.to;
    if (!anew && stays) return;
    this.#rows = { from, to };
    const top = scrollTop - (first - from) * ROW_PIXELS;
    const rows: Node[] = [];
    for (let i = from; i < to; i++) rows.push(this.#row(i, top + (i - from) * ROW_PIXELS));
    this.#height.replaceChildren(...rows);
    const active = this.#chosen;
    if (active !== undefined && active >= from && active < to)
      this.element.setAttribute('aria-activedescendant', `${this.#id}-${active}`);
    else this.element.removeAttribute('aria-activedescendant');
  }

  #row(index: number, top: number): HTMLElement {
    const { events, lanes } = this.#take!;
    const event = events[index]!;
    const [when, who, what, came] = cells(event, lanes, this.#texts);
    const row = element(
      'div',
      {
        class: 'timeline-row',
        role: 'option',
        id: `${this.#id}-${index}`,
        'data-index': index,
        'data-kind': event.kind === 'call' && event.blocked ? 'blocked' : event.kind,
        'data-later': index > this.#last,
        'data-now': index === this.#now,
        'aria-setsize': this.#count,
        'aria-posinset': index + 1,
        'aria-selected': String(index === this.#chosen),
      },
      element('span', { class: 'timeline-when' }, when, ' '),
      element('span', { class: 'timeline-who' }, who, ' '),
      element('span', { class: 'timeline-what' }, what, ' '),
      element('span', { class: 'timeline-came' }, came),
    );
    row.style.transform = `translateY(${top}px)`;
    return row;
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.#count === 0) return;
    const now = this.#chosen ?? Math.floor(this.element.scrollTop / this.#step) - 1;
    const last = this.#count - 1;
    const keys: Record<string, number> = {
      ArrowDown: now + 1,
      ArrowUp: now - 1,
      PageDown: now + PAGE_ROWS,
      PageUp: now - PAGE_ROWS,
      Home: 0,
      End: last,
    };
    const to = keys[event.key];
    const seeks = event.key === 'Enter' && this.#chosen !== undefined;
    if (to === undefined && !seeks) return;
    event.preventDefault();
    event.stopPropagation();
    if (to === undefined) return this.#reader.seek(this.#chosen!);
    this.#reader.choose(Math.min(Math.max(to, 0), last));
  }
}

/** When, who, what, and what came of it. */
function cells(
  event: Taken,
  lanes: readonly string[],
  texts: TimelineTexts,
): [when: string, who: string, what: string, came: string] {
  switch (event.kind) {
    case 'call': {
      const { startNs, endNs, name, inputs, answer, blocked } = event;
      const how = blocked ? `${texts.blocked} ` : '';
      const came = event.open ? texts.open : `${answer} · ${how}${timeText(endNs - startNs)}`;
      return [timeText(startNs, 1), lanes[event.lane] ?? '', `${name}(${inputs})`, came];
    }
    case 'segment': {
      const { timeNs, from, to, flags, bytes, text } = event;
      const quoted = text === '' ? '' : JSON.stringify(text);
      const size = bytes > 0 ? `${bytes} B` : '';
      return [timeText(timeNs, 1), texts.network, `${from} → ${to}`, `${flags} ${size} ${quoted}`];
    }
    case 'action':
      return [timeText(event.timeNs, 1), event.who, event.what, ''];
  }
}
