/**
 * Two kernels in lockstep: random legal sequences of calls, done on both, whose answers and masks
 * must agree; times, and the numbers of handles, are aside. Between two calls both come to rest, so
 * that it is not the speed of an acknowledgement that decides.
 */
import { Opcode } from '#host/kernel/completion';
import { Receive, Shutdown, type Kernel } from '#host/kernel/kernel';
import { pollerNames, Readiness, Trigger } from '#host/kernel/readiness';
import fc from 'fast-check';

import { ACKNOWLEDGED_NS, maskName, Side, type Kind, type Wish } from './side.js';

const { IN, PRI, OUT, RDHUP, EXCLUSIVE } = Readiness;
const { ACCEPT, RECV, SEND, CLOSE, TIMEOUT, CANCEL } = Opcode;
const MILLISECOND = 1e6;
/** Of the time of either kernel: how long a rest is, and how many rests it may take to agree. */
const REST_NS = MILLISECOND;
const RESTS = 400;
/** No sender sends more than this: what is on its way fits into any receiver's window. */
const MOST_SENT = 24_000;
const MOST_PIPED = 200_000;
const MOST_THINGS = 24;

/** `of`, `to`, `set`: which of those that there are, counted round. */
export type Step =
  | { do: 'listen'; backlog: number }
  | { do: 'listen again'; of: number }
  | { do: 'connect'; of: number }
  | { do: 'accept'; of: number }
  | { do: 'pair' }
  | { do: 'pipe' }
  | { do: 'flood' }
  | { do: 'drain'; of: number }
  | { do: 'send'; of: number; bytes: number; write: boolean }
  | { do: 'recv'; of: number; bytes: number; flags: number }
  | { do: 'read'; of: number; bytes: number }
  | { do: 'write'; of: number; bytes: number }
  | { do: 'shutdown'; of: number; how: number }
  | { do: 'close'; of: number }
  | { do: 'retire'; of: number }
  | { do: 'error'; of: number }
  | { do: 'poller'; backend: number }
  | { do: 'set'; set: number; of: number; interest: number; trigger: number }
  | { do: 'remove'; set: number; of: number }
  | { do: 'wait'; set: number; most: number }
  | { do: 'close set'; set: number }
  | { do: 'wait for'; of: number; interest: number }
  | { do: 'arm'; of: number; on: boolean }
  | { do: 'signals'; most: number }
  | { do: 'submit'; operations: readonly Operation[] }
  | { do: 'reap' };

export interface Operation {
  opcode: number;
  of: number;
  multishot: boolean;
  length: number;
}

/** What is to be done, in words, and how; undefined: there is nothing that it could be done to. */
type Deed = { words: string; on: (side: Side) => string } | undefined;

const ANY: readonly Kind[] = ['listener', 'socket', 'reader', 'writer'];
const STREAM: readonly Kind[] = ['socket'];
const LISTENER: readonly Kind[] = ['listener'];
/** One of so many refers to what it is not meant for. */
const STRAY = 23;

export class Lockstep {
  readonly #sides: readonly [Side, Side];
  readonly #words: string[] = [];
  #userdata = 0;
  /** A set tells of edges. */
  #edges = false;
  /** A connection may be about to end. */
  #ending = false;
  readonly #cancellable: number[] = [];

  constructor(one: Kernel, other: Kernel) {
    this.#sides = [new Side(one), new Side(other)];
  }

  /** Does all `steps`: undefined, or the story up to where the two disagree. */
  run(steps: readonly Step[]): string | undefined {
    for (const step of steps) {
      const deed = this.#deed(step);
      if (!deed) continue;
      this.#settle(step);
      const [one, other] = this.#sides.map((side) => deed.on(side));
      this.#words.push(`${deed.words} -> ${one}`);
      if (one !== other) return this.#story(`-> ${other}`);
      const seen = this.#rest();
      if (seen !== undefined) return this.#story(seen);
    }
    return undefined;
  }

