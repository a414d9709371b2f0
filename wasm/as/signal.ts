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
  INPUTS,
  INTERRUPTED,
  Machine,
  NOT_READY,
  NO_CALL,
  NO_PHASE,
  OUTPUTS,
  OVERFLOWED,
  RUNNING,
  SIGNALLED,
  TIMED_OUT,
  WAIT,
} from "./machine";
import { EINTR, ENOSYS, ENOTSUP } from "./sdk/errno";
import { arm, OVERFLOW, Signals } from "./sdk/signal";
import { ACCEPT_BURST, Connection, RECEIVE_BURST, Server } from "./serve";

// In the phase WAIT the process is free: it works, and if it has nothing else to do and wants the
// data now (BEGIN), it waits for a signal, any signal, which is no call on the descriptor. A signal
// is like an edge: one may stand for many messages, and what was there before it was armed tells
// nothing. So recv(2) is called as soon as it is ARMED, and again until it says NOT_READY; fewer
// bytes than there was room for say so as well, in IDLE, to who knows of no shut-down behind them.
// Signals that were lost (OVERFLOWED) may have been for this descriptor. In the phase COPY the
// process is blocked: this is synchronous I/O.
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

// ---- the driver

const BATCH: u32 = 512;

@final
class Driver {
  private signals: Signals = new Signals(BATCH);
  // Nothing will tell of what is left to do: everything is looked at, or the listeners are.
  private rescan: bool = false;
  private relisten: bool = true; // of who came before the listeners were armed, nothing is told

  constructor(private server: Server) {}

  serve(): void {
    const server = this.server;
    for (let i = 0; i < server.listeners.length; i++) {
      const errno = arm(server.listeners[i]);
      if (errno < 0) server.fatal("signal_arm", errno);
    }
    for (let i = server.open.length - 1; i >= 0; i--) this.begin(server.open[i]);
    while (server.serving) this.turn();
  }

  /** There is no other work: it always waits for the next signal. */
  private turn(): void {
    const server = this.server;
    if (this.relisten && !server.resting) this.lookAtListeners();
    const due = this.rescan || (this.relisten && !server.resting);
    const count = this.signals.wait(due ? 0 : server.timeoutNs);
    if (count < 0 && count != -EINTR) server.fatal("signal_wait", count);
    for (let i = 0; i < count; i++) {
      const fd = this.signals.fd(i);
      if (fd == OVERFLOW) {
        this.rescan = true;
        continue;
      }
      const connection = server.of(fd);
      if (connection != null) {
        this.turnOf(connection, SIGNALLED);
      } else {
        this.relisten = true; // or it was closed meanwhile
      }
    }
    if (this.rescan) this.lookAtAll();
  }

  private lookAtListeners(): void {
    this.relisten = false;
    for (let i = 0; i < this.server.listeners.length; i++) this.accept(this.server.listeners[i]);
  }

  private lookAtAll(): void {
    const open = this.server.open;
    this.rescan = false;
    for (let i = open.length - 1; i >= 0; i--) this.turnOf(open[i], OVERFLOWED);
    this.relisten = true;
  }

  private accept(listener: i32): void {
    for (let burst = 0; burst < ACCEPT_BURST; burst++) {
      const connection = this.server.accept(listener);
      if (connection == null) {
        if (this.server.resting) this.relisten = true;
        return;
      }
      this.begin(connection);
    }
    this.relisten = true;
  }

  /** Of what could be sent, or received, before it was armed, nothing is told. */
  private begin(connection: Connection): void {
    const server = this.server;
    if (connection.sets != 0) {
      server.step(connection, BEGIN);
      if (!this.arm(connection.fd)) connection.enter(FAILED);
      if (connection.in(OUTPUTS)) server.send(connection);
      if (connection.in(INPUTS)) this.receive(connection, server.step(connection, ARMED));
    }
    if (connection.sets == 0) server.close(connection);
  }

  private arm(fd: i32): bool {
    const errno = arm(fd);
    if (errno == -ENOSYS || errno == -ENOTSUP) this.server.fatal("signal_arm", errno);
    return errno == 0;
  }

  private turnOf(connection: Connection, event: u8): void {
    const server = this.server;
    if (connection.in(OUTPUTS)) server.send(connection);
    if (connection.in(INPUTS)) {
      const next = connection.operation == IDLE ? BEGIN : event;
      this.receive(connection, server.step(connection, next));
    }
    if (connection.sets == 0) server.close(connection);
  }

  /**
   * Receives until nothing is left, or the server wants no more. Fewer bytes than there was room
   * for are not the end of it: the client's shut-down may be in the same signal.
   */
  private receive(connection: Connection, call: u8): void {
    const server = this.server;
    for (let burst = 0; call == CALL_RECV_NOWAIT; burst++) {
      call = server.step(connection, server.receive(connection));
      if (call != NO_CALL || !connection.in(INPUTS)) continue;
      if (burst < RECEIVE_BURST) {
        call = server.step(connection, BEGIN);
      } else {
        this.rescan = true;
      }
    }
  }
}

export function serveSignal(server: Server): void {
  new Driver(server).serve();
}
