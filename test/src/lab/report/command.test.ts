/** `pollux lab report`, as a person meets it, and what is in the page that it writes. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';

import type { Estimate, Figure } from '#src/lab/experiment';
import { loadRendering } from '#src/lab/rendering';
import { readResults, type Result } from '#src/lab/results';

import { polluxToEnd } from '../../../harness.js';
import { folder } from '../../started.js';
import { allKinds } from './all-kinds.js';

const { page, picture } = await loadRendering();
const text = (element: Element | null) => element!.textContent!.replace(/\s+/g, ' ').trim();

/** A folder with results in it. */
function results(json = JSON.stringify(allKinds)): { home: string; file: string } {
  const home = folder();
  const file = join(home, 'lab.json');
  writeFileSync(file, json);
  return { home, file };
}

describe('pollux lab report', () => {
  test('writes the page beside the results, and leaves them as they are', async () => {
    const { home, file } = results();
    const { code, stdout, stderr } = await polluxToEnd(['lab', 'report', file]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: '',
      stderr: `written to ${home}/lab.html\n`,
    });
    expect(readFileSync(join(home, 'lab.html'), 'utf8')).toBe(page(allKinds));
    expect(readFileSync(file, 'utf8')).toBe(JSON.stringify(allKinds));
    expect(readdirSync(home).sort()).toEqual(['lab.html', 'lab.json']);
  });

  test('takes the numbers along to where it is told to write the page', async () => {
    const { home, file } = results();
    mkdirSync(join(home, 'site'));
    const out = join(home, 'site/index.html');
    const { code, stderr } = await polluxToEnd(['lab', 'report', file, '--out', out]);
    expect([code, stderr]).toEqual([
      0,
      `written to ${out}, and its numbers to ${home}/site/index.json\n`,
    ]);
    expect(readResults(join(home, 'site/index.json'))).toEqual(allKinds);
  });

  test.each([
    ['no JSON', '{"pollux":', /does not hold what pollux lab run writes: it is no JSON/],
    ['other JSON', '[]', /does not hold what pollux lab run writes: the whole must be an object/],
    [
      'a wrong number',
      JSON.stringify(allKinds).replace('"mean":1.9,', '"mean":"1.9",'),
      /experiments\[0\]\.estimates\[0\]\.mean must be a number/,
    ],
  ])('refuses a file that holds %s, in one sentence', async (_, json, sentence) => {
    const { home, file } = results(json);
    const { code, stdout, stderr } = await polluxToEnd(['lab', 'report', file]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^pollux: [^\n]+\n$/);
    expect(readdirSync(home)).toEqual(['lab.json']);
  });

  test('says what to do where there are no results', async () => {
    const file = join(folder(), 'lab.json');
    const { code, stderr } = await polluxToEnd(['lab', 'report', file]);
    expect([code, stderr]).toEqual([
      2,
      `pollux: there is no ${file}: run pollux lab run first, or name the file that it wrote\n`,
    ]);
  });

  test('does not write over results by mistake, and says what it cannot write', async () => {
    const { home, file } = results();
    const over = await polluxToEnd(['lab', 'report', file, '--out', file]);
    expect([over.code, over.stderr]).toEqual([
      2,
      `pollux: "${file}" is no name of a page: it must end in .html\n`,
    ]);
    expect(readFileSync(file, 'utf8')).toBe(JSON.stringify(allKinds));
    const nowhere = join(home, 'nowhere/lab.html');
    const { code, stderr } = await polluxToEnd(['lab', 'report', file, '--out', nowhere]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^pollux: .*nowhere\/lab.html cannot be written: ENOENT[^\n]*\n$/),
    ]);
    expect(existsSync(nowhere)).toBe(false);
  });
});

