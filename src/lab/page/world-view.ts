/** The buttons of the world: what a person does to it, at the present moment. */
import { EXAMPLE, LONGEST_TEXT, MOST_PIECES } from './address.js';
import { button, choice, element } from './element.js';
import type { Texts } from './english.js';
import type { Deed } from './take.js';
import { timeText } from './timeline-time.js';

const NAMES = [...'ABCDEFGH'];

/** Who is connected at a time, as far as deeds say; who half-closed may still read. */
function connectedAt(deeds: readonly Deed[], ns: number): string[] {
  const connected = new Set<string>();
  for (const deed of deeds.toSorted((a, b) => a.atNs - b.atNs)) {
    if (deed.atNs > ns || !('client' in deed)) continue;
    if (deed.kind === 'connect') connected.add(deed.client);
    else if (deed.kind === 'reset') connected.delete(deed.client);
  }
  return [...connected];
}

/** A deed in words of the page's language. */
export function wordsOf({ deed: texts }: Texts, deed: Deed): string {
  if (deed.kind === 'send') return texts.send(deed.client, deed.text, deed.pieces);
  if ('client' in deed) return texts[deed.kind](deed.client);
  return texts[deed.kind];
}

export interface Stage {
  /** The present, in whole nanoseconds. */
  nowNs(): number;
  deeds(): readonly Deed[];
  /** All deeds anew; the sentence says what was done. */
  change(deeds: readonly Deed[], sentence: string): void;
  /** Why nothing can be done. */
  refuse(sentence: string): void;
  /** Whether the world is a recording, in which nothing can be done. */
  recorded(): boolean;
}

export class WorldView {
  readonly element: HTMLElement;
  readonly #texts: Texts;
  readonly #stage: Stage;
  readonly #clients = element('div', { class: 'clients' });
  readonly #list = element('ol', { class: 'deeds' });
  readonly #text: HTMLInputElement;
  readonly #pieces: HTMLSelectElement;
  #client = 'A';
  #shown = '';

