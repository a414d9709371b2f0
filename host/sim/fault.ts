/**
 * How often each decision of the simulated kernel is not the benign one. A decision is the last
 * part of a choice's label: `split` of `net/1.client/split`. A kernel asks only for what is legal
 * where it asks (what Linux may do, or POSIX may); a decision that a profile does not name is
 * always benign.
 */
import { Stream } from './prng.js';

/** Of so many choices, as many as a rate says are not benign. */
export const RATE_UNIT = 65536;

export interface Profile {
  readonly name: ProfileName;
  /** By decision: how many in `RATE_UNIT` are not benign. */
  rate(decision: string): number;
}

export const profileNames = ['calm', 'linux', 'posix', 'swarm'] as const;
export type ProfileName = (typeof profileNames)[number];

interface Decision {
  readonly rate: number;
  /** What it does, in words. */
  readonly words: string;
  /** True for what POSIX allows, and Linux does not do. */
  readonly posix?: true;
}

const OFTEN = 16384;
const SOMETIMES = 4096;
const SELDOM = 512;
const RARELY = 64;

/** What may happen that is not benign. */
export const decisions: Readonly<Record<string, Decision>> = {
  split: { rate: OFTEN, words: 'bytes arrived in pieces' },
  short: { rate: OFTEN, words: 'a write took fewer bytes than were given' },
  window: { rate: OFTEN, words: 'a buffer was small' },
  latency: { rate: OFTEN, words: 'a segment took longer' },
  bandwidth: { rate: SOMETIMES, words: 'a link was slow' },
  loss: { rate: SELDOM, words: 'a segment was lost and sent again later' },
  wake: { rate: SOMETIMES, words: 'a waiting guest woke up late' },
  order: { rate: OFTEN, words: 'what was ready came in another order' },
  reset: { rate: RARELY, words: 'a connection was reset' },
  refused: { rate: RARELY, words: 'a connection was refused' },
  emfile: { rate: SELDOM, words: 'a call found no descriptor left' },
  enobufs: { rate: SELDOM, words: 'a call found no memory left for buffers' },
  partition: { rate: RARELY, words: 'the network was cut for a while' },
  clock: { rate: SELDOM, words: 'the clock of the day jumped' },
  turn: { rate: OFTEN, words: 'of two reads in flight the later one got the bytes' },
  'cancel first': { rate: OFTEN, words: 'a cancellation was told before what it had cancelled' },
  'cancel too late': { rate: OFTEN, words: 'a cancellation came too late' },
  overflow: { rate: RARELY, words: 'the queue of signals overflowed' },
  random: { rate: RATE_UNIT, words: 'random bytes were others' },
  piece: { rate: OFTEN, words: 'a message was sent in two pieces' },
  ahead: { rate: SOMETIMES, words: 'it sent everything before it received anything' },
  pause: { rate: SOMETIMES, words: 'it paused' },
  leave: { rate: RARELY, words: 'it reset its connection' },
  memory: { rate: OFTEN, words: 'memory could grow no further' },
  crash: { rate: SELDOM, words: 'its process died, and was started anew' },
  maybe: { rate: SOMETIMES, words: 'pollux_maybe said yes' },
  power: { rate: RATE_UNIT / 2, words: 'its machine lost what was not synced' },
  nfile: { rate: RARELY, words: 'a file could not be opened, for too many were open' },
  slow: { rate: SELDOM, words: 'the disk was slow' },
  eio: { rate: RARELY, words: 'the disk failed' },
  enospc: { rate: RARELY, words: 'the disk was full' },
  listing: { rate: OFTEN, words: 'its entries came in another order' },
  early: { rate: SOMETIMES, words: 'a file was written before anybody had asked for it' },
  'entry lost': { rate: OFTEN, words: 'a change of a directory was lost' },
  'cut lost': { rate: OFTEN, words: 'it was not cut, and what was written then was lost' },
  'size lost': { rate: OFTEN, words: 'it had not grown yet' },
  'page lost': { rate: OFTEN, words: 'what was written to that page was lost' },
  partial: { rate: SOMETIMES, words: 'a file was read or written in part', posix: true },
  eintr: { rate: SELDOM, words: 'a wait was interrupted' },
  handler: { rate: SELDOM, words: 'a wait was interrupted, and the guest was told', posix: true },
  eagain: { rate: SOMETIMES, words: 'what was ready was not ready after all', posix: true },
};

/** The last part of a label. */
export const decisionOf = (label: string): string => label.slice(label.lastIndexOf('/') + 1);

/** The decisions that end a connection, or an attempt at one. */
export const breaking: ReadonlySet<string> = new Set(['reset', 'refused']);

/** True if a label is that of a thing whose name begins so, or of no single connection. */
export function concerns(label: string, prefix: string): boolean {
  return label.startsWith(prefix) || !label.startsWith('net/');
}

/** What a choice that is not benign did, in words. */
export function inWords(label: string): string {
  const decision = decisionOf(label);
  const thing = label.slice(0, Math.max(0, label.length - decision.length - 1));
  const words = decisions[decision]?.words ?? `"${decision}" went otherwise`;
  return thing === '' ? words : `${thing}: ${words}`;
}

/**
 * The profile of one run. `calm`: nothing happens. `linux`: what Linux does. `posix`: what POSIX
 * allows. `swarm`: of that a part only, as the seed has it, and each at a rate of its own; bugs
 * that need much of one fault and none of another are found by that.
 */
export function profileOf(name: ProfileName, seed: number): Profile {
  if (name === 'calm') return { name, rate: () => 0 };
  if (name === 'swarm') return { name, rate: (decision) => swarmRate(decision, seed) };
  const rate = (decision: string) => {
    const { rate = 0, posix = false } = decisions[decision] ?? {};
    return posix && name !== 'posix' ? 0 : rate;
  };
  return { name, rate };
}

/** Half of the decisions happen at all, at rates from a sixteenth of their own to eightfold. */
function swarmRate(decision: string, seed: number): number {
  const stream = new Stream(seed, `swarm/${decision}`);
  const rate = decisions[decision]?.rate ?? 0;
  if (stream.below(2) === 0) return 0;
  return Math.min(Math.floor((rate * 2 ** stream.below(8)) / 16), RATE_UNIT / 2);
}
