/** The timeline in a real browser: a trace of 100,000 calls, by mouse, by finger and by keyboard. */
import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';

import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Take } from '#src/lab/page/take';
import { takeOfTranscript } from '#src/lab/page/transcript';

import { root } from '../harness.js';
import { Chromium } from './chromium.js';

const MANY = 100_000;
/** The index of the call that takes a fifth of the time. */
const LONG = 50_001;
const WIDTH = 1000;

/** As `pollux run --trace` would have written it: waits, receives and sends, of some microseconds. */
function manyCalls(): string {
  let us = 0;
  const lines = ['# kernel linux epoll'];
  const call = (text: string, answer: string, duration: number) => {
    lines.push(`-> ${text} @${(us / 1e6).toFixed(6)}`);
    us += duration;
    lines.push(`<- ${answer} @${(us / 1e6).toFixed(6)}`);
    us += 2;
  };
  for (let i = 0; i < MANY; i++) {
    if (i === LONG)
      call('epoll_wait(epfd=4, events=64, max=9, timeout_ns=-1)', 'SUCCESS count=0', 4e5);
    else if (i % 3 === 0)
      call('epoll_wait(epfd=4, events=64, max=9, timeout_ns=-1)', 'SUCCESS count=1', 20 + (i % 71));
    else if (i % 3 === 1)
      call(`sock_recv(fd=${5 + (i % 7)}, ri_data=64)`, 'SUCCESS ro_datalen=5', 9);
    else call(`sock_send(fd=${5 + (i % 7)}, si_data=64)`, 'SUCCESS so_datalen=5', 7);
  }
  return `${lines.join('\n')}\n`;
}

const TEXT = manyCalls();
const PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8" /><meta name="viewport" content="width=device-width" />
  <meta name="color-scheme" content="light dark" />
  <title>A timeline</title>
  <link rel="stylesheet" href="/timeline.css" /><link rel="icon" href="data:," />
  <body style="margin: 0; background: light-dark(#ffffff, #141a22)">
    <main><h1>A timeline</h1><h2>One</h2><div id="home"></div></main>
    <script type="module">
      import { Timeline } from '/src/lab/page/timeline.js';
      import { timelineTexts } from '/src/lab/page/timeline-texts.js';
      import { readTranscript } from '/src/lab/page/transcript.js';
      const home = document.querySelector('#home');
      const lab = (globalThis.lab = { chosen: [], sought: [], pictures: [], readTranscript, timelineTexts });
      // Each picture begins by being cleared; what is drawn then is counted.
      const pen = CanvasRenderingContext2D.prototype;
      for (const name of ['clearRect', 'fillRect', 'strokeRect', 'fill', 'stroke', 'fillText']) {
        const draw = pen[name];
        pen[name] = function (...values) {
          if (name === 'clearRect') lab.pictures.push(0);
          else if (this.canvas.isConnected) lab.pictures[lab.pictures.length - 1]++;
          return draw.apply(this, values);
        };
      }
      lab.make = (options) => {
        lab.timeline?.dispose();
        lab.timeline = new Timeline(home, timelineTexts.en, {
          onChoose: (index) => lab.chosen.push(index),
          onSeek: (ns) => lab.sought.push(ns),
          ...options,
        });
      };
      lab.drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
      lab.make({ scale: 'true' });
    </script>
  </body>
