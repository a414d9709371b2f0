/** Processes of experiments. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { HostError } from '#host/kernel/error';
import { childrenOf } from '#src/lab/experiment/family';
import { Program } from '#src/lab/experiment/program';
import { expect, onTestFinished, test } from 'vitest';

import { root } from '../../../harness.js';
import { folder } from '../../started.js';

/** A program whose module is `code`, which has what src/lab/experiment/program.ts exports. */
function program(code: string, job: object = {}, signal = new AbortController().signal) {
  const file = join(folder(), 'program.mjs');
  const from = JSON.stringify(pathToFileURL(`${root}dist/src/lab/experiment/program.js`));
  writeFileSync(file, `import { attempt, jobOfProgram, tell } from ${from};\n${code}`);
  const started = new Program<Record<string, unknown>>(pathToFileURL(file), job, signal);
  onTestFinished(() => started.end());
  return started;
}

test('a program has its job, and is heard in order', async () => {
  const code = `await attempt(async () => {
    const { word } = jobOfProgram();
    await tell({ word });
    await tell({ more: 1 });
    process.on('message', (message) => tell({ heard: message }));
  });`;
  const started = program(code, { word: 'click' });
  expect(await started.next()).toEqual({ word: 'click' });
  expect(await started.next()).toEqual({ more: 1 });
  started.send({ word: 'key' });
  expect(await started.next()).toEqual({ heard: { word: 'key' } });
});

test('a program that fails says why, in a sentence', async () => {
  const started = program(`await attempt(() => { throw new Error('there is no device'); });`);
  await expect(started.next()).rejects.toThrow(new HostError('there is no device'));
});

test('a program that ends by itself is not waited for', async () => {
  await expect(program('process.exit(0)').next()).rejects.toThrow(/ended by itself/);
});

test('a program that never comes back is ended', async () => {
  const started = program('await tell({}); for (;;);');
  await started.next();
  const { pid } = started;
  expect(childrenOf(process.pid)).toContain(pid);
  await started.end();
  expect(childrenOf(process.pid)).not.toContain(pid);
  await started.end();
});

test('an abort ends what waits for a program', async () => {
  const controller = new AbortController();
  const started = program('setInterval(() => {}, 1000)', {}, controller.signal);
  const next = started.next();
  controller.abort();
  await expect(next).rejects.toThrow(/aborted/);
  expect(() => program('', {}, controller.signal)).toThrow(/aborted/);
});
