/**
 * One end of a TCP connection, as Linux has it (net/ipv4/tcp.c, tcp_input.c): what it has received,
 * what it is to send, and what of that the peer would take. What goes to the peer goes by the
 * network, in order. There is no urgent data, for the waist has no verb for it.
 */
import { Errno } from '../kernel/errno.js';
import { FileType, Receive, Shutdown, type SocketAddress } from '../kernel/kernel.js';
import { Readiness } from '../kernel/readiness.js';
import { File } from './file.js';
import type { Iovecs } from './iovec.js';
import type { Link } from './link.js';
import type { Network } from './network.js';
import { ByteQueue } from './queue.js';
import { Fin, FLAGS, Packet, READABLE, State, type Buffers } from './tcp.js';

const { IN, OUT, ERR, HUP, RDHUP } = Readiness;
const { RD, WR } = Shutdown;
const BOTH = RD | WR;
/** A window is opened by no less than this, or than half of the buffer. */
const WINDOW_STEP_BYTES = 65536;
const NO_BYTES = new Uint8Array(0);

export class TcpSocket extends File {
  readonly type = FileType.SOCKET_STREAM;
  /** Its name in the world: `net/1.client`. */
  readonly name: string;
  readonly local: SocketAddress;
  state: State = State.SYN_SENT;
  peer: TcpSocket | undefined = undefined;
  /** The way to the peer. */
  readonly link: Link;
  readonly #network: Network;
  readonly #buffers: Buffers;
  /** A mask of `Shutdown`: what will not be received or sent any more. */
  #shut = 0;
  #error = 0;
  /** The peer's end has come. */
  #ended = false;
  /** All from here to there: what the peer has not received yet, is on its way, and is unsent. */
  readonly #stream = new ByteQueue();
  /** How many bytes of the peer's stream have arrived here. */
  #received = 0;
  /** How many of its own were not acknowledged, and how many of these were not sent. */
  #sending = 0;
  #unsent = 0;
  #fin: number = Fin.NONE;
  /** How many bytes more the peer would take. */
  #window = 0;
  /** What the buffer of what is received has free, and the peer does not know of yet. */
  #freed = 0;
  /** There is no memory for more, for a while. */
  #pressed = false;
  /** Somebody found no room, and is told when there is some. */
  #noSpace = false;
  /** The same for signals: it was armed when it found none (SOCKWQ_ASYNC_NOSPACE). */
  #signalsSpace = false;

  constructor(name: string, local: SocketAddress, network: Network, link: Link, buffers: Buffers) {
    super();
    this.name = name;
    this.local = local;
    this.#network = network;
    this.link = link;
    this.#buffers = buffers;
  }

