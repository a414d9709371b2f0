/** A pure machine as it is explored, and what must be so of its table alone. */
import type * as component from '../machine.js';
import type { Model } from './search.js';

export type { Call, Event } from '../machine.js';

/** A machine as `pollux/machine` has it, or anybody else's of the same shape. */
export type Machine = Omit<component.Machine, 'name' | 'transitions' | 'class'> & {
  readonly name: string;
};

export const PROTOCOL_ERROR = 'PROTOCOL_ERROR';

/** The machine alone. Each pair of state and event has an answer, and nothing leaves an error. */
export class TableModel implements Model<string> {
  readonly initial: string;
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.initial = machine.initial;
  }

  key(state: string): string {
    return state;
  }

  *next(state: string): Generator<readonly [string, string]> {
    for (const event of this.#machine.events) yield [event, this.#machine.step(state, event).state];
  }

  wrong(state: string): string | undefined {
    const { states, calls, events } = this.#machine;
    const found = states.find(({ name }) => name === state);
    if (found === undefined) return `"${state}" is no state`;
    for (const event of events) {
      const step = this.#machine.step(state, event);
      if (!calls.includes(step.call)) return `${event} leads to "${step.call}", which is no call`;
      if (step.state !== PROTOCOL_ERROR && found.final) return `${event} leaves a final state`;
      if (step.state === PROTOCOL_ERROR && step.call !== 'NO_CALL')
        return `${event} is an error, and leads to a call`;
    }
    return undefined;
  }

  done(state: string): boolean {
    return this.#machine.states.some(({ name, final }) => name === state && final);
  }
}
