/**
 * What happened in a simulated run, in the order in which it happened, for whoever draws or writes
 * it: text.ts, chrome.ts, pcap.ts. A lane is a guest. Times are nanoseconds of the
 * world's own clock, and nothing else is known of time here.
 */
import type { SocketAddress } from '../../host/kernel/kernel.js';
import { SegmentFlag } from '../../host/sim/segment.js';
import type { Call } from '../simulate/instrument.js';

export type Happening =
  | { readonly kind: 'call'; readonly lane: string; readonly call: Call }
  | Segment;

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

  constructor(name: string) {
    this.name = name;
  }

  /** A call of a guest, when it is over. */
  call(lane: string, call: Call): void {
    this.happenings.push({ kind: 'call', lane, call });
  }

  /** `bytes` are kept, and must not change. */
  segment(
    timeNs: number,
    from: SocketAddress,
    to: SocketAddress,
    flags: number,
    bytes: Uint8Array,
  ): void {
    this.happenings.push({ kind: 'segment', timeNs, from, to, flags, bytes });
  }
}

/** `sock_recv(fd=4, …)` */
export function callText({ name, inputs }: Call): string {
  return `${name}(${inputs.map(([key, value]) => `${key}=${value}`).join(', ')})`;
}

/** `SUCCESS nevents=1` */
export function answerText({ errno, outputs }: Call): string {
  return [errno, ...outputs.map(([key, value]) => `${key}=${value}`)].join(' ');
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
