/** The rules of style that a program can check. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import { describe, expect, test } from 'vitest';

import { root } from './harness.js';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
})
  .toString()
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const text = (file: string) => readFileSync(join(root, file), 'utf8');
const matching = (pattern: RegExp) => files.filter((file) => pattern.test(file));
const code = matching(/\.(ts|mjs|c|h|sh)$|^\.ci\/run$/);
// AssemblyScript looks the same, but is not.
const typescript = matching(/\.ts$/).filter(
  (file) => !/^wasm\/as\/|^examples\/chat\/|\.as\.ts$/.test(file),
);
const withoutComments = (source: string) =>
  source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

/** `file:line: what` for every line that breaks a rule. */
function lines(among: string[], broken: (line: string, file: string) => boolean): string[] {
  return among.flatMap((file) =>
    text(file)
      .split('\n')
      .flatMap((line, i) =>
        broken(line, file) ? [`${file}:${i + 1}: ${line.trim().slice(0, 60)}`] : [],
      ),
  );
}

/** What each room may import beside itself; `*` is any package. */
const rooms: Record<string, RegExp> = {
  'host/kernel': /^$/,
  'host/wasi': /^host\/kernel\//,
  'host/ext': /^host\/kernel\/|^host\/wasi\/(memory|descriptors|errno|process)\.js$/,
  'host/linux': /^host\/kernel\/|^node:/,
  'host/sim': /^host\/kernel\//,
  src: /^host\/|^node:|^commander$|^wasm\/(component|interfaces\/)/,
  'src/lab/page': /^host\/(kernel|wasi|ext|sim)\/|^src\//,
  bench: /^node:|^(commander|cli-table3|ora|pollux\/simulate)$/,
  'src/lab/report': /^src\/lab\/\w+\.js$|^@observablehq\/plot$|^linkedom$/,
};

/** The innermost one. */
const roomOf = (file: string) => Object.keys(rooms).findLast((room) => file.startsWith(`${room}/`));