  /**
   * The end of a connection is acknowledged late, and the sender learns of it then, which only an
   * edge tells. What is sent in one call with other operations waits for no acknowledgement.
   */
  #settle(step: Step): void {
    if (step.do === 'submit' && mixed(step.operations)) this.#passBoth();
    if (step.do === 'set' && step.trigger & Trigger.EDGE) this.#edges = true;
    if (step.do === 'wait' && this.#edges && this.#ending) {
      this.#passBoth();
      this.#ending = false;
    }
    if (step.do === 'shutdown' || step.do === 'close' || step.do === 'submit') this.#ending = true;
  }

  #passBoth(): void {
    for (const side of this.#sides) side.pass(ACKNOWLEDGED_NS);
  }

  #story(end: string): string {
    return [...this.#words, `  but on the other ${end}`].join('\n');
  }

  /** Waits until both see the same of everything: undefined, or what they see for ever. */
  #rest(): string | undefined {
    const [one, other] = this.#sides;
    let difference: string | undefined;
    for (let i = 0; i < RESTS; i++) {
      other.pass(REST_NS);
      if (i > 0) one.pass(REST_NS);
      difference = this.#difference(one, other);
      if (difference === undefined) break;
    }
    const named = [one.rested(), other.rested()];
    // What was accepted can be looked at only now.
    return difference === undefined && named[0] ? this.#rest() : difference;
  }

  #difference(one: Side, other: Side): string | undefined {
    one.reap();
    other.reap();
    const [mine, theirs] = [one.fresh().join(', '), other.fresh().join(', ')];
    if (mine !== theirs) return `[${theirs}] have completed, not [${mine}]`;
    for (const [index, thing] of one.things.entries()) {
      if (!thing.open) continue;
      const [seen, wanted] = [other.seen(index), one.seen(index)];
      if (seen !== wanted) return `${thing.kind} ${index} is ${seen}, not ${wanted}`;
    }
    return undefined;
  }

  // ---- what a step refers to: both sides have the same

  /** `but`: none that is so. */
  #pick(of: number, kinds: readonly Kind[], but?: Water): number | undefined {
    const { things } = this.#sides[0];
    const wanted = of % STRAY === STRAY - 1 ? ANY : kinds;
    const fit = things.flatMap((thing, i) =>
      thing.open && wanted.includes(thing.kind) && !(but && thing[but]) ? [i] : [],
    );
    return fit.length === 0 ? undefined : fit[of % fit.length];
  }

  /** Mostly one of those that have something to take. */
  #pickReady(of: number, kinds: readonly Kind[]): number | undefined {
    const [{ things, kernel }] = this.#sides;
    const ready = things.flatMap(({ kind, open, handle, flooded }, i) =>
      open && !flooded && kinds.includes(kind) && kernel.waitFor(handle, IN, 0) & IN ? [i] : [],
    );
    const some = ready.length > 0 && of % 4 > 0;
    return some ? ready[(of >> 2) % ready.length] : this.#pick(of, kinds, 'flooded');
  }

  #pickPoller(of: number): number | undefined {
    const open = this.#sides[0].pollers.flatMap((poller, i) => (poller ? [i] : []));
    return open.length === 0 ? undefined : open[of % open.length];
  }

  #thing(of: number, kinds: readonly Kind[], words: string, on: On): Deed {
    return this.#naming(this.#pick(of, kinds), words, on);
  }

  /** What takes something from a thing. */
  #taking(of: number, kinds: readonly Kind[], words: string, on: On): Deed {
    return this.#naming(this.#pickReady(of, kinds), words, on);
  }

  #naming(index: number | undefined, words: string, on: On): Deed {
    if (index === undefined) return undefined;
    const { kind } = this.#sides[0].things[index]!;
    return { words: words.replace('@', `${kind} ${index}`), on: (side) => on(side, index) };
  }

  #sending(of: number, kinds: readonly Kind[], bytes: number, write: boolean): Deed {
    const index = this.#pick(of, kinds, 'flooding');
    if (index === undefined) return undefined;
    const { kind, sent } = this.#sides[0].things[index]!;
    if (sent + bytes > (kind === 'writer' ? MOST_PIPED : MOST_SENT)) return undefined;
    return {
      words: `${write ? 'write' : 'send'} ${bytes} to ${kind} ${index}`,
      on: (side) => side.send(index, bytes, write),
    };
  }

  #set(set: number, of: number, words: string, on: OnSet): Deed {
    const poller = this.#pickPoller(set);
    const index = this.#pick(of, ANY);
    if (poller === undefined || index === undefined) return undefined;
    return {
      words: words.replace('@', String(index)).replace('#', `poller ${poller}`),
      on: (side) => on(side, poller, index),
    };
  }

  #deed(step: Step): Deed {
    switch (step.do) {
      case 'poller':
      case 'set':
      case 'remove':
      case 'wait':
      case 'close set':
        return this.#pollerDeed(step);
      case 'submit':
        return this.#submission(step.operations);
      case 'reap':
        return this.#userdata === 0
          ? undefined
          : { words: 'reap', on: (side) => side.completions() };
      case 'arm': {
        const words = `${step.on ? '' : 'dis'}arm @`;
        const index = this.#pick(step.of, ANY, 'flooded');
        return this.#naming(index, words, (side, i) => side.arm(i, step.on));
      }
      case 'signals':
        return { words: `take ${step.most} signals`, on: (side) => side.signals(step.most) };
      default:
        return this.#plainDeed(step);
    }
  }

  #plainDeed(step: Exclude<Step, PollerStep | QueueStep>): Deed {
    const full = this.#sides[0].things.length >= MOST_THINGS;
    switch (step.do) {
      case 'listen':
        if (full) return undefined;
        return { words: `listen ${step.backlog}`, on: (side) => side.listen(step.backlog) };
      case 'listen again':
        return this.#thing(step.of, LISTENER, 'listen where @ does', (side, i) => side.listenAt(i));
      case 'connect':
        if (full) return undefined;
        return this.#thing(step.of % STRAY, LISTENER, 'connect to @', (side, i) => side.connect(i));
      case 'accept':
        return this.#taking(step.of, LISTENER, 'accept from @', (side, i) => side.accept(i));
      case 'pair':
        return full ? undefined : { words: 'a connection', on: pair };
      case 'flood':
        return full ? undefined : { words: 'a flooded connection', on: flooded };
      case 'drain': {
        const wet = this.#sides[0].things.flatMap((thing, i) =>
          thing.open && thing.flooded ? [i] : [],
        );
        const index = wet.length === 0 ? undefined : wet[step.of % wet.length];
        return this.#naming(index, 'drain @', (side, i) => side.drain(i - 1, i));
      }
      case 'pipe':
        return full ? undefined : { words: 'a pipe', on: (side) => side.pipe() };
      case 'send':
        return this.#sending(step.of, STREAM, step.bytes, step.write);
      case 'write':
        return this.#sending(step.of, ['writer'], step.bytes, true);
      case 'recv': {
        const words = `receive ${step.bytes} from @, flags ${step.flags}`;
        const { bytes, flags } = step;
        return this.#taking(step.of, STREAM, words, (side, i) => side.recv(i, bytes, flags));
      }
      case 'read': {
        const words = `read ${step.bytes} from @`;
        return this.#taking(step.of, ['reader'], words, (side, i) => side.read(i, step.bytes));
      }
      case 'shutdown': {
        const words = `shut @ down, ${step.how}`;
        const but = step.how & Shutdown.RD ? 'flooded' : undefined;
        const index = this.#pick(step.of, STREAM, but);
        return this.#naming(index, words, (side, i) => side.shutdown(i, step.how));
      }
      case 'close':
        return this.#thing(step.of, ANY, 'close @', (side, i) => side.close(i));
      case 'retire':
        return this.#thing(step.of % (STRAY - 1), LISTENER, 'retire @', (side, i) =>
          side.retire(i),
        );
      case 'error':
        return this.#thing(step.of, STREAM, 'the error of @', (side, i) => side.error(i));
      case 'wait for': {
        const words = `is @ ready for ${maskName(step.interest)}`;
        return this.#thing(step.of, ANY, words, (side, i) => side.waitFor(i, step.interest));
      }
    }
  }

  #pollerDeed(step: PollerStep): Deed {
    if (step.do === 'poller') {
      const backend = pollerNames[step.backend % pollerNames.length]!;
      return { words: `a set by ${backend}`, on: (side) => side.poller(backend) };
    }
    const poller = this.#pickPoller(step.set);
    if (poller === undefined) return undefined;
    switch (step.do) {
      case 'set': {
        const { interest, trigger } = step;
        const words = `# watches @ for ${maskName(interest)}, trigger ${trigger}`;
        return this.#set(step.set, step.of, words, (side, p, i) =>
          side.set(p, i, interest, trigger),
        );
      }
      case 'remove':
        return this.#set(step.set, step.of, '# forgets @', (side, p, i) => side.remove(p, i));
      case 'wait':
        return {
          words: `poller ${poller} tells ${step.most}`,
          on: (side) => side.wait(poller, step.most),
        };
      case 'close set':
        return { words: `close poller ${poller}`, on: (side) => side.closePoller(poller) };
    }
  }

  /**
   * What goes to the kernel in one call. Of what that makes possible nothing is cancelled in the
   * same call: whether the CANCEL comes before it or after is a race. So is whether a SEND, or a
   * RECV in flight, hears of the reset that a CLOSE before it makes. Nor does it send twice on one
   * connection with anything else in the call: what is behind an unacknowledged segment waits
   * (Nagle), and the rest of the call comes before it or after.
   */
  #submission(operations: readonly Operation[]): Deed {
    const alone = operations.every(({ opcode }) => opcode === SEND);
    const senders = new Set<number>();
    let sends = false;
    let closes = false;
    const wishes = operations.flatMap((operation): Wish[] => {
      const { opcode, multishot, length, of } = operation;
      if (opcode === CANCEL && (sends || closes)) return [];
      if (opcode === SEND && closes) return [];
      sends ||= opcode === SEND;
      closes ||= opcode === CLOSE;
      const repeats = opcode === ACCEPT || opcode === RECV;
      const wish = { opcode, multishot: multishot && repeats, length, argument: 0, thing: -1 };
      if (opcode === CANCEL) {
        wish.argument = this.#cancellable[of % (this.#cancellable.length || 1)] ?? 0;
      } else if (opcode === TIMEOUT) {
        wish.argument = of % 2 ? 0 : 1e15;
      } else {
        const but = opcode === RECV ? 'flooded' : opcode === SEND ? 'flooding' : undefined;
        const index = this.#pick(of, opcode === ACCEPT ? LISTENER : STREAM, but);
        if (index === undefined) return [];
        wish.thing = index;
        if (opcode === SEND) {
          if (this.#sides[0].things[index]!.sent + length > MOST_SENT) return [];
          if (senders.has(index) && !alone) return [];
          senders.add(index);
        }
      }
      const userdata = ++this.#userdata;
      return [{ ...wish, userdata }];
    });
    // Only what is at rest can be cancelled with a certain outcome.
    for (const { opcode, userdata } of wishes) {
      if (opcode !== CLOSE && opcode !== CANCEL) this.#cancellable.push(userdata);
    }
    if (wishes.length === 0) return undefined;
    const words = wishes.map(
      (wish) =>
        `${wish.userdata}: ${names.get(wish.opcode)}${wish.multishot ? ' again and again' : ''} ` +
        `${wish.thing < 0 ? wish.argument : `${wish.thing}, length ${wish.length}`}`,
    );
    return { words: `submit ${words.join('; ')}`, on: (side) => side.submit(wishes) };
  }
}

