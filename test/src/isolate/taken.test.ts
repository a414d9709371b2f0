/**
 * A guest that has taken over its process, as its parent and its directories see it: what stands for
 * that is a text that runs in the addon's place (POLLUX_ADDON), when the restrictions are in force.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { guestFile, root, runToEnd } from '../../harness.js';
import { exits } from '../guests.js';
import { folder } from '../started.js';

const isolate = 'process';
const addon = join(root, `prebuilds/linux-${process.arch}/pollux.node`);

/** From now on, in this test, a process of a guest does what `text` says before its guest begins. */
function takeOver(text: string): void {
  const file = join(folder(), 'taken.cjs');
  const lines = [
    "const fs = require('node:fs');",
    `const real = require('${addon}');`,
    "const report = (line) => fs.writeSync(4, line + '\\n');",
    `const filterCalls = (wanted) => { const result = real.filterCalls(wanted); ${text}; return result; };`,
    'module.exports = { ...real, filterCalls };',
  ];
  writeFileSync(file, lines.join('\n'));
  process.env['POLLUX_ADDON'] = file;
  onTestFinished(() => void delete process.env['POLLUX_ADDON']);
}

test('it cannot write beneath a directory that it was given for reading', async () => {
  const [given, wanted] = [join(folder(), 'given'), join(folder(), 'wanted')];
  const told = join(wanted, 'told');
  mkdirSync(given);
  mkdirSync(wanted);
  writeFileSync(join(given, 'file'), 'as it was');
  takeOver(`
    const attempts = {
      read: () => fs.readFileSync('${given}/file', 'utf8'),
      list: () => fs.readdirSync('${given}').length,
      write: () => fs.writeFileSync('${given}/file', 'changed'),
      cut: () => fs.openSync('${given}/file', fs.constants.O_TRUNC),
      create: () => fs.writeFileSync('${given}/new', ''),
      folder: () => real.openRoot('${given}') < 0,
    };
    const succeeded = Object.entries(attempts).flatMap(([name, attempt]) => {
      try { attempt(); return [name]; } catch { return []; }
    });
    fs.writeFileSync('${told}', succeeded.join())`);
  const dirs = { '/given': { path: given, readOnly: true }, '/wanted': wanted };
  expect(await runToEnd(exits(3), { isolate, dirs })).toMatchObject({ code: 3 });
  expect(readFileSync(told, 'utf8')).toBe('read,list,folder');
  expect(readFileSync(join(given, 'file'), 'utf8')).toBe('as it was');
  expect(existsSync(join(given, 'new'))).toBe(false);
});

test.each([
  ['no JSON', `report('{')`],
  ['nothing', `report('null')`],
  ['a message of no type', `report('{"type":"constructor"}')`],
  ['an error that is no text', `report('{"type":"failed","name":"x","message":{}}')`],
  ['a second beginning', `report('{"type":"begins"}')`],
  ['a line without end', `for (;;) fs.writeSync(4, 'x'.repeat(65536))`],
  [
    'warnings without end',
    `for (let i = 0; ; i++) report(JSON.stringify({ type: 'warning', sentence: i + 'x'.repeat(65536) }))`,
  ],
])('its parent ends it when it reports %s', async (_, text) => {
  takeOver(text);
  const said: string[] = [];
  const warn = (sentence: string) => void said.push(sentence);
  const ended = runToEnd(guestFile('spin'), { isolate, timeoutMs: 60_000, warn });
  await ended.catch(() => {}); // it may have begun, or not
  expect(said.at(-1)).toMatch(/reported what none does, and was ended/);
});

test('an error of a strange name is one of the host', async () => {
  takeOver(`report('{"type":"failed","name":"toString","message":"not so"}')`);
  await expect(runToEnd(guestFile('spin'), { isolate, timeoutMs: 500 })).rejects.toThrow('not so');
});
