/** The machines that are stepped by a guest's calls, whatever may happen to it. */
import { readFileSync } from 'node:fs';

import { machines } from 'pollux/machine';
import { echoClients } from 'pollux/simulate';
import { describe, expect, test } from 'vitest';

import { guestName, guestOfBytes } from '#src/lab/page/perform';
import type { TakenCall } from '#src/lab/page/take';
import { Taking } from '#src/lab/page/taking';
import { run } from '#src/simulate/run';

import { root } from '../../../harness.js';
import { playsOf } from './plays.js';

const SEEDS = 4;
const ADDRESS = '127.0.0.1:7000';
/** Long enough for queues to fill, and to be received in several pieces. */
const world = echoClients({ address: ADDRESS, clients: 3, messages: 4, bytes: 3000 });

const bytesReceived = ({ answer }: TakenCall) => Number(/ro_datalen=(\d+)/.exec(answer)?.[1] ?? 0);

describe.each(playsOf(0, []).map((play) => [guestName(play), play] as const))(
  '%s',
  (name, play) => {
    const machine = machines[play.model as keyof typeof machines];
    const guest = guestOfBytes(name, new Uint8Array(readFileSync(`${root}dist/wasm/${name}`)));

    test.each(['linux', 'posix', 'swarm'] as const)('never errs under %s', (profile) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const taking = new Taking(machine.name);
        const options = { ...taking.options(), listen: [ADDRESS], world, seed, profile };
        const taken = taking.take('sim', machine.name, run(guest, options));
        expect(taken.failure).toBeUndefined();
        let copied = 0;
        let received = 0;
        for (const event of taken.events) {
          if (event.kind !== 'call') continue;
          for (const step of event.steps ?? []) {
            expect(step.to, `${event.name} ${step.from} ${step.event}`).not.toBe('PROTOCOL_ERROR');
            if (step.event === 'COPIED') copied++;
          }
          // Each receive that brought something is one operation that came to its end.
          if (bytesReceived(event) > 0) {
            received++;
            expect(event.steps?.at(-1)).toMatchObject({ event: 'COPIED' });
            expect(event.state).toBe(event.steps?.at(-1)?.to);
          }
        }
        if (machine.name !== 'async') expect(copied).toBe(received);
        expect(copied).toBeGreaterThan(3);
        // All clients were served to their end.
        const ends = taken.events.filter(
          (event) => event.kind === 'call' && event.steps?.some((step) => step.event === 'ENDED'),
        );
        if (profile === 'linux') expect(ends.length).toBeGreaterThan(0);
      }
    });
  },
);
