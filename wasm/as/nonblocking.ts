// Non-blocking I/O: the process asks again and again, and is busy with asking.
import {
  BEGIN,
  BLOCKED,
  CALL_RECV_NOWAIT,
  COPIED,
  COPY,
  ENDED,
  FAILED,
  INTERRUPTED,
  Machine,
  NOT_READY,
  NO_CALL,
  NO_PHASE,
  READY,
  RUNNING,
  WAIT,
} from "./machine";

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
