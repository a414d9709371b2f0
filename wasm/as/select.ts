// Multiplexing with select(2): the process waits for many descriptors in one call, then receives.
import {
  BEGIN,
  BLOCKED,
  CALL_RECV_NOWAIT,
  CALL_SELECT,
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
  TIMED_OUT,
  WAIT,
} from "./machine";
import { Multiplexer } from "./poll";
import { Server } from "./serve";

// The process is blocked in select(2), with this descriptor in `inputs`, which it hands over anew
// with every call. READY is a hint: recv(2) may still say NOT_READY (another process was faster, or
// a checksum was wrong), so it is called with O_NONBLOCK, and the wait begins again. Nothing is
// asked for between COPIED and BEGIN: that is how a server stops reading.
const IDLE: u8 = 1;
const WAITING: u8 = 2;
const RECEIVING: u8 = 3;
const AT_END: u8 = 4;
const BROKEN: u8 = 5;

const NAMES: StaticArray<string> = [
  "PROTOCOL_ERROR",
  "IDLE",
  "WAITING",
  "RECEIVING",
  "AT_END",
  "BROKEN",
];

// Of each state: its phase, the process, its sets, whether it is final.
const STATES: StaticArray<u8> = [
  NO_PHASE, RUNNING, 0, 1, // PROTOCOL_ERROR
  NO_PHASE, RUNNING, 0, 0, // IDLE
  WAIT,     BLOCKED, 0, 0, // WAITING
  COPY,     BLOCKED, 0, 0, // RECEIVING
  NO_PHASE, RUNNING, 0, 1, // AT_END
  NO_PHASE, RUNNING, 0, 1, // BROKEN
];

// From a state, on an event, to a state, with a call.
const TABLE: StaticArray<u8> = [
  IDLE,      BEGIN,       WAITING,   CALL_SELECT,
  IDLE,      FAILED,      BROKEN,    NO_CALL,

  WAITING,   READY,       RECEIVING, CALL_RECV_NOWAIT,
  WAITING,   TIMED_OUT,   WAITING,   CALL_SELECT,
  WAITING,   INTERRUPTED, WAITING,   CALL_SELECT,
  WAITING,   FAILED,      BROKEN,    NO_CALL,

  RECEIVING, NOT_READY,   WAITING,   CALL_SELECT,
  RECEIVING, INTERRUPTED, RECEIVING, CALL_RECV_NOWAIT,
  RECEIVING, COPIED,      IDLE,      NO_CALL,
  RECEIVING, ENDED,       AT_END,    NO_CALL,
  RECEIVING, FAILED,      BROKEN,    NO_CALL,
];

export const selectMachine = new Machine("select", NAMES.length, IDLE, NAMES, STATES, TABLE);

// ---- the driver is that of poll.ts: WASI has one call for both

export function serveSelect(server: Server): void {
  new Multiplexer(server, true).serve();
}
