/** Numbers of the waist that the addon relies on, beside those that the kernels' cases exercise. */
import { readFileSync } from 'node:fs';

import { EVENT_STRIDE, pollerNames, Readiness, Trigger, WAKE } from '#host/kernel/readiness';
import { expect, test } from 'vitest';

import { root } from '../../harness.js';

const header = readFileSync(`${root}host/linux/native/native.h`, 'utf8');

test('no two readiness bits are one', () => {
  const bits = Object.values(Readiness);
  expect(bits.reduce((all, bit) => all | bit, 0)).toBe(bits.reduce((sum, bit) => sum + bit, 0));
});

test('the triggers and the token of a wake are those of the addon', () => {
  for (const [name, value] of Object.entries(Trigger))
    expect(header).toContain(`TRIGGER_${name} = ${value}`);
  expect(header).toContain(`#define WAKE_TOKEN (${WAKE})`);
});

test('an event of the addon has as many words as one of the waist', () => {
  const fields = /struct event \{([^}]*)\}/.exec(header)![1]!;
  expect(fields.match(/;/g)).toHaveLength(EVENT_STRIDE);
});

test('every backend is a file of the addon', () => {
  for (const name of pollerNames)
    expect(readFileSync(`${root}host/linux/native/readiness_${name}.c`, 'utf8')).toContain(
      `"${name}"`,
    );
});
