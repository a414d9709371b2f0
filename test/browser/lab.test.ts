/** The page of the lab, as a person uses it, in a real browser. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test, type TestContext } from 'vitest';

import { EXAMPLE, models, viewOf } from '#src/lab/page/address';
import { countUntil } from '#src/lab/page/count';
import { english, type Texts } from '#src/lab/page/english';
import { momentsOf } from '#src/lab/page/moment';
import { storyOf, translated } from '#src/lab/page/story';
import type { Play } from '#src/lab/page/take';

import { LabPages, playOf, STANDARD, takeOf, WAIT } from './lab.js';

let lab: LabPages;

beforeAll(async () => {
  lab = await LabPages.start();
}, 60_000);

afterAll(() => lab.end());

beforeEach((context: TestContext) => {
  if (!lab.there) context.skip('there is no chromium on this machine');
});

const press = (page: Page, name: string) =>
  page.evaluate((each) => document.querySelector<HTMLElement>(`[data-do=${each}]`)!.click(), name);
const storyIn = (page: Page) => page.locator('.story').textContent();

/** Steps by the button until nothing more comes: what was said at each step. */
function stepped(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const said: string[] = [];
    const text = (of: string) => document.querySelector(of)!.textContent!;
    const slider = document.querySelector<HTMLInputElement>('input[type=range]')!;
    for (let before = ''; before !== `${text('.count')} ${slider.value}`;) {
      before = `${text('.count')} ${slider.value}`;
      document.querySelector<HTMLElement>('[data-do=step]')!.click();
      said.push(text('.story'));
    }
    return said;
  });
}

/** What is to be said of a take, step by step: the end has a sentence more. */
function expected(texts: Texts, { deeds, ...play }: Play): string[] {
  const take = translated(texts, takeOf({ ...play, deeds }), deeds);
  const moments = momentsOf(take);
  const said = moments.map((moment) => storyOf(texts, moment, deeds));
  const { end } = texts.story;
  if (moments.at(-1)!.ns < take.endNs) return [...said, end, end];
  // The last moment is the end.
  const last = `${said.at(-1)} ${end}`;
  return [...said.slice(0, -1), last, last];
}

describe('each model', () => {
  test.for(models)(
    '%s is stepped to its end by the button, and back, and tells what Node tells of the same run',
    { timeout: 60_000 },
    async (model) => {
      const page = await lab.open({ model });
      expect(await storyIn(page)).toBe(english.story.begin);
      const play = playOf({ ...STANDARD, model });
      expect(await stepped(page)).toEqual(expected(english, play));
      const take = takeOf(play);
      const { calls, copies } = countUntil(take, take.endNs);
      expect(await page.locator('.left > .counters dd').allTextContents()).toMatchObject({
        0: `${calls}`,
        3: `${copies}`,
      });
      // Each connection was served to its end, or is where the last of its steps has led.
      const states = new Map(
        take.events.flatMap((event) =>
          event.kind === 'call'
            ? (event.steps ?? []).map(({ connection, to }) => [connection, to] as const)
            : [],
        ),
      );
      const lit = await page.locator('[data-state].lit').evaluateAll((all) =>
        all.map((each) => ({
          state: (each as HTMLElement).dataset['state'],
          here: each.querySelector('.here')!.textContent,
        })),
      );
      const byState = [...new Set(states.values())].map((state) => ({
        state,
        here: [...states.keys()].filter((each) => states.get(each) === state).join(' '),
      }));
      expect(lit).toHaveLength(byState.length);
      expect(lit).toEqual(expect.arrayContaining(byState));
      const steps = momentsOf(take).length;
      for (let i = 0; i < steps; i++) await press(page, 'back');
      expect(await storyIn(page)).toBe(english.story.begin);
      await page.close();
      expect(lab.wrong).toEqual([]);
    },
  );

  test('plays by itself, faster if it is told, and ends at the end', async () => {
    const page = await lab.open({ model: 'select' });
    for (let i = 0; i < 3; i++) await press(page, 'faster');
    await press(page, 'play');
    expect(await page.locator('[data-do=play]').textContent()).toBe(english.controls.pause);
    await expect
      .poll(() => page.locator('[data-do=play]').textContent(), WAIT)
      .toBe(english.controls.play);
    expect(await storyIn(page)).toContain(english.story.end);
    await page.close();
  }, 60_000);

  test('all are shown side by side, and each has counted what it did', async () => {
    const page = await lab.open({ beside: true });
    await press(page, 'end');
    const takes = models.map((model) => takeOf(playOf({ ...STANDARD, model })));
    const endNs = Math.max(...takes.map((take) => take.endNs));
    const rows = await page.locator('.beside li').evaluateAll((all) =>
      all.map((row) => ({
        model: (row as HTMLElement).dataset['model'],
        calls: Number(row.querySelector('.calls dd')!.textContent),
        copies: Number(row.querySelector('.copies dd')!.textContent),
      })),
    );
    expect(rows).toEqual(
      takes.map((take, i) => {
        const { calls, copies } = countUntil(take, endNs);
        return { model: models[i], calls, copies };
      }),
    );
    await page.locator('.beside .name').nth(1).click();
    expect(await page.locator('.about h2').textContent()).toBe(english.names.nonblocking);
    await page.close();
  }, 60_000);
});

