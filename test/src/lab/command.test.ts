/** `pollux lab run`, as a person meets it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { describe, expect, test } from 'vitest';

import { chosen, table } from '#src/lab/command';
import { experiments } from '#src/lab/experiments';
import { parseResults, readResults } from '#src/lab/results';

import { polluxToEnd, root, textOf } from '../../harness.js';
import { command, folder, killed } from '../started.js';

const names = experiments.map(({ name }) => name);
/** The quickest, for what is the same for all. */
const [ONE] = names as [string];

/** Runs in a folder, in which is another one for what is temporary. */
function labRun(cwd: string, ...args: string[]) {
  const TMPDIR = join(cwd, 'tmp');
  mkdirSync(TMPDIR);
  const line = [`${root}dist/src/cli.js`, 'lab', 'run', '--quick', ...args];
  return killed(spawn(process.execPath, line, { cwd, env: { ...process.env, TMPDIR } }));
}

/** Does one experiment in an empty folder. */
async function quickly(...flags: string[]) {
  const cwd = folder();
  const running = labRun(cwd, ONE, ...flags);
  const [stdout, stderr, [code]] = await Promise.all([
    textOf(running.stdout),
    textOf(running.stderr),
    once(running, 'exit'),
  ]);
  return { cwd, stdout, stderr, code: code as number | null };
}

describe('pollux lab run', () => {
  test('prints a table of verdicts, and writes the file that a report is made of', async () => {
    const { cwd, code, stdout, stderr } = await quickly();
    const results = readResults(join(cwd, 'pollux-lab.json'));
    const { verdict } = results.experiments[0]!;
    expect(results).toMatchObject({ quick: true, experiments: [{ name: ONE }] });
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['experiment', 'verdict', 'because'],
      [ONE, verdict!.outcome, verdict!.because],
      [''],
    ]);
    expect(stderr).toBe(
      `1 of 1: ${ONE}: ${verdict!.outcome}\n` +
        `written to pollux-lab.json: pollux lab report makes a page of it\n`,
    );
    expect(code).toBe(0);
  });

  test('prints the results alone with --json', async () => {
    const { cwd, code, stdout } = await quickly('--json');
    const { experiments: done } = parseResults(stdout, 'stdout');
    expect([code, done.map(({ name }) => name)]).toEqual([0, [ONE]]);
    expect(readdirSync(cwd, { recursive: true })).toEqual(['tmp']);
  });

  test('lists what there is, and measures nothing', async () => {
    const { code, stdout, stderr } = await polluxToEnd(['lab', 'run', '--list']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual(
      experiments.map(({ name, claim }) => [name, claim]),
    );
    expect([code, stderr]).toEqual([0, '']);
  });

  test('refuses an experiment that there is not, in a sentence with those that there are', async () => {
    expect(await polluxToEnd(['lab', 'run', ONE, 'crossings'])).toEqual({
      code: 2,
      stdout: '',
      stderr: `pollux: there is no experiment "crossings": there are ${names.join(', ')}\n`,
    });
  });

  test.each([
    ['a folder', () => folder(), / cannot be written: it is a folder\n$/],
    ['in no folder', () => join(folder(), 'none', 'lab.json'), / cannot be written: ENOENT: .*\n$/],
  ])('refuses a file that is %s, before it measures', async (_, path, sentence) => {
    const { code, stdout, stderr } = await polluxToEnd(['lab', 'run', '--out', path()]);
    expect([code, stdout, stderr.split('\n')]).toEqual([2, '', [stderr.trimEnd(), '']]);
    expect(stderr).toMatch(sentence);
  });

  test.each(['SIGINT', 'SIGHUP'] as const)('writes what was done before %s', async (signal) => {
    const cwd = folder();
    const file = join(cwd, 'lab.json');
    const running = labRun(cwd, '--out', file);
    const [stdout, stderr, exit] = [
      textOf(running.stdout),
      firstLineAnd(running.stderr, () => running.kill(signal)),
      once(running, 'exit'),
    ];
    expect(await exit).toEqual([130, null]);
    const done = readResults(file).experiments.map(({ name }) => name);
    expect(done).toEqual(names.slice(0, done.length));
    expect(await stderr).toContain(
      `interrupted: ${done.length} of ${names.length} experiments were done\nwritten to ${file}`,
    );
    expect((await stdout).split('\n').slice(1, -1)).toHaveLength(done.length);
    expect(readdirSync(cwd, { recursive: true }).sort()).toEqual(['lab.json', 'tmp']);
  });

  test('writes nothing when it is interrupted before anything was done', async () => {
    const file = join(folder(), 'lab.json');
    const running = command('lab', 'run', ONE, '--out', file);
    const stderr = textOf(running.stderr!);
    setTimeout(() => running.kill('SIGINT'), 300); // while it starts, or while it measures
    const [code, signal] = await once(running, 'exit');
    expect([code === 130 || signal === 'SIGINT', existsSync(file)]).toEqual([true, false]);
    if (code === 130) expect(await stderr).toBe('interrupted: 0 of 1 experiments were done\n');
  });
});

/** Everything that a stream says; `act` is called when it has said a line. */
async function firstLineAnd(stream: Readable, act: () => void): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    if (!text.includes('\n') && `${chunk}`.includes('\n')) act();
    text += chunk;
  }
  return text;
}

test('experiments are done in their own order, each once', () => {
  expect(chosen(experiments, [...names, ...names].toReversed())).toEqual(experiments);
  expect(chosen(experiments, [])).toEqual(experiments);
});

test('a table is as wide as it may be, and wraps its last column', () => {
  const rows = [
    ['a', 'bb', 'one two three four five six seven'],
    ['cccc', 'd', 'eight'],
  ];
  expect(table(rows, Infinity)).toBe(
    'a     bb  one two three four five six seven\ncccc  d   eight\n',
  );
  expect(table(rows, 34)).toBe(
    'a     bb  one two three four five\n          six seven\ncccc  d   eight\n',
  );
  expect(table([['a', 'one two ' + 'three'.repeat(9)]], 1)).toBe(
    `a  one two\n   ${'three'.repeat(9)}\n`,
  );
});
