/** Processes that are measured. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { HostError } from '#host/kernel/error';
import { childrenOf } from '#src/lab/experiment/family';
import { Subject } from '#src/lab/experiment/subject';
import { expect, onTestFinished, test } from 'vitest';

import { root } from '../../../harness.js';
import { folder } from '../../started.js';

/** A subject whose module is `code`, which has what src/lab/experiment/subject.ts exports. */
function subject(code: string, job: object = {}, signal = new AbortController().signal) {
  const file = join(folder(), 'program.mjs');
  const from = JSON.stringify(pathToFileURL(`${root}dist/src/lab/experiment/subject.js`));
  writeFileSync(file, `import { attempt, jobOfSubject, tell } from ${from};\n${code}`);
  const started = new Subject<Record<string, unknown>>(pathToFileURL(file), job, signal);
  onTestFinished(() => started.end());
  return started;
}

test('a subject has its job, and is heard in order', async () => {
  const code = `await attempt(async () => {
    const { word } = jobOfSubject();
    await tell({ word });
    await tell({ more: 1 });
    process.on('message', (message) => tell({ heard: message }));
  });`;
  const started = subject(code, { word: 'click' });
  expect(await started.next()).toEqual({ word: 'click' });
  expect(await started.next()).toEqual({ more: 1 });
  started.send({ word: 'key' });
  expect(await started.next()).toEqual({ heard: { word: 'key' } });
});

test('a subject that fails says why, in a sentence', async () => {
  const started = subject(`await attempt(() => { throw new Error('there is no device'); });`);
  await expect(started.next()).rejects.toThrow(new HostError('there is no device'));
});

test('a subject that ends by itself is not waited for', async () => {
  await expect(subject('process.exit(0)').next()).rejects.toThrow(/ended by itself/);
});

test('a subject that never comes back is ended', async () => {
  const started = subject('await tell({}); for (;;);');
  await started.next();
  const { pid } = started;
  expect(childrenOf(process.pid)).toContain(pid);
  await started.end();
  expect(childrenOf(process.pid)).not.toContain(pid);
  await started.end();
});

test('an abort ends what waits for a subject', async () => {
  const controller = new AbortController();
  const started = subject('setInterval(() => {}, 1000)', {}, controller.signal);
  const next = started.next();
  controller.abort();
  await expect(next).rejects.toThrow(/aborted/);
  expect(() => subject('', {}, controller.signal)).toThrow(/aborted/);
});