describe('the world', () => {
  test('is changed at the present moment, and what was before stays as it was', async () => {
    const page = await lab.open({ deeds: EXAMPLE.slice(0, 2) });
    for (let i = 0; i < 24; i++) await press(page, 'step');
    const before = await page.locator('.count').textContent();
    const story = await storyIn(page);
    await page.locator('.message input').fill('one, two');
    await page.locator('.sending select').selectOption('3');
    await press(page, 'send');
    await expect.poll(() => page.url(), WAIT).toContain('do=send');
    const [view] = viewOf(new URL(page.url()).hash, []);
    expect(view.deeds.at(-1)).toMatchObject({
      kind: 'send',
      client: 'A',
      text: 'one, two',
      pieces: 3,
    });
    await expect.poll(() => page.locator('.count').textContent(), WAIT).not.toBe(before);
    await press(page, 'start');
    expect(await stepped(page)).toEqual(expected(english, playOf(view)));
    expect(expected(english, playOf(view))).toContain(story);
    // A link shows the same.
    const other = await lab.open(view);
    expect(await stepped(other)).toEqual(expected(english, playOf(view)));
    await other.close();
    await page.close();
    expect(lab.wrong).toEqual([]);
  }, 60_000);

  test('says why a button does nothing', async () => {
    const page = await lab.open({ deeds: [] });
    const notice = page.locator('.notice');
    await press(page, 'reset');
    expect(await notice.textContent()).toBe(english.world.connectFirst);
    await press(page, 'end');
    await press(page, 'connect');
    await expect.poll(() => page.url(), WAIT).toContain('do=connect');
    await page.locator('.message input').fill('');
    await press(page, 'send');
    expect(await notice.textContent()).toBe(english.world.needsText);
    await page.locator('.seed input').fill('-3');
    await page.locator('.seed input').press('Enter');
    expect(await notice.textContent()).toContain('whole number');
    await page.close();
  }, 60_000);

  test('is left out of a link as far as it is not understood, visibly', async () => {
    const page = await lab.goto('/#model=epol&do=jump,3&do=connect,4000,A&seed=-1');
    const notice = page.locator('.notice');
    await expect
      .poll(() => notice.textContent(), WAIT)
      .toBe(english.link('do=jump,3, model=epol, seed=-1'));
    await page.close();
  });
});

describe('without a mouse', () => {
  const deeds = {
    c: 'connect',
    s: 'send',
    x: 'stop+reading',
    o: 'read+on',
    h: 'half-close',
    i: 'EINTR',
    a: 'EAGAIN',
    r: 'reset',
  };

  test('the keys step, play, choose, and change the world', async () => {
    const page = await lab.open({ deeds: [] });
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('l');
    expect(await page.locator('.count').textContent()).toMatch(/step 2 /);
    await page.keyboard.press('ArrowLeft');
    expect(await page.locator('.count').textContent()).toMatch(/step 1 /);
    await page.keyboard.press('End');
    const done = async (key: string, deed: string) => {
      await page.keyboard.press(key);
      await expect.poll(() => page.url(), WAIT).toContain(`do=${deed}`);
      // What it does takes its time: the next is a little later.
      for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    };
    for (const [key, deed] of Object.entries(deeds)) await done(key, deed);
    await page.keyboard.press('7');
    expect(await page.locator('.about h2').textContent()).toBe(english.names.signal);
    await page.keyboard.press('b');
    await page.locator('.beside').waitFor({ state: 'visible' });
    await page.keyboard.press('b');
    await page.keyboard.press('Home');
    await page.keyboard.press('Space');
    expect(await page.locator('[data-do=play]').textContent()).toBe(english.controls.pause);
    await page.keyboard.press('k');
    expect(await page.locator('[data-do=play]').textContent()).toBe(english.controls.play);
    // They can be left to others.
    await page.locator('.switch input').press('Space');
    const before = page.url();
    await page.keyboard.press('3');
    expect(page.url()).toBe(before);
    await page.close();
    expect(lab.wrong).toEqual([]);
  }, 60_000);

  test('everything is reached by Tab, and where the focus is can be seen', async () => {
    const page = await lab.open();
    const all = await page
      .locator('a[href], button, input, select, textarea, [tabindex="0"]')
      .evaluateAll((each) =>
        each.filter((one) => (one as HTMLElement).checkVisibility()).map((one) => one.className),
      );
    const reached: string[] = [];
    for (let i = 0; i < all.length + 5; i++) {
      await page.keyboard.press('Tab');
      const seen = await page.evaluate(() => {
        const focused = document.activeElement!;
        if (focused === document.body) return undefined;
        const shown = focused.matches('[type=radio]') ? focused.nextElementSibling! : focused;
        const { outlineStyle, outlineWidth } = getComputedStyle(shown);
        const { top, bottom } = shown.getBoundingClientRect();
        const bar = document.querySelector('.bar')!;
        const behind =
          !bar.contains(focused) &&
          !focused.matches('.skip') &&
          (top < 0 || bottom > bar.getBoundingClientRect().top) &&
          bottom - top < 400;
        const name = `${focused.tagName} ${focused.className} ${focused.textContent!.slice(0, 20)}`;
        return { name, outline: outlineStyle !== 'none' && outlineWidth !== '0px', behind };
      });
      if (!seen) break;
      expect(seen, seen.name).toMatchObject({ outline: true, behind: false });
      reached.push(seen.name);
    }
    // Of radio buttons one is reached, and the others by the arrows.
    const radios = await page.locator('[type=radio]').count();
    const groups = await page.locator('fieldset:has([type=radio])').count();
    expect(reached).toHaveLength(all.length - radios + groups);
    await page.close();
  }, 60_000);
});
