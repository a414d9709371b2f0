/**
 * The lab's report in a real browser, from a file, with nothing served: light and dark, on a screen,
 * on a phone, and on paper. What it looks like is left in dist/screenshot.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadRendering } from '#src/lab/rendering';

import { polluxToEnd, root } from '../harness.js';
import { allKinds } from '../src/lab/report/all-kinds.js';
import { Chromium } from './chromium.js';

const NONE = 'there is no chromium on this machine';
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const drawn = allKinds.experiments.flatMap(({ figures, estimates }) =>
  figures.filter(({ name }) => estimates.some(({ figure }) => figure === name)),
);

let folder: string;
let file: string;
let chromium: Chromium | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pollux-report-'));
  file = join(folder, 'lab.html');
  writeFileSync(join(folder, 'lab.json'), JSON.stringify(allKinds));
  const { code, stderr } = await polluxToEnd(['lab', 'report', join(folder, 'lab.json')]);
  expect([code, stderr]).toEqual([0, `written to ${file}\n`]);
  chromium = await Chromium.start(() => undefined);
}, 60_000);

afterAll(async () => {
  await chromium?.end();
  rmSync(folder, { recursive: true });
});

interface View {
  readonly scheme: 'light' | 'dark';
  readonly width: number;
}

/** The report, or another file, as it is seen; it asks for nothing beyond itself. */
async function opened(chromium: Chromium, { scheme, width }: View, path = file): Promise<Page> {
  const page = await chromium.open(pathToFileURL(path).href, {
    viewport: { width, height: 844 },
    colorScheme: scheme,
  });
  expect(await page.evaluate(`performance.getEntriesByType('resource')`)).toEqual([]);
  expect(chromium.wrong).toEqual([]);
  return page;
}

/** Runs in the page: how far two colours are apart, as WCAG counts it. */
const CONTRASTS = `(() => {
  const style = getComputedStyle(document.documentElement);
  const luminance = (name) => {
    const hex = style.getPropertyValue(name).trim();
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = parseInt(hex.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = luminance('--paper');
  const series = Array.from({ length: 8 }, (_, i) => '--series-' + (i + 1));
  return ['--ink', '--faint', ...series].map((name) => {
    const [dark, light] = [paper, luminance(name)].sort((a, b) => a - b);
    return [name, (light + 0.05) / (dark + 0.05)];
  });
})()`;

/** The charts that are seen, in order: their text alternatives. */
const charts = (page: Page) =>
  page
    .locator('svg.chart[role=img]:visible')
    .evaluateAll((all) => all.map((each) => each.getAttribute('aria-label')!));

const views: View[] = (['light', 'dark'] as const).flatMap((scheme) =>
  [1280, 390, 360].map((width) => ({ scheme, width })),
);

describe.each(views)('the report, $scheme, $width pixels wide', (view) => {
  test('has a chart for each figure, told in words, and stays within its window', async (context) => {
    if (!chromium) return context.skip(NONE);
    const page = await opened(chromium, view);
    const told = await charts(page);
    expect(told.map((words) => words.slice(0, words.indexOf('. ')))).toEqual(
      drawn.map(({ title }) => title),
    );
    for (const words of told) expect(words).toMatch(/: .*\d/);
    const wide = await page.evaluate('document.documentElement.scrollWidth');
    expect(wide).toBeLessThanOrEqual(view.width);
    await page.screenshot({
      path: `${root}dist/screenshot/report-${view.scheme}-${view.width}.png`,
      fullPage: true,
    });
    await page.close();
  }, 60_000);

  test('is readable by everybody: axe finds nothing, and colours are far apart', async (context) => {
    if (!chromium) return context.skip(NONE);
    const page = await opened(chromium, view);
    await page.addScriptTag({ path: axe });
    const violations = (await page.evaluate(`axe.run().then(({ violations }) => violations.map(
      ({ id, impact, nodes }) => [id, impact, nodes.map(({ html }) => html)],
    ))`)) as unknown[];
    expect(violations).toEqual([]);
    for (const [name, contrast] of (await page.evaluate(CONTRASTS)) as [string, number][])
      expect(contrast, name).toBeGreaterThanOrEqual(4.5);
    await page.close();
  }, 60_000);
});

test('the page is dark where the reader wants that, and never on paper', async (context) => {
  if (!chromium) return context.skip(NONE);
  const page = await opened(chromium, { scheme: 'dark', width: 1280 });
  const colours = () =>
    page.evaluate(`(({ backgroundColor, color }) => [backgroundColor, color])(
      getComputedStyle(document.body))`) as Promise<[string, string]>;
  const dark = await colours();
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await colours();
  expect(dark[0]).not.toBe(light[0]);
  expect(dark[1]).not.toBe(light[1]);
  await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
  expect(await colours()).toEqual(light);
  expect(await charts(page)).toHaveLength(drawn.length);
  await page.close();
}, 60_000);

test('a line has a mark for each of its estimates, and bars their values', async (context) => {
  if (!chromium) return context.skip(NONE);
  const page = await opened(chromium, { scheme: 'light', width: 1280 });
  const { estimates } = allKinds.experiments[0]!;
  const colours = ['--series-1', '--series-2', '--series-3'];
  const names = ['select', 'poll', 'epoll'];
  for (const [i, colour] of colours.entries()) {
    const marks = page.locator(`#watched .wide g[fill="var(${colour})"][stroke] > *`);
    const own = estimates.filter(({ series }) => series === names[i]);
    expect(await marks.count(), names[i]).toBe(own.length);
    expect(await page.locator('#watched .wide text').allTextContents()).toContain(names[i]);
  }
  const bars = await page.locator('#phases .wide').first().textContent();
  for (const value of ['98.2 %', '0.4 %', '97.1 %']) expect(bars).toContain(value);
  await page.close();
}, 60_000);

test('the picture of one chart stands alone, light and dark', async (context) => {
  if (!chromium) return context.skip(NONE);
  const [watched] = allKinds.experiments;
  const { picture } = await loadRendering();
  const path = join(folder, 'watched.svg');
  writeFileSync(path, picture(watched!, watched!.figures[0]!, 'a caption & more'));
  const filled = [];
  for (const scheme of ['light', 'dark'] as const) {
    const page = await opened(chromium, { scheme, width: 800 }, path);
    filled.push(await page.evaluate(`getComputedStyle(document.querySelector('rect')).fill`));
    expect(await page.evaluate('document.documentElement.localName')).toBe('svg');
    expect(await page.locator('text', { hasText: 'a caption & more' }).count()).toBe(1);
    await page.screenshot({ path: `${root}dist/screenshot/chart-${scheme}.png` });
    await page.close();
  }
  expect(filled).toHaveLength(new Set(filled).size);
}, 60_000);

test('its numbers are saved by a link that needs no script', async (context) => {
  if (!chromium) return context.skip(NONE);
  const page = await opened(chromium, { scheme: 'light', width: 1280 });
  const saving = page.waitForEvent('download');
  await page.getByRole('link', { name: 'save them as JSON' }).click();
  const saved = await (await saving).path();
  expect(JSON.parse(readFileSync(saved, 'utf8'))).toEqual(allKinds);
  expect(await page.locator('script').count()).toBe(0);
  await page.close();
}, 60_000);
