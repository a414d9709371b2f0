/**
 * One of two kernels that are led through the same calls: what it has open, by names that both
 * share, and what it answers, in words that can be compared. It decides nothing by itself.
 */
import {
  COMPLETION,
  NOTES,
  Opcode,
  OPERATION,
  OperationFlag,
  TARGET,
  type CompletionQueue,
} from '#host/kernel/completion';
import { Errno, errnoName } from '#host/kernel/errno';
import type { Kernel } from '#host/kernel/kernel';
import { EVENT_STRIDE, Readiness, type Poller, type PollerName } from '#host/kernel/readiness';
import { OVERFLOW, SIGNAL_STRIDE } from '#host/kernel/signal';

export type Kind = 'listener' | 'socket' | 'reader' | 'writer';

export interface Thing {
  kind: Kind;
  handle: number;
  open: boolean;
  /** Of a listener. */
  port: number;
  /** What it has sent, in bytes, which both names the next and bounds all. */
  sent: number;
  /** It has more to receive than there is room for: how much that is, is its kernel's affair. */
  flooded?: boolean;
  /** It has flooded another: whether there is room for a little more, is too. */
  flooding?: boolean;
}

export interface Wish {
  opcode: number;
  /** The thing that it is for. */
  thing: number;
  multishot: boolean;
  length: number;
  /** TIMEOUT: nanoseconds; CANCEL: the userdata of its target. */
  argument: number;
  userdata: number;
}

const { IN, PRI, OUT, RDHUP } = Readiness;
const EVERYTHING = IN | PRI | OUT | RDHUP;
const LOOPBACK = '127.0.0.1';
const bits: [bit: number, name: string][] = [
  [Readiness.IN, 'IN'],
  [Readiness.PRI, 'PRI'],
  [Readiness.OUT, 'OUT'],
  [Readiness.RDHUP, 'RDHUP'],
  [Readiness.HUP, 'HUP'],
  [Readiness.ERR, 'ERR'],
  [Readiness.NVAL, 'NVAL'],
  [Readiness.EXCLUSIVE, 'EXCLUSIVE'],
];

export function maskName(mask: number): string {
  if (mask < 0) return errnoName(mask);
  const known = bits.filter(([bit]) => mask & bit);
  const rest = mask & ~known.reduce((sum, [bit]) => sum | bit, 0);
  return [...known.map(([, name]) => name), ...(rest ? [rest] : [])].join('|') || '0';
}

const told = (result: number) => (result < 0 ? errnoName(result) : String(result));

/** How many bytes there are, the first and the last of them, and a sum of all. */
function digest(bytes: readonly number[]): string {
  const sum = bytes.reduce((hash, byte) => (Math.imul(hash, 31) + byte) >>> 0, 0);
  return `${bytes.length} (${bytes[0]} to ${bytes.at(-1)}, ${sum.toString(36)})`;
}

interface Completed {
  userdata: number;
  words: string;
  /** Of a connection that has no name yet. */
  accepted?: number;
  /** What a RECV has received. */
  received: string;
  more: boolean;
}

/** Guest memory: iovecs, operations, completions, and two buffers. */
const AT = { operations: 1024, completions: 4096, out: 16384, in: 32768 } as const;
const MEMORY_BYTES = 1 << 20;
const MAX_TOLD = 128;
/** By then what was sent is acknowledged (40 ms), also on a machine that is busy. */
export const ACKNOWLEDGED_NS = 60e6;
/** A byte that nothing else sends, and how many of them at once. */
const FLOOD = 32;
const FLOOD_BYTES = 1 << 16;

