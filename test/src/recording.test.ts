/** What a simulated run leaves behind: a transcript, a trace for Perfetto, and a capture. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { load } from 'pollux';
import { describe, expect, test } from 'vitest';

import { SegmentFlag } from '#host/sim/segment';
import { chromeTrace } from '#src/trace/chrome';
import { echoClients } from '#src/simulate/world';
import { pcap } from '#src/trace/pcap';
import { Recording, type Segment } from '#src/trace/recording';
import { fileOf, record } from '#src/trace/record';
import { transcript } from '#src/trace/text';

import { wasmFile } from '../harness.js';
import { folder } from './started.js';

const { FIN, SYN, RST, PSH, ACK } = SegmentFlag;
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A client that is answered and shuts down, one that resets, and one that comes by IPv6. */
function recorded() {
  let now = 0;
  const recording = new Recording('sim seed=7');
  const call = (name: string, ns: number, outputs: [string, number][]) => {
    const inputs = [['fd', 3]] as const;
    now += ns;
    recording.call('server', {
      name,
      inputs,
      errno: 'SUCCESS',
      outputs,
      startNs: now - ns,
      endNs: now,
    });
  };
  const send = (
    from: number,
    to: number,
    flags: number,
    text = '',
    hosts = ['10.0.0.2', '10.0.0.1'],
  ) => {
    now += 1_000_000_001;
    const address = (port: number) => ({ host: hosts[port === 7000 ? 1 : 0]!, port });
    recording.segment(now, address(from), address(to), flags, bytesOf(text));
  };
  const open = (port: number, hosts?: string[]) => {
    send(port, 7000, SYN, '', hosts);
    send(7000, port, SYN | ACK, '', hosts);
    send(port, 7000, ACK, '', hosts);
  };
  open(40_000);
  call('sock_accept', 500, [['fd', 4]]);
  send(40_000, 7000, PSH | ACK, 'ping');
  send(7000, 40_000, PSH | ACK, 'pong!');
  send(40_000, 7000, FIN | ACK);
  send(7000, 40_000, FIN | ACK);
  open(40_001);
  send(40_001, 7000, PSH | ACK, 'x'.repeat(100_001));
  send(40_001, 7000, RST | ACK);
  open(40_002, ['fd00::2', '::1']);
  send(40_002, 7000, PSH | ACK, 'six', ['fd00::2', '::1']);
  // The same two addresses again.
  open(40_000);
  send(40_000, 7000, PSH | ACK, 'again');
  call('fd_close', 1000, []);
  return recording;
}

test('a transcript has a line for all that happened, in order, with its lane and its time', () => {
  const lines = transcript(recorded()).trimEnd().split('\n');
  expect(lines.slice(0, 7)).toEqual([
    '# kernel sim seed=7',
    'net 10.0.0.2:40000 > 10.0.0.1:7000 SYN 0 bytes @1.000000001',
    'net 10.0.0.1:7000 > 10.0.0.2:40000 SYN ACK 0 bytes @2.000000002',
    'net 10.0.0.2:40000 > 10.0.0.1:7000 ACK 0 bytes @3.000000003',
    'server -> sock_accept(fd=3) @3.000000003',
    'server <- SUCCESS fd=4 @3.000000503',
    'net 10.0.0.2:40000 > 10.0.0.1:7000 PSH ACK 4 bytes @4.000000504',
  ]);
  expect(lines.length).toBe(1 + recorded().happenings.length + 2);
});

test('a trace for Perfetto has a lane for each guest and the network, and calls as slices', () => {
  interface Event {
    ph: string;
    tid: number;
    ts: number;
    dur?: number;
    name?: string;
    args?: { name?: string };
  }
  const { traceEvents } = JSON.parse(chromeTrace(recorded())) as { traceEvents: Event[] };
  const lanes = traceEvents.filter(({ name }) => name === 'thread_name');
  expect(lanes.map(({ args }) => args!.name)).toEqual(['network', 'server']);
  const server = lanes[1]!.tid;
  const slices = traceEvents.filter(({ tid, ph }) => tid === server && ph === 'X');
  expect(slices.map(({ name, dur }) => [name, Math.round(dur! * 1000)])).toEqual([
    ['sock_accept', 500],
    ['fd_close', 1000],
  ]);
  expect(slices[0]!.ts).toBeCloseTo(3_000_000.003, 6);
});

/** What RFC 1071 says of the words of a packet and of its pseudo header: 0xffff, if all is well. */
function sumOf(...parts: Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) part.forEach((byte, i) => (sum += i % 2 === 0 ? byte * 256 : byte));
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

const missing = !existsSync('/usr/bin/tshark') && !process.env['CI'];

/** What tshark prints of a capture, by lines. */
function tshark(file: string, ...args: string[]): string[] {
  const all = ['-n', '-r', file, ...args];
  const said = execFileSync('tshark', all, { stdio: ['ignore', 'pipe', 'ignore'] });
  return said.toString().trimEnd().split('\n');
}

