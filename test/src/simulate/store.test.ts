/**
 * A store that outlives crashes of its machine, and twins of it that each forget to sync something,
 * which is found.
 */
import {
  check,
  CheckError,
  ConnectionError,
  load,
  parseToken,
  simulate,
  type CheckOptions,
  type WorldScript,
} from 'pollux/simulate';
import { describe, expect, test } from 'vitest';

import { guestFile } from '../../harness.js';

const ADDRESS = '127.0.0.1:9000';
const LAST = 40;
const PAUSE_NS = 100e6;

const bytesOf = (value: number) => new Uint8Array(new Uint32Array([value]).buffer);

/** Counts, and is told what the store has whenever it connects: all that was answered. */
const world: WorldScript = ({ actor }) =>
  actor('client', function* (me) {
    let answered = 0;
    let sent = 0;
    while (answered < LAST) {
      try {
        const connection = yield* me.connect(ADDRESS);
        const word = function* () {
          const bytes = yield* connection.receiveExactly(4);
          return bytes.length < 4 ? undefined : new DataView(bytes.buffer).getUint32(0, true);
        };
        let value = yield* word();
        if (value !== undefined && (value < answered || value > sent))
          throw new Error(`it had answered ${answered}, and now it has ${value}`);
        while (value !== undefined && value < LAST) {
          answered = value;
          sent = value + 1;
          yield* connection.send(bytesOf(sent));
          value = yield* word();
          if (value !== undefined && value !== sent)
            throw new Error(`it was sent ${sent}, and has ${value}`);
        }
        answered = value ?? answered;
        connection.close();
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
      }
      yield* me.sleep(PAUSE_NS);
    }
  });

const options: CheckOptions = {
  world,
  listen: [`${ADDRESS},blocking`],
  dirs: { '/data': { tree: {} } },
  crashes: 5,
  powerLoss: true,
  runs: 150,
};
const store = await load(guestFile('store'));

describe('a store', () => {
  test.each(['linux', 'posix', 'swarm'] as const)(
    'outlives crashes, profile %s',
    async (profile) => {
      const checked = await check(store, { ...options, profile });
      expect(checked.complete).toBe(true);
      expect(checked.different).toBeGreaterThan(checked.runs / 2);
    },
  );

  test('has in the end what it has answered, on its disk', () => {
    const run = simulate(store, { ...options, seed: 3 });
    expect(run.failure).toBeUndefined();
    expect(run.disk.list('/data')).toContain('snapshot');
    const snapshot = new DataView(run.disk.read('/data/snapshot')!.buffer).getUint32(0, true);
    expect(snapshot).toBeGreaterThan(LAST - 10);
    expect(snapshot).toBeLessThanOrEqual(LAST);
  });

  test.each(['log', 'snapshot', 'directory'])(
    'that forgets to sync its %s is found, and its failure is made small and repeated',
    async (forgotten) => {
      const guest = await load(guestFile(`store.${forgotten}`));
      const error = await check(guest, { ...options, runs: 2000 }).catch((each: unknown) => each);
      expect(error).toBeInstanceOf(CheckError);
      const { failure, log, token } = error as CheckError;
      expect(failure.message).toMatch(/it had answered \d+, and now it has \d+/);
      const labels = log.map(({ label }) => label);
      expect(labels).toContain('guest/power');
      expect(labels.some((label) => label.endsWith(' lost'))).toBe(true);
      expect(log.length).toBeLessThanOrEqual(6);
      const again = simulate(guest, { ...options, log: parseToken(token).log });
      expect(again.failure?.message).toBe(failure.message);
    },
  );

  test('that forgets to sync loses nothing by crashes of the process alone', async () => {
    for (const forgotten of ['log', 'snapshot', 'directory']) {
      const guest = await load(guestFile(`store.${forgotten}`));
      await check(guest, { ...options, powerLoss: false, runs: 50 });
    }
  });
});
