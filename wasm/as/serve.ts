// The server at work: what all I/O models have in common, so that they differ only in how they
// learn that they may go on. It refuses to open or connect to anything, and serves only the sockets
// that it was handed.
//
// A connection is a server machine, and the read operation on it a machine of the model. A driver
// of a model steps the latter, and calls the functions here, which step the former; then it looks
// in which sets the connection is, and waits for these. A connection that is in no set is over: the
// driver closes it.
//
// Nothing is freed, but everything is used again.
import {
  BEGIN,
  COPIED,
  DRAINED,
  ENDED,
  FAILED,
  FILLED,
  GREETED,
  INTERRUPTED,
  Machine,
  NOT_READY,
  PROTOCOL_ERROR,
  RECEIVED,
  SENT,
} from "./machine";
import { Queue } from "./sdk/bytes";
import { now } from "./sdk/clock";
import { EAGAIN, EBADF, EINTR, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM } from "./sdk/errno";
import { ENOTCAPABLE, ENOTSOCK, ENOTSUP } from "./sdk/errno";
import { exit } from "./sdk/process";
import { accept, close, kindOf, LISTENER, nextSocket, recv, send } from "./sdk/socket";
import { setNonblocking } from "./sdk/socket";
import { log } from "./sdk/stdio";
import { serverMachine } from "./server";

/** What a connection may owe its client before it is no longer read from. */
export const QUEUE_BYTES: i32 = 65536;
/** Of a queue for a short message. */
const SMALL_BYTES: u32 = 2048;
/** Accepted in a row before those that are there are served again. */
export const ACCEPT_BURST: i32 = 1024;
/** Received in a row from one connection before the others are served again. */
export const RECEIVE_BURST: i32 = 16;
/** How long nobody is accepted when the host is out of descriptors or memory. */
const PAUSE_NS: i64 = 100_000_000;
const EXIT_NOBODY: i32 = 2;

const input: usize = memory.data(65536 + 64, 8);

/** What is said to clients, besides what they say themselves. */
export class Protocol {
  readonly greeting: ArrayBuffer;
  readonly suffix: ArrayBuffer;

  constructor(
    /** Begins every sentence on stderr. */
    readonly name: string,
    /** What every client is sent first. */
    greeting: string,
    /** What follows every message that is sent back. */
    suffix: string,
    /** The longest wait, or -1. */
    readonly timeoutNs: i64,
  ) {
    this.greeting = String.UTF8.encode(greeting);
    this.suffix = String.UTF8.encode(suffix);
  }
}

@final
export class Connection {
  /** -1: this one is not in use. */
  fd: i32 = -1;
  /** Of the server's machine. */
  state: u8 = PROTOCOL_ERROR;
  /** The state of the model's machine. */
  operation: u8 = PROTOCOL_ERROR;
  /** What the driver of a model has to remember. */
  notes: u32 = 0;
  /** Its place among the open ones. */
  place: i32 = 0;
  /** What is owed to the client; null while nothing is. */
  queue: Queue | null = null;

  /** In which of the three sets it is waited for; in none when it is over. */
  get sets(): u8 {
    return serverMachine.sets(this.state);
  }

  /** Whether it is waited for in one of these sets. */
  in(sets: u8): bool {
    return (this.sets & sets) != 0;
  }

  enter(event: u8): void {
    this.state = <u8>serverMachine.step(this.state, event);
    assert(this.state != PROTOCOL_ERROR);
  }
}

@final
export class Server {
  readonly listeners: i32[] = [];
  /** The connections, without holes and in no order. */
  readonly open: Connection[] = [];
  /** The last receive brought fewer bytes than there was room for. */
  exhausted: bool = false;
  private paused: bool = false;
  private resumeAtNs: i64 = 0;
  private byDescriptor: (Connection | null)[] = [];
  private spare: Connection[] = [];
  private smallQueues: Queue[] = [];
  private queues: Queue[] = [];

