/** What `import … from 'pollux/simulate'` gives. */
export { load, type Guest } from './guest.js';
export type { Actor, Script } from './simulate/actor.js';
export {
  ConnectionError,
  textOf,
  type ActorListener,
  type Connection,
  type Wait,
  type Waiting,
} from './simulate/connection.js';
export { describeCall, type Call } from './simulate/instrument.js';
export {
  failureKinds,
  simulate,
  type Failure,
  type FailureKind,
  type RunState,
  type Simulated,
  type SimulateOptions,
  type WorldOf,
  type WorldScript,
} from './simulate/run.js';
