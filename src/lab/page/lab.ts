/**
 * The page: what it shows is a view (its address), the takes that come of it, and a position in
 * them. Whatever a person changes is a change of one of the three.
 */
import { aboutModel } from './about-view.js';
import { addressOf, models, type Language, type Model, type View } from './address.js';
import { BesideView, merged } from './beside-view.js';
import { chinese } from './chinese.js';
import { countUntil } from './count.js';
import { Counters } from './counters.js';
import { element, say } from './element.js';
import { english, type Texts } from './english.js';
import { keyOf, keysView, type Key } from './keys.js';
import { NowView } from './now-view.js';
import { OpenView, openDropped } from './open-view.js';
import type { NamedBytes } from './replay.js';
import type { Performer } from './performer.js';
import { MOST_SEED } from './play.js';
import { Player } from './player.js';
import {
  column,
  guestField,
  header,
  keepClear,
  modelChoice,
  seedField,
  type Shown,
} from './shell.js';
import { translated } from './story.js';
import { litAt, StateView } from './state-view.js';
import type { Deed, Play, Take } from './take.js';
import { timelineTexts } from './timeline-texts.js';
import { Timeline } from './timeline.js';
import { transcriptTexts } from './transcript-texts.js';
import { readTranscript } from './transcript.js';
import { halt, toggle, Transport } from './transport.js';
import { WorldView, type Stage } from './world-view.js';

const dictionaries: Readonly<Record<Language, Texts>> = { en: english, 'zh-TW': chinese };

/** What is shown in place of plays. */
type Recorded =
  | { readonly kind: 'token'; readonly guest: NamedBytes | undefined }
  | { readonly kind: 'transcript'; readonly name: string; readonly take: Take };

/** The parts of the page in one language. */
interface Parts {
  readonly texts: Texts;
  readonly about: HTMLElement;
  readonly now: NowView;
  readonly timeline: Timeline;
  readonly states: StateView;
  readonly counters: Counters;
  readonly beside: BesideView;
  readonly transport: Transport;
  readonly world: WorldView;
  readonly open: OpenView;
  readonly notice: HTMLElement;
  readonly fault: HTMLElement;
  readonly main: HTMLElement;
}

export class Lab {
  readonly #root: HTMLElement;
  readonly #performer: Performer;
  readonly #player = new Player(() => this.#moved());
  #view: View;
  #recorded: Recorded | undefined;
  #takes: ReadonlyMap<Model, Take> = new Map();
  #parts: Parts;
  #asked = 0;
  #keysOn = true;

