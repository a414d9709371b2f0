/**
 * The pure machines over all that can happen to them, in C (as the component has them) and in
 * AssemblyScript; and machines with a mistake in them, each of which is found.
 */
import { readFileSync } from 'node:fs';

import { machines, type Machine as Packed } from 'pollux/machine';
import { explore, type Machine } from 'pollux/simulate';
import { describe, expect, test } from 'vitest';

import { search } from '#src/simulate/search';
import { guestFile, polluxToEnd, root, wasmFile } from '../../harness.js';
import { nameOf, tables, upTo } from '../../wasm/tables.js';

const PHASES = ['NO_PHASE', 'WAIT', 'COPY'] as const;
const PROCESSES = ['RUNNING', 'BLOCKED'] as const;
const SETS = ['inputs', 'outputs', 'exceptional'] as const;

/** The machines of a module of functions. */
function machinesOf(file: string): Machine[] {
  const from = tables(file);
  const events = upTo(from.events()).map((event) => nameOf((at) => from.eventName(event, at)));
  const calls = upTo(from.calls()).map((call) => nameOf((at) => from.callName(call, at)));
  return upTo(from.machines()).map((machine) => {
    const states = upTo(from.states(machine)).map((state) => ({
      name: nameOf((at) => from.stateName(machine, state, at)),
      phase: PHASES[from.phase(machine, state)]!,
      process: PROCESSES[from.process(machine, state)]!,
      sets: SETS.filter((_, bit) => from.sets(machine, state) & (1 << bit)),
      final: from.final(machine, state) !== 0,
    }));
    const numberOf = (state: string) => states.findIndex(({ name }) => name === state);
    return {
      name: nameOf((at) => from.machineName(machine, at)),
      states,
      initial: states[from.initial(machine)]!.name,
      events: events as Packed['events'],
      calls: calls as Packed['calls'],
      step(state, event) {
        const step = from.step(machine, numberOf(state), events.indexOf(event));
        return { state: states[step & 0xff]!.name, call: calls[step >> 8] as Packed['calls'][0] };
      },
    };
  });
}

const languages = [
  ['C, as a component', Object.values(machines)],
  ['C', machinesOf(guestFile('machines'))],
  ['AssemblyScript', machinesOf(wasmFile('machines.as'))],
] as const;

describe.each(languages)('in %s', (_, all) => {
  test('there are all of them', () => {
    expect(all.map(({ name }) => name)).toEqual(Object.keys(machines));
  });

  test.each(all.map((machine) => [machine.name, machine] as const))(
    '%s is total, loses no message, and comes to its end',
    (name, machine) => {
      const { table, world } = explore(machine);
      expect(table).toMatchObject({ states: machine.states.length, complete: true });
      // Sixteen events at each of 40 steps.
      expect(table.sequences).toBe((16n ** 41n - 1n) / 15n);
      expect(world.complete).toBe(true);
      expect(world.states).toBeGreaterThan(80);
      expect(world.sequences).toBeGreaterThan(10n ** 9n);
      expect(explore(machines[name as Packed['name']])).toEqual({ table, world });
    },
  );
});

/** A machine that goes another way in one place. */
function mistaken(
  name: Packed['name'],
  from: string,
  event: Packed['events'][0],
  step: ReturnType<Packed['step']>,
): Machine {
  const machine = machines[name];
  const own = (state: string, each: typeof event) =>
    state === from && each === event ? step : machine.step(state, each);
  return { ...machine, step: own };
}

