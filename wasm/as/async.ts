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
  INPUTS,
  INTERRUPTED,
  Machine,
  NOT_READY,
  NO_CALL,
  NO_PHASE,
  OUTPUTS,
  READY,
  RUNNING,
  TIMED_OUT,
  WAIT,
} from "./machine";
import { ACCEPT, Async, RECV, SEND } from "./sdk/async";
import { EAGAIN, ECANCELED, EINTR, ENOBUFS } from "./sdk/errno";
import { shutdown, SHUT_RDWR } from "./sdk/socket";
import { Connection, Server } from "./serve";

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

// ---- the driver

// What is in flight of a connection, as its notes. It is closed when nothing is, so that no
// completion is ever of an earlier connection of the same descriptor.
const RECEIVING: u32 = 1;
const SENDING: u32 = 2;

@final
class Driver {
  private io: Async = new Async();
  /** Whom something has happened to in this turn. */
  private stirred: Connection[] = [];
  /** By the number of the listener: whether an accept is in flight. */
  private accepting: StaticArray<bool>;

  constructor(private server: Server) {
    this.accepting = new StaticArray<bool>(server.listeners.length);
  }

  serve(): void {
    const server = this.server;
    for (let i = server.open.length - 1; i >= 0; i--) this.settle(server.open[i]);
    while (server.serving) this.turn();
  }

  private turn(): void {
    const server = this.server;
    if (!server.resting) this.accept();
    const count = this.io.wait(server.timeoutNs);
    if (count < 0 && count != -EINTR) server.fatal("reap", count);
    for (let i = 0; i < count; i++) {
      const opcode = this.io.opcode(i);
      if (opcode == ACCEPT) {
        this.accepted(i);
        continue;
      }
      const connection = server.of(<i32>this.io.userdata(i))!;
      if (opcode == RECV) {
        this.received(connection, i);
      } else if (opcode == SEND) {
        this.sent(connection, this.io.result(i));
      }
      this.stirred.push(connection);
    }
    // Only now: what is being sent must not move before it is submitted.
    while (this.stirred.length > 0) this.settle(this.stirred.pop());
  }

  private accept(): void {
    for (let i = 0; i < this.server.listeners.length; i++) {
      if (!this.accepting[i]) this.accepting[i] = this.io.accept(this.server.listeners[i], i) == 0;
    }
  }

  private accepted(i: i32): void {
    const result = this.io.result(i);
    if (!this.io.more(i)) this.accepting[<i32>this.io.userdata(i)] = false;
    if (result < 0) {
      this.server.refused(result);
    } else {
      this.stirred.push(this.server.add(result));
    }
  }

  private received(connection: Connection, i: i32): void {
    const server = this.server;
    const result = this.io.result(i);
    const over = connection.sets == 0;
    connection.notes &= ~RECEIVING;
    if (result > 0) {
      server.step(connection, READY);
      if (!over) server.received(connection, this.io.bytes(i), result);
      server.step(connection, COPIED);
    } else {
      const event = result == 0 ? ENDED : isPassing(result) ? NOT_READY : FAILED;
      server.step(connection, event);
      if (!over) connection.enter(event);
    }
  }

  private sent(connection: Connection, result: i32): void {
    connection.notes &= ~SENDING;
    if (connection.sets == 0) return;
    if (result >= 0) {
      this.server.sent(connection, result);
    } else {
      connection.enter(isPassing(result) ? NOT_READY : FAILED);
    }
  }

  /**
   * Has in flight what belongs to the sets that the connection is in now, or lets it go. One send
   * at a time, for two may overtake each other; one receive at a time, of no more than the queue
   * has room for.
   */
  private settle(connection: Connection): void {
    const fd = connection.fd;
    if (fd < 0) return; // it was stirred twice, and is gone
    if (connection.sets == 0) {
      if (connection.notes == 0) {
        this.server.close(connection);
      } else {
        shutdown(fd, SHUT_RDWR); // which ends what is in flight
      }
      return;
    }
    if (connection.in(OUTPUTS) && (connection.notes & SENDING) == 0) {
      const queue = connection.queue!;
      this.submitted(connection, SENDING, this.io.send(fd, queue.start, queue.length, fd));
    }
    if (!connection.in(INPUTS) || (connection.notes & RECEIVING) != 0) return;
    if (this.server.step(connection, BEGIN) == CALL_SUBMIT) {
      const room = this.server.roomOf(connection);
      this.submitted(connection, RECEIVING, this.io.recv(fd, fd, room));
      this.server.step(connection, ARMED);
    }
  }

  private submitted(connection: Connection, what: u32, errno: i32): void {
    if (errno < 0) this.server.fatal("submit", errno);
    connection.notes |= what;
  }
}

/** Nothing came of it, and it may be tried again. */
function isPassing(errno: i32): bool {
  return errno == -ECANCELED || errno == -ENOBUFS || errno == -EAGAIN || errno == -EINTR;
}

export function serveAsync(server: Server): void {
  new Driver(server).serve();
}
