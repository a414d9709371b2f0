/**
 * The network of a recording as a capture file (pcap with nanoseconds, raw IP), which Wireshark
 * opens. The simulated network has no packets: their headers are made up here, of what a segment
 * is, with the sequence numbers, the acknowledgements and the checksums that TCP would have had.
 * https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/
 */
import type { SocketAddress } from '../../host/kernel/kernel.js';
import { joined } from '../bytes.js';
import { SegmentFlag } from '../../host/sim/segment.js';
import { addressText, type Recording, type Segment } from './recording.js';

const MAGIC_NANOSECONDS = 0xa1b23c4d;
const LINKTYPE_RAW = 101;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const TCP_BYTES = 20;
const PROTOCOL_TCP = 6;
const HOPS = 64;
const WINDOW = 65535;
const CLOCK_NS = 4000;
/** The longest packet is 65,535 bytes; a longer segment goes in several. */
const MOST_BYTES = 65535 - IPV6_BYTES - TCP_BYTES;

const { FIN, SYN, RST, PSH, ACK } = SegmentFlag;

/** By connection and direction: the sequence number of the next byte. */
type Sequences = Map<string, number>;

export function pcap({ happenings }: Recording): Uint8Array {
  const parts = [fileHeader()];
  const next: Sequences = new Map();
  for (const happening of happenings) {
    if (happening.kind !== 'segment') continue;
    for (const piece of pieces(happening)) parts.push(...record(piece, next));
  }
  return joined(parts);
}

function fileHeader(): Uint8Array {
  const header = new DataView(new ArrayBuffer(FILE_HEADER_BYTES));
  header.setUint32(0, MAGIC_NANOSECONDS, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, 0x40000, true);
  header.setUint32(20, LINKTYPE_RAW, true);
  return new Uint8Array(header.buffer);
}

/** A segment that is longer than a packet, in several: the first has SYN, the last PSH and FIN. */
function* pieces(segment: Segment): Generator<Segment> {
  let { flags, bytes } = segment;
  for (; bytes.length > MOST_BYTES; bytes = bytes.subarray(MOST_BYTES), flags &= ~SYN) {
    const piece = { bytes: bytes.subarray(0, MOST_BYTES), flags: flags & ~(FIN | PSH | RST) };
    yield { ...segment, ...piece };
  }
  yield { ...segment, bytes, flags };
}

/** Header and packet of one segment, after which `next` is up to date. */
function record(segment: Segment, next: Sequences): Uint8Array[] {
  const { timeNs, from, to, flags, bytes } = segment;
  const there = `${addressText(from)} ${addressText(to)}`;
  const back = `${addressText(to)} ${addressText(from)}`;
  // A connection begins at what a clock says (RFC 793), so that it can be told from an earlier one
  // between the same two addresses.
  if (flags & SYN) next.set(there, Math.floor(timeNs / CLOCK_NS) % 2 ** 32);
  if ((flags & (SYN | ACK)) === SYN) next.delete(back);
  const sequence = next.get(there) ?? 0;
  const acknowledged = flags & ACK ? (next.get(back) ?? 0) : 0;
  const length = bytes.length + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
  next.set(there, (sequence + length) >>> 0);
  const packet = packetOf(segment, sequence, acknowledged);
  const header = new DataView(new ArrayBuffer(RECORD_HEADER_BYTES));
  header.setUint32(0, Math.floor(timeNs / 1e9), true);
  header.setUint32(4, timeNs % 1e9, true);
  header.setUint32(8, packet.length, true);
  header.setUint32(12, packet.length, true);
  return [new Uint8Array(header.buffer), packet];
}

function packetOf(segment: Segment, sequence: number, acknowledged: number): Uint8Array {
  const { from, to, flags, bytes } = segment;
  const tcp = new DataView(new ArrayBuffer(TCP_BYTES + bytes.length));
  tcp.setUint16(0, from.port);
  tcp.setUint16(2, to.port);
  tcp.setUint32(4, sequence);
  tcp.setUint32(8, acknowledged);
  tcp.setUint8(12, (TCP_BYTES / 4) << 4);
  tcp.setUint8(13, flags);
  tcp.setUint16(14, WINDOW);
  const body = new Uint8Array(tcp.buffer);
  body.set(bytes, TCP_BYTES);
  const source = addressBytes(from);
  const target = addressBytes(to);
  const sum = onesSum(source) + onesSum(target) + PROTOCOL_TCP + body.length + onesSum(body);
  tcp.setUint16(16, checksum(sum));
  const header = source.length === 4 ? ipv4(body.length) : ipv6(body.length);
  header.set(source, header.length - 2 * source.length);
  header.set(target, header.length - source.length);
  if (source.length === 4) new DataView(header.buffer).setUint16(10, checksum(onesSum(header)));
  return joined([header, body]);
}

/** A header whose addresses and checksum are still to come. */
function ipv4(payloadBytes: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(IPV4_BYTES));
  header.setUint8(0, (4 << 4) | (IPV4_BYTES / 4));
  header.setUint16(2, IPV4_BYTES + payloadBytes);
  header.setUint16(6, 0x4000); // not to be fragmented
  header.setUint8(8, HOPS);
  header.setUint8(9, PROTOCOL_TCP);
  return new Uint8Array(header.buffer);
}

function ipv6(payloadBytes: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(IPV6_BYTES));
  header.setUint8(0, 6 << 4);
  header.setUint16(4, payloadBytes);
  header.setUint8(6, PROTOCOL_TCP);
  header.setUint8(7, HOPS);
  return new Uint8Array(header.buffer);
}

/** The sum of 16-bit words that the internet's checksums are made of. */
function onesSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  return sum;
}

function checksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/** The 4 or 16 bytes of an IP address in its text form. */
function addressBytes({ host }: SocketAddress): Uint8Array {
  if (!host.includes(':')) return Uint8Array.from(host.split('.').map(Number));
  const [before, after] = host.split('::').map((half) => half.split(':').filter(Boolean));
  const groups = [...before!, ...Array(8 - before!.length - (after?.length ?? 0)).fill('0')];
  groups.push(...(after ?? []));
  const words = groups.map((group) => parseInt(group, 16));
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}
