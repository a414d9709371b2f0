// Signal-driven I/O: the process works on, until a signal tells it that it may receive.
import {
  ARMED,
  BEGIN,
  BLOCKED,
  CALL_RECV_NOWAIT,
  CALL_SIGNAL_ARM,
  CALL_SIGNAL_WAIT,
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
  OVERFLOWED,
  RUNNING,
  SIGNALLED,
  TIMED_OUT,
  WAIT,
} from "./machine";

// In the phase WAIT the process is free: it works, and if it has nothing else to do and wants the
// data now (BEGIN), it waits for a signal, any signal, which is no call on the descriptor. A signal
// is like an edge: one may stand for many messages, and what was there before it was armed tells
// nothing. So recv(2) is called as soon as it is ARMED, and again until it says NOT_READY; fewer
// bytes than there was room for say so as well, in IDLE. Signals that were lost (OVERFLOWED) may
// have been for this descriptor. In the phase COPY the process is blocked: this is synchronous I/O.
const UNARMED: u8 = 1;
const ARMING: u8 = 2;
const WORKING: u8 = 3;
const RECEIVING: u8 = 4;
const IDLE: u8 = 5;
const AT_END: u8 = 6;
const BROKEN: u8 = 7;

const NAMES: StaticArray<string> = [
  "PROTOCOL_ERROR",
  "UNARMED",
  "ARMING",
  "WORKING",
  "RECEIVING",
  "IDLE",
  "AT_END",
  "BROKEN",
];

// Of each state: its phase, the process, its sets, whether it is final.
const STATES: StaticArray<u8> = [
  NO_PHASE, RUNNING, 0, 1, // PROTOCOL_ERROR
  NO_PHASE, RUNNING, 0, 0, // UNARMED
  NO_PHASE, RUNNING, 0, 0, // ARMING
  WAIT,     RUNNING, 0, 0, // WORKING
  COPY,     BLOCKED, 0, 0, // RECEIVING
  NO_PHASE, RUNNING, 0, 0, // IDLE
  NO_PHASE, RUNNING, 0, 1, // AT_END
  NO_PHASE, RUNNING, 0, 1, // BROKEN
];

// From a state, on an event, to a state, with a call.
const TABLE: StaticArray<u8> = [
  UNARMED,   BEGIN,       ARMING,    CALL_SIGNAL_ARM,
  UNARMED,   FAILED,      BROKEN,    NO_CALL,

  ARMING,    ARMED,       RECEIVING, CALL_RECV_NOWAIT,
  ARMING,    FAILED,      BROKEN,    NO_CALL,

  WORKING,   BEGIN,       WORKING,   CALL_SIGNAL_WAIT,
  WORKING,   TIMED_OUT,   WORKING,   CALL_SIGNAL_WAIT,
  WORKING,   INTERRUPTED, WORKING,   CALL_SIGNAL_WAIT,
  WORKING,   SIGNALLED,   RECEIVING, CALL_RECV_NOWAIT,
  WORKING,   OVERFLOWED,  RECEIVING, CALL_RECV_NOWAIT,
  WORKING,   FAILED,      BROKEN,    NO_CALL,

  RECEIVING, NOT_READY,   WORKING,   CALL_WORK,
  RECEIVING, INTERRUPTED, RECEIVING, CALL_RECV_NOWAIT,
  RECEIVING, COPIED,      IDLE,      NO_CALL,
  RECEIVING, ENDED,       AT_END,    NO_CALL,
  RECEIVING, FAILED,      BROKEN,    NO_CALL,

  IDLE,      BEGIN,       RECEIVING, CALL_RECV_NOWAIT,
  IDLE,      NOT_READY,   WORKING,   CALL_WORK,
  IDLE,      SIGNALLED,   IDLE,      NO_CALL,
  IDLE,      OVERFLOWED,  IDLE,      NO_CALL,
  IDLE,      FAILED,      BROKEN,    NO_CALL,
];

export const signalMachine = new Machine("signal", NAMES.length, UNARMED, NAMES, STATES, TABLE);
