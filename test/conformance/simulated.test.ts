/** Our own cases on the simulated kernel: they answer what they answer on Linux. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { load, simulate } from 'pollux/simulate';
import { expect, test } from 'vitest';

import { root } from '../harness.js';
import { casesOf } from './run.mjs';

const folder = join(root, 'dist/test/conformance');

interface Case {
  args?: string[];
  env?: Record<string, string>;
  dirs?: string[];
  stdin?: string;
  stdout?: string;
  exit_code?: number;
}

test.each(casesOf(folder).map((file) => basename(file, '.wasm')))('%s', async (name) => {
  const wanted = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Case;
  const readOnly = wanted.dirs?.some((dir) => dir.endsWith(',ro')) ?? false;
  const result = await simulate(await load(join(folder, `${name}.wasm`)), {
    // Nothing goes wrong: what a case provokes is all that is answered.
    profile: 'calm',
    args: [name, ...(wanted.args ?? [])],
    env: wanted.env ?? {},
    stdin: wanted.stdin ?? '',
    dirs: { '/': { path: join(folder, 'fixture.dir'), readOnly } },
  });
  expect(result).toMatchObject({ code: wanted.exit_code ?? 0, stderr: '' });
  if (wanted.stdout !== undefined) expect(result.stdout).toBe(wanted.stdout);
});