describe('a mistake is found, with the shortest way to it:', () => {
  test.each([
    [
      'a signal machine that does not receive what was there before it was armed',
      mistaken('signal', 'ARMING', 'ARMED', { state: 'WORKING', call: 'WORK' }),
      /waits for what it was told of already: after .*ARMED.*BEGIN$/,
    ],
    [
      'an edge-triggered machine that does not drain',
      mistaken('epoll-edge', 'RECEIVING', 'COPIED', { state: 'WAITING', call: 'EPOLL_WAIT' }),
      /waits for what it was told of already: after .*COPIED$/,
    ],
    [
      'an operation that is over in its copy',
      mistaken('async', 'SUBMITTED', 'READY', { state: 'AT_END', call: 'NO_CALL' }),
      /can end no more: after .*READY/,
    ],
    [
      'a wait that may be interrupted, and has no answer to that',
      mistaken('poll', 'WAITING', 'INTERRUPTED', { state: 'PROTOCOL_ERROR', call: 'NO_CALL' }),
      /what may happen is a protocol error: after BEGIN, INTERRUPTED$/,
    ],
    [
      'a server that reads on when its queue is full',
      mistaken('server', 'QUEUED', 'FILLED', { state: 'QUEUED', call: 'NO_CALL' }),
      /the queue is full, and it reads on: after .*FILLED$/,
    ],
    [
      'a server that forgets what it owes when its client shuts down',
      mistaken('server', 'QUEUED', 'ENDED', { state: 'CLOSED', call: 'CLOSE' }),
      /an answer is owed: after .*ENDED$/,
    ],
    [
      'a server that does not read again',
      mistaken('server', 'WRITING', 'DRAINED', { state: 'WRITING', call: 'NO_CALL' }),
      /nothing is owed, and it does not read: after .*DRAINED$/,
    ],
    [
      'an end that something leaves',
      mistaken('select', 'AT_END', 'BEGIN', { state: 'IDLE', call: 'NO_CALL' }),
      /BEGIN leaves a final state: after BEGIN/,
    ],
    [
      'a state that is none',
      mistaken('epoll', 'IDLE', 'BEGIN', { state: 'NOWHERE', call: 'NO_CALL' }),
      /"NOWHERE" is no state: after BEGIN$/,
    ],
    [
      'an error that leads to a call',
      mistaken('epoll', 'IDLE', 'COPIED', { state: 'PROTOCOL_ERROR', call: 'WORK' }),
      /COPIED is an error, and leads to a call: after nothing$/,
    ],
  ])('%s', (_, machine, message) => {
    expect(() => explore(machine)).toThrow(message);
  });
});

test('a search that is cut short says so, and sequences are counted as if they were walked', () => {
  // Binary numbers, of up to three digits.
  const model = {
    initial: '',
    key: (digits: string) => digits,
    next: (digits: string) => ['0', '1'].map((digit) => [digit, digits + digit] as const),
    wrong: () => undefined,
    done: () => true,
  };
  expect(search(model, 3)).toEqual({ states: 15, sequences: 15n, length: 3, complete: false });
});

test('the page says how many states and sequences there are', () => {
  const page = readFileSync(`${root}docs/SIMULATOR.md`, 'utf8');
  for (const machine of Object.values(machines)) {
    const { table, world } = explore(machine);
    const digits = String(world.sequences);
    const sequences = `${digits[0]}.${digits[1]} × 10^${digits.length - 1}`;
    expect(page).toContain(
      `| \`${machine.name}\` | ${table.states} | ${world.states} | ${sequences} |\n`,
    );
  }
});

describe('pollux explore', () => {
  test('tells of each machine how many states and sequences there were', async () => {
    const { code, stdout } = await polluxToEnd(['explore', '--messages', '2']);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(Object.keys(machines).length);
    expect(stdout).toMatch(
      /^server: 7 states of the table by 1.5e\+48 sequences; \d+ states of it at work by .* sequences$/m,
    );
  });

  test.each([
    [['mill'], /"mill" is no machine: choose blocking, /],
    [['--length', '0'], /from 1 to 1000/],
    [['--messages', 'x'], /from 1 to 100/],
  ])('refuses %j in a sentence', async (flags, message) => {
    const { code, stderr } = await polluxToEnd(['explore', ...flags]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
