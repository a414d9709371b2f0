// Multiplexing with poll(2): the process waits for many descriptors in one call, then receives.
import {
  BEGIN,
  BLOCKED,
  CALL_POLL,
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
  TIMED_OUT,
  WAIT,
} from "./machine";
import { EINTR } from "./sdk/errno";
import { Poll } from "./sdk/poll";
import { ACCEPT_BURST, Connection, Server } from "./serve";

// As select(2), but the set is a list, and has no limit: the process is blocked in poll(2), with
// POLLIN in the entry of this descriptor. READY is a hint: recv(2) may still say NOT_READY, so it
// is called with O_NONBLOCK, and the wait begins again. Nothing is asked for between COPIED and
// BEGIN: that is how a server stops reading.
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
  IDLE,      BEGIN,       WAITING,   CALL_POLL,
  IDLE,      FAILED,      BROKEN,    NO_CALL,

  WAITING,   READY,       RECEIVING, CALL_RECV_NOWAIT,
  WAITING,   TIMED_OUT,   WAITING,   CALL_POLL,
  WAITING,   INTERRUPTED, WAITING,   CALL_POLL,
  WAITING,   FAILED,      BROKEN,    NO_CALL,

  RECEIVING, NOT_READY,   WAITING,   CALL_POLL,
  RECEIVING, INTERRUPTED, RECEIVING, CALL_RECV_NOWAIT,
  RECEIVING, COPIED,      IDLE,      NO_CALL,
  RECEIVING, ENDED,       AT_END,    NO_CALL,
  RECEIVING, FAILED,      BROKEN,    NO_CALL,
];

export const pollMachine = new Machine("poll", NAMES.length, IDLE, NAMES, STATES, TABLE);

// ---- the driver, of select(2) too: both come down to poll_oneoff

/** Marks a listener in what comes back with an event, beside its descriptor. */
const LISTENS: u64 = 1 << 32;

@final
export class Multiplexer {
  private poll: Poll = new Poll();
  private stale: bool = true;
  private rested: bool = false;

  /** With `anew` the list is made for every wait, as select(2) wants it; else when it changed. */
  constructor(
    private server: Server,
    private anew: bool,
  ) {}

  serve(): void {
    const server = this.server;
    for (let i = 0; i < server.open.length; i++) server.step(server.open[i], BEGIN);
    while (server.serving) this.turn();
  }

  /** Waits, and serves what is ready. */
  private turn(): void {
    const resting = this.server.resting;
    if (this.stale || this.anew || resting != this.rested) this.list(resting);
    const ready = this.poll.wait(this.server.timeoutNs);
    if (ready < 0 && ready != -EINTR) this.server.fatal("poll", ready);
    for (let i = 0; i < ready; i++) {
      const fd = <i32>this.poll.userdata(i);
      if ((this.poll.userdata(i) & LISTENS) != 0) {
        this.accept(fd);
        continue;
      }
      // It may have been closed in this turn, by an event before.
      const connection = this.server.of(fd);
      if (connection != null) this.turnOf(connection, i);
    }
  }

  private list(resting: bool): void {
    const server = this.server;
    this.poll.clear();
    if (!resting) {
      for (let i = 0; i < server.listeners.length; i++) {
        this.poll.read(server.listeners[i], LISTENS | server.listeners[i]);
      }
    }
    for (let i = 0; i < server.open.length; i++) {
      const connection = server.open[i];
      if (connection.in(INPUTS)) this.poll.read(connection.fd, connection.fd);
      if (connection.in(OUTPUTS)) this.poll.write(connection.fd, connection.fd);
    }
    this.stale = false;
    this.rested = resting;
  }

  private accept(listener: i32): void {
    for (let burst = 0; burst < ACCEPT_BURST; burst++) {
      const connection = this.server.accept(listener);
      if (connection == null) return;
      this.server.step(connection, BEGIN);
      this.stale = true;
      if (connection.sets == 0) this.server.close(connection);
    }
  }

  private turnOf(connection: Connection, event: i32): void {
    const sets = connection.sets;
    if (this.poll.errno(event) != 0) {
      connection.enter(FAILED);
    } else if (this.poll.isWrite(event)) {
      if (connection.in(OUTPUTS)) this.server.send(connection);
      if ((sets & INPUTS) == 0 && connection.in(INPUTS)) this.server.step(connection, BEGIN);
    } else if (connection.in(INPUTS)) {
      this.receive(connection);
    }
    if (connection.sets == sets) return;
    this.stale = true;
    if (connection.sets == 0) this.server.close(connection);
  }

  private receive(connection: Connection): void {
    const server = this.server;
    let call = server.step(connection, READY);
    while (call == CALL_RECV_NOWAIT) call = server.step(connection, server.receive(connection));
    if (call == NO_CALL && connection.in(INPUTS)) server.step(connection, BEGIN);
  }
}

export function servePoll(server: Server): void {
  new Multiplexer(server, false).serve();
}
