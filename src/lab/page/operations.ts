/**
 * The machines of a guest's connections, stepped by what its calls ask and are answered, as the
 * drivers in wasm/c step them. It looks at calls and at the guest's memory, and never at the guest.
 */
import type { Call } from '../../simulate/instrument.js';
import { machines, type Event, type Machine, type MachineName, type State } from '../../machine.js';
import { kindOf } from './imports.js';
import { Layout, Opcode } from './layout.js';
import type { TakenStep } from './take.js';

/** ECANCELED, ENOBUFS, EAGAIN, EINTR: an operation is over, with no data and no end. */
const AGAIN: ReadonlySet<number> = new Set([-125, -105, -11, -4]);
/** Of epoll(7). */
const IN = 0x1;
const ERR = 0x8;
const HUP = 0x10;
const RDHUP = 0x2000;
/** In place of a descriptor: signals were lost. */
const OVERFLOW = -1;

/** A connection's operation. */
interface Operation {
  readonly connection: string;
  state: string;
  /** The kernel's set has it, for what can be received. */
  watched: boolean;
  /** The last receive brought fewer bytes than there was room for. */
  short: boolean;
  /** Signals that were taken together with the first, and are still to be acted upon. */
  signals: number;
}

export class Operations {
  readonly machine: Machine;
  /** By descriptor. */
  readonly #operations = new Map<number, Operation>();
  /** By connection, also of those that are closed. */
  readonly #states = new Map<string, string>();
  /** By `userdata`: the descriptor that an operation in flight receives from. */
  readonly #receives = new Map<bigint, number>();
  readonly #peerOf: (fd: number) => string;
  #steps: TakenStep[] = [];
  #timeNs = 0;

  /** `peerOf` names who is at the other end of a descriptor. */
  constructor(model: MachineName, peerOf: (fd: number) => string) {
    this.machine = machines[model];
    this.#peerOf = peerOf;
  }

  /** The connection of a descriptor. */
  connectionOf(fd: number): string | undefined {
    return this.#operations.get(fd)?.connection;
  }

  /** The state that a connection is in, or was when it was closed. */
  stateOf(connection: string): string | undefined {
    return this.#states.get(connection);
  }

  /** A state of the machine. */
  state(name: string): State {
    return this.machine.states.find((state) => state.name === name)!;
  }

  /** A call is made: what that means for the machines. */
  begin(call: Call, memory: Uint8Array): TakenStep[] {
    return this.#during(call.startNs, () => this.#begin(call, new Layout(call, memory)));
  }

  /** It has come back. `readyNs`: when the data was there that it waited for. */
  end(call: Call, memory: Uint8Array, readyNs = call.endNs): TakenStep[] {
    return this.#during(call.endNs, () => this.#end(call, new Layout(call, memory), readyNs));
  }

