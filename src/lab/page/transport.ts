/** The controls of time: step, back, play, speed, and the position. */
import { button, element, say } from './element.js';
import type { Texts } from './english.js';
import { SPEEDS_NS, type Player } from './player.js';
import { timeText } from './timeline-time.js';

/** On the simulated kernel; on a real one it is hardly shorter. */
const CALL_NS = 1000;

const ICONS = {
  start: 'M3 3h2v10H3zM13 3v10L6 8z',
  back: 'M11 3v10L4 8z',
  end: 'M11 3h2v10h-2zM3 3v10l7-5z',
  slower: 'M3 7h10v2H3z',
  faster: 'M3 7h4V3h2v4h4v2H9v4H7V9H3z',
};

function icon(name: keyof typeof ICONS, words: string, press: () => void): HTMLButtonElement {
  const made = button('', press, {
    class: 'icon',
    'data-do': name,
    'aria-label': words,
    title: words,
  });
  made.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
  return made;
}

/** As exact as a call is long, however late it is. */
const exactNs = (ns: number) => Math.min(ns / 1000, CALL_NS);

export class Transport {
  readonly element: HTMLElement;
  readonly #texts: Texts;
  readonly #player: Player;
  readonly #play: HTMLButtonElement;
  readonly #slider: HTMLInputElement;
  readonly #time = element('output', { class: 'time' });
  readonly #step = element('span', { class: 'count' });
  readonly #speed: HTMLOutputElement;

  constructor(texts: Texts, player: Player) {
    const { controls } = texts;
    this.#texts = texts;
    this.#player = player;
    this.#speed = element('output', { class: 'speed', title: controls.speedHint });
    this.#play = button(controls.play, () => toggle(player), { class: 'play', 'data-do': 'play' });
    this.#slider = element('input', {
      type: 'range',
      min: 0,
      step: 'any',
      value: 0,
      'aria-label': controls.position,
      oninput: () => {
        player.pause();
        player.seek(Number(this.#slider.value));
      },
    });
    this.element = element(
      'section',
      { class: 'transport', 'aria-label': controls.title, id: 'transport' },
      element(
        'div',
        { class: 'buttons' },
        icon('start', controls.start, () => halt(player, () => player.seek(0))),
        icon('back', controls.back, () => halt(player, () => player.back())),
        this.#play,
        button(controls.step, () => halt(player, () => player.step()), {
          class: 'step',
          'data-do': 'step',
        }),
        icon('end', controls.end, () => halt(player, () => player.seek(player.take.endNs))),
      ),
      element('div', { class: 'position' }, this.#slider, this.#time, this.#step),
      element(
        'div',
        { class: 'pace' },
        icon('slower', controls.slower, () => player.faster(-1)),
        this.#speed,
        icon('faster', controls.faster, () => player.faster(1)),
      ),
    );
  }

  show(): void {
    const { controls } = this.#texts;
    const { playing, ns, take, index, moments, speed } = this.#player;
    say(this.#play, playing ? controls.pause : controls.play);
    this.#play.classList.toggle('playing', playing);
    this.#slider.max = `${take.endNs}`;
    this.#slider.value = `${ns}`;
    const [at, end] = [ns, take.endNs].map((each) => timeText(each, exactNs(each)));
    const now = controls.at(at!, end!);
    this.#slider.setAttribute('aria-valuetext', now);
    say(this.#time, now);
    say(this.#step, controls.steps(index + 1, moments.length));
    say(this.#speed, controls.speed(timeText(SPEEDS_NS[speed]!)));
  }
}

/** What moves the position by hand ends the playing. */
export function halt(player: Player, move: () => void): void {
  player.pause();
  move();
}

export const toggle = (player: Player) => (player.playing ? player.pause() : player.play());
