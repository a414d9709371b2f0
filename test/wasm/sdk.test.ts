/** The guest SDK for AssemblyScript, where no server shows it: a guest checks it from the inside. */
import { finished } from 'node:stream/promises';

import { expect, test } from 'vitest';

import { guestFile, textOf } from '../harness.js';
import { box } from '../src/started.js';

test('a guest finds its clocks, streams, arguments, texts and queues as it was told', async () => {
  const running = await box(guestFile('sdk.as'), {
    listen: ['127.0.0.1:0'],
    args: ['sdk', 'one', 'zwei, märchen'],
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    timeoutMs: 15_000,
  });
  running.stdin!.end('hello');
  await finished(running.stdin!);
  const [said, complained, { code }] = await Promise.all([
    textOf(running.stdout),
    textOf(running.stderr),
    running.exit,
  ]);
  const lines = said.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
  expect(lines.length).toBeGreaterThan(35);
  expect(complained).toBe(`${'x'.repeat(255)}🦋${'y'.repeat(300)}\na sentence\n`);
  expect(code).toBe(0);
});
