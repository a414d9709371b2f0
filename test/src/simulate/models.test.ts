/**
 * The echo guests that come with Pollux, in every I/O model and both languages, in all weathers.
 * POLLUX_SEEDS says how many seeds of each: test/nightly.sh takes more.
 */
import { echoLanguages, echoModels, load } from 'pollux';
import { check, echoClients } from 'pollux/simulate';
import { describe, expect, test } from 'vitest';

import { wasmFile } from '../../harness.js';

const runs = Number(process.env['POLLUX_SEEDS'] ?? 50);
const world = echoClients({ address: '127.0.0.1:9000', clients: 3, messages: 3 });
const returning = echoClients({
  address: '127.0.0.1:9000',
  clients: 3,
  messages: 3,
  reconnect: true,
});
const LIMIT_MS = 120_000 + runs * 1000;

describe.each(Object.keys(echoLanguages))('the echo guests in %s', (language) => {
  const ending = echoLanguages[language as keyof typeof echoLanguages].replace(/\.wasm$/, '');

  test.each(Object.entries(echoModels))(
    'with %s answer every client, in every profile',
    async (model, { blocking }) => {
      const guest = await load(wasmFile(`echo-${model}${ending}`));
      const listen = [`127.0.0.1:9000${blocking ? ',blocking' : ''}`];
      for (const profile of ['calm', 'linux', 'posix', 'swarm'] as const) {
        const checked = await check(guest, { listen, world, profile, runs });
        expect(checked).toMatchObject({ runs, complete: true });
        if (profile !== 'calm') expect(checked.faults).toBeGreaterThan(runs);
      }
    },
    LIMIT_MS,
  );

  test.each(Object.entries(echoModels))(
    'with %s answer every client in the end, however often they die',
    async (model, { blocking }) => {
      const guest = await load(wasmFile(`echo-${model}${ending}`));
      const listen = [`127.0.0.1:9000${blocking ? ',blocking' : ''}`];
      let died = 0;
      for (const profile of ['linux', 'posix', 'swarm'] as const) {
        const checked = await check(guest, {
          listen,
          world: returning,
          profile,
          runs,
          crashes: 2,
          eventually: ({ crashes }) => void (died += crashes),
        });
        expect(checked).toMatchObject({ runs, complete: true });
      }
      expect(died).toBeGreaterThan(runs / 4);
    },
    LIMIT_MS,
  );
});
