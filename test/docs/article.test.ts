/**
 * docs/ARTICLE.md and its chart are what the experiments claim and what docs/lab.json has measured.
 * `npm run article` measures anew; `npm run docs` only writes.
 */
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { named, verdicts } from '#src/lab/article';
import { indexed } from '#src/lab/estimate';
import { outcomes } from '#src/lab/experiment';
import { experiments } from '#src/lab/experiments';
import { loadRendering } from '#src/lab/rendering';
import { readResults } from '#src/lab/results';

import { root } from '../harness.js';

const file = `${root}docs/ARTICLE.md`;
const page = readFileSync(file, 'utf8');
const chart = 'watched.svg';
const results = readResults(`${root}docs/lab.json`);

/** The page with its table made anew. */
const regenerated = page.replace(
  /(<!-- verdicts -->\n)[\s\S]*?(<!-- end -->)/,
  (_, begin, end) => begin + verdicts(experiments, results) + end,
);

test('the article is what the experiments claim, and what was measured', async () => {
  await expect(regenerated).toMatchFileSnapshot(file);
});

test('it has a line for each experiment that there is, with its claim and its verdict', () => {
  const rows = [...regenerated.matchAll(/^\| (.+) \| `(\w+)` \| ([\w ]+) \| (.+) \|$/gm)];
  expect(rows.map(([, claim, name]) => ({ name, claim }))).toEqual(
    experiments.map(({ name, claim }) => ({ name, claim })),
  );
  expect(results.experiments.map(({ name }) => name)).toEqual(rows.map(([, , name]) => name));
  for (const [, , name, verdict] of rows)
    expect([...outcomes, 'not measured'], name).toContain(verdict);
  expect(regenerated).toContain(`Measured on: ${results.machine.cpu}, `);
});

test('each verdict follows from the numbers', () => {
  for (const { name, estimates, verdict } of results.experiments)
    expect({ name, verdict }).toEqual({
      name,
      verdict: verdict && experiments.find((each) => each.name === name)!.judge(indexed(estimates)),
    });
});

test('its chart is drawn of what was measured, and small', async () => {
  const watched = results.experiments.find(({ name }) => name === 'watched')!;
  const { picture } = await loadRendering();
  const svg = picture(watched, watched.figures[0]!, named(results));
  await expect(svg).toMatchFileSnapshot(`${root}docs/chart/${chart}`);
  expect(svg.length).toBeLessThan(60_000);
  expect(svg).toContain('prefers-color-scheme: dark');
});

test('the article and the readme show it', () => {
  expect(page).toContain(`](chart/${chart})`);
  expect(readFileSync(`${root}README.md`, 'utf8')).toContain(`](docs/chart/${chart})`);
});