describe('the page', () => {
  const { document } = parseHTML(page(allKinds));

  test('says of each experiment what is claimed, what was found, and how', () => {
    const articles = [...document.querySelectorAll('article')];
    expect(articles.map(({ id }) => id)).toEqual(allKinds.experiments.map(({ name }) => name));
    for (const [i, result] of allKinds.experiments.entries()) {
      const words = text(articles[i]!);
      const { title, claim, hypothesis, method, notes, verdict, notMeasured } = result;
      const reason = verdict?.because ?? notMeasured!;
      for (const part of [title, claim, hypothesis, method, ...notes, reason])
        expect(words).toContain(part);
      expect(text(articles[i]!.querySelector('.badge'))).toBe(verdict?.outcome ?? 'not measured');
    }
    expect(text(document.querySelector('.counts'))).toBe(
      'holds 1 holds with a condition 1 does not hold 1 not measured 1',
    );
    expect(text(document.querySelector('.machine'))).toContain('A processor that was made up');
  });

  test('has the numbers of its charts in tables, with their intervals', () => {
    const rows = [...document.querySelectorAll('#watched tbody tr')].map(text);
    expect(rows[0]).toMatch(/^10\s?1\.9 1\.82 – 1\.98\s?1\.4 1\.34 – 1\.46\s?0\.92 /);
    expect(rows[3]).toMatch(/^10,000\s?not measured\s?412 396 – 428\s?1\.02 /);
    // One reading has no interval.
    const single = [...document.querySelectorAll('#serving table')].at(-1)!;
    expect(text(single)).not.toContain('–');
    expect(text(document.querySelector('#serving-change'))).toBe(
      'memory gained (MiB): of one repetition',
    );
  });

  test('tells place and series by one name where each place has one series alone', () => {
    const [, , sparse] = document.querySelectorAll('#phases table');
    expect([...sparse!.querySelectorAll('tbody th')].map(text)).toEqual([
      'blocking: asleep',
      'nonblocking: awake',
    ]);
    expect(text(sparse!)).not.toContain('not measured');
  });

  test('takes words for words, and not for markup', () => {
    expect(document.querySelector('client')).toBeNull();
    expect(text(document.querySelector('#serving .claim'))).toContain('each <client> & its "own"');
    const evil = '</style><script>alert(1)</script>';
    const { title: _, ...rest } = allKinds.experiments[0]!;
    const html = page({ ...allKinds, experiments: [{ ...rest, title: evil } as Result] });
    expect(parseHTML(html).document.querySelector('script')).toBeNull();
    expect(html).not.toContain('alert(1)</script>');
  });
});

describe('a chart', () => {
  const figure = (scale: 'linear' | 'log', axis = scale): Figure => ({
    name: 'f',
    title: 'A figure',
    quantity: { label: 'time', unit: 'µs', scale },
    axis: { label: 'things', scale: axis },
  });
  const estimate = (series: string, at: number | string, mean: number, half = 0): Estimate => ({
    figure: 'f',
    series,
    at,
    count: 5,
    mean,
    median: mean,
    low: mean - half,
    high: mean + half,
  });
  const draw = (drawn: Figure, ...estimates: Estimate[]) => {
    const [{ notMeasured: _, ...rest }] = allKinds.experiments as [Result];
    const svg = picture({ ...rest, figures: [drawn], estimates } as Result, drawn, '');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    return svg;
  };
  const words = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]+)</g)].map(([, each]) => each);

  test.each([
    ['no value', [0, 0]],
    ['equal values', [7, 7]],
    ['a value below zero', [-3, 5]],
    ['values below zero alone', [-3, -5]],
    ['tiny values', [1e-9, 3e-9]],
    ['huge values', [1e12, 9e13]],
  ])('is drawn of %s, linear or not', (_, [a, b]) => {
    for (const scale of ['linear', 'log'] as const) {
      draw(figure(scale), estimate('x', 1, a!, 1), estimate('x', 1000, b!, 1));
      draw(figure(scale), estimate('x', 'a', a!, 1), estimate('x', 'b', b!, 1));
      draw(figure(scale), estimate('x', 1, a!));
      draw(figure(scale), estimate('x', 0, a!), estimate('y', 10, b!));
    }
  });

  test('has no logarithmic axis where a value is not above zero', () => {
    const above = draw(figure('log'), estimate('x', 'a', 1), estimate('x', 'b', 1000));
    expect(words(above)).toEqual(expect.arrayContaining(['1', '10', '100', '1,000']));
    const zero = draw(figure('log'), estimate('x', 'a', 0), estimate('x', 'b', 1000));
    expect(words(zero)).toEqual(expect.arrayContaining(['0', '200', '400', '600', '800']));
  });

  test('keeps the names of lines that end together apart', () => {
    const names = ['one', 'two', 'three', 'four'];
    const svg = draw(
      figure('linear'),
      ...names.flatMap((name) => [estimate(name, 1, 5), estimate(name, 2, 6)]),
    );
    const heights = names.map((name) => {
      const place = new RegExp(`translate\\([\\d.]+,([\\d.]+)\\)"[^>]*>${name}<`);
      return Number(place.exec(svg)![1]);
    });
    heights.sort((a, b) => a - b);
    for (const [i, y] of heights.entries())
      if (i > 0) expect(y - heights[i - 1]!).toBeGreaterThanOrEqual(15.5);
  });

  test('is told in words, with its values', () => {
    const svg = draw(figure('linear'), estimate('x', 'a', 1.25), estimate('y', 'a', 12_345));
    expect(svg).toContain('A figure. Bars of time (µs). x: 1.25 µs; y: 12,345 µs.');
  });
});
