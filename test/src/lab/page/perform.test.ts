/** What comes of plays: every model in both languages, with all that a person can do. */
import { readFileSync } from 'node:fs';

import { machines, type MachineName } from 'pollux/machine';
import { describe, expect, test } from 'vitest';

import { countUntil } from '#src/lab/page/count';
import { momentsOf } from '#src/lab/page/moment';
import { guestName, perform } from '#src/lab/page/perform';
import { checkPlay } from '#src/lab/page/play';
import type { Deed, Play, Take, Taken, TakenAction, TakenCall } from '#src/lab/page/take';

import { wasmFile } from '../../../harness.js';
import { everything, message, playsOf } from './plays.js';

const bytes = new Map<string, Uint8Array>();
function take(play: Play): Take {
  const name = guestName(play);
  if (!bytes.has(name))
    bytes.set(name, new Uint8Array(readFileSync(wasmFile(name.replace('.wasm', '')))));
  return perform(play, bytes.get(name)!);
}

const callsOf = ({ events }: Take) =>
  events.filter((event): event is TakenCall => event.kind === 'call');
const actionsOf = ({ events }: Take) =>
  events.filter((event): event is TakenAction => event.kind === 'action');
const named = ({ model, language, seed }: Play) => `${model} in ${language}, seed ${seed}`;

const calm = playsOf(0, everything);
const all = [...calm, ...playsOf(3, everything), ...playsOf(8, message)];

describe.each(all.map((play) => [named(play), play] as const))('%s', (_, play) => {
  const machine = machines[play.model as MachineName];
  const taken = take(play);

  test('the machines go by their table, each from where it was, and none errs', () => {
    const states = new Map<string, string>();
    for (const { name, steps = [], state, connection, open } of callsOf(taken)) {
      for (const step of steps) {
        expect(machine.transitions).toContainEqual(
          expect.objectContaining({ from: step.from, event: step.event, state: step.to }),
        );
        // A connection of the same name may begin anew.
        const before = states.get(step.connection) ?? machine.initial;
        if (step.from !== machine.initial) expect(step.from, `${name} ${step.event}`).toBe(before);
        states.set(step.connection, step.to);
      }
      if (connection !== undefined && steps.length > 0 && open !== true)
        expect(state).toBe(states.get(connection));
    }
    expect(states.size).toBeGreaterThan(0);
  });

  test('it is the same take again', () => {
    expect(take(play)).toEqual(taken);
  });

  test('nothing goes wrong, and its events are in order', () => {
    expect(taken.failure).toBeUndefined();
    const times = taken.events.map((each) => (each.kind === 'call' ? each.startNs : each.timeNs));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Math.max(...times)).toBeLessThanOrEqual(taken.endNs);
  });

  test('whoever is told of something is told after it has happened', () => {
    const moments = momentsOf(taken);
    const at = (is: (event: Taken) => boolean, part: string) =>
      moments.findIndex((each) => each.part === part && is(each.event));
    for (const who of new Set(actionsOf(taken).map((each) => each.who))) {
      const told = at((each) => each.kind === 'call' && each.connection === who, 'answered');
      const connects = at((each) => each.kind === 'action' && each.who === who, 'happens');
      if (told >= 0) expect(told, who).toBeGreaterThan(connects);
    }
    const answered = moments.flatMap(({ event, part }) => (part === 'answered' ? [event] : []));
    expect(answered).toEqual(callsOf(taken).filter((each) => answered.includes(each)));
  });

  test('the kernel is seen to copy as often as is counted', () => {
    const copies = callsOf(taken).filter(
      ({ phase, copyNs, endNs }) =>
        (phase === 'copy' || copyNs !== undefined) && endNs <= taken.endNs,
    );
    expect(copies.length).toBe(countUntil(taken, taken.endNs).copies);
    expect(copies.length).toBeGreaterThan(0);
  });

  test('the process is blocked in the phases that its machine says', () => {
    const waits = machine.states.find(({ phase }) => phase === 'WAIT')!;
    const copies = machine.states.find(({ phase }) => phase === 'COPY')!;
    for (const { phase, blocked, idle, startNs, endNs, copyNs } of callsOf(taken)) {
      if (phase === 'copy') expect(blocked).toBe(copies.process === 'BLOCKED');
      if (phase === 'wait' && blocked) expect(waits.process).toBe('BLOCKED');
      if (idle) expect(waits.process).toBe('RUNNING');
      if (phase === 'none') expect(blocked).toBe(false);
      if (copyNs !== undefined) expect([startNs <= copyNs, copyNs <= endNs]).toEqual([true, true]);
      expect(endNs).toBeGreaterThanOrEqual(startNs);
    }
  });
});

test.each(calm.map((play) => [named(play), play] as const))(
  '%s: what comes later does not change what came before',
  (_, play) => {
    const before = (events: Take['events'], ns: number) =>
      events.filter((each) => (each.kind === 'call' ? each.endNs : each.timeNs) < ns);
    const whole = take(play);
    for (let most = 1; most < everything.length; most++) {
      const { atNs } = everything[most]!;
      const part = take({ ...play, deeds: everything.slice(0, most) });
      const seen = before(part.events, Math.min(atNs, part.endNs));
      // Of a call that goes on it is not known yet what it will say.
      expect(seen.filter((each) => each.kind !== 'call' || !each.open)).toEqual(
        before(whole.events, Math.min(atNs, part.endNs)),
      );
    }
  },
);