describe('a capture', () => {
  /** Each packet, and its time in nanoseconds. */
  function packets(file: Uint8Array): { timeNs: number; bytes: Uint8Array }[] {
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    expect(view.getUint32(0, true)).toBe(0xa1b23c4d);
    expect(view.getUint32(20, true)).toBe(101);
    const found = [];
    for (let at = 24; at < file.length;) {
      const length = view.getUint32(at + 8, true);
      expect(view.getUint32(at + 12, true)).toBe(length);
      const timeNs = view.getUint32(at, true) * 1e9 + view.getUint32(at + 4, true);
      found.push({ timeNs, bytes: file.subarray(at + 16, at + 16 + length) });
      at += 16 + length;
    }
    return found;
  }

  test('has packets whose lengths and checksums are right, at their times', () => {
    const recording = recorded();
    const all = packets(pcap(recording));
    const segments = recording.happenings.filter(
      (each): each is Segment => each.kind === 'segment',
    );
    // One of them is longer than a packet.
    expect(all.length).toBe(segments.length + 1);
    expect(all[0]!.timeNs).toBe(1_000_000_001);
    expect(all.at(-1)!.timeNs).toBe(segments.at(-1)!.timeNs);
    for (const { bytes } of all) {
      const v6 = bytes[0]! >> 4 === 6;
      const header = v6 ? 40 : 20;
      const body = bytes.subarray(header);
      if (!v6) expect(sumOf(bytes.subarray(0, header))).toBe(0xffff);
      const length = (bytes[v6 ? 4 : 2]! << 8) | bytes[v6 ? 5 : 3]!;
      expect(length).toBe(v6 ? body.length : bytes.length);
      const pseudo = Uint8Array.of(0, 6, body.length >> 8, body.length & 0xff);
      expect(sumOf(bytes.subarray(v6 ? 8 : 12, header), pseudo, body)).toBe(0xffff);
    }
  });

  test.skipIf(missing)(
    'is read by tshark as the streams that it has (skipped without tshark)',
    () => {
      const file = join(folder(), 'run.pcap');
      writeFileSync(file, pcap(recorded()));
      const shown = (...args: string[]) => tshark(file, ...args);
      const preferences = ['tcp', 'ip'].flatMap((each) => ['-o', `${each}.check_checksum:TRUE`]);
      const fields = [
        'tcp.stream',
        'tcp.flags.str',
        'tcp.len',
        'tcp.seq',
        'tcp.ack',
        'tcp.checksum.status',
      ];
      const rows = shown(
        ...preferences,
        '-T',
        'fields',
        ...fields.flatMap((each) => ['-e', each]),
      ).map((row) => row.split('\t'));
      const flags = (row: string[]) => row[1]!.replaceAll('·', '');
      const stream = (n: number) =>
        rows
          .filter(([each]) => each === String(n))
          .map((row) => [flags(row), ...row.slice(2, 5).map(Number)]);
      expect(stream(0)).toEqual([
        ['S', 0, 0, 0],
        ['AS', 0, 0, 1],
        ['A', 0, 1, 1],
        ['AP', 4, 1, 1],
        ['AP', 5, 1, 5],
        ['AF', 0, 5, 6],
        ['AF', 0, 6, 6],
      ]);
      expect(stream(1).slice(3)).toEqual([
        ['A', 65_475, 1, 1],
        ['AP', 34_526, 65_476, 1],
        ['AR', 0, 100_002, 1],
      ]);
      expect(stream(2).at(-1)).toEqual(['AP', 3, 1, 1]);
      expect(stream(3).at(-1)).toEqual(['AP', 5, 1, 1]);
      expect(new Set(rows.map((row) => row[5]))).toEqual(new Set(['1'])); // good
      const followed = shown('-q', '-z', 'follow,tcp,ascii,0').join('\n');
      expect(followed).toContain('ping');
      expect(followed).toContain('pong!');
      // Nothing that an expert would say a word about, but for resets and connections as such.
      expect(shown('-Y', 'tcp.analysis.flags && !tcp.analysis.reused_ports')).toEqual(['']);
    },
  );
});

describe('the recording of a run', () => {
  test('has all calls of the guest, and all segments, and its capture is what the clients said', async () => {
    const guest = await load(wasmFile('echo-epoll'));
    const address = '127.0.0.1:7000';
    const world = echoClients({ address, clients: 3, messages: 2 });
    const { simulated, recording } = record(guest, 'calm', {
      listen: [address],
      world,
      profile: 'calm',
    });
    expect(simulated.failure).toBe(undefined);
    const calls = recording.happenings.filter(({ kind }) => kind === 'call');
    expect(calls.length).toBe(simulated.calls);
    const file = fileOf(recording, 'run.pcap') as Uint8Array;
    const path = join(folder(), 'run.pcap');
    writeFileSync(path, file);
    expect(fileOf(recording, 'run.json')).toContain('"traceEvents"');
    const lines = (fileOf(recording, 'run') as string).trimEnd().split('\n');
    const times = lines.slice(1).map((line) => Number(/@([\d.]+)$/.exec(line)![1]));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(lines.filter((line) => / SYN 0 bytes/.test(line)).length).toBe(3);
    if (missing) return;
    const streams = tshark(path, '-T', 'fields', '-e', 'tcp.stream');
    expect(new Set(streams)).toEqual(new Set(['0', '1', '2']));
    const bad =
      '_ws.malformed || tcp.analysis.retransmission || tcp.analysis.lost_segment || tcp.analysis.out_of_order';
    expect(tshark(path, '-Y', bad)).toEqual(['']);
    for (const stream of [0, 1, 2])
      expect(
        tshark(path, '-Y', `tcp.stream==${stream}`, '-T', 'fields', '-e', 'tcp.payload').join('')
          .length / 2,
      ).toBe(4 * 32);
    const ends = tshark(path, '-Y', 'tcp.flags.fin==1', '-T', 'fields', '-e', 'tcp.stream');
    expect(ends.sort()).toEqual(['0', '0', '1', '1', '2', '2']);
  });
});
