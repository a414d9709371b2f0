/** A browser for tests: Debian's Chromium, with a profile of its own, which goes with it. */
import { existsSync } from 'node:fs';
import process from 'node:process';

import { chromium, type Browser } from 'playwright-core';
import { expect, type TestContext } from 'vitest';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** None, where none is installed. */
export async function launch(): Promise<Browser | undefined> {
  return executablePath === undefined
    ? undefined
    : await chromium.launch({ executablePath, args: QUIET });
}

/** Skips a test where there is no browser, but not where the checks run. */
export function needs(browser: Browser | undefined, context: TestContext): asserts browser {
  if (browser) return;
  expect(process.env['CI'], 'the checks need chromium').toBeUndefined();
  context.skip('there is no chromium on this machine');
}