export class Side {
  readonly kernel: Kernel;
  readonly things: Thing[] = [];
  readonly pollers: (Poller | undefined)[] = [];
  /** What was reaped since the last rest, and what before that. */
  readonly #fresh: Completed[] = [];
  readonly #completed: string[] = [];
  readonly #bytes = new Uint8Array(MEMORY_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #events = new Int32Array(64 * EVENT_STRIDE);
  readonly #notes = new Int32Array(NOTES.HEADER + MAX_TOLD * NOTES.SIZE);
  #queue: CompletionQueue | undefined;
  #idle: Poller | undefined;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    kernel.attach({ bytes: this.#bytes });
  }

  /** Lets `ns` nanoseconds pass. */
  pass(ns: number): void {
    this.#idle ??= this.kernel.poller('poll');
    this.#idle.wait(this.#events, ns);
  }

  /** What can be seen of a thing without changing it. */
  seen(index: number): string {
    const { kind, handle, flooded } = this.things[index]!;
    const mask = maskName(this.kernel.waitFor(handle, EVERYTHING, 0));
    if (kind === 'listener') return mask;
    return `${mask} ${flooded ? 'much' : told(this.kernel.readable(handle))}`;
  }

  #add(kind: Kind, handle: number, port = 0): string {
    if (handle < 0) return errnoName(handle);
    this.things.push({ kind, handle, open: true, port, sent: 0 });
    return `${kind} ${this.things.length - 1}`;
  }

  /** The name of the thing that has this handle now. */
  #name(handle: number): string {
    if (handle === OVERFLOW) return 'overflow';
    return String(this.things.findLastIndex((thing) => thing.handle === handle));
  }

  listen(backlog: number): string {
    const handle = this.kernel.listen({ host: LOOPBACK, port: 0 }, backlog);
    const address = this.kernel.localAddress(handle);
    if (typeof address === 'number') return errnoName(address);
    return this.#add('listener', handle, address.port);
  }

  /** A second listener at the address of `listener`. */
  listenAt(listener: number): string {
    const { port } = this.things[listener]!;
    return this.#add('listener', this.kernel.listen({ host: LOOPBACK, port }, 4), port);
  }

  connect(listener: number): string {
    const { port } = this.things[listener]!;
    return this.#add('socket', this.kernel.connect({ host: LOOPBACK, port }));
  }

  accept(thing: number): string {
    return this.#add('socket', this.kernel.accept(this.things[thing]!.handle));
  }

  pipe(): string {
    const ends = new Int32Array(2);
    const result = this.kernel.pipe(ends);
    if (result < 0) return errnoName(result);
    return `${this.#add('reader', ends[0]!)} ${this.#add('writer', ends[1]!)}`;
  }

  /** Two iovecs with `length` bytes in all, so that buffers are gathered and scattered. */
  #iovecs(at: number, length: number): void {
    const first = length >> 1;
    for (const [i, word] of [at, first, at + first, length - first].entries())
      this.#view.setUint32(i * 4, word, true);
  }

  /** Puts down what `thing` sends next. */
  #put(thing: Thing, length: number): void {
    for (let i = 0; i < length; i++) this.#bytes[AT.out + i] = 33 + ((thing.sent + i) % 89);
  }

  #text(at: number, length: number): string {
    if (length <= 0) return told(length);
    const bytes = this.#bytes.subarray(at, at + length);
    return digest([...bytes]);
  }

  send(index: number, length: number, write: boolean): string {
    const thing = this.things[index]!;
    this.#put(thing, length);
    this.#iovecs(AT.out, length);
    const { kernel } = this;
    const result = write
      ? kernel.writev(thing.handle, 0, 2, 0)
      : kernel.send(thing.handle, 0, 2, 0);
    if (result > 0) thing.sent += result;
    return told(result);
  }

  recv(index: number, length: number, flags: number): string {
    this.#iovecs(AT.in, length);
    return this.#text(AT.in, this.kernel.recv(this.things[index]!.handle, 0, 2, flags, 0));
  }

  read(index: number, length: number): string {
    this.#iovecs(AT.in, length);
    return this.#text(AT.in, this.kernel.readv(this.things[index]!.handle, 0, 2));
  }

  /** Sends from one thing to another until no more is taken. */
  flood(from: number, to: number): string {
    this.#bytes.fill(FLOOD, AT.in, AT.in + FLOOD_BYTES);
    const { handle } = this.things[from]!;
    for (let quiet = 0; quiet < 2;) {
      this.#iovecs(AT.in, FLOOD_BYTES);
      const result = this.kernel.send(handle, 0, 2, 0);
      if (result < 0 && result !== -Errno.EAGAIN) return errnoName(result);
      quiet = result > 0 ? 0 : quiet + 1;
      if (quiet > 0) this.pass(ACKNOWLEDGED_NS);
    }
    this.things[from]!.flooding = true;
    this.things[to]!.flooded = true;
    return 'full';
  }

  /** Receives all that there is, and comes: what was no flood, and what there is then. */
  drain(from: number, index: number): string {
    const thing = this.things[index]!;
    const rest: number[] = [];
    let result = 0;
    for (let quiet = 0; quiet < 2;) {
      this.#iovecs(AT.in, FLOOD_BYTES);
      result = this.kernel.recv(thing.handle, 0, 2, 0, 0);
      for (const byte of this.#bytes.subarray(AT.in, AT.in + Math.max(result, 0)))
        if (byte !== FLOOD || rest.length > 0) rest.push(byte);
      quiet = result > 0 ? 0 : quiet + 1;
      if (result === -Errno.EAGAIN) this.pass(ACKNOWLEDGED_NS);
    }
    delete this.things[from]!.flooding;
    delete thing.flooded;
    return `${digest(rest)}, then ${told(result)}`;
  }

  shutdown(index: number, how: number): string {
    return told(this.kernel.shutdown(this.things[index]!.handle, how));
  }

  close(index: number): string {
    const thing = this.things[index]!;
    thing.open = false;
    return told(this.kernel.close(thing.handle));
  }

  retire(index: number): string {
    return told(this.kernel.retire(this.things[index]!.handle));
  }

  error(index: number): string {
    return told(this.kernel.socketError(this.things[index]!.handle));
  }

  // ---- interest sets

  poller(backend: PollerName): string {
    this.pollers.push(this.kernel.poller(backend));
    return `poller ${this.pollers.length - 1}`;
  }

  set(poller: number, index: number, interest: number, trigger: number): string {
    const { handle } = this.things[index]!;
    return told(this.pollers[poller]!.set(handle, interest, trigger, index));
  }

  remove(poller: number, index: number): string {
    return told(this.pollers[poller]!.remove(this.things[index]!.handle));
  }

  /** Only epoll says in which order it tells, and which of too many. */
  wait(poller: number, most: number): string {
    const set = this.pollers[poller]!;
    const ordered = set.name === 'epoll';
    const room = this.#events.subarray(0, (ordered ? most : 64) * EVENT_STRIDE);
    const count = set.wait(room, 0);
    if (count < 0) return errnoName(count);
    const events = Array.from(
      { length: count },
      (_, i) => `${room[i * EVENT_STRIDE + 1]}: ${maskName(room[i * EVENT_STRIDE]!)}`,
    );
    return `[${(ordered ? events : events.sort()).join(', ')}]`;
  }

  closePoller(poller: number): string {
    this.pollers[poller]!.close();
    this.pollers[poller] = undefined;
    return '';
  }

  waitFor(index: number, interest: number): string {
    return maskName(this.kernel.waitFor(this.things[index]!.handle, interest, 0));
  }

  // ---- signals

  arm(index: number, on: boolean): string {
    return told(this.kernel.signals().arm(this.things[index]!.handle, on));
  }

  signals(most: number): string {
    const room = new Int32Array(most * SIGNAL_STRIDE);
    const count = this.kernel.signals().wait(room, 0);
    if (count < 0) return errnoName(count);
    const taken = Array.from({ length: count }, (_, i) => {
      const [handle, band] = room.subarray(i * SIGNAL_STRIDE);
      return `${this.#name(handle!)}: ${maskName(band!)}`;
    });
    return `[${taken.join(', ')}]`;
  }

  // ---- completions

  submit(wishes: readonly Wish[]): string {
    this.#queue ??= this.kernel.completions();
    const targets = new Int32Array(wishes.length * TARGET.SIZE);
    wishes.forEach((wish, i) => {
      const thing = this.things[wish.thing];
      const at = AT.operations + i * OPERATION.SIZE;
      this.#bytes.fill(0, at, at + OPERATION.SIZE);
      this.#view.setUint32(at + OPERATION.USERDATA, wish.userdata, true);
      this.#view.setUint8(at + OPERATION.FLAGS, wish.multishot ? OperationFlag.MULTISHOT : 0);
      this.#view.setUint32(at + OPERATION.LENGTH, wish.length, true);
      this.#view.setBigUint64(at + OPERATION.ARGUMENT, BigInt(wish.argument), true);
      if (wish.opcode === Opcode.SEND) {
        this.#put(thing!, wish.length);
        this.#bytes.copyWithin(AT.in + i * 8192, AT.out, AT.out + wish.length);
        this.#view.setUint32(at + OPERATION.BYTES, AT.in + i * 8192, true);
        thing!.sent += wish.length;
      }
      if (wish.opcode === Opcode.CLOSE) thing!.open = false;
      targets.set([wish.opcode, thing?.handle ?? -1], i * TARGET.SIZE);
    });
    return told(this.#queue.submit(AT.operations, wishes.length, targets));
  }

  /** Takes what has completed. */
  reap(): void {
    const queue = this.#queue;
    for (let count = queue ? 1 : 0; count > 0;) {
      this.#notes[NOTES.ROOM] = 64;
      count = queue!.reap(AT.completions, MAX_TOLD, AT.in, 1 << 19, 0, 0, this.#notes);
      for (let i = 0; i < count; i++) this.#take(AT.completions + i * COMPLETION.SIZE);
    }
  }

  #take(at: number): void {
    const userdata = this.#view.getUint32(at, true);
    const opcode = this.#view.getUint8(at + COMPLETION.OPCODE);
    const result = this.#view.getInt32(at + COMPLETION.RESULT, true);
    const more = this.#view.getUint8(at + COMPLETION.FLAGS) === 1;
    const from = AT.in + this.#view.getUint32(at + COMPLETION.OFFSET, true);
    const accepts = opcode === Opcode.ACCEPT && result >= 0;
    const said = accepts ? 'a socket' : told(result);
    const received =
      opcode === Opcode.RECV && result > 0
        ? String.fromCharCode(...this.#bytes.subarray(from, from + result))
        : '';
    const accepted = accepts ? { accepted: result } : {};
    this.#fresh.push({ userdata, words: said, ...accepted, received, more });
  }

  /**
   * What has completed since the last rest, by userdata: in which order operations complete that
   * one call has ended is nobody's promise, nor is in how many pieces bytes come.
   */
  fresh(): string[] {
    const all = this.#ordered();
    const joined: Completed[] = [];
    for (const each of all) {
      const last = joined.at(-1);
      const goesOn = last?.userdata === each.userdata && last.received && each.received;
      if (goesOn) joined[joined.length - 1] = { ...each, received: last.received + each.received };
      else joined.push(each);
    }
    return joined.map(({ userdata, words, received, more }) => {
      const said = received ? digest(Array.from(received, (c) => c.charCodeAt(0))) : words;
      return `${userdata}: ${said}${more ? ' and more' : ''}`;
    });
  }

  #ordered(): Completed[] {
    return [...this.#fresh].sort((one, other) => one.userdata - other.userdata);
  }

  /**
   * Both sides are at rest: what completes from now on comes after what did, and what was accepted
   * has a name, which is that of both sides. True if something was.
   */
  rested(): boolean {
    const accepted = this.#ordered().filter((each) => each.accepted !== undefined);
    for (const each of accepted) each.words = this.#add('socket', each.accepted!);
    this.#completed.push(...this.fresh());
    this.#fresh.length = 0;
    return accepted.length > 0;
  }

  /** What has completed since the last time that this was asked. */
  completions(): string {
    return `[${this.#completed.splice(0).join(', ')}]`;
  }
}