/** True if something is sent, and not alone. */
const mixed = (operations: readonly Operation[]): boolean =>
  operations.some(({ opcode }) => opcode === SEND) &&
  operations.some(({ opcode }) => opcode !== SEND);

type Water = 'flooded' | 'flooding';
type On = (side: Side, index: number) => string;
type OnSet = (side: Side, poller: number, index: number) => string;
type PollerStep = Extract<Step, { do: 'poller' | 'set' | 'remove' | 'wait' | 'close set' }>;
type QueueStep = Extract<Step, { do: 'arm' | 'signals' | 'submit' | 'reap' }>;

const names = new Map<number, string>(Object.entries(Opcode).map(([name, code]) => [code, name]));

/** A listener, and both ends of a connection. */
function pair(side: Side): string {
  const words = [side.listen(8)];
  const listener = side.things.length - 1;
  words.push(side.connect(listener));
  side.kernel.waitFor(side.things[listener]!.handle, IN, 1e9);
  words.push(side.accept(listener));
  return words.join(', ');
}

/** The same, and the client has sent as much as can be sent. */
function flooded(side: Side): string {
  const words = pair(side);
  const server = side.things.length - 1;
  return `${words}, ${side.flood(server - 1, server)}`;
}

// ---- sequences

const one = fc.nat({ max: 2 ** 20 });
const bytes = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.integer({ min: 0, max: 3000 }),
  fc.constantFrom(4095, 4096, 4097),
);
const piped = fc.oneof(bytes, fc.constantFrom(4096, 8192, 12288, 16000));
const interest = fc.oneof(
  fc.constantFrom(IN, OUT, IN | OUT, IN | RDHUP, IN | OUT | RDHUP),
  fc.subarray([IN, OUT, RDHUP, PRI]).map((asked) => asked.reduce((mask, bit) => mask | bit, 0)),
);
const how = fc.oneof(
  { weight: 9, arbitrary: interest },
  { weight: 1, arbitrary: interest.map((mask) => mask | EXCLUSIVE) },
);

