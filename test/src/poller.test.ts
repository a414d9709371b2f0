/** The three ways in which the kernel can be asked, under the same guest. */
import { pollerNames } from '#host/kernel/readiness';
import { describe, expect, test } from 'vitest';

import { exchange } from '../harness.js';
import { client, echoBox, eventually, ping } from './started.js';

describe.each(pollerNames)('with %s', (poller) => {
  test('the echo server echoes, to one client and to many', async () => {
    const { address } = await echoBox({ poller });
    expect((await exchange(address!, 'hello')).toString()).toBe('hello');
    const texts = Array.from({ length: 50 }, (_, i) => `client ${i} `.repeat(1000));
    const echoed = await Promise.all(texts.map((text) => exchange(address!, text)));
    expect(echoed.map(String)).toEqual(texts);
  });

  test('connections that come and go leave the others alone', async () => {
    const { address } = await echoBox({ poller });
    const constant = await client(address!);
    for (let i = 0; i < 20; i++) {
      const passing = await client(address!);
      expect(await ping(passing)).toBe('ping');
      if (i % 2) passing.resetAndDestroy();
      else passing.end();
      expect(await ping(constant, `round ${i}`)).toBe(`round ${i}`);
    }
  });
});

test('beyond the 1,024 descriptors of select there is one warning, no more', async () => {
  const warnings: string[] = [];
  const { address } = await echoBox({
    poller: 'select',
    warn: (sentence) => warnings.push(sentence),
  });
  // Client and server are in one process: each connection takes two of its descriptors.
  const sockets = [];
  for (let i = 0; i < 560; i++) sockets.push(await client(address!));
  for (const socket of sockets.slice(0, 100)) expect(await ping(socket)).toBe('ping');
  expect(await eventually(() => warnings.length > 0)).toBe(true);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/select.*1,?024/);
  for (const socket of sockets.slice(0, 100)) expect(await ping(socket, 'again')).toBe('again');
  expect(warnings).toHaveLength(1);
});
