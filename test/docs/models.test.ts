/**
 * docs/MODELS.md and its pictures are what the machines say. `npm run docs` writes them anew; on
 * any other day they must not differ.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';

import { machines } from 'pollux/machine';
import { expect, test } from 'vitest';

import { mermaid, stateDiagram } from '#src/diagram';
import { compare } from '#src/happy-path';
import { cells, headings, models } from '#src/models';
import { timingDiagram } from '#src/timing';

import { root } from '../harness.js';

const file = `${root}docs/MODELS.md`;
const page = readFileSync(file, 'utf8');

const row = (fields: readonly string[]) => `| ${fields.join(' | ')} |\n`;
const comparison = [
  row(headings),
  row(headings.map(() => '---')),
  ...models.map((machine) => row(cells(compare(machine)))),
].join('');

/** The page with what stands between its markers made anew. */
function regenerated(): string {
  let text = page;
  const put = (name: string, content: string) => {
    const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`);
    expect(text, `a place for ${name}`).toMatch(place);
    text = text.replace(place, (_, begin, end) => begin + content + end);
  };
  put('comparison', comparison);
  for (const machine of Object.values(machines))
    put(`machine ${machine.name}`, `\`\`\`mermaid\n${mermaid(machine)}\`\`\`\n`);
  return text;
}

test('the page is what the machines say', async () => {
  await expect(regenerated()).toMatchFileSnapshot(file);
});

test.each(models)('the picture of $name in time is what its machine says', async (machine) => {
  await expect(timingDiagram(machine)).toMatchFileSnapshot(
    `${root}docs/diagram/${machine.name}.svg`,
  );
});

test('there is no picture of anything else', () => {
  const names = models.map(({ name }) => `${name}.svg`);
  expect(readdirSync(`${root}docs/diagram`).sort()).toEqual([...names].sort());
});

test('the page links to files that exist', () => {
  const targets = [...page.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
  expect(targets.length).toBeGreaterThan(models.length);
  expect(targets.filter((target) => !existsSync(new URL(target, `file://${file}`)))).toEqual([]);
});

test.each(Object.values(machines))('the picture of $name draws every transition', (machine) => {
  const picture = stateDiagram(machine);
  for (const { from, event, state } of machine.transitions) {
    expect(picture).toMatch(new RegExp(`${from} to ${state}: [^.]*\\b${event}\\b`));
    expect(mermaid(machine)).toMatch(new RegExp(`^  ${from} --> ${state}: .*\\b${event}\\b`, 'm'));
  }
});