  /**
   * Takes what the guest was handed: listeners, and connections that somebody else has accepted.
   * Exits with a sentence if there is neither.
   */
  constructor(
    readonly protocol: Protocol,
    readonly machine: Machine,
    /** The sockets are in blocking mode. */
    private blocking: bool,
  ) {
    for (let fd = nextSocket(); fd >= 0; fd = nextSocket(fd)) {
      const errno = setNonblocking(fd, !blocking);
      if (errno < 0) this.fatal("set flags", errno);
      if (kindOf(fd) == LISTENER) {
        this.listeners.push(fd);
      } else {
        this.add(fd);
      }
    }
    if (!this.serving) {
      log(
        protocol.name +
          ": no listening socket was handed over, and no connection, so there is nobody to serve.",
      );
      exit(EXIT_NOBODY);
    }
  }

  get serving(): bool {
    return this.open.length > 0 || this.listeners.length > 0;
  }

  /** The connection of a descriptor, if it has one. */
  of(fd: i32): Connection | null {
    return fd < this.byDescriptor.length ? unchecked(this.byDescriptor[fd]) : null;
  }

  /** Steps the machine of the model, and answers the call. */
  step(connection: Connection, event: u8): u8 {
    const step = this.machine.step(connection.operation, event);
    connection.operation = <u8>step;
    assert(connection.operation != PROTOCOL_ERROR);
    return <u8>(step >> 8);
  }

  // ---- who comes and goes

  /** Accepts one connection, and greets it; null if there is none now. */
  accept(listener: i32): Connection | null {
    const fd = accept(listener, !this.blocking);
    if (fd < 0) {
      this.refused(fd);
      return null;
    }
    const connection = this.add(fd);
    if (connection.queue != null) this.send(connection);
    return connection;
  }

  /** A connection came. */
  add(fd: i32): Connection {
    const connection = this.spare.length > 0 ? this.spare.pop() : new Connection();
    while (this.byDescriptor.length <= fd) this.byDescriptor.push(null);
    this.byDescriptor[fd] = connection;
    connection.place = this.open.push(connection) - 1;
    connection.fd = fd;
    connection.state = serverMachine.initial;
    connection.operation = this.machine.initial;
    connection.notes = 0;
    const greeting = this.protocol.greeting;
    if (greeting.byteLength == 0) {
      connection.enter(BEGIN);
    } else {
      this.owe(connection, changetype<usize>(greeting), greeting.byteLength);
      connection.enter(GREETED);
    }
    return connection;
  }

  /** No connection came: pauses the listeners, exits with a sentence, or does nothing. */
  refused(errno: i32): void {
    switch (-errno) {
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        this.paused = true;
        this.resumeAtNs = now() + PAUSE_NS;
        return;
      case EBADF:
      case EINVAL:
      case ENOTSOCK:
      case ENOTSUP:
      case ENOTCAPABLE:
        this.fatal("accept", errno);
      // Otherwise it is EAGAIN, or the error of a client that is gone already.
    }
  }

  /** Whether the listeners are to be left alone for now. */
  get resting(): bool {
    if (this.paused && now() >= this.resumeAtNs) this.paused = false;
    return this.paused;
  }

  /** How long a wait may last, or -1. */
  get timeoutNs(): i64 {
    const timeoutNs = this.protocol.timeoutNs;
    if (!this.paused) return timeoutNs;
    const left = max<i64>(this.resumeAtNs - now(), 0);
    return timeoutNs < 0 ? left : min(left, timeoutNs);
  }

  close(connection: Connection): void {
    close(connection.fd);
    this.forget(connection);
  }

  /** Its descriptor was, or will be, closed. */
  forget(connection: Connection): void {
    const queue = connection.queue;
    if (queue != null) this.giveBack(queue);
    connection.queue = null;
    this.byDescriptor[connection.fd] = null;
    const last = this.open.pop();
    if (last != connection) {
      this.open[connection.place] = last;
      last.place = connection.place;
    }
    connection.fd = -1;
    this.spare.push(connection);
    this.paused = false;
  }

  // ---- what is said

