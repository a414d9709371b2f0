/**
 * The server that responds, in every model and in both languages, and the client that talks to it:
 * both are guests.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { describe, expect, test } from 'vitest';

import { exchange, textOf, wasmFile } from '../harness.js';
import { box, client, eventually, folder, nodeServer, take } from '../src/started.js';

const listen = ['127.0.0.1:0'];
const models = [
  'blocking',
  'nonblocking',
  'select',
  'poll',
  'epoll',
  'epoll-edge',
  'signal',
  'async',
];
/** By name: each in C, and its twin. */
const servers = models.flatMap((model) => [`response-${model}`, `response-${model}.as`]);

/** The poll of an idle server has two subscriptions: its listener, and a clock of one second. */
test.each(['response-select', 'response-select.as'])(
  '%s looks up every second while nothing happens',
  async (name) => {
    const trace = join(folder(), 'trace');
    await box(wasmFile(name), { listen, trace });
    const looks = () => readFileSync(trace, 'utf8').match(/^-> poll_oneoff\(.*nsubs=2\)/gm) ?? [];
    expect(await eventually(() => looks().length >= 3, 15_000)).toBe(true);
    const times = [...readFileSync(trace, 'utf8').matchAll(/^-> poll_oneoff.* @([\d.]+)$/gm)];
    const waits = times.slice(1).map(([, at], i) => Number(at) - Number(times[i]![1]));
    for (const seconds of waits) expect(seconds).toBeGreaterThanOrEqual(1);
  },
);

describe.each(servers)('%s', (name) => {
  const start = (options = {}) => box(wasmFile(name), { listen, ...options });

  test('greets, and answers each message with the message and its response', async () => {
    const { address } = await start();
    const socket = await client(address!);
    expect((await take(socket, 2)).toString()).toBe('ok');
    for (const message of ['hello', 'x', 'a longer message\n'.repeat(100)]) {
      socket.write(message);
      const answer = `${message}response`;
      expect((await take(socket, answer.length)).toString()).toBe(answer);
    }
    socket.destroy();
    expect((await exchange(address!, '')).toString()).toBe('ok');
  });

  test('answers all of a message that is larger than its queue', async () => {
    const { address } = await start();
    const message = 'm'.repeat(1_000_000);
    const answer = (await exchange(address!, message)).toString();
    expect(answer).toMatch(/^ok(m+response)+$/);
    expect(answer.replaceAll('response', '')).toBe(`ok${message}`);
  });

  test('serves a connection that it was handed, and ends with it', async () => {
    const answers: string[] = [];
    const { address } = await nodeServer((socket) => {
      socket.setEncoding('utf8').on('data', (text: string) => {
        answers.push(text);
        if (answers.join('') === 'ok') socket.end('over');
      });
    });
    const running = await start({ listen: [], connect: [address] });
    expect(await running.exit).toEqual({ code: 0, reason: 'exit' });
    expect(await eventually(() => answers.join('') === 'okoverresponse')).toBe(true);
  });

  test('without a socket says so, and exits with 2', async () => {
    const running = await start({ listen: [], stderr: 'pipe' });
    expect(await textOf(running.stderr)).toMatch(/^response: no listening socket .*\n$/);
    expect((await running.exit).code).toBe(2);
  });
});

/** What a stream says until it ends, or until `text` was said. */
async function until(stream: Readable, text: string): Promise<string> {
  let said = '';
  while (!said.endsWith(text)) {
    const byte = await take(stream, 1);
    if (byte.length === 0) break;
    said += byte.toString();
  }
  return said;
}

describe('client.c', () => {
  const start = (address: string) =>
    box(wasmFile('client'), {
      connect: [address],
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });

  test('prints the greeting, prompts, skips empty lines, prints answers, and quits', async () => {
    const { address } = await box(wasmFile('response-poll'), { listen });
    const running = await start(address!);
    expect(await until(running.stdout!, '>>>:')).toBe('ok\n>>>:');
    running.stdin!.write('hello\n');
    expect(await until(running.stdout!, '>>>:')).toBe('helloresponse\n>>>:');
    running.stdin!.write('\n\nq and more\n');
    expect(await until(running.stdout!, 'response\n>>>:')).toBe('>>>:>>>:q and moreresponse\n>>>:');
    running.stdin!.write('q\n');
    expect(await running.exit).toEqual({ code: 0, reason: 'exit' });
    expect(await textOf(running.stderr)).toBe('');
  });

  test('does not wait long for a greeting, and quits at the end of its input', async () => {
    const { address } = await box(wasmFile('echo-poll'), { listen });
    const running = await start(address!);
    running.stdin!.end('unterminated');
    expect(await textOf(running.stdout)).toBe('>>>:unterminated\n>>>:');
    expect((await running.exit).code).toBe(0);
  });

  test('says that the server is gone, and exits with 1', async () => {
    const { address } = await nodeServer((socket) => void socket.end('bye'));
    const running = await start(address);
    running.stdin!.write('hello\n');
    expect(await textOf(running.stderr)).toBe('client: the server is gone.\n');
    expect((await running.exit).code).toBe(1);
  });

  test('without a connection says so, and exits with 2', async () => {
    const running = await box(wasmFile('client'), { stderr: 'pipe' });
    expect(await textOf(running.stderr)).toBe('client: no connection was handed over.\n');
    expect((await running.exit).code).toBe(2);
  });
});
