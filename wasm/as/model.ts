// The I/O models, by number. A guest is compiled for one of them, MODEL, and has nothing of the
// drivers of the others.
import { asyncMachine, serveAsync } from "./async";
import { blockingMachine, serveBlocking } from "./blocking";
import { epollEdgeMachine, epollMachine, serveEpoll, serveEpollEdge } from "./epoll";
import { nonblockingMachine, serveNonblocking } from "./nonblocking";
import { pollMachine, servePoll } from "./poll";
import { selectMachine, serveSelect } from "./select";
import { signalMachine, serveSignal } from "./signal";
import { Protocol, Server } from "./serve";

const BLOCKING: i32 = 0;
const NONBLOCKING: i32 = 1;
const SELECT: i32 = 2;
const POLL: i32 = 3;
const EPOLL: i32 = 4;
const EPOLL_EDGE: i32 = 5;
const SIGNAL: i32 = 6;
const ASYNC: i32 = 7;

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
  } else if (MODEL == EPOLL) {
    serveEpoll(new Server(protocol, epollMachine, false));
  } else if (MODEL == EPOLL_EDGE) {
    serveEpollEdge(new Server(protocol, epollEdgeMachine, false));
  } else if (MODEL == SIGNAL) {
    serveSignal(new Server(protocol, signalMachine, false));
  } else if (MODEL == ASYNC) {
    serveAsync(new Server(protocol, asyncMachine, false));
  }
}