  /** `run`: what else the run is made of, to be shown with it. */
  constructor(texts: Texts, stage: Stage, run: HTMLElement) {
    const { world } = texts;
    this.#texts = texts;
    this.#stage = stage;
    this.#text = element('input', { type: 'text', value: 'hello', maxlength: LONGEST_TEXT });
    this.#pieces = element(
      'select',
      {},
      ...Array.from({ length: MOST_PIECES }, (_, i) => element('option', {}, `${i + 1}`)),
    );
    this.element = element(
      'section',
      { class: 'world', 'aria-labelledby': 'world-title' },
      element('h3', { id: 'world-title' }, world.title),
      element('p', { class: 'hint' }, world.hint),
      element(
        'div',
        { class: 'who' },
        button(world.connect, () => this.connect(), { class: 'connect', 'data-do': 'connect' }),
        this.#clients,
      ),
      this.#sending(),
      element(
        'div',
        { class: 'buttons' },
        ...this.#acting(),
        ...(['EINTR', 'EAGAIN'] as const).map((kind) =>
          button(kind, () => this.fault(kind), {
            class: 'fault',
            'data-do': kind,
            title: world.faultHint(kind),
            'aria-label': `${world.chance}: ${kind}`,
          }),
        ),
      ),
      run,
      element('h4', {}, world.deeds),
      this.#list,
      element(
        'div',
        { class: 'buttons quiet' },
        button(world.clear, () => this.#change([], world.clear)),
        button(world.example, () => this.#change(EXAMPLE, world.example)),
      ),
    );
  }

  #sending(): HTMLElement {
    const { world } = this.#texts;
    return element(
      'form',
      {
        class: 'sending',
        onsubmit: (event) => {
          event.preventDefault();
          this.send();
        },
      },
      element('label', { class: 'message' }, element('span', {}, world.text), this.#text),
      element('label', {}, element('span', {}, world.pieces), this.#pieces),
      element('button', { type: 'submit', 'data-do': 'send' }, world.send),
    );
  }

  #acting(): HTMLElement[] {
    const { world } = this.#texts;
    const kinds = [
      ['stop reading', world.stop],
      ['read on', world.on],
      ['half-close', world.halfClose],
      ['reset', world.reset],
    ] as const;
    return kinds.map(([kind, words]) =>
      button(words, () => this.act(kind), { 'data-do': kind.replace(' ', '-') }),
    );
  }

  connect(): void {
    const connects = (name: string) => (deed: Deed) =>
      deed.kind === 'connect' && deed.client === name;
    const client = NAMES.find((name) => !this.#stage.deeds().some(connects(name)));
    if (client === undefined) return this.#stage.refuse(this.#texts.world.full);
    this.#client = client;
    this.#do({ kind: 'connect', atNs: this.#stage.nowNs(), client });
  }

  send(): void {
    const text = this.#text.value;
    if (text === '') return this.#stage.refuse(this.#texts.world.needsText);
    const client = this.#connected();
    if (client === undefined) return;
    const atNs = this.#stage.nowNs();
    this.#do({ kind: 'send', atNs, client, text, pieces: Number(this.#pieces.value) });
  }

  act(kind: 'stop reading' | 'read on' | 'half-close' | 'reset'): void {
    const client = this.#connected();
    if (client !== undefined) this.#do({ kind, atNs: this.#stage.nowNs(), client });
  }

  fault(kind: 'EINTR' | 'EAGAIN'): void {
    this.#do({ kind, atNs: this.#stage.nowNs() });
  }

  #connected(): string | undefined {
    const { world } = this.#texts;
    const connected = connectedAt(this.#stage.deeds(), this.#stage.nowNs());
    if (connected.includes(this.#client)) return this.#client;
    this.#stage.refuse(
      connected.length === 0 ? world.connectFirst : world.notConnected(this.#client),
    );
    return undefined;
  }

  #do(deed: Deed): void {
    const words = this.#texts.world.done(wordsOf(this.#texts, deed), timeText(deed.atNs));
    this.#change([...this.#stage.deeds(), deed], words);
  }

  #change(deeds: readonly Deed[], sentence: string): void {
    if (this.#stage.recorded()) return this.#stage.refuse(this.#texts.world.refused);
    const inOrder = deeds.toSorted((a, b) => a.atNs - b.atNs);
    this.#stage.change(inOrder, sentence);
  }

  /** Draws what changed, and only that. */
  show(): void {
    const deeds = this.#stage.deeds();
    const connected = connectedAt(deeds, this.#stage.nowNs());
    const past = deeds.filter(({ atNs }) => atNs <= this.#stage.nowNs()).length;
    const shown = JSON.stringify([deeds, past, connected, this.#client]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (!connected.includes(this.#client) && connected.length > 0) this.#client = connected[0]!;
    this.#showClients(connected);
    this.#showDeeds(deeds);
  }

  #showClients(connected: readonly string[]): void {
    const { world } = this.#texts;
    const focused = this.#clients.contains(document.activeElement);
    const options = connected.map((value) => ({ value, words: value }));
    const pick = choice(world.client, 'client', options, this.#client, (client) => {
      this.#client = client;
    });
    if (connected.length === 0) pick.append(element('span', { class: 'nobody' }, world.nobody));
    this.#clients.replaceChildren(pick);
    if (focused) pick.querySelector<HTMLInputElement>(':checked')?.focus();
  }

  #showDeeds(deeds: readonly Deed[]): void {
    const { world } = this.#texts;
    const focused = [...this.#list.querySelectorAll('button')].indexOf(
      document.activeElement as HTMLButtonElement,
    );
    const now = this.#stage.nowNs();
    this.#list.replaceChildren(
      ...deeds.map((deed) => {
        const words = wordsOf(this.#texts, deed);
        const rest = () => this.#stage.deeds().filter((each) => each !== deed);
        return element(
          'li',
          { class: deed.atNs <= now ? 'past' : 'future' },
          element('span', { class: 'at' }, timeText(deed.atNs)),
          element('span', {}, words),
          button('×', () => this.#change(rest(), world.remove(words)), {
            'aria-label': world.remove(words),
          }),
        );
      }),
    );
    if (deeds.length === 0) this.#list.append(element('li', { class: 'none' }, world.none));
    const buttons = this.#list.querySelectorAll('button');
    if (focused >= 0) (buttons[Math.min(focused, buttons.length - 1)] ?? this.#text).focus();
  }
}