</html>`;

let browser: Chromium | undefined;

beforeAll(async () => {
  browser = await Chromium.start((path) => {
    if (path === '/') return ['text/html', PAGE];
    if (path === '/trace') return ['text/plain', TEXT];
    if (path === '/axe.js')
      return ['text/javascript', readFileSync(join(root, 'node_modules/axe-core/axe.min.js'))];
    if (path === '/timeline.css')
      return ['text/css', readFileSync(join(root, 'src/lab/page/timeline.css'))];
    const file = join(root, 'dist', normalize(path));
    return path.endsWith('.js') && existsSync(file)
      ? ['text/javascript', readFileSync(file)]
      : undefined;
  });
}, 60_000);

afterAll(() => browser?.end());

/** A page, on which no test may leave an error; nothing where there is no Chromium. */
async function opened(
  run: (page: Page) => Promise<void>,
  skip: (reason: string) => void,
  options: BrowserContextOptions = {},
): Promise<void> {
  if (!browser) return skip('there is no chromium on this machine');
  const page = await browser.open('/', { viewport: { width: WIDTH, height: 900 }, ...options });
  await page.waitForFunction('globalThis.lab?.timeline');
  await run(page);
  await page.close();
  expect(browser.wrong).toEqual([]);
}

/** Shows a take, all of it. */
const show = (page: Page, take: Take) =>
  page.evaluate(`(async (take) => {
    lab.timeline.show(take);
    lab.timeline.at(take.endNs);
    await lab.drawn();
  })(${JSON.stringify(take)})`);

const surfaceOf = async (page: Page) => (await page.locator('.timeline-surface').boundingBox())!;
const last = (page: Page, list: 'chosen' | 'sought') => page.evaluate<number>(`lab.${list}.at(-1)`);
const details = (page: Page) => page.locator('.timeline-details').innerText();

/** The time at a place of the axis, which a click there tells. */
async function timeAt(page: Page, share: number): Promise<number> {
  const { x, y, width } = await surfaceOf(page);
  // The names of the lanes are less wide than that.
  await page.mouse.click(x + 100 + share * (width - 101), y + 6);
  return last(page, 'sought');
}

const seen = async (page: Page) => [await timeAt(page, 0.01), await timeAt(page, 0.99)] as const;
const spanOf = ([from, to]: readonly [number, number]) => to - from;

/** Four calls of a quarter each, so that it is clear which is where. */
const quarters = takeOfTranscript(
  [
    '# kernel linux poll',
    '-> poll_oneoff(in=1, out=2, nsubs=1) @0.000000',
    '<- SUCCESS nevents=1 @0.250000',
    '-> fd_read(fd=0, iovs=16) @0.250000',
    '<- SUCCESS nread=4 @0.500000',
    '-> fd_write(fd=1, iovs=16) @0.500000',
    '<- PIPE @0.750000',
    '-> fd_tell(fd=3) @0.750000',
    '<- SUCCESS offset=9 @1.000000',
    '',
  ].join('\n'),
);

test(
  'a trace of 100,000 calls opens, and its picture costs its pixels, and not its calls',
  (context) =>
    opened(async (page) => {
      const opening = await page.evaluate<{
        held: number;
        took: number;
        shown: number;
      }>(`(async () => {
        const file = await (await fetch('/trace')).blob();
        let held = 0;
        let running = true;
        let before = performance.now();
        const watch = () => {
          if (running) held = Math.max(held, performance.now() - before);
          before = performance.now();
          if (running) setTimeout(watch);
        };
        watch();
        const from = performance.now();
        lab.take = await lab.readTranscript(file);
        running = false;
        const took = performance.now() - from;
        const showing = performance.now();
        lab.timeline.show(lab.take);
        lab.timeline.at(lab.take.endNs);
        await lab.drawn();
        return { held, took, shown: performance.now() - showing };
      })()`);
      expect(await page.evaluate('lab.take.failure')).toBeUndefined();
      expect(await page.evaluate('lab.take.events.length')).toBe(MANY);

      const { x, y, width } = await surfaceOf(page);
      const middle = [x + width / 2, y + 60] as const;
      await page.evaluate(`(() => {
        lab.pictures.length = 0;
        lab.frames = [];
        const frame = (now) => { lab.frames.push(now); requestAnimationFrame(frame); };
        requestAnimationFrame(frame);
      })()`);
      for (const zoom of [0, 700, 700, 700]) {
        await page.mouse.move(...middle);
        if (zoom > 0) await page.mouse.wheel(0, -zoom);
        await page.mouse.down();
        for (let i = 0; i < 40; i++) await page.mouse.move(middle[0] - 8 * i, middle[1]);
        await page.mouse.up();
      }
      const pictures = await page.evaluate<number[]>('lab.pictures');
      const frames = await page.evaluate<number[]>('lab.frames');
      const gaps = frames
        .slice(1)
        .map((now, i) => now - frames[i]!)
        .sort((a, b) => a - b);
      const at = (share: number) => gaps[Math.floor(share * (gaps.length - 1))]!.toFixed(1);
      console.info(
        `${MANY} calls: read in ${opening.took.toFixed()} ms, of which at most ` +
          `${opening.held.toFixed()} ms in one turn; shown in ${opening.shown.toFixed()} ms; panned in ` +
          `${gaps.length} frames, the median ${at(0.5)} ms after the last, 95 % within ${at(0.95)} ms; ` +
          `at most ${Math.max(...pictures)} shapes in one of ${pictures.length} pictures`,
      );
      expect(pictures.length).toBeGreaterThan(20);
      // Five for each pixel of the two lanes, and some words.
      expect(Math.max(...pictures)).toBeLessThan(6 * WIDTH);
      // There are fewer rows in the page than a screen has.
      expect(await page.locator('.timeline-row').count()).toBeLessThan(40);
    }, context.skip),
  60_000,
);

test(
  'a click gives the call that is there among 100,000, and the keyboard the same',
  (context) =>
    opened(async (page) => {
      const take = takeOfTranscript(TEXT);
      await show(page, take);
      const long = take.events[LONG]!;
      if (long.kind !== 'call') throw new Error('not a call');
      const { x, y, width } = await surfaceOf(page);
      const share = (long.startNs + long.endNs) / 2 / take.endNs;
      const left = await page.evaluate<number>(`(async () => {
        const { placesOf } = await import('/src/lab/page/timeline-place.js');
        const { layOut } = await import('/src/lab/page/timeline-layout.js');
        return placesOf(layOut({ lanes: ['guest'], events: [], endNs: 1 }, 'true'), false, ${width},
          lab.timelineTexts.en).left;
      })()`);
      for (const row of [40, 90]) {
        await page.mouse.click(x + left + share * (width - left), y + row);
        expect(await last(page, 'chosen')).toBe(LONG);
      }
      const clicked = await details(page);
      expect(clicked).toContain('epoll_wait');
      expect(clicked).toContain('timeout_ns=-1');
      expect(clicked).toContain('SUCCESS count=0');
      expect(clicked).toContain('400 ms');

      await page.locator('.timeline-list').focus();
      await page.keyboard.press('ArrowDown');
      expect(await details(page)).toContain('sock_recv');
      await page.keyboard.press('ArrowUp');
      expect(await last(page, 'chosen')).toBe(LONG);
      expect(await details(page)).toBe(clicked);
      const active = await page.locator('.timeline-list').getAttribute('aria-activedescendant');
      const row = page.locator(`#${active}`);
      expect(await row.getAttribute('aria-selected')).toBe('true');
      expect(await row.getAttribute('aria-posinset')).toBe(String(LONG + 1));
      await page.keyboard.press('Enter');
      expect(await last(page, 'sought')).toBe(long.startNs);
      await page.keyboard.press('End');
      expect(await last(page, 'chosen')).toBe(MANY - 1);
      await page.keyboard.press('Home');
      await page.keyboard.press('PageDown');
      expect(await last(page, 'chosen')).toBe(10);
    }, context.skip),
  60_000,
);

