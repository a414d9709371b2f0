/** What the network tells of each segment, for whoever captures it. Types and numbers only. */
import type { SocketAddress } from '../kernel/kernel.js';

/** Flags of a segment; the numbers are TCP's. */
export const SegmentFlag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 } as const;

/**
 * Is told of a segment when it arrives: its flags, a mask of `SegmentFlag`, and its bytes, which
 * are the listener's to keep.
 */
export type SegmentListener = (
  timeNs: number,
  from: SocketAddress,
  to: SocketAddress,
  flags: number,
  bytes: Uint8Array,
) => void;