  #begin(call: Call, layout: Layout): void {
    const operation = this.#operations.get(layout.input('fd'));
    switch (kindOf(call.name)) {
      case 'receive':
        if (operation) this.#beginReceive(operation);
        break;
      case 'poll':
        this.#among(layout.readers).forEach((each) => this.#beginWait(each, 'BEGIN'));
        break;
      case 'register':
        if (operation) this.#register(operation, layout.interest);
        break;
      case 'wait':
        this.#watched.forEach((each) => this.#beginWait(each, this.#edge ? 'NOT_READY' : 'ARMED'));
        break;
      case 'arm':
        if (operation) this.#advance(operation, 'BEGIN');
        break;
      case 'take signals':
      case 'reap':
        this.#all.forEach((each) => this.#beginRest(each));
        break;
      default:
    }
  }

  #end(call: Call, layout: Layout, readyNs: number): void {
    const operation = this.#operations.get(layout.input('fd'));
    switch (kindOf(call.name)) {
      case 'accept':
        if (call.errno === 'SUCCESS') this.#accepted(layout.output('fd'));
        break;
      case 'receive':
        if (operation) this.#received(operation, call, layout, readyNs);
        break;
      case 'send':
        if (operation && !['SUCCESS', 'AGAIN', 'INTR'].includes(call.errno)) this.#fail(operation);
        break;
      case 'close':
        this.#operations.delete(layout.input('fd'));
        break;
      case 'poll':
        this.#polled(call, layout);
        break;
      case 'register':
      case 'arm':
        if (operation) this.#armed(operation, call);
        break;
      case 'wait':
        this.#waited(call, layout);
        break;
      case 'take signals':
        this.#signalled(call, layout);
        break;
      case 'submit':
        this.#submitted(layout);
        break;
      case 'reap':
        this.#reaped(call, layout);
        break;
      default:
    }
  }

  // What a call means when it is made.

  #beginReceive(operation: Operation): void {
    const { state } = operation;
    if (this.machine.step(state, 'BEGIN').call.startsWith('RECV'))
      this.#advance(operation, 'BEGIN');
    else if (this.state(state).phase === 'WAIT' && this.#takes(operation, 'SIGNALLED')) {
      // More signals of the same wait; or whoever lost some looks at everybody.
      this.#advance(operation, operation.signals > 0 ? 'SIGNALLED' : 'OVERFLOWED');
      operation.signals--;
    }
  }

  /** `event` is what an operation that is in no phase goes on to wait by. */
  #beginWait(operation: Operation, event: Event): void {
    const { phase, final } = this.state(operation.state);
    if (phase === 'COPY') this.#advance(operation, 'NOT_READY');
    else if (phase === 'NO_PHASE' && !final && (event !== 'NOT_READY' || operation.short))
      this.#advance(operation, event);
  }

  /** The process has nothing else to do than to wait until it is told of anything. */
  #beginRest(operation: Operation): void {
    const { phase } = this.state(operation.state);
    operation.signals = 0;
    if (phase === 'WAIT') this.#advance(operation, 'BEGIN');
    else if (phase === 'COPY') this.#advance(operation, 'NOT_READY');
  }

  #register(operation: Operation, interest: number): void {
    const before = operation.watched;
    operation.watched = (interest & IN) !== 0;
    const { name, final } = this.state(operation.state);
    if (name === this.machine.initial) {
      // By level, a registration that was changed for something else is still armed.
      if (operation.watched) this.#advance(operation, before ? 'ARMED' : 'BEGIN');
    } else if (final) operation.watched = false;
  }

  // What its answer means.

  #accepted(fd: number): void {
    const connection = this.#peerOf(fd);
    const state = this.machine.initial;
    this.#operations.set(fd, { connection, state, watched: false, short: false, signals: 0 });
    this.#states.set(connection, state);
  }

  #received(operation: Operation, { errno, endNs }: Call, layout: Layout, readyNs: number): void {
    const bytes = layout.output('ro_datalen') || layout.output('nread');
    if (errno === 'AGAIN') this.#advance(operation, 'NOT_READY');
    else if (errno === 'INTR') this.#advance(operation, 'INTERRUPTED');
    else if (errno !== 'SUCCESS') this.#fail(operation);
    else if (bytes === 0) this.#advance(operation, 'ENDED');
    else {
      this.#timeNs = readyNs;
      if (this.#takes(operation, 'READY')) this.#advance(operation, 'READY');
      this.#timeNs = endNs;
      operation.short = bytes < layout.room;
      this.#advance(operation, 'COPIED');
    }
  }

  #armed(operation: Operation, { errno }: Call): void {
    if (errno !== 'SUCCESS') this.#fail(operation);
    else if (operation.state !== this.machine.initial && this.#takes(operation, 'ARMED'))
      this.#advance(operation, 'ARMED');
  }

  #polled(call: Call, layout: Layout): void {
    const asked = this.#among(layout.readers);
    const readable = layout.readable;
    if (call.errno !== 'SUCCESS' || readable === undefined) return this.#inVain(asked, call);
    for (const each of this.#among(readable)) this.#tell(each, 'READY');
  }

  #waited(call: Call, layout: Layout): void {
    const told = layout.epollEvents;
    if (call.errno !== 'SUCCESS' || told.length === 0) return this.#inVain(this.#watched, call);
    for (const { events, fd } of told) {
      const operation = this.#operations.get(fd);
      if (operation === undefined) continue;
      if (events & ERR) this.#fail(operation);
      else if (events & (IN | HUP | (this.#edge ? RDHUP : 0))) this.#tell(operation, 'READY');
    }
  }

  #signalled(call: Call, layout: Layout): void {
    const told = layout.signals;
    if (call.errno !== 'SUCCESS' || told.length === 0) return this.#inVain(this.#all, call);
    for (const fd of told) {
      const operation = this.#operations.get(fd);
      if (fd === OVERFLOW) this.#all.forEach((each) => this.#tell(each, 'OVERFLOWED'));
      else if (operation && this.#takes(operation, 'SIGNALLED')) this.#tell(operation, 'SIGNALLED');
      else if (operation) operation.signals++;
    }
  }

  #submitted({ operations }: Layout): void {
    for (const { userdata, opcode, fd } of operations) {
      const operation = this.#operations.get(fd);
      if (opcode === Opcode.CLOSE) this.#operations.delete(fd);
      if (opcode !== Opcode.RECV || operation === undefined) continue;
      this.#receives.set(userdata, fd);
      this.#advance(operation, 'BEGIN');
      this.#advance(operation, 'ARMED');
    }
  }

  #reaped(call: Call, { completions }: Layout): void {
    if (call.errno !== 'SUCCESS' || completions.length === 0) return this.#inVain(this.#all, call);
    for (const { userdata, opcode, result, more } of completions) {
      if (opcode === Opcode.ACCEPT && result >= 0) this.#accepted(result);
      if (opcode !== Opcode.RECV) continue;
      const operation = this.#operations.get(this.#receives.get(userdata) ?? -1);
      if (operation === undefined) continue;
      if (result > 0) {
        this.#advance(operation, 'READY');
        this.#advance(operation, 'COPIED');
        if (more) this.#advance(operation, 'ARMED');
      } else if (result === 0) this.#advance(operation, 'ENDED');
      else if (AGAIN.has(result)) this.#advance(operation, 'NOT_READY');
      else this.#fail(operation);
    }
  }

  /** Whoever waited was told of nothing: it was interrupted, or time is over. */
  #inVain(waiters: readonly Operation[], { errno }: Call): void {
    if (errno !== 'INTR' && errno !== 'SUCCESS') return;
    const event = errno === 'INTR' ? 'INTERRUPTED' : 'TIMED_OUT';
    for (const each of waiters)
      if (this.state(each.state).phase === 'WAIT') this.#advance(each, event);
  }

  // The machines.

  get #edge(): boolean {
    return this.machine.name === 'epoll-edge';
  }

  get #all(): Operation[] {
    return [...this.#operations.values()];
  }

  get #watched(): Operation[] {
    return this.#all.filter(({ watched }) => watched);
  }

  #among(fds: Iterable<number>): Operation[] {
    return [...fds].flatMap((fd) => this.#operations.get(fd) ?? []);
  }

  #takes({ state }: Operation, event: Event): boolean {
    return this.machine.transitions.some((each) => each.from === state && each.event === event);
  }

  #tell(operation: Operation, event: Event): void {
    if (this.#takes(operation, event)) this.#advance(operation, event);
  }

  #fail(operation: Operation): void {
    this.#tell(operation, 'FAILED');
  }

  #advance(operation: Operation, event: Event): void {
    const { connection, state: from } = operation;
    const { state: to } = this.machine.step(from, event);
    this.#steps.push({ timeNs: this.#timeNs, event, from, to, connection });
    operation.state = to;
    this.#states.set(connection, to);
  }

  #during(timeNs: number, what: () => void): TakenStep[] {
    this.#steps = [];
    this.#timeNs = timeNs;
    what();
    return this.#steps;
  }
}