test('each call is reached by the keyboard alone, as by a click', (context) =>
  opened(async (page) => {
    await show(page, quarters);
    const { x, y, width } = await surfaceOf(page);
    const clicked: string[] = [];
    for (const share of [0.2, 0.4, 0.65, 0.9]) {
      await page.mouse.click(x + share * width, y + 40);
      clicked.push(await details(page));
    }
    expect(new Set(clicked).size).toBe(4);
    await page.mouse.click(x + 5, y + 40);
    // Nothing is chosen any more: what has begun last is explained.
    expect(await details(page)).toBe(clicked[3]);
    await page.evaluate('lab.timeline.at(-1)');
    expect(await details(page)).toContain('is explained here');
    await page.evaluate('lab.timeline.at(1e9)');
    await page.getByRole('button').first().focus();
    // The other buttons, the picture, what is explained, the list.
    for (let i = 0; i < 6; i++) await page.keyboard.press('Tab');
    const reached: string[] = [];
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('ArrowDown');
      reached.push(await details(page));
    }
    expect(reached).toEqual(clicked);
    expect(reached[0]).toContain('blocked');
    expect(reached[2]).toContain('PIPE');
  }, context.skip));

test('wheel, keys, buttons, and dragging zoom and move it', (context) =>
  opened(async (page) => {
    await show(page, quarters);
    const whole = spanOf(await seen(page));
    expect(whole).toBeGreaterThan(0.95e9);
    const { x, y, width } = await surfaceOf(page);
    const half = await timeAt(page, 0.5);
    await page.mouse.move(x + 100 + 0.5 * (width - 101), y + 60);
    await page.mouse.wheel(0, -400);
    expect(spanOf(await seen(page)) / whole).toBeCloseTo(0.5, 1);
    // What was under the mouse is there still.
    expect(Math.abs((await timeAt(page, 0.5)) - half)).toBeLessThan(5e6);
    await page.locator('.timeline-surface').focus();
    await page.keyboard.press('+');
    expect(spanOf(await seen(page)) / whole).toBeCloseTo(0.333, 1);
    const before = await seen(page);
    await page.keyboard.press('ArrowRight');
    const moved = await seen(page);
    expect(spanOf(moved)).toBeCloseTo(spanOf(before), -7);
    expect(moved[0]).toBeGreaterThan(before[0]);
    await page.keyboard.press('Home');
    expect((await seen(page))[0]).toBeLessThan(0.02e9);
    await page.keyboard.press('End');
    expect((await seen(page))[1]).toBeGreaterThan(0.98e9);
    await page.keyboard.press('-');
    await page.keyboard.press('-');
    await page.mouse.move(x + 500, y + 60);
    await page.mouse.down();
    await page.mouse.move(x + 700, y + 60, { steps: 5 });
    await page.mouse.up();
    expect(await last(page, 'chosen')).toBeUndefined();
    await page.keyboard.press('0');
    expect(spanOf(await seen(page))).toBeCloseTo(whole, -7);
    for (const [name, share] of [
      ['Zoom in', 0.667],
      ['Zoom out', 1],
    ] as const) {
      await page.getByRole('button', { name }).click();
      expect(spanOf(await seen(page)) / whole).toBeCloseTo(share, 1);
    }
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await page.getByRole('button', { name: 'Show all' }).click();
    expect(spanOf(await seen(page))).toBeCloseTo(whole, -7);
  }, context.skip));