const often = [ACCEPT, RECV, RECV, RECV, SEND, SEND, CLOSE, TIMEOUT, CANCEL, CANCEL];
const operation: fc.Arbitrary<Operation> = fc.record({
  opcode: fc.constantFrom(...often),
  of: one,
  multishot: fc.boolean(),
  length: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 3000 })),
});

function step<T extends Step['do']>(
  weight: number,
  name: T,
  rest: { [K in Exclude<keyof Extract<Step, { do: T }>, 'do'>]: fc.Arbitrary<unknown> },
): { weight: number; arbitrary: fc.Arbitrary<Step> } {
  const record = fc.record({ do: fc.constant(name), ...rest });
  return { weight, arbitrary: record as unknown as fc.Arbitrary<Step> };
}

/** What most sequences begin with: something to call upon. */
const beginnings: Step[] = [
  { do: 'pair' },
  { do: 'poller', backend: 0 },
  { do: 'set', set: 0, of: 1, interest: IN | OUT | RDHUP, trigger: 1 },
  { do: 'pipe' },
  { do: 'arm', of: 2, on: true },
];

const plain = [
  step(2, 'listen', { backlog: fc.constantFrom(0, 1, 2, 16, 16, 16) }),
  step(1, 'listen again', { of: one }),
  step(6, 'connect', { of: one }),
  step(5, 'accept', { of: one }),
  step(2, 'pair', {}),
  step(1, 'pipe', {}),
  step(1, 'flood', {}),
  step(2, 'drain', { of: one }),
  step(18, 'send', { of: one, bytes, write: fc.boolean() }),
  step(14, 'recv', {
    of: one,
    bytes,
    flags: fc.constantFrom(0, 0, 0, Receive.PEEK, Receive.WAITALL),
  }),
  step(5, 'read', { of: one, bytes: piped }),
  step(6, 'write', { of: one, bytes: piped }),
  step(4, 'shutdown', { of: one, how: fc.integer({ min: 1, max: 3 }) }),
  step(4, 'close', { of: one }),
  step(1, 'retire', { of: one }),
  step(2, 'error', { of: one }),
  step(2, 'poller', { backend: fc.constantFrom(0, 0, 0, 1, 2) }),
  step(12, 'set', {
    set: one,
    of: one,
    interest: how,
    trigger: fc.constantFrom(0, 0, 0, 1, 1, 2, 3),
  }),
  step(1, 'remove', { set: one, of: one }),
  step(18, 'wait', { set: one, most: fc.constantFrom(1, 2, 64, 64, 64) }),
  step(1, 'close set', { set: one }),
  step(2, 'wait for', { of: one, interest }),
  step(6, 'arm', { of: one, on: fc.constantFrom(true, true, true, true, false) }),
  step(7, 'signals', { most: fc.constantFrom(1, 3, 64) }),
];
const queueing = [
  step(12, 'submit', { operations: fc.array(operation, { minLength: 1, maxLength: 3 }) }),
  step(7, 'reap', {}),
];

/** Sequences of calls; `queued`: operations in flight are among them. */
export const sequences = ({ queued }: { queued: boolean }): fc.Arbitrary<Step[]> =>
  fc
    .tuple(
      fc.subarray(beginnings, { minLength: 0 }),
      fc.noBias(
        fc.array(fc.oneof(...plain, ...(queued ? queueing : [])), { maxLength: 60, size: 'max' }),
      ),
    )
    .map(([first, then]) => [...first, ...then]);
