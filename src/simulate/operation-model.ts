/**
 * What can happen to the machine of an I/O model: it reads from a peer that sends a few messages
 * and shuts down. What the kernel answers to each call is all that it may answer then, faults too.
 */
import { PROTOCOL_ERROR, type Machine, type Call, type Event } from './machine.js';
import type { Model } from './search.js';

interface Operation {
  /** The machine's state. */
  readonly at: string;
  /** The call that the process is in. */
  readonly call: Call;
  /** Messages that the peer has not sent yet, that are in the kernel, and that were received. */
  readonly unsent: number;
  readonly ready: number;
  readonly received: number;
  /** The peer has shut down. */
  readonly ended: boolean;
  /** The kernel tells of what comes: by a registration, or by signals. */
  readonly armed: boolean;
  /** Something came that nobody was told of: an edge, or a signal that is pending. */
  readonly news: boolean;
  /** The last receive brought fewer bytes than there was room for, and no end lay behind them. */
  readonly short: boolean;
}

type Change = readonly [name: string, change: Partial<Operation>];
type Happening = readonly [event: Event, change?: Partial<Operation>];

const LEVEL_WAITS: ReadonlySet<Call> = new Set(['SELECT', 'POLL', 'EPOLL_WAIT']);
const SIGNALS = ['SIGNALLED', 'OVERFLOWED'] as const;

class OperationModel implements Model<Operation> {
  readonly initial: Operation;
  readonly #machine: Machine;
  readonly #messages: number;
  /** True: only what is new is told. */
  readonly #edges: boolean;

  constructor(machine: Machine, messages: number) {
    this.#machine = machine;
    this.#messages = messages;
    this.#edges = machine.name === 'epoll-edge';
    this.initial = {
      at: machine.initial,
      call: 'NO_CALL',
      unsent: messages,
      ready: 0,
      received: 0,
      ended: false,
      armed: false,
      news: false,
      short: false,
    };
  }

  key(operation: Operation): string {
    return Object.values(operation).join();
  }

  *next(from: Operation): Generator<readonly [string, Operation]> {
    for (const [name, change] of this.#peer(from)) yield [name, { ...from, ...change }];
    for (const [event, change] of this.#kernel(from)) {
      const { state, call } = this.#machine.step(from.at, event);
      yield [event, { ...from, short: false, ...change, at: state, call }];
    }
  }

  wrong({ at, call, unsent, ready, received, ended, news }: Operation): string | undefined {
    const { phase, process, final } = this.#machine.states.find(({ name }) => name === at)!;
    if (at === PROTOCOL_ERROR) return 'what may happen is a protocol error';
    if (unsent + ready + received !== this.#messages) return 'a message was lost, or made up';
    if (final && phase !== 'NO_PHASE') return 'it is over, and in a phase';
    if (process === 'BLOCKED' && phase === 'NO_PHASE') return 'it is blocked in no phase';
    if (phase === 'COPY' && ready === 0 && !call.startsWith('RECV'))
      return 'it copies what is not there';
    const told = call === 'SIGNAL_WAIT' || (this.#edges && call === 'EPOLL_WAIT');
    if (told && (ready > 0 || ended) && !news) return 'it waits for what it was told of already';
    return undefined;
  }

  done({ at, received, ended }: Operation): boolean {
    if (at === 'BROKEN') return true;
    return at === 'AT_END' && ended && received === this.#messages;
  }

  /** What the peer does. */
  *#peer({ unsent, ready, ended, armed, news }: Operation): Generator<Change> {
    if (unsent > 0)
      yield ['a message', { unsent: unsent - 1, ready: ready + 1, news: news || armed }];
    else if (!ended) yield ['an end', { ended: true, news: news || armed }];
  }

  /** What comes of the call that the process is in, or of what it decides. */
  *#kernel(from: Operation): Generator<Happening> {
    const { at, call } = from;
    const { phase, final } = this.#machine.states.find(({ name }) => name === at)!;
    if (final) return;
    yield ['FAILED'];
    if (call === 'NO_CALL' && phase === 'COPY') yield this.#copied(from);
    else if (call === 'NO_CALL') yield* this.#idle(from);
    else if (call === 'RECV' || call === 'RECV_NOWAIT') yield* this.#receive(from);
    else if (LEVEL_WAITS.has(call)) yield* this.#wait(from);
    else if (call === 'EPOLL_CTL')
      yield ['ARMED', { armed: true, news: from.ready > 0 || from.ended }];
    else if (call === 'SIGNAL_ARM') yield ['ARMED', { armed: true, news: false }];
    else if (call === 'SIGNAL_WAIT') yield* this.#waitForSignal(from);
    else if (call === 'SUBMIT') yield ['ARMED'];
    else if (call === 'WORK') yield* this.#work(from);
    else if (call === 'REAP') yield* this.#reap(from);
  }

  #copied({ ready, received, ended }: Operation): Happening {
    const short = ready === 1 && !ended;
    return ['COPIED', { ready: ready - 1, received: received + 1, short }];
  }

