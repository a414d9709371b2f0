// Multiplexing with epoll(7): the kernel keeps the set, and a wait costs what is ready, not what is
// watched.
import {
  ARMED,
  BEGIN,
  BLOCKED,
  CALL_EPOLL_CTL,
  CALL_EPOLL_WAIT,
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
  TIMED_OUT,
  WAIT,
} from "./machine";

const IDLE: u8 = 1;
const REGISTERING: u8 = 2;
const WAITING: u8 = 3;
const RECEIVING: u8 = 4;
const AT_END: u8 = 5;
const BROKEN: u8 = 6;
const UNREGISTERED: u8 = 7; // of the edge-triggered machine alone
const LEVEL_STATES: i32 = 7;

const NAMES: StaticArray<string> = [
  "PROTOCOL_ERROR",
  "IDLE",
  "REGISTERING",
  "WAITING",
  "RECEIVING",
  "AT_END",
  "BROKEN",
  "UNREGISTERED",
];

// Of each state: its phase, the process, its sets, whether it is final.
const STATES: StaticArray<u8> = [
  NO_PHASE, RUNNING, 0, 1, // PROTOCOL_ERROR
  NO_PHASE, RUNNING, 0, 0, // IDLE
  NO_PHASE, RUNNING, 0, 0, // REGISTERING
  WAIT,     BLOCKED, 0, 0, // WAITING
  COPY,     BLOCKED, 0, 0, // RECEIVING
  NO_PHASE, RUNNING, 0, 1, // AT_END
  NO_PHASE, RUNNING, 0, 1, // BROKEN
  NO_PHASE, RUNNING, 0, 0, // UNREGISTERED
];

// Level-triggered: what is not received is told again. BEGIN puts the descriptor into the kernel's
// set, or changes it there; from then on the registration is ARMED. After COPIED it still is,
// unless it was EPOLLONESHOT, or the process took EPOLLIN out because it does not want to read:
// ARMED, once more, goes on to wait; BEGIN registers anew first.
const LEVEL_TABLE: StaticArray<u8> = [
  IDLE,        BEGIN,       REGISTERING, CALL_EPOLL_CTL,
  IDLE,        ARMED,       WAITING,     CALL_EPOLL_WAIT,
  IDLE,        FAILED,      BROKEN,      NO_CALL,

  REGISTERING, ARMED,       WAITING,     CALL_EPOLL_WAIT,
  REGISTERING, FAILED,      BROKEN,      NO_CALL,

  WAITING,     READY,       RECEIVING,   CALL_RECV_NOWAIT,
  WAITING,     TIMED_OUT,   WAITING,     CALL_EPOLL_WAIT,
  WAITING,     INTERRUPTED, WAITING,     CALL_EPOLL_WAIT,
  WAITING,     FAILED,      BROKEN,      NO_CALL,

  RECEIVING,   NOT_READY,   WAITING,     CALL_EPOLL_WAIT,
  RECEIVING,   INTERRUPTED, RECEIVING,   CALL_RECV_NOWAIT,
  RECEIVING,   COPIED,      IDLE,        NO_CALL,
  RECEIVING,   ENDED,       AT_END,      NO_CALL,
  RECEIVING,   FAILED,      BROKEN,      NO_CALL,
];

export const epollMachine = new Machine("epoll", LEVEL_STATES, IDLE, NAMES, STATES, LEVEL_TABLE);

// Edge-triggered: only what is new is told, so there is no wait before recv(2) has said NOT_READY.
// The descriptor is registered once. Then BEGIN receives, without a wait, what an earlier edge may
// have left; fewer bytes than there was room for say NOT_READY as well as EAGAIN does (epoll(7)),
// in IDLE. An edge that comes while the process does not want to read is not lost: BEGIN receives
// first. Who has received enough for now changes the registration, although nothing is different:
// that is ARMED anew, and told again.
const EDGE_TABLE: StaticArray<u8> = [
  UNREGISTERED, BEGIN,       REGISTERING, CALL_EPOLL_CTL,
  UNREGISTERED, FAILED,      BROKEN,      NO_CALL,

  REGISTERING,  ARMED,       WAITING,     CALL_EPOLL_WAIT,
  REGISTERING,  FAILED,      BROKEN,      NO_CALL,

  WAITING,      READY,       RECEIVING,   CALL_RECV_NOWAIT,
  WAITING,      TIMED_OUT,   WAITING,     CALL_EPOLL_WAIT,
  WAITING,      INTERRUPTED, WAITING,     CALL_EPOLL_WAIT,
  WAITING,      FAILED,      BROKEN,      NO_CALL,

  RECEIVING,    NOT_READY,   WAITING,     CALL_EPOLL_WAIT,
  RECEIVING,    INTERRUPTED, RECEIVING,   CALL_RECV_NOWAIT,
  RECEIVING,    COPIED,      IDLE,        NO_CALL,
  RECEIVING,    ENDED,       AT_END,      NO_CALL,
  RECEIVING,    FAILED,      BROKEN,      NO_CALL,

  IDLE,         BEGIN,       RECEIVING,   CALL_RECV_NOWAIT,
  IDLE,         ARMED,       WAITING,     CALL_EPOLL_WAIT,
  IDLE,         READY,       IDLE,        NO_CALL,
  IDLE,         NOT_READY,   WAITING,     CALL_EPOLL_WAIT,
  IDLE,         FAILED,      BROKEN,      NO_CALL,
];

export const epollEdgeMachine = new Machine(
  "epoll-edge",
  NAMES.length,
  UNREGISTERED,
  NAMES,
  STATES,
  EDGE_TABLE,
);
