/**
 * The page of the lab as it is built, in a real browser, from a plain server of static files: its
 * worker takes what Node takes, call for call; and what it weighs.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import type { Page } from 'playwright-core';
import { echoClients, load, simulate, tokenOf } from 'pollux/simulate';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { guestName, perform } from '#src/lab/page/perform';
import type { Answer } from '#src/lab/page/protocol';
import { replay } from '#src/lab/page/replay';
import type { Play } from '#src/lab/page/take';

import { guestFile, polluxToEnd, wasmFile } from '../harness.js';
import { everything, message, playsOf } from '../src/lab/page/plays.js';
import { Chromium } from './chromium.js';

const MOST_KIB = 500;
/** Where the server has the page: in no folder that it was made for. */
const PLACE = '/a/folder/of/mine/';
const types: Readonly<Record<string, string>> = {
  css: 'text/css',
  html: 'text/html',
  js: 'text/javascript',
  wasm: 'application/wasm',
};

let folder: string;
let browser: Chromium | undefined;
const asked: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pollux-page-'));
  expect(await polluxToEnd(['lab', '--out', folder])).toMatchObject({ code: 0, stderr: '' });
  const files = new Set(readdirSync(folder, { recursive: true }) as string[]);
  browser = await Chromium.start((path) => {
    asked.push(path);
    const name = path.startsWith(PLACE) ? path.slice(PLACE.length) || 'index.html' : '';
    const type = types[name.slice(name.lastIndexOf('.') + 1)];
    return type !== undefined && files.has(name)
      ? [type, readFileSync(join(folder, name))]
      : undefined;
  });
}, 60_000);

afterAll(async () => {
  await browser?.end();
  rmSync(folder, { recursive: true });
});

/** In the page: asks a worker as it is built, one question after the other. Its answers as JSON. */
async function answersOf(page: Page, questions: readonly object[]): Promise<string[]> {
  const worker = readdirSync(join(folder, 'assets')).find((name) => /^worker-.*\.js$/.test(name));
  return await page.evaluate(
    async ([file, all]) => {
      const asked = new Worker(new URL(`assets/${file}`, document.baseURI), { type: 'module' });
      const answers: string[] = [];
      const done = new Promise((resolve, reject) => {
        asked.addEventListener('error', ({ message }) => reject(new TypeError(message)));
        asked.addEventListener('message', ({ data }) => {
          if (answers.push(JSON.stringify(data)) === all.length) resolve(undefined);
        });
      });
      all.forEach((question, id) => asked.postMessage({ id, ...question }));
      await done;
      asked.terminate();
      return answers;
    },
    [worker!, questions] as const,
  );
}

const bytesOf = (name: string) => new Uint8Array(readFileSync(wasmFile(name.replace('.wasm', ''))));
const takeOf = (play: Play) => perform(play, bytesOf(guestName(play)));

test('the worker takes what Node takes, for every model in both languages', async (context) => {
  if (!browser) return context.skip('there is no chromium on this machine');
  const plays = [
    ...playsOf(0, []),
    ...playsOf(0, message),
    ...playsOf(0, everything),
    ...playsOf(1, message),
    ...playsOf(5, everything),
  ];
  const page = await browser.open(PLACE);
  const questions = plays.map((play) => ({ kind: 'play' as const, play }));
  const answers = await answersOf(page, questions);
  answers.forEach((answer, id) => {
    const { model, language, seed } = plays[id]!;
    const take = takeOf(plays[id]!);
    expect(take.hash).toMatch(/^[0-9a-f]+$/);
    const same = answer === JSON.stringify({ id, kind: 'take', take });
    expect(same, `${model}, ${language}, ${seed}`).toBe(true);
  });
  expect(browser.wrong).toEqual([]);
  expect(asked.filter((path) => !path.startsWith(PLACE))).toEqual([]);
  await page.close();
}, 120_000);

test('the worker repeats tokens as Node does, and says what is wrong with others', async (context) => {
  if (!browser) return context.skip('there is no chromium on this machine');
  const listen = ['127.0.0.1:7000'];
  const options = { listen, world: echoClients({ address: listen[0]!, clients: 2, messages: 2 }) };
  const own = await load(wasmFile('echo-signal.as'));
  const other = await load(guestFile('canary/half-close'));
  const { log, hash } = simulate(own, { ...options, seed: 4, profile: 'swarm' });
  const token = tokenOf(own, options, log);
  const foreign = tokenOf(other, options, simulate(other, { ...options, seed: 8 }).log);
  const shelf = { names: ['echo-signal.as.wasm'], bytes: () => Promise.resolve(own.bytes!) };
  const given = { name: 'other.wasm', bytes: other.bytes! };
  const page = await browser.open(PLACE);
  const answers = await answersOf(page, [
    { kind: 'replay', token },
    { kind: 'replay', token: token.slice(0, 50) },
    { kind: 'replay', token: foreign },
    { kind: 'play', play: { model: 'teleport', language: 'c', seed: 0, deeds: [] } },
  ]);
  expect(answers.map((answer) => JSON.parse(answer) as Answer)).toEqual([
    { id: 0, kind: 'take', take: await replay(token, shelf) },
    { id: 1, kind: 'error', message: expect.stringContaining('is no whole token') },
    { id: 2, kind: 'error', message: expect.stringContaining("none of the page's own") },
    { id: 3, kind: 'error', message: expect.stringContaining('"teleport" is no model') },
  ]);
  expect(JSON.parse(answers[0]!)).toMatchObject({ take: { hash, model: 'signal' } });
  const failed = await replay(foreign, shelf, given);
  expect(failed.failure).toBeDefined();
  expect(browser.wrong).toEqual([]);
  await page.close();
}, 120_000);

test('the page takes scripts from its own files alone', () => {
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1];
  const said = policy!.replaceAll('&#39;', "'").split('; ');
  expect(said).toContain("default-src 'none'");
  expect(said).toContain("script-src 'self' 'wasm-unsafe-eval'");
  // Before anything that it is to hold for.
  expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.search(/<(script|link)/));
  expect(html).not.toMatch(/(src|href)="(\/|https?:)/);
});

test('JavaScript and WebAssembly are less than 500 KiB together, compressed', () => {
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
    /\.(js|wasm)$/.test(name),
  );
  expect(names.filter((name) => name.endsWith('.wasm'))).toHaveLength(16);
  const bytes = names.reduce(
    (sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length,
    0,
  );
  expect(bytes / 1024).toBeLessThan(MOST_KIB);
});
