/** What comes from outside of the page: a token, its guest, and the transcript of a real run. */
import { LONGEST_TOKEN } from './address.js';
import { button, element, say } from './element.js';
import type { Texts } from './english.js';
import type { NamedBytes } from './replay.js';

const MAGIC = [0x00, 0x61, 0x73, 0x6d];

export interface Opener {
  replay(token: string, guest: NamedBytes | undefined): void;
  read(file: File): void;
  leave(): void;
  refuse(sentence: string): void;
}

export class OpenView {
  readonly element: HTMLElement;
  /** What is open, and the way back: it stands where models are chosen. */
  readonly banner: HTMLElement;
  readonly #texts: Texts;
  readonly #opener: Opener;
  readonly #token: HTMLTextAreaElement;
  readonly #guest: HTMLInputElement;
  readonly #source = element('p', { class: 'source' });
  readonly #leave: HTMLButtonElement;

  constructor(texts: Texts, opener: Opener) {
    const { open } = texts;
    this.#texts = texts;
    this.#opener = opener;
    this.#token = element('textarea', { rows: 3, spellcheck: 'false', autocomplete: 'off' });
    this.#guest = element('input', { type: 'file', accept: '.wasm,application/wasm' });
    this.#leave = button(open.leave, () => opener.leave(), { class: 'leave' });
    const transcript: HTMLInputElement = element('input', {
      type: 'file',
      onchange: () => {
        const file = transcript.files?.[0];
        if (file) opener.read(file);
        transcript.value = '';
      },
    });
    this.banner = element('div', { class: 'banner' }, this.#source, this.#leave);
    this.element = element(
      'section',
      { class: 'open', 'aria-labelledby': 'open-title' },
      element('h3', { id: 'open-title' }, open.title),
      element(
        'form',
        {
          class: 'replay',
          onsubmit: (event) => {
            event.preventDefault();
            void this.#replay();
          },
        },
        element('label', {}, element('span', {}, open.token), this.#token),
        element('p', { class: 'hint' }, open.tokenHint),
        element('label', {}, element('span', {}, open.guest), this.#guest),
        element('button', { type: 'submit' }, open.replay),
      ),
      element('label', { class: 'transcript' }, element('span', {}, open.transcript), transcript),
      element('p', { class: 'hint' }, open.transcriptHint),
    );
  }

  async #replay(): Promise<void> {
    const token = this.#token.value.replaceAll(/\s/g, '');
    if (token === '') return this.#opener.refuse(this.#texts.open.needsToken);
    if (token.length > LONGEST_TOKEN) return this.#opener.refuse(this.#texts.open.tooLong);
    const file = this.#guest.files?.[0];
    if (!file) return this.#opener.replay(token, undefined);
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (!MAGIC.every((byte, i) => bytes[i] === byte))
      return this.#opener.refuse(this.#texts.open.notWasm(file.name));
    this.#opener.replay(token, { name: file.name, bytes });
  }

  /** What is open, or '' if it is a play. */
  show(source: string, token: string | undefined): void {
    say(this.#source, source);
    if (token !== undefined) this.#token.value = token;
  }
}

/** A file that is dropped anywhere on the page is opened. */
export function openDropped(read: (file: File) => void): void {
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) read(file);
  });
}