test('two fingers zoom it, one moves it', (context) =>
  opened(
    async (page) => {
      await show(page, quarters);
      const whole = spanOf(await seen(page));
      const { x, y, width } = await surfaceOf(page);
      const session = await page.context().newCDPSession(page);
      const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...xs: number[]) =>
        session.send('Input.dispatchTouchEvent', {
          type,
          touchPoints: xs.map((at, id) => ({ x: at, y: y + 60, id })),
        });
      const middle = x + width / 2;
      await touch('touchStart', middle - 40, middle + 40);
      for (let by = 45; by <= 80; by += 5) await touch('touchMove', middle - by, middle + by);
      await touch('touchEnd');
      expect(spanOf(await seen(page)) / whole).toBeCloseTo(0.5, 1);
      const before = await seen(page);
      await touch('touchStart', middle);
      for (let by = 5; by <= 60; by += 5) await touch('touchMove', middle - by);
      await touch('touchEnd');
      const after = await seen(page);
      expect(after[0]).toBeGreaterThan(before[0]);
      expect(spanOf(after)).toBeCloseTo(spanOf(before), -7);
    },
    context.skip,
    { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  ));

/** Whether something is drawn at a share of the width of the process's lane. */
const inked = (page: Page, share: number) =>
  page.evaluate<boolean>(`(() => {
    const canvas = document.querySelector('.timeline-canvas');
    const { width } = canvas.getBoundingClientRect();
    const ratio = canvas.width / width;
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const pen = copy.getContext('2d', { willReadFrequently: true });
    pen.drawImage(canvas, 0, 0);
    const at = [100 + ${share} * (width - 101), 45].map((each) => Math.round(each * ratio));
    return pen.getImageData(...at, 3, 1).data.some((value) => value !== 0);
  })()`);

