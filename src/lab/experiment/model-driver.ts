/**
 * Drives a model's machine on the real kernel, as its guest does, and says where the time went. It
 * makes no choice of its own: it makes the call that the table says, and tells it what came of it.
 */
import {
  COMPLETION,
  CompletionFlag,
  NOTES,
  Opcode,
  OPERATION,
  OperationFlag,
  RECV_BYTES,
} from '../../../host/kernel/completion.js';
import { Errno, errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import { Clock, type Kernel } from '../../../host/kernel/kernel.js';
import {
  EVENT_STRIDE,
  Readiness,
  Trigger,
  type Poller,
  type PollerName,
} from '../../../host/kernel/readiness.js';
import { OVERFLOW, SIGNAL_STRIDE } from '../../../host/kernel/signal.js';
import type { Call, Event, Machine, Transition } from '../../machine.js';
import type { Spent } from './spent.js';

/** No data comes so late. */
const PATIENCE_NS = 5e9;
/** So much work of its own between two looks: some 300 µs. */
const STEPS = 150_000;
/** Of memory: an iovec and an operation, completions, and the bytes that are received. */
const IOVEC = 0;
const OPERATIONS = 64;
const COMPLETIONS = 256;
const BUFFER = 4096;
const BUFFER_BYTES = 16 * RECV_BYTES;
const MOST_COMPLETIONS = 16;

/** What the system knows of the calling thread, until now. */
export interface Account {
  /** How often it went to sleep. */
  readonly sleeps: number;
  /** How long it waited for a processor. */
  readonly runDelayNs: number;
}

class Stamp {
  wallNs = 0;
  cpuNs = 0;

  take(kernel: Kernel): this {
    this.wallNs = performance.now() * 1e6;
    this.cpuNs = Number(kernel.now(Clock.THREAD_CPUTIME));
    return this;
  }
}

export class ModelDriver {
  readonly #kernel: Kernel;
  readonly #machine: Machine;
  /** The table, by state and event: a step that is looked up leaves nothing to collect. */
  readonly #table = new Map<string, Map<Event, Transition>>();
  readonly #socket: number;
  readonly #account: () => Account;
  #state: string;
  /** What the table said last, if that is still to be done. */
  #call: Call | undefined;
  #leftBytes = 0;
  #copyWallNs = 0;
  #copyCpuNs = 0;
  #ownNs = 0;
  readonly #before = new Stamp();
  readonly #after = new Stamp();
  /** What its own work comes to, so that it must be done. */
  #result = 1;
  #poller: Poller | undefined;
  readonly #bytes = new Uint8Array(BUFFER + BUFFER_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #events = new Int32Array(EVENT_STRIDE);
  readonly #signals = new Int32Array(8 * SIGNAL_STRIDE);
  readonly #notes = new Int32Array(NOTES.HEADER + MOST_COMPLETIONS * NOTES.SIZE);

  constructor(kernel: Kernel, machine: Machine, socket: number, account: () => Account) {
    this.#kernel = kernel;
    this.#machine = machine;
    for (const { name } of machine.states) this.#table.set(name, new Map());
    for (const each of machine.transitions) this.#table.get(each.from)!.set(each.event, each);
    this.#socket = socket;
    this.#account = account;
    this.#state = machine.initial;
    this.#view.setUint32(IOVEC, BUFFER, true);
    this.#view.setUint32(IOVEC + 4, BUFFER_BYTES, true);
    this.#view.setUint8(OPERATIONS + OPERATION.OPCODE, Opcode.RECV);
    this.#view.setUint8(OPERATIONS + OPERATION.FLAGS, OperationFlag.MULTISHOT);
    kernel.attach({ bytes: this.#bytes });
  }

  /** Receives so many bytes. Throws `HostError` if it cannot. */
  receive(bytes: number): Spent {
    this.#leftBytes = bytes;
    this.#copyWallNs = 0;
    this.#copyCpuNs = 0;
    this.#ownNs = 0;
    const earlier = this.#account();
    const before = new Stamp().take(this.#kernel);
    const endsMs = performance.now() + PATIENCE_NS / 1e6;
    while (this.#leftBytes > 0) {
      this.#call ??= this.#step('BEGIN');
      this.#call = this.#do(this.#call);
      if (performance.now() > endsMs) throw new HostError('no data came');
    }
    return this.#spent(before, this.#after.take(this.#kernel), earlier, this.#account());
  }

  /** Who never slept was not blocked: what is left is its machine's, which had no processor. */
  #spent(before: Stamp, after: Stamp, earlier: Account, later: Account): Spent {
    const wallNs = after.wallNs - before.wallNs - this.#copyWallNs;
    const cpuNs = after.cpuNs - before.cpuNs - this.#copyCpuNs;
    const slept = later.sleeps > earlier.sleeps;
    const sleptNs = slept ? wallNs - cpuNs - (later.runDelayNs - earlier.runDelayNs) : 0;
    return {
      wait: {
        blockedNs: Math.max(0, sleptNs),
        busyNs: Math.max(0, cpuNs - this.#ownNs),
        ownNs: this.#ownNs,
      },
      copy: { wallNs: this.#copyWallNs, cpuNs: this.#copyCpuNs },
    };
  }

  #step(event: Event): Call {
    const found = this.#table.get(this.#state)!.get(event);
    if (found === undefined)
      throw new HostError(`${this.#machine.name} knows no ${event} in ${this.#state}`);
    this.#state = found.state;
    return found.call;
  }

  /** Makes the call; answers the next one, or undefined at the end of an operation. */
  #do(call: Call): Call | undefined {
    switch (call) {
      case 'RECV':
        check(this.#kernel.waitFor(this.#socket, Readiness.IN, PATIENCE_NS));
        this.#step('READY');
        return this.#receive();
      case 'RECV_NOWAIT':
        return this.#receive();
      case 'SELECT':
      case 'POLL':
        this.#watch(call === 'POLL' ? 'poll' : 'select', Trigger.LEVEL);
        return this.#wait();
      case 'EPOLL_CTL':
        this.#watch('epoll', this.#machine.name === 'epoll-edge' ? Trigger.EDGE : Trigger.LEVEL);
        return this.#step('ARMED');
      case 'EPOLL_WAIT':
        return this.#wait();
      case 'SIGNAL_ARM':
        check(this.#kernel.signals().arm(this.#socket, true));
        return this.#step('ARMED');
      case 'SUBMIT':
        return this.#submit();
      case 'WORK':
        return this.#work();
      default:
        throw new HostError(`${this.#machine.name} makes no call ${call} for one operation`);
    }
  }

  #watch(name: PollerName, trigger: Trigger): void {
    this.#poller ??= this.#kernel.poller(name);
    check(this.#poller.set(this.#socket, Readiness.IN, trigger, 0));
  }

  #wait(): Call {
    check(this.#poller!.wait(this.#events, PATIENCE_NS));
    return this.#step('READY');
  }

  #receive(): Call | undefined {
    this.#before.take(this.#kernel);
    const bytes = this.#kernel.recv(this.#socket, IOVEC, 1, 0, 0);
    this.#after.take(this.#kernel);
    if (bytes === -Errno.EAGAIN) return this.#step('NOT_READY');
    this.#copied(brought(bytes));
    // A call that asked, and found:
    if (this.#table.get(this.#state)!.has('READY')) this.#step('READY');
    this.#step('COPIED');
    return undefined;
  }

  /** What was called since `before` has copied so much, until `after`. */
  #copied(bytes: number): void {
    this.#copyWallNs += this.#after.wallNs - this.#before.wallNs;
    this.#copyCpuNs += this.#after.cpuNs - this.#before.cpuNs;
    this.#leftBytes -= bytes;
  }

  #submit(): Call {
    const targets = Int32Array.of(Opcode.RECV, this.#socket);
    check(this.#kernel.completions().submit(OPERATIONS, 1, targets));
    return this.#step('ARMED');
  }

  /** Some work of its own, and a look at what may have come meanwhile. */
  #work(): Call | undefined {
    const before = this.#before.take(this.#kernel);
    let result = this.#result;
    for (let i = 0; i < STEPS; i++) result = (Math.imul(result, 1664525) + 1013904223) | 0;
    this.#result = result;
    this.#ownNs += this.#after.take(this.#kernel).cpuNs - before.cpuNs;
    return this.#machine.class === 'asynchronous' ? this.#reap() : this.#signalled();
  }

  #signalled(): Call {
    const count = this.#kernel.signals().wait(this.#signals, 0);
    if (count === 0) return 'WORK';
    check(count);
    return this.#step(this.#signals[0] === OVERFLOW ? 'OVERFLOWED' : 'SIGNALLED');
  }

  /** What a completion brings is waited for and copied already, as far as its machine knows. */
  #reap(): Call | undefined {
    this.#before.take(this.#kernel);
    const queue = this.#kernel.completions();
    const count = queue.reap(
      COMPLETIONS,
      MOST_COMPLETIONS,
      BUFFER,
      BUFFER_BYTES,
      0,
      0,
      this.#notes,
    );
    this.#after.take(this.#kernel);
    if (count === 0) return 'WORK';
    check(count);
    let next: Call | undefined;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const at = COMPLETIONS + i * COMPLETION.SIZE;
      bytes += brought(this.#view.getInt32(at + COMPLETION.RESULT, true));
      this.#step('READY');
      this.#step('COPIED');
      const more = this.#view.getUint8(at + COMPLETION.FLAGS) & CompletionFlag.MORE;
      next = more ? this.#step('ARMED') : undefined;
    }
    this.#copied(bytes);
    return next;
  }
}

function check(result: number): number {
  if (result < 0) throw new HostError(`an operation failed: ${errnoName(result)}`);
  return result;
}

/** So many bytes, of a connection that nobody closes. */
function brought(result: number): number {
  if (result === 0) throw new HostError('the connection was closed');
  return check(result);
}
