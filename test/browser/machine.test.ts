/** The machines in a real browser: the files of dist as they are, from a server on loopback. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';

import type { Browser } from 'playwright-core';
import { machines } from 'pollux/machine';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { stateDiagram } from '#src/diagram';
import { models } from '#src/models';
import { timingDiagram } from '#src/timing';

import { root } from '../harness.js';
import { launch, needs } from './chromium.js';

let server: Server;
let browser: Browser | undefined;
/** What the page asked for. */
const asked: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, 'http://localhost').pathname);
    const file = join(root, 'dist', path);
    asked.push(path);
    if (path === '/') response.setHeader('content-type', 'text/html').end('<!doctype html>');
    else if (path.endsWith('.js') && existsSync(file))
      response.setHeader('content-type', 'text/javascript').end(readFileSync(file));
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  browser = await launch();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  server.close();
});

/** Runs in the page, and in Node. */
const everyStep = (all: typeof machines) =>
  Object.values(all).map(({ name, states, events, class: kind, step }) => ({
    name,
    kind: kind ?? 'none',
    steps: states.flatMap((state) => events.map((event) => step(state.name, event))),
  }));

test('a browser steps every machine as Node does, and draws the same pictures', async (context) => {
  needs(browser, context);
  const { port } = server.address() as AddressInfo;
  const page = await browser.newPage();
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  await page.goto(`http://127.0.0.1:${port}/`);
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
  expect(wrong).toEqual([]);
  expect(seen).toEqual({
    steps: everyStep(machines),
    states: Object.values(machines).map(stateDiagram),
    timing: models.map(timingDiagram),
  });
  expect(asked.filter((path) => !/^\/(favicon\.ico|(src|wasm|host)\/.*\.js)?$/.test(path))).toEqual(
    [],
  );
}, 60_000);
