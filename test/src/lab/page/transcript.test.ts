/** Takes of transcripts: of real runs and of simulated ones, whole, broken, and made up. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';
import { load } from 'pollux';
import { describe, expect, test } from 'vitest';

import type { Take, TakenCall } from '#src/lab/page/take';
import { readTranscript, takeOfTranscript, Transcript } from '#src/lab/page/transcript';
import { transcriptTexts } from '#src/lab/page/transcript-texts';
import { echoClients } from '#src/simulate/world';
import { record } from '#src/trace/record';
import { addressText, answerText, flagsText } from '#src/trace/recording';
import { transcript } from '#src/trace/text';

import { addressOf, wasmFile } from '../../../harness.js';
import { client, command, eventually, folder, ping } from '../../started.js';

const callsOf = ({ events }: Take) =>
  events.filter((event): event is TakenCall => event.kind === 'call');
/** Of the first call of that name that is so. */
const find = (take: Take, name: string, is: Partial<TakenCall> = {}) =>
  callsOf(take).find(
    (call) =>
      call.name === name &&
      Object.entries(is).every(([key, value]) => call[key as keyof TakenCall] === value),
  );

/** What a real echo server of that model wrote, with a client that is silent first, then not. */
async function realRun(model: string, listen: string, talk = true): Promise<string> {
  const file = join(folder(), 'trace');
  const guest = wasmFile(`echo-${model}`);
  const server = command('run', '--trace', file, '--listen', listen, guest);
  const exit = once(server, 'exit');
  const socket = await client(await addressOf(server));
  await sleep(60);
  if (talk) {
    expect(await ping(socket)).toBe('ping');
    socket.end();
    await once(socket.resume(), 'close');
    // The server waits for the next client.
    const waits = () => /-> \w*(wait|accept|reap|poll_oneoff)\([^\n]*\n$/.test(read());
    const read = () => readFileSync(file, 'utf8');
    if (model !== 'nonblocking') expect(await eventually(waits)).toBe(true);
  }
  server.kill('SIGKILL');
  await exit;
  return readFileSync(file, 'utf8');
}

describe('the transcript of a real run', () => {
  test('of an epoll server: what waits is blocked, what copies is not, the last is open', async () => {
    const text = await realRun('epoll', '127.0.0.1:0');
    const take = takeOfTranscript(text);
    expect(take).toMatchObject({ kernel: 'linux epoll', lanes: ['guest'] });
    expect(take.failure).toBeUndefined();
    expect(take.events).toHaveLength(text.match(/^-> /gm)!.length);
    const wait = find(take, 'epoll_wait', { answer: 'SUCCESS count=1' })!;
    expect(wait).toMatchObject({ phase: 'wait', blocked: true });
    expect(wait.inputs).toMatch(/^epfd=\d+, events=\d+, max=\d+, timeout_ns=-1$/);
    expect(find(take, 'sock_accept', { answer: 'AGAIN' })).toMatchObject({
      phase: 'wait',
      blocked: false,
    });
    for (const name of ['sock_recv', 'sock_send'])
      expect(find(take, name)).toMatchObject({ phase: 'copy', blocked: false });
    expect(find(take, 'fd_close')).toMatchObject({ phase: 'none', blocked: false });
    const last = callsOf(take).at(-1)!;
    expect(last).toMatchObject({ name: 'epoll_wait', answer: '', open: true, blocked: true });
    expect(last.endNs).toBe(take.endNs);
    expect(take.endNs).toBeGreaterThan(last.startNs);
  });

  test('of a blocking server: it sleeps in the accept, and in the receive that waited', async () => {
    const take = takeOfTranscript(await realRun('blocking', '127.0.0.1:0,blocking'));
    expect(take.failure).toBeUndefined();
    const received = callsOf(take).filter(({ name }) => name === 'sock_recv');
    const long = received.find(({ startNs, endNs }) => endNs - startNs > 30_000_000)!;
    expect(long).toMatchObject({ phase: 'wait', blocked: true });
    expect(callsOf(take).at(-1)).toMatchObject({ name: 'sock_accept', blocked: true, answer: '' });
  });

  test.each([
    ['signal', 'signal_wait'],
    ['async', 'reap'],
  ])('of a server of the model %s: it sleeps, but is not blocked', async (model, waits) => {
    const take = takeOfTranscript(await realRun(model, '127.0.0.1:0'));
    expect(take.failure).toBeUndefined();
    expect(find(take, waits, { idle: true })).toMatchObject({ phase: 'wait', blocked: false });
    expect(callsOf(take).filter(({ blocked }) => blocked)).toEqual([]);
  });

  test('of a non-blocking server: it asks in vain, and never sleeps', async () => {
    const take = takeOfTranscript(await realRun('nonblocking', '127.0.0.1:0', false));
    const vain = callsOf(take).filter(({ answer }) => answer === 'AGAIN');
    expect(vain.length).toBeGreaterThan(10);
    expect(vain.every(({ phase, blocked }) => phase === 'wait' && !blocked)).toBe(true);
    expect(callsOf(take).filter(({ blocked, answer }) => blocked && answer !== '')).toEqual([]);
  });
});

/** A server and its two clients, each of which is a guest. */
async function simulated() {
  const [server, guest] = await Promise.all(
    ['echo-epoll', 'client'].map((name) => load(wasmFile(name))),
  );
  const { recording } = record(server!, 'echo-epoll.wasm, seed 3', {
    seed: 3,
    listen: ['127.0.0.1:7000'],
    companions: Object.fromEntries(
      ['client', 'client 2'].map((name) => [
        name,
        { guest: guest!, connect: ['127.0.0.1:7000'], stdin: 'hello\n', awaited: true },
      ]),
    ),
  });
  return recording;
}

describe('the transcript of a simulated run', () => {
  test('is what was recorded, by guest, to the nanosecond', async () => {
    const recording = await simulated();
    const take = takeOfTranscript(transcript(recording));
    expect(take.failure).toBeUndefined();
    expect(take.kernel).toBe('sim echo-epoll.wasm, seed 3');
    expect(take.lanes.toSorted()).toEqual(['client', 'client 2', 'guest']);
    for (const [index, lane] of take.lanes.entries()) {
      const recorded = recording.happenings.flatMap((each) =>
        each.kind === 'call' && each.lane === lane ? [each.call] : [],
      );
      const taken = callsOf(take).filter((call) => call.lane === index);
      expect(recorded.length).toBeGreaterThan(3);
      expect(
        taken.map(({ name, startNs, endNs, answer }) => [name, startNs, endNs, answer]),
      ).toEqual(recorded.map((call) => [call.name, call.startNs, call.endNs, answerText(call)]));
    }
    const segments = recording.happenings.filter((each) => each.kind === 'segment');
    expect(segments.length).toBeGreaterThan(6);
    expect(take.events.filter(({ kind }) => kind === 'segment')).toEqual(
      segments.map(({ timeNs, from, to, flags, bytes }) => ({
        kind: 'segment',
        timeNs,
        from: addressText(from),
        to: addressText(to),
        flags: flagsText(flags),
        bytes: bytes.length,
        text: '',
      })),
    );
    const waits = callsOf(take).filter(({ name }) => name === 'epoll_wait');
    expect(waits.some(({ blocked }) => blocked)).toBe(true);
  });

  test('is the same in pieces, from a file, and with the line ends of another system', async () => {
    const text = transcript(await simulated());
    const whole = takeOfTranscript(text);
    const reader = new Transcript();
    for (let at = 0; at < text.length; at += 7) reader.push(text.slice(at, at + 7));
    expect(reader.take()).toEqual(whole);
    expect(await readTranscript(new Blob([text]))).toEqual(whole);
    expect(takeOfTranscript(text.replaceAll('\n', '\r\n'))).toEqual(whole);
  });

  test('of an actor is one guest and segments', async () => {
    const guest = await load(wasmFile('echo-blocking'));
    const { recording } = record(guest, 'x', {
      listen: ['127.0.0.1:7000,blocking'],
      world: echoClients({ address: '127.0.0.1:7000', clients: 1, messages: 2 }),
    });
    const take = takeOfTranscript(transcript(recording));
    expect(take.lanes).toEqual(['guest']);
    expect(find(take, 'sock_accept', { blocked: true })).toMatchObject({ phase: 'wait' });
    expect(find(take, 'sock_send')).toMatchObject({ phase: 'copy', blocked: false });
  });
});

const HEAD = '# kernel linux epoll\n';
const CALL = '-> fd_read(fd=0) @0.000001\n<- SUCCESS nread=1 @0.000002\n';

describe('what is wrong with a transcript', () => {
  test.each([
    [
      'a line of something else',
      `${HEAD}${CALL}hello\n${CALL}`,
      /^Line 4 is "hello", where "-> ca/,
    ],
    [
      'a call without an end',
      `${HEAD}-> fd_read(fd=0 @0.000001\n${CALL}`,
      /^Line 2 is "fd_read\(fd=0"/,
    ],
    ['no time', `${HEAD}${CALL}-> fd_read(fd=0) @now\n`, /^Line 4 is .* was expected\.$/],
    [
      'a time that is over',
      `${HEAD}${CALL}-> fd_read(fd=0) @0.000001\n`,
      /^Line 4 is of the time 0\.0/,
    ],
    [
      'an answer to nobody',
      `${HEAD}${CALL}<- SUCCESS @0.000003\n`,
      /^Line 4 is the answer "SUCCESS"/,
    ],
    [
      'a call within a call',
      `${HEAD}-> fd_read(fd=0) @0.000001\n-> fd_tell(fd=0) @0.000001\n<- SUCCESS @0.000002\n`,
      /^Line 3 begins a call where the answer of fd_read was expected\.$/,
    ],
    [
      'half of its first line',
      `${CALL.slice(3)}${CALL}`,
      /^Line 1 is "fd_read\(fd=0\)", where .* Another/,
    ],
  ])('%s is named by its line, and the rest is shown', (_, text, sentence) => {
    const take = takeOfTranscript(text);
    expect(take.failure).toMatch(sentence);
    const read = find(take, 'fd_read', { answer: 'SUCCESS nread=1' });
    expect(read ?? find(take, 'fd_read', { answer: 'SUCCESS' })).toBeDefined();
  });

  test('that more is wrong is said once', () => {
    expect(takeOfTranscript(`${HEAD}a\nb\n${CALL}c\n`).failure).toMatch(/^Line 2 .* 2 other lines/);
    expect(takeOfTranscript(`${HEAD}a\nb\n${CALL}`).failure).toMatch(/Another line was left out/);
  });

  test.each([
    ['nothing', '', /^The file is empty/],
    [
      'a trace for Perfetto',
      '{"traceEvents":[],"displayTimeUnit":"ns"}',
      /^This is no transcript: open/,
    ],
    ['a capture', '\u004d\u003c\u00b2\u00a1\u0002\0\u0004\0', /^This is no transcript/],
  ])('%s is no transcript', (_, text, sentence) => {
    const take = takeOfTranscript(text);
    expect(take).toMatchObject({ kernel: '', lanes: [], events: [], endNs: 0 });
    expect(take.failure).toMatch(sentence);
  });

  test('is said in Chinese too', () => {
    const texts = transcriptTexts['zh-TW'];
    expect(takeOfTranscript(`${HEAD}a\n${CALL}b\n`, texts).failure).toMatch(
      /^第 2 行是「a」.*另外還有 1 行/,
    );
    expect(takeOfTranscript('', texts).failure).toMatch(/^檔案是空的/);
  });

  test('a line without an end, and guests without an end, are too much', () => {
    expect(takeOfTranscript('x'.repeat(1 << 20)).failure).toMatch(/^This is no transcript/);
    const many = Array.from({ length: 70 }, (_, i) => `${i} -> fd_tell(fd=1) @0.000001\n`);
    const take = takeOfTranscript(HEAD + many.join(''));
    expect(take.lanes).toHaveLength(64);
    expect(take.failure).toMatch(/^Line 66 is of another guest: .* 5 other lines/);
  });

  test('a call that ends the guest is not blocked', () => {
    const take = takeOfTranscript(`${HEAD}${CALL}-> proc_exit(code=0) @0.000003\n`);
    expect(take.failure).toBeUndefined();
    expect(callsOf(take).at(-1)).toMatchObject({ open: true, blocked: false, phase: 'none' });
    expect(take.endNs).toBe(3000);
  });

  test('whatever the lines are, a take is in order and ends last', () => {
    const time = fc.nat(40).map((at) => (at / 1e6).toFixed(6));
    const line = fc.oneof(
      fc.tuple(fc.constantFrom('-> a(fd=1)', '<- OK', 'b -> poll_oneoff()', 'b <- OK'), time),
      fc.tuple(fc.constantFrom('net a > b SYN 0 bytes', 'net x', '# kernel z'), time),
      fc.tuple(fc.string(), time),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), fc.boolean(), (lines, cut) => {
        const text = HEAD + lines.map(([what, at]) => `${what} @${at}\n`).join('');
        const take = takeOfTranscript(cut ? text.slice(0, -3) : text);
        const starts = take.events.map((event) =>
          event.kind === 'call' ? event.startNs : event.timeNs,
        );
        expect(starts).toEqual(starts.toSorted((a, b) => a - b));
        for (const call of callsOf(take)) {
          expect(call.endNs).toBeGreaterThanOrEqual(call.startNs);
          expect(call.endNs).toBeLessThanOrEqual(take.endNs);
        }
      }),
    );
  });
});
