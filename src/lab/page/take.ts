/**
 * What the page shows: one recorded run, as plain data that crosses from the worker to the page.
 * Stepping and playing move in it, and never run anything. A simulated run and the transcript of a
 * real one come to the same.
 */

/** A call of a guest. Times are nanoseconds from the beginning of the run. */
export interface TakenCall {
  readonly kind: 'call';
  /** The index of its guest's lane. */
  readonly lane: number;
  readonly name: string;
  /** `fd=4, nsubs=2` */
  readonly inputs: string;
  /** `SUCCESS nevents=1` */
  readonly answer: string;
  readonly startNs: number;
  readonly endNs: number;
  /** The phase of the I/O model that it was in: waiting, copying, neither. */
  readonly phase: 'wait' | 'copy' | 'none';
  /** Whether the process was blocked in it: asleep until it is ready, or held while it copies. */
  readonly blocked: boolean;
  /** It slept, but was not blocked: it has nothing else to do, and waits to be told of anything. */
  readonly idle?: boolean;
  /** Of a call that waited first, and then copied: when it began to copy. */
  readonly copyNs?: number;
  /** True: it has not come back. Its answer is empty, and its end is that of the take. */
  readonly open?: boolean;
  /** The connection that it concerns, as the world names it, if it concerns one. */
  readonly connection?: string;
  /** The state that the model's machine is in after it, if the run is of an I/O model. */
  readonly state?: string;
  /** What the machines of its connections went through in it, in order. */
  readonly steps?: readonly TakenStep[];
}

/** A transition of the model's machine, of which each connection has one. */
export interface TakenStep {
  readonly timeNs: number;
  readonly connection: string;
  /** These are the names of pollux/machine. */
  readonly event: string;
  readonly from: string;
  readonly to: string;
}

/** What went over the simulated network. */
export interface TakenSegment {
  readonly kind: 'segment';
  readonly timeNs: number;
  readonly from: string;
  readonly to: string;
  /** `SYN ACK` */
  readonly flags: string;
  readonly bytes: number;
  /** The beginning of what it carries, as text. */
  readonly text: string;
}

/** Who does what nobody has decided. */
export const CHANCE = 'chance';

/** What a person, or an actor of the world, or chance has done. */
export interface TakenAction {
  readonly kind: 'action';
  readonly timeNs: number;
  readonly who: string;
  /** `sends "hello"`, `stops reading`, `EINTR` */
  readonly what: string;
  /** The kind of deed that it comes of, if it comes of one. */
  readonly deed?: Deed['kind'];
  /** True: nothing came of it, and `what` says why. */
  readonly vain?: boolean;
}

export type Taken = TakenCall | TakenSegment | TakenAction;

export interface Take {
  /** `sim epoll, seed 1` or `linux`: the kernel names itself. */
  readonly kernel: string;
  /** The guests, by name. */
  readonly lanes: readonly string[];
  /** The model whose machine its calls are told of in the terms of, if it is one. */
  readonly model?: string;
  /** In the order of their times (of a call: its start). */
  readonly events: readonly Taken[];
  readonly endNs: number;
  /** Of a simulated run: its trace hash, which Node gives for the same too. */
  readonly hash?: string;
  /** What went wrong, in a sentence. */
  readonly failure?: string;
}

/** What a person does to the world, at a virtual time. */
export type Deed =
  | { readonly kind: 'connect'; readonly atNs: number; readonly client: string }
  | {
      readonly kind: 'send';
      readonly atNs: number;
      readonly client: string;
      readonly text: string;
      /** In how many segments it arrives, one after the other. */
      readonly pieces: number;
    }
  | {
      readonly kind: 'stop reading' | 'read on' | 'half-close' | 'reset';
      readonly atNs: number;
      readonly client: string;
    }
  /** The next call, from then on, that can be so interrupted or refused. */
  | { readonly kind: 'EINTR' | 'EAGAIN'; readonly atNs: number };

/** All that a simulated run of an I/O model is made of: the same play gives the same take. */
export interface Play {
  readonly model: string;
  readonly language: 'c' | 'assemblyscript';
  /** 0: nothing happens by chance; any other: what Linux does, as the seed has it. */
  readonly seed: number;
  readonly deeds: readonly Deed[];
}