  /** It wants to read on, or to wait at once, where it has a way to say so. */
  *#idle({ at, short, news, armed }: Operation): Generator<Happening> {
    const takes = (event: Event) => this.#machine.step(at, event).state !== PROTOCOL_ERROR;
    yield ['BEGIN'];
    if (short && takes('NOT_READY')) yield ['NOT_READY'];
    if (this.#edges && news && takes('READY')) yield ['READY', { news: false }];
    if (!this.#edges && armed && takes('ARMED')) yield ['ARMED'];
    if (!news) return;
    for (const event of SIGNALS) if (takes(event)) yield [event, { news: false }];
  }

  *#receive(from: Operation): Generator<Happening> {
    const { at, call, ready, ended, armed } = from;
    // Where the phases are told apart, the data is ready first.
    const phases = this.#machine.step(at, 'READY').state !== PROTOCOL_ERROR;
    yield ['INTERRUPTED'];
    if (ready > 0) yield phases ? ['READY'] : this.#copied(from);
    else if (ended) yield ['ENDED'];
    if (call === 'RECV_NOWAIT' && ready === 0 && !ended) yield ['NOT_READY'];
    // It was there, and is not, after all: that is told anew.
    if (call === 'RECV_NOWAIT' && ready > 0) yield ['NOT_READY', { news: armed }];
  }

  *#wait({ ready, ended, news }: Operation): Generator<Happening> {
    const told = this.#edges ? news : ready > 0 || ended;
    yield ['TIMED_OUT'];
    yield ['INTERRUPTED'];
    if (told) yield ['READY', { news: false }];
  }

  *#waitForSignal({ news }: Operation): Generator<Happening> {
    yield ['TIMED_OUT'];
    yield ['INTERRUPTED'];
    if (news) for (const event of SIGNALS) yield [event, { news: false }];
  }

  /** It does something else, and may be told meanwhile. */
  *#work(from: Operation): Generator<Happening> {
    yield ['BEGIN'];
    if (!from.armed) yield* this.#completion(from);
    else if (from.news) for (const event of SIGNALS) yield [event, { news: false }];
  }

  *#reap(from: Operation): Generator<Happening> {
    yield ['TIMED_OUT'];
    yield ['INTERRUPTED'];
    yield* this.#completion(from);
  }

  /** An operation in flight: it is over, or was cancelled. */
  *#completion({ ready, ended }: Operation): Generator<Happening> {
    if (ready > 0) yield ['READY'];
    else if (ended) yield ['ENDED'];
    yield ['NOT_READY'];
  }
}

/** What can happen to an operation by this machine, with so many messages. */
export const operationModel = (machine: Machine, messages: number): Model<unknown> =>
  new OperationModel(machine, messages) as Model<unknown>;