  /** Receives once, and sends it back as far as it goes: COPIED, or what came instead. */
  receive(connection: Connection): u8 {
    let at = input;
    let room: u32 = QUEUE_BYTES;
    let queue = connection.queue;
    if (queue != null) {
      queue = this.fullSize(connection, queue);
      at = queue.reserve();
      room = this.roomOf(connection);
    }
    const received = recv(connection.fd, at, room);
    if (received == -EINTR) return INTERRUPTED;
    if (received <= 0) {
      const event = received == 0 ? ENDED : received == -EAGAIN ? NOT_READY : FAILED;
      connection.enter(event);
      return event;
    }
    this.exhausted = <u32>received < room;
    const suffix = this.protocol.suffix;
    memory.copy(at + received, changetype<usize>(suffix), suffix.byteLength);
    const length = <u32>(received + suffix.byteLength);
    if (queue == null) {
      this.transmit(connection, at, length);
    } else {
      queue.commit(length);
      connection.enter(this.roomOf(connection) == 0 ? FILLED : RECEIVED);
    }
    return COPIED;
  }

  /**
   * What was received, and is the first that is owed, is sent without being queued: the way of
   * nearly every message.
   */
  private transmit(connection: Connection, bytes: usize, length: u32): void {
    connection.enter(RECEIVED);
    let sent = send(connection.fd, bytes, length);
    if (sent == -EAGAIN || sent == -EINTR) sent = 0;
    if (sent < 0) {
      connection.enter(FAILED);
    } else if (<u32>sent == length) {
      connection.enter(DRAINED);
    } else {
      this.owe(connection, bytes + sent, length - sent);
      if (this.roomOf(connection) == 0) connection.enter(FILLED);
    }
  }

  /** Sends once of what is owed, which must be something. False when no more can be sent now. */
  send(connection: Connection): bool {
    const queue = connection.queue!;
    const sent = send(connection.fd, queue.start, queue.length);
    if (sent >= 0) {
      this.sent(connection, sent);
      return true;
    }
    const waits = sent == -EAGAIN || sent == -EINTR;
    connection.enter(waits ? NOT_READY : FAILED);
    return false;
  }

  /** For a model that is told what was done: the first `length` bytes of what is owed were sent. */
  sent(connection: Connection, length: i32): void {
    const queue = connection.queue!;
    queue.drop(length);
    if (queue.length > 0) {
      connection.enter(SENT);
      return;
    }
    this.giveBack(queue);
    connection.queue = null;
    connection.enter(DRAINED);
  }

  /** For a model that is told what was done: bytes came, at most `roomOf` many. */
  received(connection: Connection, bytes: usize, length: u32): void {
    const suffix = this.protocol.suffix;
    this.owe(connection, bytes, length);
    this.owe(connection, changetype<usize>(suffix), suffix.byteLength);
    connection.enter(this.roomOf(connection) == 0 ? FILLED : RECEIVED);
  }

  /** How many bytes may be received at once. */
  roomOf(connection: Connection): u32 {
    const queue = connection.queue;
    if (queue == null) return QUEUE_BYTES;
    return QUEUE_BYTES - min<u32>(queue.length, QUEUE_BYTES);
  }

  // ---- queues

  private owe(connection: Connection, bytes: usize, length: u32): void {
    let queue = connection.queue;
    if (queue == null) queue = this.take(length > SMALL_BYTES);
    connection.queue = queue;
    if (length > queue.room) queue = this.fullSize(connection, queue);
    const kept = queue.append(bytes, length);
    assert(kept);
  }

  /** The connection's queue, exchanged for a larger one if it was small. */
  private fullSize(connection: Connection, small: Queue): Queue {
    if (small.capacity > SMALL_BYTES) return small;
    const queue = this.take(true);
    queue.append(small.start, small.length);
    this.giveBack(small);
    connection.queue = queue;
    return queue;
  }

  private take(full: bool): Queue {
    const queues = full ? this.queues : this.smallQueues;
    if (queues.length > 0) return queues.pop();
    const suffix = this.protocol.suffix.byteLength;
    return new Queue(full ? QUEUE_BYTES + suffix : <i32>SMALL_BYTES);
  }

  private giveBack(queue: Queue): void {
    queue.clear();
    const queues = queue.capacity > SMALL_BYTES ? this.queues : this.smallQueues;
    queues.push(queue);
  }

  /** Says what went wrong, and ends the guest. */
  fatal(what: string, errno: i32): void {
    log(`${this.protocol.name}: ${what}: errno ${-errno}`);
    exit(1);
  }
}
