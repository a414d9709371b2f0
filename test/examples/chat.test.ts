/** The chat of examples/chat: it is built as its comment says, and clients talk over real sockets. */
import { execFileSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, expect, test } from 'vitest';

import { addressOf, guestFile, root, textOf } from '../harness.js';
import { box, client, command, eventually } from '../src/started.js';

const CHAT = guestFile('chat');
const listen = ['127.0.0.1:0'];

beforeAll(() => {
  const build = [`${root}wasm/build.mjs`, `${root}examples/chat/chat.ts`, CHAT];
  execFileSync(process.execPath, build, { stdio: 'inherit' });
});

/** Somebody who chats. */
class Chatter {
  readonly socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  /** Connects, and is told its number. */
  static async join(address: string, number: number): Promise<Chatter> {
    const chatter = new Chatter(await client(address));
    expect(await chatter.line()).toBe(`* you are ${number}`);
    return chatter;
  }

  say(text: string): void {
    this.socket.write(text);
  }

  /** The next line that it is sent; undefined when it was disconnected. */
  async line(): Promise<string | undefined> {
    return (await this.#lines.next()).value;
  }

  async lines(count: number): Promise<(string | undefined)[]> {
    const lines = [];
    while (lines.length < count) lines.push(await this.line());
    return lines;
  }
}

/** As many as `count`, each of whom has seen the later ones join. */
async function party(count: number) {
  const { address } = await box(CHAT, { listen });
  const chatters: Chatter[] = [];
  for (let number = 1; number <= count; number++) {
    const joined = await Chatter.join(address!, number);
    for (const other of chatters) expect(await other.line()).toBe(`* ${number} has joined`);
    chatters.push(joined);
  }
  return { address: address!, chatters };
}

test('what one says the others hear, and only they', async () => {
  const { chatters } = await party(3);
  const [one, two, three] = chatters;
  one!.say('hello\n');
  two!.say('hi\r\n');
  expect(await three!.lines(2)).toEqual(expect.arrayContaining(['1: hello', '2: hi']));
  expect(await one!.line()).toBe('2: hi');
  expect(await two!.line()).toBe('1: hello');
});

test('half a line waits for the rest of it, and many lines in one piece are many', async () => {
  const { chatters } = await party(2);
  const [one, two] = chatters;
  one!.say('to be ');
  await sleep(20);
  one!.say('or not\n\nto be\nthat is');
  expect(await two!.lines(2)).toEqual(['1: to be or not', '1: to be']);
  for (const byte of ' the question, märchen\n') one!.say(byte);
  expect(await two!.line()).toBe('1: that is the question, märchen');
  const many = Array.from({ length: 300 }, (_, i) => `line ${i}`);
  one!.say(`${many.join('\n')}\n`);
  expect(await two!.lines(300)).toEqual(many.map((line) => `1: ${line}`));
});

test('a long line goes out as several', async () => {
  const { chatters } = await party(2);
  chatters[0]!.say(`${'x'.repeat(2500)}\nnext\n`);
  const long = [1024, 1024, 452].map((length) => `1: ${'x'.repeat(length)}`);
  expect(await chatters[1]!.lines(4)).toEqual([...long, '1: next']);
});

test('who leaves is missed, and what it said last is heard', async () => {
  const { address, chatters } = await party(4);
  chatters[0]!.socket.end('goodbye, all');
  for (const other of chatters.slice(1))
    expect(await other.lines(2)).toEqual(['1: goodbye, all', '* 1 has left']);
  chatters[1]!.socket.resetAndDestroy();
  for (const other of chatters.slice(2)) expect(await other.line()).toBe('* 2 has left');
  await Chatter.join(address, 5);
  expect(await chatters[3]!.line()).toBe('* 5 has joined');
});

test('a reader that is too slow is disconnected, and keeps nobody waiting', async () => {
  const { address, chatters } = await party(2);
  const [speaker, listener] = chatters;
  const slow = await client(address);
  slow.pause();
  const number = /^\* 3 has joined$/;
  expect(await speaker!.line()).toMatch(number);
  expect(await listener!.line()).toMatch(number);
  let left = false;
  // As much as the sockets between us hold, and the queue on top of it; the listener keeps up.
  for (let round = 0; round < 2000 && !left; round++) {
    const lines = Array.from({ length: 100 }, (_, i) => `${round}, ${i}`.padStart(1000, '.'));
    speaker!.say(`${lines.join('\n')}\n`);
    for (let heard = 0; heard < lines.length;) {
      const line = await listener!.line();
      if (line === '* 3 has left') left = true;
      else expect(line).toBe(`1: ${lines[heard++]}`);
    }
  }
  expect(left).toBe(true);
  slow.resume();
  expect(await eventually(() => slow.readableEnded || slow.destroyed)).toBe(true);
  speaker!.say('still here\n');
  expect(await listener!.line()).toBe('1: still here');
});

test('who finds no room waits at the door, and keeps nobody from talking', async () => {
  // Three streams, the listener, two clients.
  const { address } = await box(CHAT, { listen, maxDescriptors: 6 });
  const one = await Chatter.join(address!, 1);
  const two = await Chatter.join(address!, 2);
  const late = Chatter.join(address!, 3);
  two.say('is anybody there?\n');
  expect(await one.lines(2)).toEqual(['* 2 has joined', '2: is anybody there?']);
  one.socket.end();
  expect(await two.line()).toBe('* 1 has left');
  expect(await two.line()).toBe('* 3 has joined');
  (await late).say('me\n');
  expect(await two.line()).toBe('3: me');
});

test('a thousand come and go in a memory that would not hold them all', async () => {
  const { address } = await box(CHAT, { listen, maxMemoryMiB: 16 });
  const watcher = await Chatter.join(address!, 1);
  for (let round = 0; round < 20; round++) {
    const guests = await Promise.all(Array.from({ length: 50 }, () => client(address!)));
    for (const guest of guests) guest.end(`hello, ${round}\n`);
    const told = await watcher.lines(150);
    expect(told.filter((line) => line!.endsWith('has joined'))).toHaveLength(50);
    expect(told.filter((line) => line!.endsWith('has left'))).toHaveLength(50);
    expect(told.filter((line) => line!.endsWith(`: hello, ${round}`))).toHaveLength(50);
    for (const guest of guests) guest.destroy();
  }
});

test('it runs on the command line, and without a listener says so and exits with 2', async () => {
  const server = command('run', '--listen', '127.0.0.1:0', CHAT);
  const address = await addressOf(server);
  const one = await Chatter.join(address, 1);
  await Chatter.join(address, 2);
  expect(await one.line()).toBe('* 2 has joined');
  const alone = command('run', CHAT);
  expect(await textOf(alone.stderr!)).toMatch(/^chat: no listening socket was handed over.*\n$/);
  expect(await eventually(() => alone.exitCode === 2)).toBe(true);
});
