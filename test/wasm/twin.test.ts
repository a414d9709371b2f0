/**
 * The machines in C and their twins in AssemblyScript: the same tables, and the same walks through
 * them. POLLUX_SEQUENCES says how many sequences of events each machine is given.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { guestFile, wasmFile } from '../harness.js';
import { nameOf, tables, upTo, type Tables } from './tables.js';

const SEQUENCES = Number(process.env['POLLUX_SEQUENCES'] ?? 2000);
/** Longer than any way through a machine. */
const LONGEST_SEQUENCE = 50;

const c = tables(guestFile('machines'));
const as = tables(wasmFile('machines.as'));

const machineNames = (from: Tables) =>
  upTo(from.machines()).map((machine) => nameOf((at) => from.machineName(machine, at)));

/** Everything that a machine is, by names, so that a difference can be read. */
function described(from: Tables, machine: number) {
  const stateName = (state: number) => nameOf((at) => from.stateName(machine, state, at));
  return {
    initial: stateName(from.initial(machine)),
    class: from.classOf(machine),
    states: upTo(from.states(machine)).map((state) => ({
      name: stateName(state),
      phase: from.phase(machine, state),
      process: from.process(machine, state),
      sets: from.sets(machine, state),
      final: from.final(machine, state),
      steps: upTo(from.events()).map((event) => {
        const step = from.step(machine, state, event);
        const call = nameOf((at) => from.callName(step >> 8, at));
        return `${nameOf((at) => from.eventName(event, at))}: ${stateName(step & 0xff)}, ${call}`;
      }),
    })),
  };
}

/**
 * The states and calls of a walk. A choice takes, three times of four, one of the events that the
 * state expects, for otherwise nearly every walk would end in PROTOCOL_ERROR at once.
 */
function* walk(from: Tables, machine: number, first: number, choices: number[]) {
  let state = first;
  for (const choice of choices) {
    const expected = upTo(c.events()).filter((event) => c.step(machine, state, event) !== 0);
    const lead = choice % 4 !== 0 && expected.length > 0;
    const event = lead ? expected[(choice >> 2) % expected.length]! : (choice >> 2) % c.events();
    const step = from.step(machine, state, event);
    state = step & 0xff;
    yield { event, state, call: step >> 8 };
  }
}

const property = (twin: Tables, machine: number) =>
  fc.property(
    fc.nat({ max: c.states(machine) - 1 }),
    fc.array(fc.nat({ max: 0xffff }), { maxLength: LONGEST_SEQUENCE, size: 'max' }),
    (first, choices) => {
      const walks = [c, twin].map((from) => [...walk(from, machine, first, choices)]);
      expect(walks[1]).toEqual(walks[0]);
    },
  );

test('both have the same machines, events and calls', () => {
  expect(machineNames(as)).toEqual(machineNames(c));
  expect(machineNames(c)).toContain('epoll-edge');
  for (const from of [c, as]) {
    expect(from.events()).toBe(16);
    expect(from.calls()).toBe(14);
  }
});

describe.each(machineNames(c).map((name, machine) => [name, machine] as const))(
  '%s',
  (_, machine) => {
    test('is the same table in both: each state, and each pair of state and event', () => {
      expect(described(as, machine)).toEqual(described(c, machine));
    });

    test(
      `goes the same way in both, whatever happens, from any state (${SEQUENCES} sequences)`,
      () => void fc.assert(property(as, machine), { numRuns: SEQUENCES }),
      20_000 + SEQUENCES,
    );

    test('a twin that differs in one step is found out', () => {
      const failed = 10;
      const last = upTo(c.states(machine)).findLast((state) => c.step(machine, state, failed))!;
      const step = (m: number, state: number, event: number) =>
        as.step(m, state, event) + Number(m === machine && state === last && event === failed);
      const found = fc.check(property({ ...as, step } as Tables, machine), { numRuns: 2000 });
      expect(found.failed).toBe(true);
    });
  },
);

test('what does not exist is a protocol error in both', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), fc.integer(), (machine, state, event) => {
      for (const from of [c, as]) {
        expect(from.step(machine, 0, 0)).toBe(0);
        expect(from.step(0, state | 0x100, 0)).toBe(0);
        expect(from.step(0, 1, event | 0x100)).toBe(0);
      }
      expect(as.step(machine, state, event)).toBe(c.step(machine, state, event));
    }),
  );
});
