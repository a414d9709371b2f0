// Asynchronous I/O: the process says what it wants, works on, and is told when it has it.
import {
  ARMED,
  BEGIN,
  CALL_REAP,
  CALL_SUBMIT,
  CALL_WORK,
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

// The process is blocked in neither phase: it submits the operation, and is free until it is told
// of the completion, by when the data is there (READY) and copied (COPIED) already. If it has
// nothing else to do and wants the data now (BEGIN), it waits for completions, any completions.
// After COPIED a multishot operation goes on by itself: it is still ARMED. Any other is submitted
// anew, by BEGIN, and so is one that is over without data (NOT_READY: it was cancelled).
const IDLE: u8 = 1;
const SUBMITTED: u8 = 2;
const TRANSFERRING: u8 = 3;
const AT_END: u8 = 4;
const BROKEN: u8 = 5;

const NAMES: StaticArray<string> = [
  "PROTOCOL_ERROR",
  "IDLE",
  "SUBMITTED",
  "TRANSFERRING",
  "AT_END",
  "BROKEN",
];

// Of each state: its phase, the process, its sets, whether it is final.
const STATES: StaticArray<u8> = [
  NO_PHASE, RUNNING, 0, 1, // PROTOCOL_ERROR
  NO_PHASE, RUNNING, 0, 0, // IDLE
  WAIT,     RUNNING, 0, 0, // SUBMITTED
  COPY,     RUNNING, 0, 0, // TRANSFERRING
  NO_PHASE, RUNNING, 0, 1, // AT_END
  NO_PHASE, RUNNING, 0, 1, // BROKEN
];

// From a state, on an event, to a state, with a call.
const TABLE: StaticArray<u8> = [
  IDLE,         BEGIN,       SUBMITTED,    CALL_SUBMIT,
  IDLE,         ARMED,       SUBMITTED,    CALL_WORK,
  IDLE,         FAILED,      BROKEN,       NO_CALL,

  SUBMITTED,    ARMED,       SUBMITTED,    CALL_WORK,
  SUBMITTED,    BEGIN,       SUBMITTED,    CALL_REAP,
  SUBMITTED,    TIMED_OUT,   SUBMITTED,    CALL_REAP,
  SUBMITTED,    INTERRUPTED, SUBMITTED,    CALL_REAP,
  SUBMITTED,    NOT_READY,   IDLE,         NO_CALL,
  SUBMITTED,    READY,       TRANSFERRING, NO_CALL,
  SUBMITTED,    ENDED,       AT_END,       NO_CALL,
  SUBMITTED,    FAILED,      BROKEN,       NO_CALL,

  TRANSFERRING, COPIED,      IDLE,         NO_CALL,
  TRANSFERRING, FAILED,      BROKEN,       NO_CALL,
];

export const asyncMachine = new Machine("async", NAMES.length, IDLE, NAMES, STATES, TABLE);
