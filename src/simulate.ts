/** What `import … from 'pollux/simulate'` gives. */
export { Link, type Tree } from '../host/sim/disk.js';
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
export { check, CheckError, type Checked, type CheckOptions } from './simulate/check.js';
export { explore, type ExploredMachine, type ExploreOptions } from './simulate/explore-machine.js';
export type { DirectoryContents } from './simulate/directories.js';
export { describeCall, type Call } from './simulate/instrument.js';
export type { Machine } from './simulate/machine.js';
export type { Searched } from './simulate/search.js';
export {
  failureKinds,
  type DiskView,
  type Failure,
  type FailureKind,
  type RunState,
  type Simulated,
  type SimulateOptions,
} from './simulate/outcome.js';
export { simulate } from './simulate/simulate.js';
export { parseToken, tokenOf } from './simulate/token.js';
export type { Token } from './simulate/token-text.js';
export {
  anyClients,
  echoClients,
  type ClientOptions,
  type WorldOf,
  type WorldScript,
} from './simulate/world.js';
