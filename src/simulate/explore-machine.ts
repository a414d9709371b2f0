/**
 * Explores a pure machine: over all sequences of events, whatever happens; and over all that may
 * happen to it in a world with a peer, a kernel and a queue.
 */
import { GuestError } from '../../host/kernel/error.js';
import { TableModel, type Machine } from './machine.js';
import { operationModel } from './operation-model.js';
import { search, type Searched } from './search.js';
import { serverModel } from './server-model.js';

export interface ExploreOptions {
  /** Of how many events a sequence is at most; default 40. */
  length?: number;
  /** How many messages the peer sends; default 4. */
  messages?: number;
}

export interface ExploredMachine {
  /** Every event at every time, what cannot happen then too. */
  readonly table: Searched;
  /** What may happen, with the peer, the kernel and the queue. */
  readonly world: Searched;
}

/**
 * Explores all sequences of events up to a length. Throws `GuestError`, with the shortest sequence
 * of events, for a machine that is not total, loses a message, waits for what it was told of
 * already, lets its queue grow, or cannot come to its end.
 */
export function explore(machine: Machine, options: ExploreOptions = {}): ExploredMachine {
  const { length = 40, messages = 4 } = options;
  const model = machine.name === 'server' ? serverModel : operationModel;
  try {
    return {
      table: search(new TableModel(machine), length),
      world: search(model(machine, messages), length),
    };
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    throw new GuestError(`the machine "${machine.name}": ${error.message}`);
  }
}
