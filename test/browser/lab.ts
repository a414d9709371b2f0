/** The page of the lab as it was built, in Chromium, and what Node takes of the same play. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

import { addressOf, EXAMPLE, type View } from '#src/lab/page/address';
import { guestName, perform } from '#src/lab/page/perform';
import type { Play, Take } from '#src/lab/page/take';

import { root, wasmFile } from '../harness.js';
import { Chromium } from './chromium.js';

const built = join(root, 'dist/lab/page');
const types: Readonly<Record<string, string>> = {
  css: 'text/css',
  html: 'text/html',
  js: 'text/javascript',
  wasm: 'application/wasm',
};
const shots = join(root, 'dist/screenshot');

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
/** The policy of the page has no eval, so that waiting is done here. */
export const WAIT = { timeout: 20_000, interval: 20 };

export const STANDARD: View = {
  lang: 'en',
  model: 'epoll',
  guest: 'c',
  seed: 0,
  deeds: EXAMPLE,
  beside: false,
};

export const playOf = ({ model, guest: language, seed, deeds }: View): Play => ({
  model,
  language,
  seed,
  deeds,
});

export const takeOf = (play: Play): Take =>
  perform(play, new Uint8Array(readFileSync(wasmFile(guestName(play).replace('.wasm', '')))));

export class LabPages {
  readonly #browser: Chromium | undefined;

  private constructor(browser: Chromium | undefined) {
    this.#browser = browser;
  }

  static async start(): Promise<LabPages> {
    const files = new Set(readdirSync(built, { recursive: true }) as string[]);
    const browser = await Chromium.start((path) => {
      const name = path.slice(1) || 'index.html';
      const type = types[name.slice(name.lastIndexOf('.') + 1)];
      if (type === undefined || !files.has(name)) return undefined;
      return [type, readFileSync(join(built, name))];
    });
    return new LabPages(browser);
  }

  /** Whether there is a browser. */
  get there(): boolean {
    return this.#browser !== undefined;
  }

  /** What pages have complained of. */
  get wrong(): readonly string[] {
    return this.#browser!.wrong;
  }

  goto(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    return this.#browser!.open(path, { viewport: DESKTOP, locale: 'en-US', ...options });
  }

  /** Opens a view, and waits until its take is there. */
  async open(view: Partial<View> = {}, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.goto(`/${addressOf({ ...STANDARD, ...view })}`, options);
    await expect
      .poll(() => page.locator('input[type=range]').getAttribute('max'), WAIT)
      .toMatch(/[1-9]/);
    return page;
  }

  /** Where people look at it: dist/screenshot. */
  async shoot(page: Page, name: string): Promise<void> {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}.png`) });
  }

  async end(): Promise<void> {
    await this.#browser?.end();
  }
}
