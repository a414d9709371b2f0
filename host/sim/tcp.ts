/** The words of TCP: what state an end is in, and what goes from one end to the other. */
import { Readiness } from '../kernel/readiness.js';
import { SegmentFlag } from './segment.js';

const { FIN, RST, PSH, ACK } = SegmentFlag;

/** What data wakes those for who wait (net/core/sock.c: sock_def_readable). */
export const READABLE = Readiness.IN | Readiness.PRI;

/** The states of RFC 9293 that can be told apart. */
export const State = {
  SYN_SENT: 'SYN_SENT',
  ESTABLISHED: 'ESTABLISHED',
  FIN_WAIT: 'FIN_WAIT',
  CLOSING: 'CLOSING',
  CLOSE_WAIT: 'CLOSE_WAIT',
  LAST_ACK: 'LAST_ACK',
  CLOSED: 'CLOSED',
} as const;
export type State = (typeof State)[keyof typeof State];

/** What goes from one end to the other. */
export const Packet = { DATA: 0, ACK: 1, WINDOW: 2, FIN: 3, FIN_ACK: 4, RESET: 5 } as const;
export type Packet = (typeof Packet)[keyof typeof Packet];

/** What only opens a window is an acknowledgement, too. */
export const FLAGS = {
  [Packet.DATA]: PSH | ACK,
  [Packet.ACK]: ACK,
  [Packet.WINDOW]: ACK,
  [Packet.FIN]: FIN | ACK,
  [Packet.FIN_ACK]: ACK,
  [Packet.RESET]: RST | ACK,
} as const;

/** Of the end of what is sent: not yet; behind what is queued; on its way; arrived. */
export const Fin = { NONE: 0, QUEUED: 1, SENT: 2, ACKED: 3 } as const;

/** How many bytes an end keeps of what is sent, and of what is received. */
export interface Buffers {
  sendBytes: number;
  receiveBytes: number;
}