  poll(): number {
    const shut = this.#shut;
    let mask = 0;
    if (shut === BOTH || this.state === State.CLOSED) mask |= HUP;
    if (shut & RD) mask |= IN | RDHUP;
    if (this.state !== State.SYN_SENT) {
      if (this.#received > 0) mask |= IN;
      if (shut & WR || this.#writable) mask |= OUT;
      else this.#lackSpace();
    }
    if (this.#error !== 0) mask |= ERR;
    return mask;
  }

  /** sk_stream_is_writeable: a third of the buffer is free. */
  get #writable(): boolean {
    const queued = this.#sending;
    return !this.#pressed && this.#buffers.sendBytes - queued >= queued / 2;
  }

  override recv(to: Iovecs, flags: number): number {
    if (this.#received > 0) {
      if (this.link.spurious(this)) return -Errno.EAGAIN;
      const stream = this.peer!.#stream;
      const length = stream.peek(to, this.#received);
      if (!(flags & Receive.PEEK) && length > 0) {
        stream.drop(length);
        this.#received -= length;
        this.#free(length);
      }
      return length;
    }
    if (this.#ended) return 0;
    if (this.#error !== 0) return this.takeError();
    if (this.#shut & RD) return 0;
    return this.state === State.CLOSED ? -Errno.ENOTCONN : -Errno.EAGAIN;
  }

  override send(from: Iovecs): number {
    if (this.state === State.SYN_SENT) return -Errno.EAGAIN;
    if (this.#error !== 0) return this.takeError();
    const open = this.state === State.ESTABLISHED || this.state === State.CLOSE_WAIT;
    if (!open || this.#shut & WR) return -Errno.EPIPE;
    if (from.total === 0) return 0;
    const free = this.#pressed ? 0 : this.#buffers.sendBytes - this.#sending;
    const most = Math.min(from.total, free);
    const length = this.link.room(most, this);
    if (length < most) this.#pressed = true;
    if (length < from.total) this.#lackSpace();
    if (length <= 0) return -Errno.EAGAIN;
    this.#stream.push(from, length);
    if (this.link.immediate && this.#sending === 0 && this.#window >= length) {
      if (this.peer!.#take(length)) {
        this.#window -= length;
        this.#space();
        return length;
      }
    }
    this.#sending += length;
    this.#unsent += length;
    this.#push();
    return length;
  }

  override read(to: Iovecs): number {
    return to.total === 0 ? 0 : this.recv(to, 0);
  }

  override write(from: Iovecs): number {
    return from.total === 0 ? 0 : this.send(from);
  }

  override accept(): number {
    return -Errno.EINVAL;
  }

  override shutdown(how: number): number {
    const halves = how & BOTH;
    if (halves === 0) return -Errno.EINVAL;
    if (this.state === State.SYN_SENT) {
      // There is no connection to shut down: the attempt ends (tcp_disconnect).
      this.state = State.CLOSED;
      this.#error = Errno.ECONNRESET;
      this.#network.abandon(this);
      this.wake(ERR);
      this.signal(ERR);
      this.wake(0);
      return 0;
    }
    this.#shut |= halves;
    const closed = this.state === State.CLOSED;
    if (!closed && halves & WR) this.#end();
    this.wake(0);
    return closed ? -Errno.ENOTCONN : 0;
  }

  override takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error === 0 ? 0 : -error;
  }

  override address(): SocketAddress {
    return this.local;
  }

  override readable(): number {
    return this.#received;
  }

  /** Closes it: with a reset, if anything was not received. */
  release(): void {
    this.#shut = BOTH;
    if (this.state === State.SYN_SENT) {
      this.state = State.CLOSED;
      this.#network.abandon(this);
    } else if (this.#received > 0) {
      this.abort();
    } else if (this.state !== State.CLOSED) {
      this.#end();
    }
  }

  /** Ends the connection with a reset, as a close with SO_LINGER of 0 does. */
  abort(): void {
    if (this.state === State.CLOSED) return;
    this.state = State.CLOSED;
    this.#transmit(Packet.RESET, 0);
  }

  /** What waits here is forgotten, and the peer learns nothing of it. */
  forget(): void {
    this.state = State.CLOSED;
  }

  /** There is memory again for what is to be sent. */
  relieve(): void {
    this.#pressed = false;
    if (this.state !== State.CLOSED) this.#space();
  }

  /** What was received is told of anew. */
  again(): void {
    if (this.#received === 0) return;
    this.wake(READABLE);
    this.signal(IN);
  }

  /** The handshake is over on this side. */
  established(peer: TcpSocket): void {
    this.peer = peer;
    this.state = State.ESTABLISHED;
    this.#window = peer.#buffers.receiveBytes;
    this.wake(0);
    this.signal(OUT);
  }

  /** The connection could not be made, or was given up. */
  fail(errno: number): void {
    if (this.state === State.CLOSED) return;
    this.#error = errno;
    this.#done();
    this.wake(ERR);
    this.signal(ERR);
  }

  /** A packet of the peer's is here; `bytes`: of data, or of what it is about. */
  arrive(packet: Packet, bytes: number): void {
    this.#tell(packet, bytes);
    if (this.state === State.CLOSED) {
      if (packet === Packet.DATA) this.#transmit(Packet.RESET, 0);
    } else if (packet === Packet.DATA) this.#arriveData(bytes);
    else if (packet === Packet.ACK) this.#arriveAck(bytes);
    else if (packet === Packet.WINDOW) this.#arriveWindow(bytes);
    else if (packet === Packet.FIN) this.#arriveFin();
    else if (packet === Packet.FIN_ACK) this.#arriveFinAck();
    else this.reset();
  }

  /** Tells whoever captures the network of a packet of the peer's. */
  #tell(packet: Packet, bytes: number): void {
    const { onSegment, now } = this.#network;
    if (onSegment === undefined) return;
    const peer = this.peer!;
    const data = packet === Packet.DATA ? peer.#stream.copy(this.#received, bytes) : NO_BYTES;
    onSegment(now, peer.local, this.local, FLAGS[packet], data);
  }

  /** The connection was reset by the peer, or by something on the way. */
  reset(): void {
    if (this.state === State.SYN_SENT) this.fail(Errno.ECONNREFUSED);
    else this.fail(this.state === State.CLOSE_WAIT ? Errno.EPIPE : Errno.ECONNRESET);
  }

  #arriveData(bytes: number): void {
    // Nobody is there any more who could receive it.
    if (this.#shut & RD && this.state === State.FIN_WAIT) {
      this.reset();
      this.#transmit(Packet.RESET, 0);
      return;
    }
    this.#received += bytes;
    this.wake(READABLE);
    this.signal(IN);
    this.#transmit(Packet.ACK, bytes);
  }

  /** The short way of data that arrives at once, and that nobody captures: false if it is none. */
  #take(length: number): boolean {
    const open = this.state === State.ESTABLISHED || this.state === State.FIN_WAIT;
    if (!open || this.#shut & RD || this.#network.onSegment !== undefined) return false;
    this.#received += length;
    this.wake(READABLE);
    this.signal(IN);
    return true;
  }

  #arriveAck(bytes: number): void {
    this.#sending -= bytes;
    this.#space();
  }

  #lackSpace(): void {
    this.#noSpace = true;
    if (this.armed !== undefined) this.#signalsSpace = true;
  }

  /** Tells of room, if there is some again. */
  #space(): void {
    if (!this.#noSpace || !this.#writable) return;
    this.#noSpace = false;
    this.wake(OUT);
    if (this.#shut & WR || !this.#signalsSpace || this.armed === undefined) return;
    this.#signalsSpace = false;
    this.signal(OUT);
  }

  #arriveWindow(bytes: number): void {
    this.#window += bytes;
    this.#push();
  }

  #arriveFin(): void {
    this.#ended = true;
    this.#shut |= RD;
    if (this.state === State.ESTABLISHED) this.state = State.CLOSE_WAIT;
    else if (this.#fin === Fin.ACKED) this.#done();
    else this.state = State.CLOSING;
    this.wake(0);
    this.signal(this.#shut === BOTH ? HUP | ERR : IN);
    this.wake(READABLE);
    this.signal(IN);
    this.#transmit(Packet.FIN_ACK, 0);
  }

  #arriveFinAck(): void {
    this.#fin = Fin.ACKED;
    if (this.state === State.FIN_WAIT) {
      this.#shut |= WR;
      this.wake(0);
    } else {
      this.#done();
    }
  }

  /** Nothing more will be sent than what is queued. */
  #end(): void {
    if (this.#fin !== Fin.NONE) return;
    this.#fin = Fin.QUEUED;
    this.state = this.state === State.CLOSE_WAIT ? State.LAST_ACK : State.FIN_WAIT;
    this.#push();
  }

  /** The connection is over. */
  #done(): void {
    this.state = State.CLOSED;
    this.#shut = BOTH;
    this.#network.abandon(this);
    this.wake(0);
  }

  /** Sends what is unsent and the peer would take. */
  #push(): void {
    while (this.#unsent > 0 && this.#window > 0) {
      const length = this.link.segment(Math.min(this.#unsent, this.#window));
      this.#unsent -= length;
      this.#window -= length;
      this.#transmit(Packet.DATA, length);
    }
    if (this.#unsent === 0 && this.#fin === Fin.QUEUED) {
      this.#fin = Fin.SENT;
      this.#transmit(Packet.FIN, 0);
    }
  }

  /** There is room again for `bytes` that were received. */
  #free(bytes: number): void {
    this.#freed += bytes;
    if (this.#freed < Math.min(WINDOW_STEP_BYTES, this.#buffers.receiveBytes / 2)) return;
    const freed = this.#freed;
    this.#freed = 0;
    if (this.state !== State.CLOSED) this.#transmit(Packet.WINDOW, freed);
  }

  /** Brings a packet to the peer. */
  #transmit(packet: Packet, bytes: number): void {
    const { peer, link } = this;
    if (peer === undefined) return;
    if (link.immediate) peer.arrive(packet, bytes);
    else if (packet !== Packet.DATA && packet !== Packet.FIN) link.carryHeader(peer, packet, bytes);
    else if (link.resets()) link.carry(() => this.#break());
    else link.carryData(peer, packet, bytes);
  }

  /** Something on the way resets both ends. */
  #break(): void {
    const peer = this.peer!;
    this.#tell(Packet.RESET, 0);
    peer.#tell(Packet.RESET, 0);
    this.reset();
    peer.reset();
  }
}
