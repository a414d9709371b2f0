/** The machines in a real browser: the files of dist as they are, from a server on loopback. */
import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';

import { machines } from 'pollux/machine';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { stateDiagram } from '#src/diagram';
import { models } from '#src/models';
import { timingDiagram } from '#src/timing';

import { root } from '../harness.js';
import { Chromium } from './chromium.js';

let chromium: Chromium | undefined;
/** What the page asked for. */
const asked: string[] = [];

beforeAll(async () => {
  chromium = await Chromium.start((path) => {
    const file = join(root, 'dist', normalize(path));
    asked.push(path);
    if (path === '/') return ['text/html', '<!doctype html><link rel="icon" href="data:,">'];
    return path.endsWith('.js') && existsSync(file)
      ? ['text/javascript', readFileSync(file)]
      : undefined;
  });
}, 60_000);

afterAll(() => chromium?.end());

/** Runs in the page, and in Node. */
const everyStep = (all: typeof machines) =>
  Object.values(all).map(({ name, states, events, class: kind, step }) => ({
    name,
    kind: kind ?? 'none',
    steps: states.flatMap((state) => events.map((event) => step(state.name, event))),
  }));

test('a browser steps every machine as Node does, and draws the same pictures', async (context) => {
  if (!chromium) return context.skip('there is no chromium on this machine');
  const page = await chromium.open('/');
  const seen = await page.evaluate(`(async () => {
    const { machines } = await import('/src/machine.js');
    const { stateDiagram } = await import('/src/diagram.js');
    const { timingDiagram } = await import('/src/timing.js');
    const all = Object.values(machines);
    return {
      steps: (${everyStep})(machines),
      states: all.map(stateDiagram),
      timing: all.filter((each) => each.class).map(timingDiagram),
    };
  })()`);
  expect(chromium.wrong).toEqual([]);
  expect(seen).toEqual({
    steps: everyStep(machines),
    states: Object.values(machines).map(stateDiagram),
    timing: models.map(timingDiagram),
  });
  expect(asked.filter((path) => !/^\/((src|wasm|host)\/.*\.js)?$/.test(path))).toEqual([]);
}, 60_000);
