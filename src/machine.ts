/**
 * What `import … from 'pollux/machine'` gives: the I/O models and the server as state machines,
 * which are the component that wasm/c/component.c makes. It runs wherever WebAssembly does, and
 * does no I/O.
 */
import { UsageError } from '../host/kernel/error.js';
import { cores } from '../wasm/component.cores.js';
import { instantiate } from '../wasm/component.js';
import type {
  Call,
  Event,
  Phase,
  Process,
  State as StateRecord,
} from '../wasm/interfaces/pollux-io-machines.js';

export type { Call, Event, Phase, Process };

export const machineNames = [
  'blocking',
  'nonblocking',
  'select',
  'poll',
  'epoll',
  'epoll-edge',
  'signal',
  'async',
  'server',
] as const;
export type MachineName = (typeof machineNames)[number];

/** select(2)'s three sets. */
export type SetName = 'inputs' | 'outputs' | 'exceptional';

export interface State {
  readonly name: string;
  /** Of an I/O model: in which of its two phases the operation is. */
  readonly phase: Phase;
  /** Of an I/O model: what the process does meanwhile. */
  readonly process: Process;
  /** Of the server: the sets in which a connection in this state is waited for. */
  readonly sets: readonly SetName[];
  /** Whether nothing is expected to leave it. */
  readonly final: boolean;
}

/** What an event leads to. */
export interface Step {
  /** The name of the state. */
  readonly state: string;
  /** What the process shall do next. */
  readonly call: Call;
}

export interface Transition extends Step {
  /** The name of the state that the event finds. */
  readonly from: string;
  readonly event: Event;
}

export interface Machine {
  readonly name: MachineName;
  /** Every state; the first is the protocol error, which nothing leaves. */
  readonly states: readonly State[];
  /** The name of the state that it begins in. */
  readonly initial: string;
  /** Every event of the machines' common vocabulary. */
  readonly events: readonly Event[];
  /** Every call of it. */
  readonly calls: readonly Call[];
  /** The table as data: whatever is not in it is a protocol error. */
  readonly transitions: readonly Transition[];
  /**
   * As POSIX.1 defines it, derived from the table: synchronous if the process is blocked while the
   * data is copied. The server, which is no I/O model, has none.
   */
  readonly class: 'synchronous' | 'asynchronous' | undefined;
  /** What the table says of an event in a state, which must be one of the machine's. */
  step(state: string, event: Event): Step;
}

export const PROTOCOL_ERROR = 'PROTOCOL_ERROR';

const bytes = (base64: string) =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const component = instantiate((name) => new WebAssembly.Module(bytes(cores[name]!)), {}).machines;
const setNames = ['inputs', 'outputs', 'exceptional'] as const;
const classes = { SYNCHRONOUS: 'synchronous', ASYNCHRONOUS: 'asynchronous' } as const;

function stateOf({ sets, ...state }: StateRecord): State {
  return { ...state, sets: setNames.filter((name) => sets[name]) };
}

function read(): Record<MachineName, Machine> {
  const records = component.all();
  const events = component.events();
  const calls = component.calls();
  const machines = records.map((record, number): Machine => {
    const states = record.states.map(stateOf);
    const names = states.map(({ name }) => name);
    const transitions = record.table.flatMap(({ state, call }, i): Transition[] => {
      const from = names[Math.floor(i / events.length)]!;
      if (names[state] === PROTOCOL_ERROR) return [];
      return [{ from, event: events[i % events.length]!, state: names[state]!, call }];
    });
    return {
      name: record.name as MachineName,
      states,
      initial: names[record.initial]!,
      events,
      calls,
      transitions,
      class: record.class && classes[record.class],
      step(from, event) {
        const at = names.indexOf(from);
        if (at < 0)
          throw new UsageError(
            `"${from}" is no state of ${record.name}: choose ${names.join(', ')}`,
          );
        if (!events.includes(event))
          throw new UsageError(`"${event}" is no event: choose ${events.join(', ')}`);
        const { state, call } = component.step(number, at, event);
        return { state: names[state]!, call };
      },
    };
  });
  return Object.fromEntries(machines.map((machine) => [machine.name, machine])) as Record<
    MachineName,
    Machine
  >;
}

/** Every machine, by its name. */
export const machines: Readonly<Record<MachineName, Machine>> = read();
