/** The table of docs/SIMULATOR.md: every row is shown by what it names. */
import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { root } from '../harness.js';
import { epollCases } from './epoll.cases.js';
import { readinessCases } from './readiness.cases.js';
import { streamCases } from './stream.cases.js';

const documented = readFileSync(`${root}docs/SIMULATOR.md`, 'utf8');
const table = /<!-- rows -->\n([\s\S]*?)<!-- end -->/.exec(documented)?.[1] ?? '';
const rows = [...table.matchAll(/^\| (\d\.\d+) \| (.+?) \| (.+) \|$/gm)].map(
  ([, row, what, shown]) => ({ row: row!, what: what!, shown: shown! }),
);
const scripted = new Set(
  [...readinessCases, ...epollCases, ...streamCases].map(({ name }) => name.split(':')[0]!),
);
const sources = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(`${root}test/${file}`, 'utf8'));

test('the rows are numbered, and no script is of another', () => {
  const numbers = rows.map(({ row }) => row);
  const counted = numbers.map((row, i) => {
    const [section, number] = row.split('.').map(Number);
    const [before, last] = (numbers[i - 1] ?? '0.0').split('.').map(Number);
    return section === before ? number === last! + 1 : section === before! + 1 && number === 1;
  });
  expect(counted).toEqual(numbers.map(() => true));
  expect([...scripted].filter((row) => !numbers.includes(row))).toEqual([]);
});

describe.each(rows)('row $row, $what,', ({ row, shown }) => {
  const reason = /^not( yet)?: \S/.test(shown);
  const cases = [...shown.matchAll(/"([^"]+)"/g)].map(([, name]) => name!);

  test('is shown by a script, by a case, or has a reason', () => {
    const named = [...shown.matchAll(/script (\d\.\d+)/g)].map(([, other]) => other!);
    const own = /^script(?! \d)/.test(shown);
    expect(own).toBe(scripted.has(row));
    expect(named.filter((other) => !scripted.has(other))).toEqual([]);
    expect(own || named.length > 0 || cases.length > 0 || reason).toBe(true);
  });

  test('names cases that there are', () => {
    const missing = cases.filter(
      (name) => !sources.some((text) => text.includes(`'${name}'`) || text.includes(`"${name}"`)),
    );
    expect(missing).toEqual([]);
  });
});
