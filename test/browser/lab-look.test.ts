/**
 * How the page of the lab looks and speaks, in a real browser: its languages, its accessibility,
 * that nothing jumps, and what is opened in it. What people should look at is in dist/screenshot.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { check, type CheckError, echoClients, load, simulate, tokenOf } from 'pollux/simulate';
import { afterAll, beforeAll, beforeEach, describe, expect, test, type TestContext } from 'vitest';

import { languages } from '#src/lab/page/address';
import { chinese } from '#src/lab/page/chinese';
import { english } from '#src/lab/page/english';
import { transcriptTexts } from '#src/lab/page/transcript-texts';

import { guestFile, wasmFile, wat } from '../harness.js';
import { DESKTOP, LabPages, PHONE, WAIT } from './lab.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const texts = { en: english, 'zh-TW': chinese };
const listen = ['127.0.0.1:7000'];
const world = echoClients({ address: listen[0]!, clients: 3, messages: 3 });
const sizes = { '1280x800': DESKTOP, '390x844': PHONE };

let lab: LabPages;

beforeAll(async () => {
  lab = await LabPages.start();
}, 60_000);

afterAll(() => lab.end());

beforeEach((context: TestContext) => {
  if (!lab.there) context.skip('there is no chromium on this machine');
});

const press = (page: Page, name: string) => page.locator(`[data-do=${name}]`).click();

/** What axe-core finds, rule by rule, with the elements. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any }) => `${id}: ${html.slice(0, 120)} ${any[0]?.message ?? ''}`),
  );
}

describe('the languages', () => {
  test('are chosen by the browser, switched by a link, and kept in it', async () => {
    const page = await lab.goto('/', { locale: 'zh-TW' });
    await expect.poll(() => page.locator('h1').textContent(), WAIT).toBe(chinese.heading);
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-TW');
    expect(await page.title()).toBe(chinese.title);
    for (let i = 0; i < 3; i++) await press(page, 'step');
    const position = await page.locator('input[type=range]').inputValue();
    await page.locator('a[hreflang=en]').click();
    await expect.poll(() => page.locator('h1').textContent(), WAIT).toBe(english.heading);
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(page.url()).toContain('lang=en');
    expect(await page.locator('input[type=range]').inputValue()).toBe(position);
    await page.close();
    expect(lab.wrong).toEqual([]);
  });

  test('nothing that is seen in Chinese is an English sentence', async () => {
    const page = await lab.open({ lang: 'zh-TW' });
    for (const name of ['step', 'end']) await press(page, name);
    const seen = await page.evaluate(() => document.body.innerText);
    // Three words in a row that are neither calls, nor states, nor figures.
    const english = seen
      .split('\n')
      .filter((line) => /(?:^|\s)[a-z]+ [a-z]+ [a-z]{2,}/i.test(line))
      .filter((line) => !/[A-Z_]{4,}|\(.*=|pollux|→|[A-H] (?:sends|half-closes|sees)/.test(line));
    expect(english).toEqual([]);
    await page.close();
  });
});

describe('for everybody', () => {
  test.for(['light', 'dark'] as const)(
    'axe-core finds nothing wrong in %s',
    { timeout: 120_000 },
    async (colorScheme) => {
      for (const lang of languages) {
        for (const [size, viewport] of Object.entries(sizes)) {
          for (const beside of [false, true]) {
            const options = { colorScheme, viewport, bypassCSP: true };
            const page = await lab.open({ lang, beside, model: 'signal' }, options);
            await page.evaluate(() => {
              const step = document.querySelector<HTMLElement>('[data-do=step]')!;
              for (let i = 0; i < 20; i++) step.click();
            });
            await lab.shoot(page, `${beside ? 'all' : 'signal'}-${lang}-${colorScheme}-${size}`);
            expect(await violations(page), `${lang} ${size}`).toEqual([]);
            await page.close();
          }
        }
      }
    },
  );

  test('nothing jumps while it is opened and played', async () => {
    for (const viewport of Object.values(sizes)) {
      const page = await lab.open({ model: 'nonblocking' }, { viewport });
      await page.addInitScript(() => {
        const shifts: number[] = [];
        Object.assign(globalThis, { shifts });
        new PerformanceObserver((list) => {
          for (const each of list.getEntries())
            shifts.push((each as unknown as { value: number }).value);
        }).observe({ type: 'layout-shift', buffered: true });
      });
      await page.reload();
      await expect
        .poll(() => page.locator('input[type=range]').getAttribute('max'), WAIT)
        .toMatch(/[1-9]/);
      for (let i = 0; i < 3; i++) await press(page, 'faster');
      await press(page, 'play');
      await expect
        .poll(() => page.locator('.story').textContent(), WAIT)
        .toContain(english.story.end);
      const shifts = await page.evaluate(
        () => (globalThis as unknown as { shifts: number[] }).shifts,
      );
      expect(shifts.reduce((sum, each) => sum + each, 0)).toBeLessThan(0.005);
      await page.close();
    }
  }, 60_000);

  test('a phone of 360 pixels shows all of it, without moving sideways', async () => {
    for (const beside of [false, true]) {
      const page = await lab.open({ beside }, { viewport: { width: 360, height: 740 } });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBe(360);
      await page.close();
    }
  });

  test('whoever wants less motion has none', async () => {
    const page = await lab.open({}, { reducedMotion: 'reduce' });
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll('*')].filter((each) => {
          const { transitionDuration, animationName } = getComputedStyle(each);
          return transitionDuration !== '0s' || animationName !== 'none';
        }).length,
    );
    expect(moving).toBe(0);
    await page.close();
  });
});

describe('what is opened', () => {
  test('a token is replayed, forth and back, and says how the run failed', async () => {
    const guest = await load(guestFile('canary/partial-send'));
    const failed = await check(guest, { listen, world, runs: 100, profile: 'linux' }).catch(
      (error: unknown) => error as CheckError,
    );
    const { token } = failed as CheckError;
    const page = await lab.open();
    await page.locator('.replay textarea').fill(token);
    await page.locator('.replay button').click();
    // It is none of the page's own, and somebody has to give it.
    await expect.poll(() => page.locator('.notice').textContent(), WAIT).toContain('none of the');
    await page.locator('.replay input[type=file]').setInputFiles(guestFile('canary/partial-send'));
    await page.locator('.replay button').click();
    await expect
      .poll(() => page.locator('.left > .failure').textContent(), WAIT)
      .toMatch(/deadlock: (.*)/);
    expect(await page.locator('.source').textContent()).toContain(english.open.replayed);
    await press(page, 'end');
    const end = await page.locator('.count').textContent();
    for (let i = 0; i < 5; i++) await press(page, 'back');
    expect(await page.locator('.count').textContent()).not.toBe(end);
    await lab.shoot(page, 'token-en-light-1280x800');
    await page.locator('.leave').click();
    await expect.poll(() => page.locator('.banner').isVisible(), WAIT).toBe(false);
    expect(await page.locator('.about h2').textContent()).toBe(english.names.epoll);
    await page.close();
    expect(lab.wrong).toEqual([]);
  }, 120_000);

  test("a token of one of the page's own guests shows its machine, and a link has it", async () => {
    const guest = await load(wasmFile('echo-epoll'));
    const { log } = simulate(guest, { listen, world, seed: 7 });
    const page = await lab.open({ token: tokenOf(guest, { listen, world }, log) });
    await expect
      .poll(() => page.locator('.source').textContent(), WAIT)
      .toContain(english.open.replayed);
    await press(page, 'end');
    expect(await page.locator('[data-state].lit').count()).toBeGreaterThan(0);
    await page.close();
  });

  test('what is no token, no guest and no transcript is refused in a sentence', async () => {
    const page = await lab.open();
    const notice = page.locator('.notice');
    await page.locator('.replay button').click();
    expect(await notice.textContent()).toBe(english.open.needsToken);
    await page.locator('.replay textarea').fill('pollux1.nonsense');
    const text = { mimeType: 'text/plain', buffer: Buffer.from('no guest') };
    await page.locator('.replay input[type=file]').setInputFiles({ name: 'a.wasm', ...text });
    await page.locator('.replay button').click();
    await expect.poll(() => notice.textContent(), WAIT).toBe(english.open.notWasm('a.wasm'));
    await page.locator('.transcript input').setInputFiles({ name: 'a.txt', ...text });
    await expect
      .poll(() => page.locator('.left > .failure').textContent(), WAIT)
      .toBe(english.failed(transcriptTexts.en.none));
    await page.close();
    const other = await lab.goto('/#token=nonsense');
    await expect
      .poll(() => other.locator('.notice').textContent(), WAIT)
      .toContain(english.cannot(''));
    // What is shown then is a model, and the token can be corrected.
    expect(await other.locator('.about').isVisible()).toBe(true);
    expect(await other.locator('.replay textarea').inputValue()).toBe('nonsense');
    await other.close();
  });

  test('a guest that runs for ever holds up nobody', async () => {
    // Between two calls it may loop for long, and it may call often.
    const bytes = wat(`(module
      (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $i i32)
        (loop $again
          (local.set $i (i32.const 100000000))
          (loop $count
            (br_if $count (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
          (drop (call $yield))
          (br $again))))`);
    const guest = await load(bytes);
    const options = { world, fuel: 2 ** 31 - 1 };
    const page = await lab.open();
    await page.locator('.replay textarea').fill(tokenOf(guest, options, []));
    const file = { name: 'endless.wasm', mimeType: 'application/wasm', buffer: Buffer.from(bytes) };
    await page.locator('.replay input[type=file]').setInputFiles(file);
    await page.locator('.replay button').click();
    await expect.poll(() => page.locator('.notice').textContent(), WAIT).toBe(english.working);
    await page.locator('.leave').click();
    await page.locator('.choice input[value=poll]').check({ force: true });
    await expect.poll(() => page.locator('.about h2').textContent(), WAIT).toBe('poll');
    await expect
      .poll(() => page.locator('.timeline-row').first().textContent(), WAIT)
      .toContain('fd_fdstat');
    await page.close();
    expect(lab.wrong).toEqual([]);
  });

  test('what is too long is left out or refused, in a sentence that is not', async () => {
    const page = await lab.open();
    await page.locator('.replay textarea').evaluate((area) => {
      (area as HTMLTextAreaElement).value = `pollux1.${'A'.repeat(2 ** 20)}`;
    });
    await page.locator('.replay button').click();
    const notice = page.locator('.notice');
    expect(await notice.textContent()).toBe(english.open.tooLong);
    for (const hash of [
      `model=${'x'.repeat(1e5)}`,
      `token=${'A'.repeat(1.1e6)}`,
      'do=EINTR,1&'.repeat(5000),
      'do=nonsense&'.repeat(400),
    ]) {
      const other = await lab.goto(`/#${hash}`);
      await expect
        .poll(() => other.locator('.notice').textContent(), WAIT)
        .toContain('does not know');
      expect((await other.locator('.notice').textContent())!.length).toBeLessThan(500);
      expect(await other.locator('.world li').count()).toBeLessThan(600);
      await other.close();
    }
    await page.close();
    expect(lab.wrong).toEqual([]);
  });

  test('a transcript is opened from a file, and dropped, in both languages', async () => {
    const lines = [
      '# kernel linux',
      '-> sock_accept(fd=3, flags=4) @0.000100',
      '<- SUCCESS fd=4 @0.500000',
      '-> sock_recv(fd=4, ri_data=1, ri_data_len=1, ri_flags=0, ro_flags=2) @0.500100',
    ].join('\n');
    for (const lang of languages) {
      const page = await lab.open({ lang });
      const file = { name: 'run.txt', mimeType: 'text/plain', buffer: Buffer.from(lines) };
      await page.locator('.transcript input').setInputFiles(file);
      const source = page.locator('.source');
      const { open } = texts[lang];
      await expect.poll(() => source.textContent(), WAIT).toContain(open.read('run.txt'));
      expect(await page.locator('.about').isVisible()).toBe(false);
      await press(page, 'start');
      for (let i = 0; i < 2; i++) await press(page, 'step');
      expect(await page.locator('.call').textContent()).toContain('SUCCESS fd=4');
      await page.locator('.leave').click();
      await expect.poll(() => source.isVisible(), WAIT).toBe(false);
      await page.evaluate((text) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([text], 'dropped.txt'));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }));
      }, lines);
      await expect.poll(() => source.textContent(), WAIT).toContain(open.read('dropped.txt'));
      await page.close();
    }
    expect(lab.wrong).toEqual([]);
  });
});
