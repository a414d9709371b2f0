/** What happens now, in a sentence, and as the call is written in a transcript. */
import { element, say } from './element.js';
import type { Texts } from './english.js';
import type { Player } from './player.js';
import { storyOf } from './story.js';
import type { Moment } from './moment.js';
import type { Deed, Take } from './take.js';

/** `sock_recv(fd=4) → SUCCESS nread=5`; nothing of what is no call. */
function transcriptOf({ event, part }: Moment): string {
  if (event.kind !== 'call') return '';
  const call = `${event.name}(${event.inputs})`;
  return part === 'sleeps' ? `${call} …` : `${call} → ${event.answer}`;
}

export interface About {
  /** That actions may come of. */
  readonly deeds: readonly Deed[];
  /** What to call a lane, where there are several and they are not called by their names. */
  readonly lanes: readonly string[] | undefined;
  /** Nobody can do anything in it. */
  readonly recorded: boolean;
}

export class NowView {
  readonly element: HTMLElement;
  readonly #texts: Texts;
  readonly #story = element('p', { class: 'story', 'aria-live': 'polite' });
  readonly #call = element('code');

  constructor(texts: Texts) {
    this.#texts = texts;
    this.element = element(
      'div',
      { class: 'now' },
      this.#story,
      element('p', { class: 'call' }, this.#call),
    );
  }

  show(player: Player, about: About): void {
    const { moment, playing } = player;
    // What is told several times a second is told to nobody.
    this.#story.setAttribute('aria-live', playing ? 'off' : 'polite');
    say(this.#story, this.#sentence(player, about));
    say(this.#call, (moment && transcriptOf(moment)) || '\u00a0');
  }

  #sentence({ moment, atEnd, take, ns }: Player, { deeds, lanes, recorded }: About): string {
    const { story } = this.#texts;
    const end = recorded ? story.over : story.end;
    if (!moment) return atEnd && ns > 0 ? end : story.begin;
    const sentence = storyOf(this.#texts, moment, deeds);
    const named = prefixed(sentence, moment, take, lanes);
    if (!atEnd) return named;
    return ns > moment.ns ? end : `${named} ${end}`;
  }
}

function prefixed(
  sentence: string,
  { event }: Moment,
  { lanes }: Take,
  names: readonly string[] = lanes,
): string {
  return event.kind === 'call' && lanes.length > 1 ? `${names[event.lane]}: ${sentence}` : sentence;
}
