// Blocking I/O: the process sleeps in recv(2) until the data has come and is copied.
import {
  BEGIN,
  BLOCKED,
  CALL_RECV,
  COPIED,
  COPY,
  ENDED,
  FAILED,
  INTERRUPTED,
  Machine,
  NO_CALL,
  NO_PHASE,
  OUTPUTS,
  READY,
  RUNNING,
  WAIT,
} from "./machine";
import { sleep } from "./sdk/clock";
import { Connection, Server } from "./serve";

// One call, in which the process is blocked in both phases. It sees neither begin nor end of them:
// that the data was READY it learns when the call returns, together with what was COPIED. An end
// and an error come in place of the data, and there is nothing to copy. A call that a signal
// INTERRUPTED is made again. NOT_READY cannot happen.
const IDLE: u8 = 1;
const WAITING: u8 = 2;
const COPYING: u8 = 3;
const AT_END: u8 = 4;
const BROKEN: u8 = 5;

const NAMES: StaticArray<string> = [
  "PROTOCOL_ERROR",
  "IDLE",
  "WAITING",
  "COPYING",
  "AT_END",
  "BROKEN",
];

// Of each state: its phase, the process, its sets, whether it is final.
const STATES: StaticArray<u8> = [
  NO_PHASE, RUNNING, 0, 1, // PROTOCOL_ERROR
  NO_PHASE, RUNNING, 0, 0, // IDLE
  WAIT,     BLOCKED, 0, 0, // WAITING
  COPY,     BLOCKED, 0, 0, // COPYING
  NO_PHASE, RUNNING, 0, 1, // AT_END
  NO_PHASE, RUNNING, 0, 1, // BROKEN
];

// From a state, on an event, to a state, with a call.
const TABLE: StaticArray<u8> = [
  IDLE,    BEGIN,       WAITING, CALL_RECV,
  IDLE,    FAILED,      BROKEN,  NO_CALL,

  WAITING, READY,       COPYING, NO_CALL,
  WAITING, INTERRUPTED, WAITING, CALL_RECV,
  WAITING, ENDED,       AT_END,  NO_CALL,
  WAITING, FAILED,      BROKEN,  NO_CALL,

  COPYING, COPIED,      IDLE,    NO_CALL,
  COPYING, FAILED,      BROKEN,  NO_CALL,
];

export const blockingMachine = new Machine("blocking", NAMES.length, IDLE, NAMES, STATES, TABLE);

// ---- the driver

const PAUSE_NS: i64 = 10_000_000;

/** One receive. That the data was ready is learnt together with it. */
function receive(server: Server, connection: Connection): void {
  let call = server.step(connection, BEGIN);
  while (call == CALL_RECV) {
    const event = server.receive(connection);
    if (event == COPIED) server.step(connection, READY);
    call = server.step(connection, event);
  }
}

function serveOne(server: Server, connection: Connection): void {
  while (connection.sets != 0) {
    if (connection.in(OUTPUTS)) {
      server.send(connection);
    } else {
      receive(server, connection);
    }
  }
  server.close(connection);
}

/**
 * One connection after the other: first those that somebody else accepted, then, in turn, one of
 * each listener. Where the host is out of descriptors there is nothing to do but to try again.
 */
export function serveBlocking(server: Server): void {
  while (server.open.length > 0) serveOne(server, server.open[0]);
  for (let i = 0; server.listeners.length > 0; i = (i + 1) % server.listeners.length) {
    const connection = server.accept(server.listeners[i]);
    if (connection != null) serveOne(server, connection);
    while (server.resting) sleep(PAUSE_NS);
  }
}
