/** Plays a script on the simulated kernel: its peers are one actor. */
import type { PollerName } from '#host/kernel/readiness';
import { simulate, type Guest } from 'pollux/simulate';

import { play, type ScriptCase } from './play.js';

const LISTENER = '127.0.0.1:9000';
const PEER = '127.0.0.1:9100';

export function playSimulated(guest: Guest, each: ScriptCase, poller: PollerName) {
  const transcript: string[] = [];
  const { failure, code } = simulate(guest, {
    profile: 'calm',
    poller,
    pipes: true,
    listen: [`4=${LISTENER}`],
    connect: [`3=${PEER},blocking`, ...(each.connected ? [PEER] : [])],
    maxDescriptors: each.maxDescriptors ?? 64,
    world: (world) =>
      world.actor('peer', function* (me) {
        const listener = me.listen(PEER);
        const control = yield* listener.accept();
        const stage = {
          control,
          stdin: me.stdin,
          stdout: me.stdout,
          connect: () => me.connect(LISTENER),
          accept: () => listener.accept(),
        };
        yield* play(each.script, stage, transcript);
      }),
  });
  return { transcript, end: failure ? `${failure.kind}: ${failure.message}` : `exit ${code}` };
}
