/** Debian's Chromium, quiet, and pages of it whose files come from a server on loopback. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';

import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { expect, vi } from 'vitest';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// A browser beside others' tests is slow.
vi.setConfig({ testTimeout: 60_000 });

/** Type and content of a path, if there is something. */
export type Files = (path: string) => readonly [type: string, content: string | Buffer] | undefined;

export class Chromium {
  readonly #server: Server;
  readonly #browser: Browser;
  /** What pages have complained of. */
  readonly wrong: string[] = [];

  private constructor(server: Server, browser: Browser) {
    this.#server = server;
    this.#browser = browser;
  }

  /** Nothing where there is no Chromium, which is a failure where the checks run. */
  static async start(files: Files): Promise<Chromium | undefined> {
    if (executablePath === undefined) {
      expect(process.env['CI'], 'the checks need chromium').toBeUndefined();
      return undefined;
    }
    const server = createServer((request, response) => {
      const [type, content] = files(new URL(request.url!, 'http://localhost').pathname) ?? [];
      if (type === undefined) response.writeHead(404).end();
      else response.setHeader('content-type', type).end(content);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Chromium(server, await chromium.launch({ executablePath, args: QUIET }));
  }

  /** Opens a path of the files, or an address of somebody else's. */
  async open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const { port } = this.#server.address() as AddressInfo;
    const page = await this.#browser.newPage(options);
    page.on('pageerror', (error) => this.wrong.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.wrong.push(message.text());
    });
    await page.goto(new URL(path, `http://127.0.0.1:${port}`).href);
    return page;
  }

  async end(): Promise<void> {
    await this.#browser.close();
    this.#server.close();
  }
}
