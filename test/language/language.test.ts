/**
 * Programs in Go and Rust, as one would write them for any host, on real sockets and on the
 * simulated kernel. Nothing in them knows Pollux.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';

import { load } from 'pollux';
import { check, echoClients, type Script, type WorldScript } from 'pollux/simulate';
import { expect, test } from 'vitest';

import { exchange, root, runToEnd } from '../harness.js';
import { box, client, folder, ping } from '../src/started.js';
import { buildGo, buildRuby, buildRust, buildTokio, fileOf } from './toolchain.js';

const ADDRESS = '127.0.0.1:9000';
const SEEDS = 20;
const BUILD_MS = 240_000;
const decoder = new TextDecoder();

/** One request of HTTP: the status and the body of the answer. */
async function post(address: string, body: Buffer, agent: Agent): Promise<[number, Buffer]> {
  const [host, port] = address.split(':');
  return await new Promise((resolve, reject) => {
    const sent = request({ host, port, path: '/echo', method: 'POST', agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve([answer.statusCode ?? 0, Buffer.concat(chunks)]));
    });
    sent.on('error', reject).end(body);
  });
}

/** Clients that each make one request, and read the answer to its end. */
function httpClients(count: number): WorldScript {
  const script = (number: number): Script =>
    function* (me) {
      const body = `the request of client ${number}`;
      yield* me.sleep(number * 1000);
      const connection = yield* me.connect(ADDRESS);
      const head = `POST /echo HTTP/1.1\r\nHost: here\r\nConnection: close\r\n`;
      yield* connection.send(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
      const answer = decoder.decode(yield* connection.receiveAll());
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer.endsWith(`\r\n\r\n${body}`)).toBe(true);
      connection.close();
    };
  return (world) => {
    for (let i = 0; i < count; i++) world.actor(`client ${i}`, script(i));
  };
}

test(
  'Go: net/http serves 100 clients at once, several requests each',
  async (context) => {
    const file = fileOf(buildGo(), context);
    const { address } = await box(file, { listen: ['127.0.0.1:0'], stderr: 'inherit' });
    const clients = Array.from({ length: 100 }, async (_, i) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let turn = 0; turn < 3; turn++) {
        const body = Buffer.alloc(1000 * turn + i, `${i}.${turn} `);
        expect(await post(address!, body, agent)).toEqual([200, body]);
      }
      agent.destroy();
    });
    await Promise.all(clients);
  },
  BUILD_MS,
);

test(
  `Go: the same program on the simulated kernel, with ${SEEDS} seeds`,
  async (context) => {
    const guest = await load(fileOf(buildGo(), context));
    const options = { listen: [ADDRESS], world: httpClients(5), runs: SEEDS };
    expect(await check(guest, options)).toMatchObject({ runs: SEEDS, complete: true });
  },
  BUILD_MS,
);

test(
  'Rust: a blocking server of the standard library, client after client',
  async (context) => {
    const file = fileOf(buildRust(), context);
    const { address } = await box(file, { listen: ['127.0.0.1:0,blocking'] });
    for (const text of ['one', 'two', 'x'.repeat(100_000)])
      expect((await exchange(address!, text)).toString()).toBe(text);
  },
  BUILD_MS,
);

test(
  `Rust: the same program on the simulated kernel, with ${SEEDS} seeds`,
  async (context) => {
    const guest = await load(fileOf(buildRust(), context));
    const world = echoClients({ address: ADDRESS, clients: 3, messages: 3 });
    const options = { listen: [`${ADDRESS},blocking`], world, runs: SEEDS };
    expect(await check(guest, options)).toMatchObject({ runs: SEEDS, complete: true });
  },
  BUILD_MS,
);

test(
  'tokio: many clients at once, and by edges it is idle when they are',
  async (context) => {
    const file = fileOf(buildTokio(), context);
    const server = await box(file, { listen: ['127.0.0.1:0'], poll: 'edge' });
    const { address } = server;
    const clients = await Promise.all(Array.from({ length: 50 }, () => client(address!)));
    const pings = () => Promise.all(clients.map((each, i) => ping(each, `ping ${i}`)));
    const answers = clients.map((_, i) => `ping ${i}`);
    for (let turn = 0; turn < 5; turn++) expect(await pings()).toEqual(answers);
    // By levels it would poll without end: every one of its sockets can be written to.
    const quiet = () => new Promise((resolve) => setTimeout(resolve, 300));
    await quiet();
    const before = server.systemCalls!;
    await quiet();
    expect(server.systemCalls! - before).toBe(0n);
    expect(await pings()).toEqual(answers);
    for (const each of clients) each.destroy();
  },
  BUILD_MS,
);

test(
  `tokio: the same program on the simulated kernel, with ${SEEDS} seeds`,
  async (context) => {
    const guest = await load(fileOf(buildTokio(), context));
    const world = echoClients({ address: ADDRESS, clients: 5, messages: 3 });
    const options = { listen: [ADDRESS], world, runs: SEEDS, poll: 'edge' } as const;
    expect(await check(guest, options)).toMatchObject({ runs: SEEDS, complete: true });
  },
  BUILD_MS,
);

const TEXTS = { 'a.txt': 'the rain, the sea', 'b.txt': 'The ship; a sail', 'c.dat': 'the the the' };
const REPORT = [
  '2 files, most often: the (3 times)',
  'a.txt 4, b.txt 4',
  // Out of what was granted, where there is no such file for it.
  'Errno::EPERM',
];

test(
  'Ruby: a script reads and writes a directory, and nothing else',
  async (context) => {
    const file = fileOf(buildRuby(), context);
    const texts = folder();
    for (const [name, text] of Object.entries(TEXTS)) writeFileSync(join(texts, name), text);
    const { code, stdout, stderr } = await runToEnd(file, {
      env: { MAIN: '/script/main.rb', FOLDER: '/texts' },
      dirs: { '/script': { path: `${root}test/language/ruby`, readOnly: true }, '/texts': texts },
      timeoutMs: 120_000,
    });
    expect(stdout.split('\n')).toEqual([...REPORT, '']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(readFileSync(join(texts, 'report', 'words'), 'utf8')).toBe('a.txt 4\nb.txt 4\n');
  },
  BUILD_MS,
);
