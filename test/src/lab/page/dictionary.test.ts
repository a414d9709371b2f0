/** The page's texts: none is missing (that is typed), none is left over, and each is translated. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { chinese } from '#src/lab/page/chinese';
import { english } from '#src/lab/page/english';

import { root } from '../../../harness.js';

type Leaf = string | ((...given: never[]) => string);
type Tree = { readonly [key: string]: Leaf | Tree };

/** Every text, by the keys that lead to it. */
function leaves(tree: Tree, path: readonly string[] = []): [path: string[], text: Leaf][] {
  return Object.entries(tree).flatMap(([key, each]): [string[], Leaf][] =>
    typeof each === 'object' ? leaves(each, [...path, key]) : [[[...path, key], each]],
  );
}

const folder = join(root, 'src/lab/page');
const sources = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && name !== 'english.ts' && name !== 'chinese.ts')
  .map((name) => readFileSync(join(folder, name), 'utf8'))
  .join('\n');

/** Groups whose keys are a vocabulary of the page's, and that are looked at by it. */
const vocabularies = new Set(
  'names about phases deed count hints words said chances sleeps answered AGAIN segment'.split(' '),
);

/** `a.b`, `{ b } = a`, or one of a vocabulary. */
function used(path: readonly string[]): boolean {
  const key = path.at(-1)!;
  const group = path.at(-2);
  if (new RegExp(`\\.${key.replaceAll(/\W/g, '\\$&')}\\b`).test(sources)) return true;
  if (group === undefined) return new RegExp(`\\{[^}]*\\b${key}\\b[^}]*\\}`).test(sources);
  return vocabularies.has(group);
}

const written = (text: Leaf) =>
  typeof text === 'string' ? text : (text as (...given: string[]) => string)('1', '2', '3', '4');

describe('the texts of the page', () => {
  const all = leaves(english as unknown as Tree);

  test('are all used', () => {
    expect(all.map(([path]) => path).filter((path) => !used(path))).toEqual([]);
    // And what is used nowhere would be found.
    expect(used(['world', 'nowhere'])).toBe(false);
  });

  test('are the same in Chinese, but in Chinese', () => {
    const other = leaves(chinese as unknown as Tree);
    expect(other.map(([path]) => path)).toEqual(all.map(([path]) => path));
    // What stands between two names has no words.
    const plain = other.filter(([, text]) => !/\p{Script=Han}/u.test(written(text)));
    expect(plain.map(([path]) => path.join('.')).sort()).toEqual([
      'phases.of',
      'picture.comma',
      'story.action',
      'story.deed',
      'took',
    ]);
  });

  test('have nothing of mainland usage where Taiwan says it otherwise', () => {
    const mainland = /线|进程|内核|信号|异步|数据|字符|默认|网络|文件夹|程序|服務器|內核|信號|進程/;
    const wrong = leaves(chinese as unknown as Tree).filter(([, text]) =>
      mainland.test(written(text)),
    );
    expect(wrong.map(([path]) => path)).toEqual([]);
  });
});
