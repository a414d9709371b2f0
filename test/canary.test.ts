/**
 * The canaries: what the simulator is trusted for. In each of these servers one bug was planted,
 * which does not show on the real kernel in a plain exchange (wasm/canary.test.ts); `check` finds
 * each, makes it small, and can repeat it. Without the bug it finds nothing.
 */
import { readFileSync } from 'node:fs';

import { load } from 'pollux';
import { describe, expect, test } from 'vitest';

import { check, CheckError, type CheckOptions } from '#src/simulate/check';
import { worldOfOrigin } from '#src/simulate/find';
import { simulate } from '#src/simulate/simulate';
import { parseToken } from '#src/simulate/token';
import { echoClients } from '#src/simulate/world';

import { canaries } from './guest/canaries.js';
import { guestFile, polluxToEnd, root } from './harness.js';

const address = '127.0.0.1:7000';
/** An exchange of three clients takes a hundred calls or so, and some more where there are faults. */
const MOST_CALLS = 1000;
const RUNS = 1000;
/** Of non-benign choices. */
const MOST_CHOICES = 3;
const CORRECT_RUNS = 100;
const profiles = ['linux', 'posix', 'swarm'] as const;

const invariant: NonNullable<CheckOptions['invariant']> = ({ calls }) => {
  if (calls > MOST_CALLS) throw new RangeError(`the server has made ${calls} calls`);
};

function optionsOf(name: string): CheckOptions {
  return {
    runs: RUNS,
    listen: [address],
    world: echoClients({ address, clients: 3, messages: 3 }),
    invariant,
    // Three streams, the listener, and one client.
    ...(name === 'emfile' && { maxDescriptors: 5 }),
  };
}

async function found(name: string, profile: (typeof profiles)[number]): Promise<CheckError> {
  const guest = await load(guestFile(`canary/${name}`));
  const error = await check(guest, { ...optionsOf(name), profile }).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(CheckError);
  return error as CheckError;
}

describe.each(canaries)('the canary %s', (name) => {
  test('is found within a thousand seeds, by few choices, and is found again', async () => {
    const guest = await load(guestFile(`canary/${name}`));
    const { failure, log, token, checked } = await found(name, 'swarm');
    expect(checked.runs).toBeLessThanOrEqual(RUNS);
    expect(log.length).toBeGreaterThan(0);
    expect(log.length).toBeLessThanOrEqual(MOST_CHOICES);
    const parsed = parseToken(token);
    expect(parsed.log).toEqual(log);
    const again = { ...parsed.options, ...(await worldOfOrigin(parsed.world!)), invariant };
    const runs = [0, 1].map(() => simulate(guest, { ...again, log: parsed.log }));
    for (const run of runs) expect(run.failure?.message).toBe(failure.message);
    expect(runs[0]!.hash).toBe(runs[1]!.hash);
  });

  test('is no failure where nothing happens', async () => {
    const guest = await load(guestFile(`canary/${name}`));
    expect(simulate(guest, { ...optionsOf(name), profile: 'calm' }).failure).toBe(undefined);
  });

  test.each(profiles)('is clean without its bug, on the profile %s', async (profile) => {
    const guest = await load(guestFile(`canary/${name}.correct`));
    const checked = await check(guest, { ...optionsOf(name), profile, runs: CORRECT_RUNS });
    expect(checked.runs).toBe(CORRECT_RUNS);
    expect(checked.faults).toBeGreaterThan(CORRECT_RUNS);
  });
});

test('a canary is found, and found again, from the command line', async () => {
  const file = guestFile('canary/partial-send');
  const { stderr, stdout, code } = await polluxToEnd(['simulate', file, '--world', 'echo']);
  expect(code).toBe(1);
  const [, token] = /npx pollux replay (\S+)/.exec(stdout + stderr)!;
  const replayed = await polluxToEnd(['replay', token!]);
  expect(replayed.code).toBe(1);
  expect(replayed.stdout).toContain('a write took fewer bytes than were given');
});

test('the page says how soon each was found', async () => {
  const file = `${root}docs/SIMULATOR.md`;
  const row = (fields: readonly unknown[]) => `| ${fields.join(' | ')} |\n`;
  const headings = ['canary', 'its bug: it …', ...profiles, 'what was seen', 'needed for it'];
  const rows = [row(headings), row(headings.map(() => '---'))];
  for (const [name, bug] of canaries) {
    const each = [];
    for (const profile of profiles) each.push(await found(name, profile));
    const { failure, log } = each.at(-1)!;
    const needed = log.map(({ label }) => `\`${label}\``).join(', ');
    const seeds = each.map(({ checked }) => checked.runs);
    rows.push(row([`\`${name}\``, bug, ...seeds, failure.kind, needed]));
  }
  const place = /(<!-- canaries -->\n)[\s\S]*?(<!-- end -->)/;
  const page = readFileSync(file, 'utf8');
  expect(page).toMatch(place);
  const regenerated = page.replace(place, (_, begin, end) => begin + rows.join('') + end);
  await expect(regenerated).toMatchFileSnapshot(file);
});