  constructor(root: HTMLElement, performer: Performer, view: View, wrong: readonly string[]) {
    this.#root = root;
    this.#performer = performer;
    this.#view = view;
    this.#parts = this.#build();
    this.#go(view, wrong);
    addEventListener('keydown', (event) => {
      const key = this.#keysOn ? keyOf(event) : undefined;
      if (key === undefined) return;
      event.preventDefault();
      this.#press(key);
    });
    openDropped((file) => void this.#read(file));
  }

  /** Another address was opened. */
  go(view: View, wrong: readonly string[]): void {
    if (addressOf(view) === addressOf(this.#view)) return;
    const { lang } = this.#view;
    // In another language it is still the same, at the same moment.
    if (addressOf({ ...view, lang }) === addressOf(this.#view)) this.#change(view, '');
    else this.#go(view, wrong);
  }

  #go(view: View, wrong: readonly string[]): void {
    this.#recorded = view.token === undefined ? undefined : { kind: 'token', guest: undefined };
    this.#change(view, '', 0);
    if (wrong.length > 0) this.#refuse(this.#parts.texts.link(wrong.join(', ')));
  }

  /** Shows another view, at the present time or another. */
  #change(view: View, sentence: string, atNs?: number): void {
    const spoken = this.#view.lang;
    this.#view = view;
    if (view.lang !== spoken) this.#translate();
    const address = addressOf(view);
    if (location.hash !== address) history.replaceState(undefined, '', address);
    this.#arrange();
    this.#tell(sentence);
    this.#moved();
    void this.#perform(atNs);
  }

  /** Meanwhile the position may become another. */
  async #perform(atNs: number | undefined): Promise<void> {
    const asked = ++this.#asked;
    const { beside, model } = this.#view;
    try {
      const takes = await (this.#recorded
        ? this.#record(this.#recorded)
        : this.#plays(beside ? models : [model]));
      // Something else was asked for meanwhile.
      if (asked !== this.#asked) return;
      this.#takes = takes;
      const take = beside && !this.#recorded ? merged(takes) : [...takes.values()][0]!;
      this.#player.show(translated(this.#parts.texts, take, this.#deeds), atNs);
      this.#took();
      if (this.#recorded && atNs !== undefined) this.#parts.main.scrollIntoView();
    } catch (error) {
      if (asked === this.#asked) this.#failed(error as Error);
    }
  }

  /** What cannot be repeated is not shown, but its token stays where it was written. */
  #failed({ message }: Error): void {
    const { token } = this.#view;
    if (token !== undefined) {
      this.#leave();
      this.#parts.open.show('', token);
    }
    this.#refuse(this.#parts.texts.cannot(message));
  }

  async #record(recorded: Recorded): Promise<ReadonlyMap<Model, Take>> {
    const take =
      recorded.kind === 'transcript'
        ? recorded.take
        : await this.#performer.replay(this.#view.token!, recorded.guest);
    return new Map([[this.#view.model, take]]);
  }

  async #plays(which: readonly Model[]): Promise<ReadonlyMap<Model, Take>> {
    const { guest: language, seed, deeds } = this.#view;
    const play = (model: Model): Play => ({ model, language, seed, deeds });
    return new Map(
      await Promise.all(
        which.map(async (model) => [model, await this.#performer.play(play(model))] as const),
      ),
    );
  }

  /** Those that actions of the take may come of. */
  get #deeds(): readonly Deed[] {
    return this.#recorded ? [] : this.#view.deeds;
  }

  /** Takes have come. */
  #took(): void {
    const { timeline, beside, open, texts, fault, notice } = this.#parts;
    const { take } = this.#player;
    const together = this.#view.beside && !this.#recorded;
    if (together) beside.show(this.#takes);
    else timeline.show(take);
    if (notice.textContent === texts.working) this.#tell('');
    say(fault, take.failure === undefined ? '' : texts.failed(take.failure));
    const name =
      this.#recorded?.kind === 'transcript'
        ? texts.open.read(this.#recorded.name)
        : texts.open.replayed;
    open.show(this.#recorded ? `${name}. ${texts.open.kernel(take.kernel)}` : '', this.#view.token);
    this.#moved();
  }

  /** The position is another. */
  #moved(): void {
    const { texts, now, timeline, states, counters, beside, transport, world } = this.#parts;
    const { take, ns, moments, index } = this.#player;
    const together = this.#view.beside && !this.#recorded;
    transport.show();
    world.show();
    now.show(this.#player, {
      deeds: this.#deeds,
      lanes: together ? models.map((model) => texts.names[model]) : undefined,
      recorded: this.#recorded !== undefined,
    });
    if (together) return beside.at(ns);
    timeline.at(ns, moments[index]);
    counters.show(countUntil(take, ns));
    const model = this.#recorded ? models.find((each) => each === take.model) : this.#view.model;
    states.element.hidden = model === undefined;
    if (model) states.show(model, litAt(moments, index, ns));
  }

  #refuse(sentence: string): void {
    this.#tell(sentence);
    this.#parts.notice.classList.add('wrong');
  }

  #tell(sentence: string): void {
    this.#parts.notice.classList.remove('wrong');
    say(this.#parts.notice, sentence);
  }

  #choose(part: Partial<View>): void {
    this.#change({ ...this.#view, ...part }, '');
  }

  #show(shown: Shown): void {
    this.#choose(shown === 'all' ? { beside: true } : { model: shown, beside: false });
  }

  /** What is seen of the parts, by what is shown. */
  #arrange(): void {
    const { main, about, texts } = this.#parts;
    const { beside, model, guest, seed } = this.#view;
    main.className = this.#recorded ? 'recorded' : beside ? 'all' : 'one';
    about.replaceChildren(...aboutModel(texts, model));
    main.querySelector<HTMLInputElement>(`[name=model][value=${beside ? 'all' : model}]`)!.checked =
      true;
    const fields = { guest, seed: `${seed}` };
    for (const [name, value] of Object.entries(fields))
      main.querySelector<HTMLInputElement>(`[name=${name}]`)!.value = value;
    for (const link of this.#root.querySelectorAll<HTMLAnchorElement>('a[hreflang]'))
      link.href = addressOf({ ...this.#view, lang: link.hreflang as Language });
  }

  #translate(): void {
    const focused = document.activeElement?.getAttribute('hreflang');
    this.#parts.timeline.dispose();
    this.#parts.beside.dispose();
    this.#parts = this.#build();
    if (focused) this.#root.querySelector<HTMLElement>('a[aria-current]')?.focus();
  }

  #build(): Parts {
    const texts = dictionaries[this.#view.lang];
    const { lang } = this.#view;
    document.documentElement.lang = lang;
    document.title = texts.title;
    const picture = element('div');
    const parts: Omit<Parts, 'main'> = {
      texts,
      about: element('section', { class: 'about' }),
      now: new NowView(texts),
      timeline: new Timeline(picture, timelineTexts[lang], {
        onSeek: (ns) => halt(this.#player, () => this.#player.seek(ns)),
      }),
      states: new StateView(texts),
      counters: new Counters(texts),
      beside: new BesideView(texts, lang, (model) => this.#show(model)),
      transport: new Transport(texts, this.#player),
      world: this.#world(texts),
      open: this.#open(texts),
      notice: element('p', { class: 'notice', role: 'status' }),
      fault: element('p', { class: 'failure', role: 'status' }),
    };
    const { about, now, fault, counters, beside, states, world, open } = parts;
    const main = element(
      'main',
      {},
      modelChoice(texts, (shown) => this.#show(shown)),
      open.banner,
      column('left', about, now.element, fault, picture, counters.element, beside.element),
      column('right', states.element, world.element),
      column(
        'more',
        open.element,
        keysView(texts, this.#keysOn, (on) => (this.#keysOn = on)),
      ),
    );
    const bar = element('div', { class: 'bar' }, parts.notice, parts.transport.element);
    keepClear(main, bar);
    this.#root.replaceChildren(header(texts, lang), main, bar);
    return { ...parts, main };
  }

  #world(texts: Texts): WorldView {
    const run = column(
      'run',
      guestField(texts, (guest) => this.#choose({ guest })),
      seedField(texts, (text) => this.#seed(text)),
    );
    const stage: Stage = {
      nowNs: () => Math.floor(this.#player.ns),
      deeds: () => this.#view.deeds,
      change: (deeds, sentence) => this.#change({ ...this.#view, deeds }, sentence),
      refuse: (sentence) => this.#refuse(sentence),
      recorded: () => this.#recorded !== undefined,
    };
    return new WorldView(texts, stage, run);
  }

  #open(texts: Texts): OpenView {
    return new OpenView(texts, {
      replay: (token, guest) => {
        this.#recorded = { kind: 'token', guest };
        this.#change({ ...this.#view, token }, texts.working, 0);
      },
      read: (file) => void this.#read(file),
      leave: () => this.#leave(),
      refuse: (sentence) => this.#refuse(sentence),
    });
  }

  async #read(file: File): Promise<void> {
    this.#tell(this.#parts.texts.working);
    try {
      const take = await readTranscript(file, transcriptTexts[this.#view.lang]);
      const { token: _, ...view } = this.#view;
      this.#recorded = { kind: 'transcript', name: file.name, take };
      // It is over, and is looked at as a whole.
      this.#change(view, '', take.endNs);
    } catch (error) {
      this.#refuse(this.#parts.texts.cannot((error as Error).message));
    }
  }

  #leave(): void {
    const { token: _, ...view } = this.#view;
    this.#recorded = undefined;
    this.#change(view, '', 0);
  }

  #seed(text: string): void {
    if (!/^\d{1,10}$/.test(text) || Number(text) > MOST_SEED)
      return this.#refuse(this.#parts.texts.seedWrong(MOST_SEED));
    this.#choose({ seed: Number(text) });
  }

  #press(key: Key): void {
    const { world } = this.#parts;
    const player = this.#player;
    const { beside } = this.#view;
    const deeds: Partial<Record<Key, () => void>> = {
      play: () => toggle(player),
      step: () => halt(player, () => player.step()),
      back: () => halt(player, () => player.back()),
      start: () => halt(player, () => player.seek(0)),
      end: () => halt(player, () => player.seek(player.take.endNs)),
      slower: () => player.faster(-1),
      faster: () => player.faster(1),
      connect: () => world.connect(),
      send: () => world.send(),
      beside: () => this.#choose({ beside: !beside }),
    };
    const deed = deeds[key];
    if (deed) return deed();
    if (key === 'EINTR' || key === 'EAGAIN') return world.fault(key);
    if (key.startsWith('model ')) return this.#show(models[Number(key.slice(6))]!);
    world.act(key as 'stop reading' | 'read on' | 'half-close' | 'reset');
  }
}
