/**
 * What happened in a simulated run, in the order in which it happened, for whoever draws or writes
 * it: text.ts, chrome.ts, pcap.ts. A lane is a guest, or an actor. Times are nanoseconds of the
 * world's own clock, and nothing else is known of time here.
 */
import type { SocketAddress } from '../../host/kernel/kernel.js';
import type { CallListener } from './call.js';

/** Flags of a segment; the numbers are TCP's. */
export const SegmentFlag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 } as const;

export type Happening = { readonly timeNs: number } & (
  | { readonly kind: 'enter'; readonly lane: string; readonly call: string }
  | { readonly kind: 'leave'; readonly lane: string; readonly answer: string }
  | { readonly kind: 'note'; readonly lane: string; readonly text: string }
  | Segment
);

/** What one end of a connection sent to the other. */
export interface Segment {
  readonly kind: 'segment';
  readonly timeNs: number;
  readonly from: SocketAddress;
  readonly to: SocketAddress;
  /** A mask of `SegmentFlag`. */
  readonly flags: number;
  readonly bytes: Uint8Array;
}

export class Recording {
  /** The kernel, and the seed. */
  readonly name: string;
  readonly happenings: Happening[] = [];
  readonly #now: () => number;

  constructor(name: string, now: () => number) {
    this.name = name;
    this.#now = now;
  }

  /** For the calls of one guest. */
  lane(lane: string): CallListener {
    const { happenings } = this;
    const now = this.#now;
    return {
      entered: (call) => happenings.push({ kind: 'enter', timeNs: now(), lane, call }),
      left: (answer) => happenings.push({ kind: 'leave', timeNs: now(), lane, answer }),
    };
  }

  /** Something that a guest or an actor does, or that is done to it, in words. */
  note(lane: string, text: string): void {
    this.happenings.push({ kind: 'note', timeNs: this.#now(), lane, text });
  }

  /** `bytes` are copied. */
  readonly segment = (
    timeNs: number,
    from: SocketAddress,
    to: SocketAddress,
    flags: number,
    bytes: Uint8Array,
  ): void => {
    this.happenings.push({ kind: 'segment', timeNs, from, to, flags, bytes: bytes.slice() });
  };
}

/** `127.0.0.1:7000`, or `[::1]:7000`. */
export function addressText({ host, port }: SocketAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `SYN ACK` */
export function flagsText(flags: number): string {
  return Object.entries(SegmentFlag)
    .filter(([, bit]) => flags & bit)
    .map(([name]) => name)
    .join(' ');
}
