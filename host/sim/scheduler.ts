/**
 * Virtual time, and what is to happen in it. Times are integers of nanoseconds since the world
 * began. What is due at the same time happens in order of priority, then in the order in which it
 * was asked for; nothing here knows what time it is outside.
 */

/** Something that happens at a time. */
export abstract class Event {
  timeNs = 0;
  priority = 0;
  id = 0;
  /** True from when it was asked for until it has happened, or was cancelled. */
  due = false;

  abstract happen(): void;
}

/** What `at` answers, to cancel it by. */
export type Timer = Event;

/** An event that is a function's call. */
class Action extends Event {
  readonly #action: () => void;

  constructor(action: () => void) {
    super();
    this.#action = action;
  }

  override happen(): void {
    this.#action();
  }
}

/** Later than anything: times above are no safe integers. */
export const END_OF_TIME_NS = Number.MAX_SAFE_INTEGER;

function before(a: Event, b: Event): boolean {
  if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs;
  if (a.priority !== b.priority) return a.priority < b.priority;
  return a.id < b.id;
}

export class Scheduler {
  #nowNs = 0;
  #nextNs = Infinity;
  #lastId = 0;
  #steps = 0;
  /** A binary heap; what is cancelled stays in it, but never on its top. */
  readonly #heap: Event[] = [];
  /** What was asked for now, as most is: in order without a heap, from the first to the end. */
  readonly #soon: Event[] = [];
  #soonFirst = 0;
  #soonEnd = 0;

  get now(): number {
    return this.#nowNs;
  }

  /** When the next event is due; Infinity: there is none. */
  get nextNs(): number {
    return this.#nextNs;
  }

  /** How many events there were. */
  get steps(): number {
    return this.#steps;
  }

  /** Has `action` happen at `timeNs`, or now if that is over. A lower priority goes first. */
  at(timeNs: number, action: () => void, priority = 0): Timer {
    const event = new Action(action);
    event.priority = priority;
    this.add(event, timeNs);
    return event;
  }

  /** The same for an event that is new, or has happened. */
  add(event: Event, timeNs: number): void {
    event.timeNs = Math.max(timeNs, this.#nowNs);
    event.id = ++this.#lastId;
    event.due = true;
    if (event.timeNs === this.#nowNs && event.priority === 0) this.#soon[this.#soonEnd++] = event;
    else this.#rise(this.#heap.push(event) - 1, event);
    if (event.timeNs < this.#nextNs) this.#nextNs = event.timeNs;
  }

  after(ns: number, action: () => void, priority = 0): Timer {
    return this.at(this.#nowNs + ns, action, priority);
  }

  /** Has it happen no more; nothing if it did already. */
  cancel(timer: Timer): void {
    timer.due = false;
    this.#clean();
  }

  /** Runs the next event: false if there is none. */
  step(): boolean {
    const event = this.#first();
    if (event === undefined) return false;
    if (event === this.#heap[0]) this.#pop();
    else this.#soonFirst++;
    this.#clean();
    event.due = false;
    this.#nowNs = Math.max(this.#nowNs, event.timeNs);
    this.#steps++;
    event.happen();
    return true;
  }

  /** Lets `ns` nanoseconds pass, and all happen that is due in them. */
  pass(ns: number): void {
    const untilNs = this.#nowNs + ns;
    while (this.#nextNs <= untilNs) this.step();
    // An event may have let time pass itself.
    if (this.#nowNs < untilNs) this.#nowNs = untilNs;
  }

  #first(): Event | undefined {
    const soon = this.#soonFirst < this.#soonEnd ? this.#soon[this.#soonFirst]! : undefined;
    const top = this.#heap.length > 0 ? this.#heap[0]! : undefined;
    if (soon === undefined || top === undefined) return soon ?? top;
    return before(soon, top) ? soon : top;
  }

  #clean(): void {
    const heap = this.#heap;
    const soon = this.#soon;
    while (heap.length > 0 && !heap[0]!.due) this.#pop();
    while (this.#soonFirst < this.#soonEnd && !soon[this.#soonFirst]!.due) this.#soonFirst++;
    if (this.#soonFirst === this.#soonEnd) this.#soonFirst = this.#soonEnd = 0;
    this.#nextNs = this.#first()?.timeNs ?? Infinity;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
  }

  #rise(from: number, event: Event): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  /** Puts `event` where the top was. */
  #sink(event: Event): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, event)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = event;
  }
}
