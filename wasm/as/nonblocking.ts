// Non-blocking I/O: the process asks again and again, and is busy with asking.
import {
  BEGIN,
  BLOCKED,
  CALL_RECV_NOWAIT,
  COPIED,
  COPY,
  ENDED,
  FAILED,
  INPUTS,
  INTERRUPTED,
  Machine,
  NOT_READY,
  NO_CALL,
  NO_PHASE,
  OUTPUTS,
  READY,
  RUNNING,
  WAIT,
} from "./machine";
import { yieldProcessor } from "./sdk/process";
import { ACCEPT_BURST, Connection, Server } from "./serve";

// In the phase WAIT the process runs: recv(2) says NOT_READY and returns at once, and there is
// nothing to do but to call it again. Only the call that finds the data blocks, for as long as the
// copy takes.
const IDLE: u8 = 1;
const TRYING: u8 = 2;
const COPYING: u8 = 3;
const AT_END: u8 = 4;
const BROKEN: u8 = 5;

const NAMES: StaticArray<string> = [
  "PROTOCOL_ERROR",
  "IDLE",
  "TRYING",
  "COPYING",
  "AT_END",
  "BROKEN",
];

// Of each state: its phase, the process, its sets, whether it is final.
const STATES: StaticArray<u8> = [
  NO_PHASE, RUNNING, 0, 1, // PROTOCOL_ERROR
  NO_PHASE, RUNNING, 0, 0, // IDLE
  WAIT,     RUNNING, 0, 0, // TRYING
  COPY,     BLOCKED, 0, 0, // COPYING
  NO_PHASE, RUNNING, 0, 1, // AT_END
  NO_PHASE, RUNNING, 0, 1, // BROKEN
];

// From a state, on an event, to a state, with a call.
const TABLE: StaticArray<u8> = [
  IDLE,    BEGIN,       TRYING,  CALL_RECV_NOWAIT,
  IDLE,    FAILED,      BROKEN,  NO_CALL,

  TRYING,  READY,       COPYING, NO_CALL,
  TRYING,  NOT_READY,   TRYING,  CALL_RECV_NOWAIT,
  TRYING,  INTERRUPTED, TRYING,  CALL_RECV_NOWAIT,
  TRYING,  ENDED,       AT_END,  NO_CALL,
  TRYING,  FAILED,      BROKEN,  NO_CALL,

  COPYING, COPIED,      IDLE,    NO_CALL,
  COPYING, FAILED,      BROKEN,  NO_CALL,
];

export const nonblockingMachine = new Machine(
  "nonblocking",
  NAMES.length,
  IDLE,
  NAMES,
  STATES,
  TABLE,
);

// ---- the driver

/**
 * Tries to receive once, and answers whether anything came of it. An operation that is under way is
 * not begun: its call is due again.
 */
function receive(server: Server, connection: Connection): bool {
  if (connection.operation == IDLE) server.step(connection, BEGIN);
  const event = server.receive(connection);
  if (event == COPIED) server.step(connection, READY);
  return server.step(connection, event) != CALL_RECV_NOWAIT;
}

/** Sends or receives what can be, and answers whether anything could. */
function serveOne(server: Server, connection: Connection): bool {
  let moved = false;
  if (connection.in(OUTPUTS)) moved = server.send(connection);
  if (connection.in(INPUTS) && receive(server, connection)) moved = true;
  if (connection.sets != 0) return moved;
  server.close(connection);
  return true;
}

function acceptAll(server: Server): bool {
  let moved = false;
  for (let i = 0; i < server.listeners.length && !server.resting; i++) {
    for (let burst = 0; burst < ACCEPT_BURST; burst++) {
      if (server.accept(server.listeners[i]) == null) break;
      moved = true;
    }
  }
  return moved;
}

/**
 * Asks every descriptor that there is. When nothing moved, another process may have the processor
 * for a while: it is the other processes that make something move.
 */
function turn(server: Server): void {
  let moved = acceptAll(server);
  // From the last to the first: one that is closed is replaced by one that was served already.
  for (let i = server.open.length - 1; i >= 0; i--) {
    if (serveOne(server, server.open[i])) moved = true;
  }
  if (!moved) yieldProcessor();
}

export function serveNonblocking(server: Server): void {
  while (server.serving) turn(server);
}
