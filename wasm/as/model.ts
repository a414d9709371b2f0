// The I/O models, by number. A guest is compiled for one of them, MODEL, and has nothing of the
// drivers of the others.
import { blockingMachine, serveBlocking } from "./blocking";
import { nonblockingMachine, serveNonblocking } from "./nonblocking";
import { pollMachine, servePoll } from "./poll";
import { selectMachine, serveSelect } from "./select";
import { Protocol, Server } from "./serve";

const BLOCKING: i32 = 0;
const NONBLOCKING: i32 = 1;
const SELECT: i32 = 2;
const POLL: i32 = 3;

/** Serves until no listener and no connection is left. */
export function serveModel(protocol: Protocol): void {
  if (MODEL == BLOCKING) {
    serveBlocking(new Server(protocol, blockingMachine, true));
  } else if (MODEL == NONBLOCKING) {
    serveNonblocking(new Server(protocol, nonblockingMachine, false));
  } else if (MODEL == SELECT) {
    serveSelect(new Server(protocol, selectMachine, false));
  } else if (MODEL == POLL) {
    servePoll(new Server(protocol, pollMachine, false));
  }
}
