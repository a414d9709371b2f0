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
import { Epoll, EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "./sdk/epoll";
import { EINTR } from "./sdk/errno";
import { ACCEPT_BURST, Connection, RECEIVE_BURST, Server } from "./serve";

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

// ---- the drivers

const BATCH: u32 = 512;
const HANGUP: u32 = EPOLLRDHUP | EPOLLHUP;
const EDGES: u32 = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

@final
class Driver {
  private set: Epoll = new Epoll(BATCH);
  private listening: bool = true;

  constructor(
    private server: Server,
    private edge: bool,
  ) {}

  serve(): void {
    const server = this.server;
    if (this.set.fd < 0) server.fatal("epoll_create", this.set.fd);
    for (let i = 0; i < server.listeners.length; i++) {
      const listener = server.listeners[i];
      const errno = this.set.add(listener, EPOLLIN, listener);
      if (errno < 0) server.fatal("epoll_ctl", errno);
    }
    for (let i = server.open.length - 1; i >= 0; i--) this.begin(server.open[i]);
    while (server.serving) this.turn();
  }

  private turn(): void {
    const server = this.server;
    this.listen(!server.resting);
    const count = this.set.wait(server.timeoutNs);
    if (count < 0 && count != -EINTR) server.fatal("epoll_wait", count);
    let clients = false;
    for (let i = 0; i < count; i++) {
      const connection = server.of(<i32>this.set.data(i));
      if (connection == null) {
        // They are accepted when closed connections have given their descriptors back.
        clients = true;
      } else if (this.edge) {
        this.edgeTurn(connection, this.set.events(i));
      } else {
        this.levelTurn(connection, this.set.events(i));
      }
    }
    for (let i = 0; clients && i < server.listeners.length; i++) this.accept(server.listeners[i]);
  }

  /**
   * Listeners are level-triggered in any case, for they are not always accepted from until nobody
   * is left; while they rest nothing is told of them.
   */
  private listen(on: bool): void {
    if (on == this.listening) return;
    this.listening = on;
    for (let i = 0; i < this.server.listeners.length; i++) {
      const listener = this.server.listeners[i];
      const errno = this.set.modify(listener, on ? EPOLLIN : 0, listener);
      if (errno < 0) this.server.fatal("epoll_ctl", errno);
    }
  }

  private accept(listener: i32): void {
    for (let burst = 0; burst < ACCEPT_BURST; burst++) {
      const connection = this.server.accept(listener);
      if (connection == null) return;
      this.begin(connection);
    }
  }

  private begin(connection: Connection): void {
    const server = this.server;
    if (!this.edge) {
      this.settle(connection, 0);
    } else if (
      connection.sets != 0 &&
      this.set.add(connection.fd, EDGES, connection.fd) == 0
    ) {
      server.step(connection, BEGIN);
      server.step(connection, ARMED);
    } else {
      server.close(connection);
    }
  }

  // ---- level-triggered

  private levelTurn(connection: Connection, events: u32): void {
    const server = this.server;
    const before = connection.sets;
    if ((events & EPOLLERR) != 0) {
      connection.enter(FAILED);
    } else {
      if ((before & OUTPUTS) != 0 && (events & (EPOLLOUT | EPOLLHUP)) != 0) server.send(connection);
      const reads = (before & connection.sets & INPUTS) != 0;
      if (reads && (events & (EPOLLIN | EPOLLHUP)) != 0) this.levelReceive(connection);
    }
    this.settle(connection, before);
  }

  private levelReceive(connection: Connection): void {
    const server = this.server;
    let call = server.step(connection, READY);
    while (call == CALL_RECV_NOWAIT) call = server.step(connection, server.receive(connection));
    if (call == NO_CALL && connection.in(INPUTS)) server.step(connection, ARMED);
  }

  /** Has the kernel watch the sets that the connection is in now, or lets it go. */
  private settle(connection: Connection, before: u8): void {
    const sets = connection.sets;
    if (sets != 0) {
      if (sets == before) return;
      const begins = (sets & INPUTS) != 0 && (before & INPUTS) == 0;
      if (begins) this.server.step(connection, BEGIN);
      const events =
        ((sets & INPUTS) != 0 ? EPOLLIN : 0) | ((sets & OUTPUTS) != 0 ? EPOLLOUT : 0);
      const fd = connection.fd;
      const errno = before == 0 ? this.set.add(fd, events, fd) : this.set.modify(fd, events, fd);
      if (errno == 0) {
        if (begins) this.server.step(connection, ARMED);
        return;
      }
    }
    this.server.close(connection);
  }

  // ---- edge-triggered

  private edgeTurn(connection: Connection, events: u32): void {
    const server = this.server;
    if ((events & EPOLLERR) != 0) {
      connection.enter(FAILED);
    } else {
      const sends = connection.in(OUTPUTS);
      if (sends && (events & (EPOLLOUT | EPOLLHUP)) != 0) server.send(connection);
      const due = connection.operation == IDLE || (events & (EPOLLIN | HANGUP)) != 0;
      if (due && connection.in(INPUTS)) this.edgeReceive(connection, events);
    }
    if (connection.sets == 0) server.close(connection);
  }

  /**
   * Receives until nothing is left, or the server wants no more. The end comes with the last bytes
   * in one edge, if it was there when the edge was told: then only the receive after them tells it.
   */
  private edgeReceive(connection: Connection, events: u32): void {
    const server = this.server;
    let call = server.step(connection, connection.operation == IDLE ? BEGIN : READY);
    for (let burst = 0; call == CALL_RECV_NOWAIT; burst++) {
      call = server.step(connection, server.receive(connection));
      if (call != NO_CALL || !connection.in(INPUTS)) continue;
      const fd = connection.fd;
      if (server.exhausted && (events & HANGUP) == 0) {
        call = server.step(connection, NOT_READY);
      } else if (burst < RECEIVE_BURST || this.set.modify(fd, EDGES, fd) != 0) {
        call = server.step(connection, BEGIN);
      } else {
        call = server.step(connection, ARMED);
      }
    }
  }
}

export function serveEpoll(server: Server): void {
  new Driver(server, false).serve();
}

export function serveEpollEdge(server: Server): void {
  new Driver(server, true).serve();
}
