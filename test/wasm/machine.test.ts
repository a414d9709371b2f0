/**
 * The machines as the package gives them: total, alive, and of the class that POSIX says, whatever
 * the table is.
 */
import { readFileSync } from 'node:fs';

import { PROTOCOL_ERROR, machineNames, machines, type Machine } from 'pollux/machine';
import { describe, expect, test } from 'vitest';

import { cores } from '../../dist/wasm/component.cores.js';
import { root, wasmFile } from '../harness.js';

const all = Object.values(machines);
const named = all.map((machine) => [machine.name, machine] as const);
const module = new WebAssembly.Module(Buffer.from(cores['component.core.wasm']!, 'base64'));

/** The states that some sequence of events leads to. */
function reachable({ initial, transitions }: Machine): Set<string> {
  const reached = new Set([initial]);
  for (const state of reached)
    for (const each of transitions) if (each.from === state) reached.add(each.state);
  return reached;
}

/** POSIX.1's definition, once more and apart from the C. */
function classOf(machine: Machine) {
  const copying = machine.states.filter(({ phase }) => phase === 'COPY');
  if (copying.length === 0) return undefined;
  const reached = reachable(machine);
  return copying.some(({ name, process }) => process === 'BLOCKED' && reached.has(name))
    ? 'synchronous'
    : 'asynchronous';
}

test('there are the machines that are named, in that order', () => {
  expect(Object.keys(machines)).toEqual([...machineNames]);
});

test('the vocabulary is the one of machine.h', () => {
  const header = readFileSync(`${root}wasm/c/machine.h`, 'utf8').replace(/\/\/.*$/gm, '');
  const enumerators = (name: string) =>
    new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(header)![1]!.match(/\w+/g)!;
  const [{ events, calls }] = all as [Machine];
  expect([...events, 'EVENTS']).toEqual(enumerators('event'));
  const spelt = enumerators('call').map((name) => name.replace(/^CALL_/, ''));
  expect([...calls, 'CALLS']).toEqual(spelt);
});

describe.each(named)('%s', (_, machine) => {
  const { states, events, calls, transitions, initial } = machine;
  const names = states.map(({ name }) => name);

  test('every state and event is a transition of the table or a protocol error', () => {
    let errors = 0;
    for (const from of names) {
      for (const event of events) {
        const listed = transitions.filter((each) => each.from === from && each.event === event);
        expect(listed.length).toBeLessThan(2);
        const [{ state, call } = { state: PROTOCOL_ERROR, call: 'NO_CALL' }] = listed;
        expect(machine.step(from, event)).toEqual({ state, call });
        if (state === PROTOCOL_ERROR) errors++;
        else expect(names).toContain(state);
        expect(calls).toContain(call);
      }
    }
    expect(errors + transitions.length).toBe(names.length * events.length);
    expect(transitions.length).toBeGreaterThan(0);
  });

  test('nothing leaves a protocol error', () => {
    expect(names.filter((name) => name === PROTOCOL_ERROR)).toEqual([PROTOCOL_ERROR]);
    for (const event of events)
      expect(machine.step(PROTOCOL_ERROR, event)).toEqual({
        state: PROTOCOL_ERROR,
        call: 'NO_CALL',
      });
  });

  test('every state is reached, and only final ones are not left', () => {
    const reached = reachable(machine);
    expect(new Set(names).size).toBe(names.length);
    expect([...names].filter((name) => !reached.has(name) && name !== PROTOCOL_ERROR)).toEqual([]);
    expect(names).toContain(initial);
    for (const { name, final } of states) {
      const leaves = transitions.some((each) => each.from === name && each.state !== name);
      expect(leaves, name).toBe(!final);
    }
  });

  test('its class follows from its table', () => {
    const others = new Map([
      ['async', 'asynchronous'],
      ['server', undefined],
    ]);
    const expected = others.has(machine.name) ? others.get(machine.name) : 'synchronous';
    expect(machine.class).toBe(expected);
    expect(machine.class).toBe(classOf(machine));
  });

  test('a state or an event that it does not have is refused in a sentence', () => {
    expect(() => machine.step('NOWHERE', 'BEGIN')).toThrow(/"NOWHERE" is no state of .*choose/);
    expect(() => machine.step(initial, 'NOTHING' as 'BEGIN')).toThrow(/no event: choose BEGIN/);
  });
});

test('a model whose blocked copy can no longer be reached is asynchronous', () => {
  // A component of our own, so that its table can be written to.
  const { exports } = new WebAssembly.Instance(module);
  const { memory, ['pollux:io/machines@0.1.0#all']: list } = exports as {
    memory: WebAssembly.Memory;
  } & Record<string, () => number>;
  const RECORD_BYTES = 32;
  const at = (number: number) => {
    const view = new DataView(memory.buffer);
    const record = view.getUint32(list!(), true) + number * RECORD_BYTES;
    return { view, table: view.getUint32(record + 20, true), class: record + 28 };
  };
  const number = machineNames.indexOf('select');
  const machine = machines.select;
  const before = at(number);
  expect([before.view.getUint8(before.class), before.view.getUint8(before.class + 1)]).toEqual([
    1, 0,
  ]);
  const blocked = machine.states.find(
    ({ phase, process }) => phase === 'COPY' && process === 'BLOCKED',
  )!;
  const target = machine.states.indexOf(blocked);
  for (let i = 0; i < machine.states.length * machine.events.length; i++) {
    const step = before.table + 2 * i;
    if (before.view.getUint8(step) === target) before.view.setUint8(step, 0);
  }
  const after = at(number);
  expect([after.view.getUint8(after.class), after.view.getUint8(after.class + 1)]).toEqual([1, 1]);
});

test('a connection of the server comes to its end, with and without a full queue', () => {
  const { server } = machines;
  const through = (...events: Parameters<Machine['step']>[1][]) =>
    events.reduce((state, event) => server.step(state, event).state, server.initial);
  expect(through('BEGIN', 'RECEIVED', 'DRAINED', 'ENDED')).toBe('CLOSED');
  expect(through('BEGIN', 'FILLED', 'SENT', 'ENDED', 'SENT', 'DRAINED')).toBe('CLOSED');
  expect(through('GREETED', 'FAILED')).toBe('CLOSED');
  const state = (name: string) => server.states.find((each) => each.name === name)!;
  expect(state(through('BEGIN')).sets).toContain('inputs');
  expect(state(through('BEGIN', 'FILLED')).sets).not.toContain('inputs');
  expect(state(through('BEGIN', 'FILLED')).sets).toContain('outputs');
});

test('the component and the module in it import nothing', async () => {
  expect(WebAssembly.Module.imports(module)).toEqual([]);
  const { componentWit } = await import('@bytecodealliance/jco-transpile/wasm-tools');
  const wit = await componentWit(readFileSync(wasmFile('component')));
  expect(wit).toContain('export pollux:io/machines@0.1.0;');
  expect(wit).not.toContain('import');
});