describe('the house', () => {
  test('no line is longer than 100 columns', () => {
    // Names of tests are sentences, and guests in the text format are strings: both stay whole.
    const broken = code.filter((file) => !file.endsWith('.test.ts'));
    expect(lines(broken, (line) => [...line].length > 100 && !line.includes('https://'))).toEqual(
      [],
    );
  });

  test('no file has more than 400 lines', () => {
    const long = code.filter((file) => text(file).split('\n').length > 401);
    expect(long.filter((file) => !file.startsWith('test/'))).toEqual([]);
  });

  test('no function has more than 70 lines', () => {
    const long: string[] = [];
    for (const file of matching(/\.(ts|c)$/).filter((each) => !each.startsWith('test/'))) {
      let start = 0;
      text(file)
        .split('\n')
        .forEach((line, i) => {
          if (
            /^( {2})?(export )?(async |static )*(function\b|#?\w+\(.*\{$|[\w *]+\w\(.*\{$)/.test(
              line,
            )
          )
            start = i;
          if (/^( {2})?\}$/.test(line) && start > 0) {
            if (i - start > 70) long.push(`${file}:${start + 1}`);
            start = 0;
          }
        });
    }
    expect(long).toEqual([]);
  });

  test('every source file opens with what it is', () => {
    const opening = /^(#!.*\n)?\s*(\/\*|\/\/|# )/;
    const sources = matching(/^(host|src|wasm|bench|test|examples)\/.*\.(ts|c|h|mjs)$|\.sh$/);
    const missing = sources.filter(
      (file) => !file.endsWith('vitest.config.ts') && !opening.test(text(file)),
    );
    expect(missing.filter((file) => !file.endsWith('.test.ts'))).toEqual([]);
  });

  test('a room imports only what it may', () => {
    const forbidden: string[] = [];
    for (const [room, allowed] of Object.entries(rooms)) {
      for (const file of typescript.filter((each) => roomOf(each) === room)) {
        for (const [, from] of text(file).matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'/gm)) {
          const target = from!.startsWith('.') ? normalize(join(dirname(file), from!)) : from!;
          if (!target.startsWith(`${room}/`) && !allowed.test(target))
            forbidden.push(`${file} imports ${target}`);
        }
      }
    }
    expect(forbidden).toEqual([]);
  });

  test('the simulator waits for nothing but its own time', () => {
    const sim = typescript.filter((file) => file.startsWith('host/sim/'));
    const waiting = sim.filter((file) =>
      /\b(await|async|Promise|Date|Math\.random|performance|crypto)\b/.test(
        withoutComments(text(file)),
      ),
    );
    expect(waiting).toEqual([]);
  });

  test('what runs in a browser imports nothing but what does', () => {
    const page = typescript.filter((file) => file.startsWith('src/lab/page/'));
    const reached = new Set(['src/machine.ts', 'src/diagram.ts', 'src/timing.ts', ...page]);
    const foreign: string[] = [];
    // What is imported for its types is not there when it runs.
    const imported = /^(?:import|export)\b(?! type\b)[^;]*?from '([^']+)'/gm;
    for (const file of reached) {
      for (const [, from] of text(file).matchAll(imported)) {
        const target = normalize(join(dirname(file), from!)).replace(/\.js$/, '.ts');
        if (!from!.startsWith('.')) foreign.push(`${file} imports ${from}`);
        else if (!target.startsWith('wasm/')) reached.add(target);
      }
    }
    expect(foreign).toEqual([]);
    expect([...reached].filter((file) => file.startsWith('host/linux/'))).toEqual([]);
    expect([...reached].filter((file) => /\bBuffer\./.test(text(file)))).toEqual([]);
  });

  test('names of the ABI are spelt only where it is imported', () => {
    const families = 'args|environ|clock|fd|path|poll|proc|random|sched|sock|epoll|signal';
    const abi = new RegExp(`['"\`.](${families})_[a-z_]+`);
    const spelt = typescript
      .filter((file) => /^(host|src)\//.test(file) && !file.endsWith('/imports.ts'))
      .filter((file) => abi.test(withoutComments(text(file)).replace(/import [^;]*;/g, '')));
    expect(spelt).toEqual([]);
  });

  test('there are no enums, no default exports, no any, and no bare errors', () => {
    const sources = typescript.filter((file) => /^(host|src|bench)\//.test(file));
    expect(lines(sources, (line) => /^\s*(export )?(const )?enum /.test(line))).toEqual([]);
    expect(lines(sources, (line) => line.startsWith('export default'))).toEqual([]);
    expect(lines(sources, (line) => /\bas any\b|^[^*]*\w: any\b/.test(line))).toEqual([]);
    const library = sources.filter((file) => !file.startsWith('bench/'));
    expect(lines(library, (line) => /new Error\(/.test(line))).toEqual([]);
  });

  test('no folder is named for what it is not', () => {
    expect(
      files.filter((file) => /(^|\/)(utils?|commons?|core|helpers?|misc|lib)\//.test(file)),
    ).toEqual([]);
  });

  test('nothing generated and no binary is in the repository', () => {
    expect(matching(/\.(wasm|node|o|so|tgz|png|gif|log)$|^(dist|prebuilds)\//)).toEqual([]);
  });

  test('nothing is left for later, printed in passing, or skipped without a reason', () => {
    const here = 'test/tidy.test.ts';
    const others = code.filter((file) => file !== here);
    expect(lines(others, (line) => /\b(TODO|FIXME|XXX)\b/.test(line))).toEqual([]);
    expect(
      lines(
        others.filter((file) => /^(host|src)\//.test(file)),
        (line) => /console\./.test(line),
      ),
    ).toEqual([]);
    expect(lines(others, (line) => /\b(test|it|describe)\.(skip|only|todo)\(/.test(line))).toEqual(
      [],
    );
  });

  test('the project names no path of a machine and no registry', () => {
    const texts = matching(/\.(ts|mjs|c|h|sh|md|json)$|^\.ci\/run$/).filter(
      (file) => file !== 'test/tidy.test.ts',
    );
    expect(
      lines(texts, (line) =>
        /(^|[^\w.])\/(work|home|root|Users)\/|registry\.npmjs|deb\.debian/.test(line),
      ),
    ).toEqual([]);
  });

  test('every file of C but the guests keeps its functions to itself', () => {
    const native = matching(/^bench\/native\/.*\.c$/);
    expect(
      lines(
        native,
        (line) =>
          /^(int|void|bool|char|struct \w+ \*?)\s*\w+\(.*\{$/.test(line) && !/main\(/.test(line),
      ),
    ).toEqual([]);
  });
});
