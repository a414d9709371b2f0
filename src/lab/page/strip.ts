/**
 * A take as one strip, to be compared with others: the process above, the kernel below, time from
 * left to right, no more of it than there are pixels.
 */
import type { Take, TakenCall } from './take.js';

const HEIGHT = 44;
const PROCESS_Y = 4;
const PROCESS_HEIGHT = 22;
const KERNEL_Y = 30;
const KERNEL_HEIGHT = 10;

const colours = ['--blocked', '--hatch', '--busy', '--wait', '--copy', '--line', '--cursor'] as const;
type Colour = (typeof colours)[number];

export class Strip {
  readonly element: HTMLCanvasElement;
  #take: Take | undefined;
  #lengthNs = 1;
  #ns = 0;
  #colour = new Map<Colour, string>();

  constructor(words: string) {
    this.element = document.createElement('canvas');
    this.element.className = 'strip';
    this.element.setAttribute('role', 'img');
    this.element.setAttribute('aria-label', words);
    this.element.height = HEIGHT;
  }

  /** Takes that are compared are drawn to the same length. */
  show(take: Take, lengthNs: number): void {
    this.#take = take;
    this.#lengthNs = Math.max(1, lengthNs);
    this.draw();
  }

  at(ns: number): void {
    this.#ns = ns;
    this.draw();
  }

  /** Anew, in the size and the colours of now. */
  draw(): void {
    const width = this.element.clientWidth;
    const context = this.element.getContext('2d');
    if (!context || width === 0) return;
    const style = getComputedStyle(this.element);
    this.#colour = new Map(colours.map((name) => [name, style.getPropertyValue(name)]));
    const ratio = devicePixelRatio;
    this.element.width = Math.round(width * ratio);
    this.element.height = Math.round(HEIGHT * ratio);
    context.scale(ratio, ratio);
    const scale = width / this.#lengthNs;
    this.#ground(context, width);
    let drawnTo = -1;
    for (const event of this.#take?.events ?? []) {
      if (event.kind !== 'call') continue;
      if (event.startNs >= this.#ns) break;
      const to = Math.min(event.endNs, this.#ns) * scale;
      // What ends in the pixel that was drawn last is not seen.
      if (to <= drawnTo) continue;
      this.#call(context, event, Math.max(event.startNs * scale, drawnTo), to);
      drawnTo = to > drawnTo ? Math.floor(to * ratio) / ratio : drawnTo;
    }
    this.#fill(context, '--cursor', this.#ns * scale - 1, 0, 2, HEIGHT);
  }

  #fill(context: CanvasRenderingContext2D, name: Colour, ...box: [number, number, number, number]) {
    context.fillStyle = this.#colour.get(name)!;
    context.fillRect(...box);
  }

  #ground(context: CanvasRenderingContext2D, width: number): void {
    for (const y of [PROCESS_Y + PROCESS_HEIGHT, KERNEL_Y + KERNEL_HEIGHT])
      this.#fill(context, '--line', 0, y, width, 1);
  }

  #call(context: CanvasRenderingContext2D, call: TakenCall, from: number, to: number): void {
    const width = Math.max(to - from, 1);
    if (call.blocked) {
      this.#fill(context, '--blocked', from, PROCESS_Y, width, PROCESS_HEIGHT);
      this.#hatch(context, from, width);
    } else this.#fill(context, '--busy', from, PROCESS_Y, width, PROCESS_HEIGHT);
    if (call.phase !== 'none')
      this.#fill(context, `--${call.phase}`, from, KERNEL_Y, width, KERNEL_HEIGHT);
  }

  #hatch(context: CanvasRenderingContext2D, x: number, width: number): void {
    context.save();
    context.beginPath();
    context.rect(x, PROCESS_Y, width, PROCESS_HEIGHT);
    context.clip();
    context.strokeStyle = this.#colour.get('--hatch')!;
    context.beginPath();
    const first = Math.floor(x / 6) * 6;
    for (let at = first - PROCESS_HEIGHT; at < x + width; at += 6) {
      context.moveTo(at, PROCESS_Y + PROCESS_HEIGHT);
      context.lineTo(at + PROCESS_HEIGHT, PROCESS_Y);
    }
    context.stroke();
    context.restore();
  }
}
