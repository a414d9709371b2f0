// The server: one connection of it is a machine.
import {
  BEGIN,
  CALL_CLOSE,
  CALL_SEND,
  DRAINED,
  ENDED,
  EXCEPTIONAL,
  FAILED,
  FILLED,
  GREETED,
  INPUTS,
  Machine,
  NOT_READY,
  NO_CALL,
  NO_PHASE,
  OUTPUTS,
  RECEIVED,
  RUNNING,
  SENT,
} from "./machine";

// A connection is READING while nothing is owed to its client. What it RECEIVED is QUEUED and sent;
// what cannot be sent yet waits, and more is read behind it, until the queue is FILLED: then the
// connection is WRITING, and does not read before the queue is DRAINED, so that a client that does
// not read is not read from. (What was on its way when the queue filled still comes, where receives
// are asynchronous.) When the client has shut down, it is HALF_CLOSED, until all that is owed is
// sent. NOT_READY says that nothing could be received, or sent: the connection stays where it is.
// Whatever FAILED ends this connection, and no other.
//
// In which of the three sets a connection is waited for follows from its state.
const OPEN: u8 = 1;
const READING: u8 = 2;
const QUEUED: u8 = 3;
const WRITING: u8 = 4;
const HALF_CLOSED: u8 = 5;
const CLOSED: u8 = 6;

const NAMES: StaticArray<string> = [
  "PROTOCOL_ERROR",
  "OPEN",
  "READING",
  "QUEUED",
  "WRITING",
  "HALF_CLOSED",
  "CLOSED",
];

// Of each state: its phase, the process, its sets, whether it is final.
const STATES: StaticArray<u8> = [
  NO_PHASE, RUNNING, 0,                              1, // PROTOCOL_ERROR
  NO_PHASE, RUNNING, EXCEPTIONAL,                    0, // OPEN
  NO_PHASE, RUNNING, INPUTS | EXCEPTIONAL,           0, // READING
  NO_PHASE, RUNNING, INPUTS | OUTPUTS | EXCEPTIONAL, 0, // QUEUED
  NO_PHASE, RUNNING, OUTPUTS | EXCEPTIONAL,          0, // WRITING
  NO_PHASE, RUNNING, OUTPUTS | EXCEPTIONAL,          0, // HALF_CLOSED
  NO_PHASE, RUNNING, 0,                              1, // CLOSED
];

// From a state, on an event, to a state, with a call.
const TABLE: StaticArray<u8> = [
  OPEN,        BEGIN,     READING,     NO_CALL,
  OPEN,        GREETED,   QUEUED,      CALL_SEND,
  OPEN,        FAILED,    CLOSED,      CALL_CLOSE,

  READING,     RECEIVED,  QUEUED,      CALL_SEND,
  READING,     FILLED,    WRITING,     CALL_SEND,
  READING,     NOT_READY, READING,     NO_CALL,
  READING,     ENDED,     CLOSED,      CALL_CLOSE,
  READING,     FAILED,    CLOSED,      CALL_CLOSE,

  QUEUED,      RECEIVED,  QUEUED,      NO_CALL,
  QUEUED,      FILLED,    WRITING,     NO_CALL,
  QUEUED,      SENT,      QUEUED,      NO_CALL,
  QUEUED,      NOT_READY, QUEUED,      NO_CALL,
  QUEUED,      DRAINED,   READING,     NO_CALL,
  QUEUED,      ENDED,     HALF_CLOSED, NO_CALL,
  QUEUED,      FAILED,    CLOSED,      CALL_CLOSE,

  WRITING,     RECEIVED,  WRITING,     NO_CALL,
  WRITING,     FILLED,    WRITING,     NO_CALL,
  WRITING,     SENT,      WRITING,     NO_CALL,
  WRITING,     NOT_READY, WRITING,     NO_CALL,
  WRITING,     DRAINED,   READING,     NO_CALL,
  WRITING,     ENDED,     HALF_CLOSED, NO_CALL,
  WRITING,     FAILED,    CLOSED,      CALL_CLOSE,

  HALF_CLOSED, SENT,      HALF_CLOSED, NO_CALL,
  HALF_CLOSED, NOT_READY, HALF_CLOSED, NO_CALL,
  HALF_CLOSED, DRAINED,   CLOSED,      CALL_CLOSE,
  HALF_CLOSED, FAILED,    CLOSED,      CALL_CLOSE,
];

export const serverMachine = new Machine("server", NAMES.length, OPEN, NAMES, STATES, TABLE);
