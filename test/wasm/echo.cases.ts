/**
 * What every echo server does, whatever it is written in, waits in, and is served by: the same
 * cases, with the same bytes expected, over real sockets.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Box, EchoProtocol } from 'pollux';
import { expect, test } from 'vitest';

import { exchange } from '../harness.js';
import { client, eventually, silent, take } from '../src/started.js';

export interface Server {
  start: () => Promise<Box>;
  /** Default: echo. */
  protocol?: EchoProtocol;
  /** True if it serves one client after the other. */
  serial?: boolean;
  /** How many clients come at once. */
  crowd: number;
  /** How many clients are open at once, and are served in turn; default: all of the crowd. */
  open?: number;
}

/** What a server says besides what it was told. */
const manners = {
  echo: { greeting: '', suffix: '' },
  response: { greeting: 'ok', suffix: 'response' },
} as const satisfies Record<EchoProtocol, unknown>;

const UNREAD_BYTES = 32 << 20;
/** Of these the buffers of both sockets take some; more than that is left to the client. */
const LEFT_BYTES = 8 << 20;

/** A byte of a message is no ASCII, so that it can be told from what the server adds. */
const ASCII = /[\0-\x7f]+/g;
const random = randomBytes(UNREAD_BYTES).map((byte) => byte | 0x80);

/** Random bytes. */
export function message(length: number): Buffer {
  const at = randomInt(random.length - length + 1);
  return Buffer.from(random.buffer, random.byteOffset + at, length);
}

/** The bytes of messages in what a server said, and what it added to them. */
function separate(said: Buffer): { echoed: Buffer; added: string } {
  const text = said.toString('latin1');
  const echoed = Buffer.from(text.replace(ASCII, ''), 'latin1');
  return { echoed, added: (text.match(ASCII) ?? []).join('') };
}

/** Sends `bytes` in pieces of random sizes, some of them with a pause between. */
async function sendInPieces(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const size = randomInt(1, 2 ** randomInt(1, 16));
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (randomInt(4) === 0) await sleep(1);
  }
}

/** Waits until nothing more is taken from the client, and answers how many bytes are left to it. */
async function left(socket: Socket): Promise<number> {
  let last = -1;
  let still = 0;
  await eventually(() => {
    still = socket.writableLength === last ? still + 1 : 0;
    last = socket.writableLength;
    return still > 12;
  });
  return last;
}

/** Defines the cases of a server, in the `describe` around it. */
export function echoCases({ start, protocol = 'echo', serial, crowd, open = crowd }: Server): void {
  const { greeting, suffix } = manners[protocol];
  const form = new RegExp(`^${greeting}(${suffix})*$`);

  /** Takes `length` bytes of messages, and what was added on the way. */
  const collect = async (socket: Socket, length: number): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for (let got = 0; got < length;) {
      const said = await take(socket, Math.min(length - got, 65_536));
      const echoed = protocol === 'echo' ? said : separate(said).echoed;
      if (said.length === 0) break; // it has ended
      pieces.push(echoed);
      got += echoed.length;
    }
    return Buffer.concat(pieces);
  };

  /** Connects, and is greeted. */
  const greeted = async (address: string): Promise<Socket> => {
    const socket = await client(address);
    expect((await take(socket, greeting.length)).toString()).toBe(greeting);
    return socket;
  };

  /** Sends one message, and answers what comes back for it. */
  const ask = async (socket: Socket, text = 'ping'): Promise<string> => {
    socket.write(text);
    const answer = (await take(socket, text.length + suffix.length)).toString();
    return answer.endsWith(suffix) ? answer.slice(0, answer.length - suffix.length) : answer;
  };

  test('echoes random bytes that come in random pieces', async () => {
    const { address } = await start();
    for (let round = 0; round < 2; round++) {
      const socket = await client(address!);
      const bytes = message(200_000);
      const [echoed] = await Promise.all([
        collect(socket, bytes.length),
        sendInPieces(socket, bytes),
      ]);
      expect(echoed.equals(bytes)).toBe(true);
      socket.destroy();
    }
  });

  test('answers message by message', async () => {
    const { address } = await start();
    const socket = await greeted(address!);
    for (const text of ['hello', 'x', 'longer\n'.repeat(1000)]) {
      expect(await ask(socket, text)).toBe(text);
    }
  });

  test('echoes all bytes that come before a half-close, and then closes', async () => {
    const { address } = await start();
    for (const length of [0, 1, 65_536, 1_000_000]) {
      const bytes = message(length);
      const { echoed, added } = separate(await exchange(address!, bytes));
      expect(echoed.equals(bytes)).toBe(true);
      expect(added).toMatch(form);
    }
  });

  test(`serves ${crowd} clients that come at once, each with its own bytes`, async () => {
    const { address } = await start();
    const sent = Array.from({ length: crowd }, () => message(randomInt(1, 20_000)));
    const answers = await Promise.all(sent.map((bytes) => exchange(address!, bytes)));
    const echoed = answers.map((answer) => separate(answer).echoed);
    expect(echoed.every((bytes, i) => bytes.equals(sent[i]!))).toBe(true);
  });

  test.skipIf(serial)(
    `serves ${open} clients that are open at once, again and again (skipped for one at a time)`,
    async () => {
      const { address } = await start();
      const sockets = await Promise.all(Array.from({ length: open }, () => greeted(address!)));
      for (let round = 0; round < 3; round++) {
        const texts = sockets.map((_, i) => `${round}:${i}`);
        const answers = await Promise.all(sockets.map((socket, i) => ask(socket, texts[i])));
        expect(answers).toEqual(texts);
      }
    },
  );

  test('survives a client that resets, in the middle of its echo too', async () => {
    const { address } = await start();
    const other = serial ? undefined : await greeted(address!);
    for (const bytes of [0, 10, 2_000_000]) {
      const socket = await client(address!);
      if (bytes > 0) socket.write(randomBytes(bytes));
      await sleep(5);
      socket.resetAndDestroy();
      if (other) expect(await ask(other)).toBe('ping');
    }
    const answer = (await exchange(address!, 'after')).toString();
    expect(answer).toBe(`${greeting}after${suffix}`);
  });

  test('leaves what it does not read to a client, and echoes it when it does', async () => {
    const { address } = await start();
    const quiet = serial ? undefined : await greeted(address!);
    const bytes = message(UNREAD_BYTES);
    const deaf = await client(address!);
    deaf.end(bytes);
    expect(await left(deaf)).toBeGreaterThan(LEFT_BYTES);
    if (quiet) {
      const socket = await greeted(address!);
      expect(await ask(socket)).toBe('ping');
      expect(await silent(quiet, 0)).toBe(true);
      expect(await ask(quiet)).toBe('ping');
    }
    expect((await collect(deaf, bytes.length)).equals(bytes)).toBe(true);
    expect((await take(deaf, 100)).toString()).toMatch(new RegExp(`^(${suffix})*$`));
  });
}
