/**
 * What a guest's thread and the world's thread say to each other. The guest's has the guest, its
 * functions and its memory, which is shared; the world's has the kernel. It is always the turn of
 * one of them: the other waits, in Atomics.wait.
 */
import type { Program } from '../program.js';

/** Everything that a kernel is asked by the functions of a guest. */
export const verbs = [
  'listen',
  'connect',
  'socketError',
  'accept',
  'localAddress',
  'recv',
  'send',
  'shutdown',
  'retire',
  'pipe',
  'readv',
  'writev',
  'seek',
  'stat',
  'readable',
  'close',
  'waitFor',
  'wake',
  'awake',
  'now',
  'resolution',
  'random',
  'maybe',
  'yield',
  'poller',
  'pollerSet',
  'pollerRemove',
  'pollerWait',
  'pollerClose',
  'signalArm',
  'signalWait',
  'signalClose',
  'submit',
  'reap',
  'completionClose',
] as const;
export type Verb = (typeof verbs)[number];

export const Turn = { WORLD: 0, GUEST: 1 } as const;

/** What the guest's thread says when it gives the turn back. */
export const Said = {
  /** It waits for a job. */
  IDLE: 0,
  /** A message with the guest's memory is there. */
  BEGUN: 1,
  VERB: 2,
  /** A message that says how the guest ended is there. */
  ENDED: 3,
  /** A call begins, and has to wait. */
  CALL: 4,
} as const;

/** Where what is in the shared buffer. */
export const LAYOUT = {
  /**
   * 32-bit integers: whose turn it is, what is said, the verb, whether the guest shall end, whether
   * the verb is the first of a call, whether a call must wait before it begins.
   */
  CONTROL: 0,
  TURN: 0,
  SAID: 1,
  VERB: 2,
  ABORT: 3,
  FIRST: 4,
  IDLING: 5,
  /** Floats: the arguments, of which the first is replaced by the result. */
  NUMBERS: 64,
  MOST_NUMBERS: 12,
  /** A float: the time of the guest. */
  NOW: 160,
  /** A float: how long the guest's memory is. */
  MEMORY_BYTES: 168,
  /** A 64-bit integer, an argument or a result. */
  BIG: 176,
  /** 32-bit integers that are filled or read, and text. */
  WORDS: 192,
  WORDS_BYTES: 1 << 20,
} as const;
export const SHARED_BYTES = LAYOUT.WORDS + LAYOUT.WORDS_BYTES;

/** One run of a guest. */
export interface Job {
  module: WebAssembly.Module;
  program: Program;
}

/** The shared buffer, as both sides look at it. */
export class Shared {
  readonly control: Int32Array;
  readonly numbers: Float64Array;
  readonly clock: Float64Array;
  readonly big: BigInt64Array;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.control = new Int32Array(buffer, LAYOUT.CONTROL, 6);
    this.numbers = new Float64Array(buffer, LAYOUT.NUMBERS, LAYOUT.MOST_NUMBERS);
    this.clock = new Float64Array(buffer, LAYOUT.NOW, 2);
    this.big = new BigInt64Array(buffer, LAYOUT.BIG, 1);
    this.words = new Int32Array(buffer, LAYOUT.WORDS, LAYOUT.WORDS_BYTES / 4);
    this.bytes = new Uint8Array(buffer, LAYOUT.WORDS, LAYOUT.WORDS_BYTES);
  }

  /** Gives the turn away, and waits until it is back; false: it was not within `limitMs`. */
  pass(to: number, limitMs = Infinity): boolean {
    const { control } = this;
    const own = to === Turn.WORLD ? Turn.GUEST : Turn.WORLD;
    Atomics.store(control, LAYOUT.TURN, to);
    Atomics.notify(control, LAYOUT.TURN);
    return this.await(own, limitMs);
  }

  await(own: number, limitMs = Infinity): boolean {
    const other = own === Turn.WORLD ? Turn.GUEST : Turn.WORLD;
    while (Atomics.load(this.control, LAYOUT.TURN) !== own)
      if (Atomics.wait(this.control, LAYOUT.TURN, other, limitMs) === 'timed-out') return false;
    return true;
  }

  /** Writes `text` for the other side; answers its length in bytes. */
  setText(text: string): number {
    const bytes = new TextEncoder().encode(text);
    this.bytes.set(bytes);
    return bytes.length;
  }

  text(length: number): string {
    return new TextDecoder().decode(this.bytes.slice(0, length));
  }
}