test('it grows as time passes, and is sharp and as wide as its place', (context) =>
  opened(
    async (page) => {
      await show(page, quarters);
      for (const [ns, now, later] of [
        [0.5e9, true, false],
        [0.1e9, false, false],
        [1e9, true, true],
      ] as const) {
        await page.evaluate(`lab.timeline.at(${ns}), lab.drawn()`);
        expect([await inked(page, 0.3), await inked(page, 0.7)]).toEqual([now, later]);
      }
      const size = () =>
        page.evaluate<[number, number]>(
          "[document.querySelector('canvas').width, document.querySelector('#home').clientWidth]",
        );
      expect(await size()).toEqual([2 * WIDTH, WIDTH]);
      await page.setViewportSize({ width: 600, height: 800 });
      await page.evaluate('lab.drawn()');
      expect(await size()).toEqual([1200, 600]);
    },
    context.skip,
    { deviceScaleFactor: 2 },
  ));

test('a list of more rows than a browser lays out ends with the last', (context) =>
  opened(async (page) => {
    await page.evaluate(`(async () => {
      const events = Array.from({ length: 400_000 }, (_, i) => (
        { kind: 'action', timeNs: i, who: 'someone', what: 'does ' + i }
      ));
      lab.timeline.show({ kernel: 'linux', lanes: [], events, endNs: 400_000 });
      await lab.drawn();
    })()`);
    const list = page.locator('.timeline-list');
    const box = (await list.boundingBox())!;
    await list.focus();
    for (const [key, what] of [
      ['End', 'does 399999'],
      ['Home', 'does 0'],
      ['PageDown', 'does 10'],
      ['End', 'does 399999'],
      ['PageUp', 'does 399989'],
    ] as const) {
      await page.keyboard.press(key);
      const row = (await page
        .getByRole('option', { name: what, exact: false })
        .first()
        .boundingBox())!;
      expect(row.y).toBeGreaterThanOrEqual(box.y - 1);
      expect(row.y + row.height).toBeLessThanOrEqual(box.y + box.height + 1);
      expect(await details(page)).toContain(what);
    }
  }, context.skip));

test('it draws a take of nothing, and waits in a place that is not seen', (context) =>
  opened(async (page) => {
    const drawnAfter = (act: string) =>
      page.evaluate<number>(
        `(lab.pictures.length = 0, ${act}, lab.drawn().then(() => lab.pictures.length))`,
      );
    expect(await drawnAfter("lab.make({ scale: 'even' })")).toBeGreaterThan(0);
    await show(page, { kernel: 'linux', lanes: [], events: [], endNs: 0 });
    expect(await details(page)).toBe('Nothing has happened.');
    await page.locator('.timeline-list').focus();
    await page.keyboard.press('ArrowDown');
    expect(await last(page, 'chosen')).toBeUndefined();
    await page.evaluate("document.querySelector('#home').style.display = 'none'");
    await show(page, quarters);
    const reveal = "(document.querySelector('#home').style.display = '')";
    expect(await drawnAfter(reveal)).toBeGreaterThan(0);
    expect(await page.locator('.timeline-row').count()).toBe(4);
  }, context.skip));

test('it speaks both languages, has a small form, and leaves nothing behind', (context) =>
  opened(async (page) => {
    await show(page, quarters);
    await page.evaluate("lab.timeline.write(lab.timelineTexts['zh-TW'])");
    await page.locator('.timeline-list').focus();
    await page.keyboard.press('Home');
    expect(await details(page)).toMatch(/輸入[^]*行程\s*阻塞/);
    expect(await page.getByRole('button', { name: '放大' }).count()).toBe(1);
    await page.evaluate('lab.make({ compact: true })');
    await show(page, quarters);
    expect(await page.locator('#home :is(button, [tabindex])').count()).toBe(0);
    expect(await page.getByRole('img').count()).toBe(1);
    await page.evaluate('lab.timeline.dispose()');
    expect(await page.locator('#home').innerHTML()).toBe('');
  }, context.skip));

for (const colorScheme of ['light', 'dark'] as const)
  test(`axe finds nothing wrong with it: ${colorScheme}`, (context) =>
    opened(
      async (page) => {
        await show(page, quarters);
        await page.evaluate('lab.timeline.choose(1), lab.timeline.at(3e8)');
        await page.addScriptTag({ url: '/axe.js' });
        const { violations, passes } = await page.evaluate<{
          violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
          passes: { id: string }[];
        }>('axe.run()');
        expect(
          violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`)),
        ).toEqual([]);
        expect(passes.map(({ id }) => id)).toContain('color-contrast');
      },
      context.skip,
      { colorScheme },
    ));