test.each(playsOf(0, message).map((play) => [named(play), play] as const))(
  '%s: a message that arrives in pieces goes back as it came',
  (_, play) => {
    const texts = (from: string) =>
      take(play).events.flatMap((each) =>
        each.kind === 'segment' && each.from === from && each.bytes > 0 ? [each.text] : [],
      );
    expect(texts('ann')).toEqual(['hel', 'lo']);
    expect(texts('server').join('')).toBe('hello');
  },
);

/** The models whose guest waits in some call that can be interrupted. */
const waiting = (play: Play) => play.model !== 'nonblocking';

describe.each(playsOf(0, []).map((play) => [named(play), play] as const))('%s', (_, play) => {
  const faulted = (fault: Deed): Take => take({ ...play, deeds: [...message, fault] });
  const of = (taken: Take, kind: string) => actionsOf(taken).filter(({ deed }) => deed === kind);

  test('EINTR ends the wait that goes on, and what follows is as it would have been', () => {
    const taken = faulted({ kind: 'EINTR', atNs: 150_000 });
    const [action, ...vain] = of(taken, 'EINTR');
    expect(action).toMatchObject({ timeNs: 150_000, what: 'EINTR' });
    const interrupted = callsOf(taken).filter(({ answer }) => answer === 'INTR');
    expect(interrupted.map(({ endNs }) => endNs)).toEqual(waiting(play) ? [150_000] : []);
    expect(taken.endNs).toBe(take({ ...play, deeds: message }).endNs);
    const what = 'EINTR: no call could be interrupted';
    expect(vain).toMatchObject(waiting(play) ? [] : [{ what, vain: true, timeNs: taken.endNs }]);
  });

  test('EAGAIN refuses the next receive, and it is tried again', () => {
    const taken = faulted({ kind: 'EAGAIN', atNs: 60_000 });
    const [action, refused, ...vain] = of(taken, 'EAGAIN');
    expect(action).toMatchObject({ timeNs: 60_000 });
    expect(refused!.timeNs).toBeGreaterThanOrEqual(80_000);
    expect(vain).toEqual([]);
    const text = taken.events.flatMap((each) =>
      each.kind === 'segment' && each.from === 'server' ? [each.text] : [],
    );
    expect(text.join('')).toBe('hello');
  });

  test('EAGAIN that nobody can be told any more says so', () => {
    const taken = faulted({ kind: 'EAGAIN', atNs: 195_000 });
    expect(of(taken, 'EAGAIN')).toMatchObject([
      { timeNs: 195_000 },
      { what: 'EAGAIN: no call could be refused', vain: true, timeNs: taken.endNs },
    ]);
  });
});

test('a client that stops reading stops the server, until it reads on', () => {
  for (const play of playsOf(0, everything)) {
    if (play.model === 'blocking') continue; // it serves bob when ann is done
    const echoed = (fromNs: number, toNs: number) =>
      take(play).events.reduce(
        (sum, each) =>
          each.kind === 'segment' && each.to === 'bob' && each.timeNs > fromNs && each.timeNs < toNs
            ? sum + each.bytes
            : sum,
        0,
      );
    expect(echoed(190_000, 400_000), named(play)).toBeLessThan(40_000);
    expect(echoed(190_000, Infinity), named(play)).toBe(40_000);
  }
});

test('a play that is none is refused with a sentence', () => {
  const good: Play = { model: 'epoll', language: 'c', seed: 0, deeds: [] };
  const deed = (each: object): Play => ({ ...good, deeds: [each as Deed] });
  const wrong: [Play, RegExp][] = [
    [{ ...good, model: 'server' }, /"server" is no model: choose blocking, /],
    [{ ...good, model: 'toString' }, /is no model/],
    [{ ...good, language: 'rust' as 'c' }, /"rust" is no language: choose c or assemblyscript/],
    [{ ...good, seed: -1 }, /the seed -1 is no whole number from 0 to/],
    [{ ...good, seed: 0.5 }, /the seed 0.5/],
    [
      { ...good, deeds: Array.from({ length: 501 }, (_, atNs) => ({ kind: 'EINTR', atNs })) },
      /at most 500 deeds/,
    ],
    [deed({ kind: 'shout', atNs: 0, client: 'ann' }), /"shout" is nothing that can be done/],
    [deed({ kind: 'connect', atNs: Infinity, client: 'ann' }), /a deed is at Infinity ns/],
    [deed({ kind: 'connect', atNs: 1 }), /"connect" is done by a client: name it/],
    [deed({ kind: 'connect', atNs: 1, client: '' }), /a name of 1 to 32 characters/],
    [deed({ kind: 'send', atNs: 1, client: 'a', text: '', pieces: 1 }), /is a text of 1 to/],
    [deed({ kind: 'send', atNs: 1, client: 'a', text: 'b', pieces: 0 }), /1 to 32 pieces, and not/],
  ];
  for (const [play, sentence] of wrong) expect(() => checkPlay(play)).toThrow(sentence);
  expect(checkPlay(good)).toBe('epoll');
});
