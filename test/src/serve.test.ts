/**
 * A guest for each connection, in a thread or in a process: every client has its own, and nothing
 * is left of one that is over.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { load, type Box, type SandboxOptions, type ServeName } from 'pollux';
import { describe, expect, test } from 'vitest';

import { addressOf, dial, exchange, guestFile, root, textOf, wasmFile } from '../harness.js';
import { catchesItsEnd, greets, trapsAtStart } from './guests.js';
import {
  box,
  client,
  command,
  descriptorsOf,
  eventually,
  folder,
  killed,
  ping,
  silent,
  take,
} from './started.js';

const connection = guestFile('connection');
const listen = ['127.0.0.1:0,blocking'];

/** Random bytes, none of which is the "!" that the guest obeys, wherever a message may begin. */
const anyBytes = (length: number) =>
  Buffer.from(randomBytes(length).map((byte) => (byte === 0x21 ? 0x22 : byte)));

/** A server of the guest `connection`, and what it said to its operator. */
async function server(
  serve: ServeName,
  options: SandboxOptions = {},
  source: string | Uint8Array = connection,
): Promise<Box & { address: string; said: string[] }> {
  const said: string[] = [];
  const warn = (sentence: string) => void said.push(sentence);
  const running = await box(source, { listen, serve, warn, ...options });
  return { ...running, address: running.address!, said };
}

/** The processes that `pid` has started and that have not ended. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        const [state, parent] = readFileSync(`/proc/${each}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ');
        return Number(parent) === pid && state !== 'Z';
      } catch {
        return false; // it has ended meanwhile
      }
    });
}

/** What there is of this process: nothing of a server may be left when it has ended. */
const remains = () => ({
  descriptors: descriptorsOf(),
  threads: readdirSync('/proc/self/task').length,
  children: childrenOf(process.pid).length,
});

const command3 = (serve: ServeName, ...more: string[]) =>
  command('run', '--serve', serve, '--listen', listen[0]!, ...more, connection);

describe.each([
  ['thread', 200],
  ['process', 20],
] as const)('a guest per %s', (serve, crowd) => {
  test(`serves ${crowd} clients at once, each with its own bytes`, async () => {
    const { address } = await server(serve);
    const sockets = await Promise.all(Array.from({ length: crowd }, () => client(address)));
    for (let round = 0; round < 3; round++) {
      const texts = sockets.map((_, i) => `${round}:${i}`);
      expect(await Promise.all(sockets.map((socket, i) => ping(socket, texts[i])))).toEqual(texts);
    }
  }, 60_000);

  test('gives each connection a new instance, which has that and nothing else', async () => {
    const { address } = await server(serve);
    for (let i = 0; i < 3; i++) {
      const seen = (await exchange(address, '!describe')).toString();
      expect(seen).toBe('0 1 2 3 messages=1 env=0\n');
    }
  });

  test('echoes all bytes that come before a half-close, and then closes', async () => {
    const { address } = await server(serve);
    for (const length of [0, 1, 1_000_000]) {
      const bytes = anyBytes(length);
      expect((await exchange(address, bytes)).equals(bytes)).toBe(true);
    }
  });

  test('goes on after a client that resets, in the middle of its echo too', async () => {
    const { address } = await server(serve);
    const other = await client(address);
    for (const bytes of [0, 10, 2_000_000]) {
      const socket = await client(address);
      if (bytes > 0) socket.write(anyBytes(bytes));
      await sleep(5);
      socket.resetAndDestroy();
      expect(await ping(other)).toBe('ping');
    }
  });

  test('that traps ends its connection only, and a sentence says so each time', async () => {
    const { address, said } = await server(serve);
    const other = await client(address);
    await ping(other);
    for (let i = 2; i <= 3; i++) {
      expect((await exchange(address, '!trap')).length).toBe(0);
      expect(await eventually(() => said.length === i - 1)).toBe(true);
      expect(said.at(-1)).toMatch(
        new RegExp(`^connection ${i}: the guest trapped: unreachable at .*main.*$`),
      );
      expect(await ping(other)).toBe('ping');
    }
  });

  test('that ends by itself ends its connection only, whatever its exit code', async () => {
    const { address, said } = await server(serve);
    const other = await client(address);
    expect((await exchange(address, '!exit')).length).toBe(0);
    expect(await ping(other)).toBe('ping');
    expect(said).toEqual([]);
  });

  test('that traps before it begins is reported, and the server goes on', async () => {
    const { address, said } = await server(serve, {}, trapsAtStart);
    for (let i = 1; i <= 2; i++) {
      expect((await exchange(address, 'x').catch(() => '')).length).toBe(0);
      expect(await eventually(() => said.length === i)).toBe(true);
      expect(said.at(-1)).toMatch(/trapped before it began: unreachable/);
    }
  });

  test('that catches its own end does no harm', async () => {
    const trace = join(folder(), 'trace');
    const { address } = await server(serve, { trace }, catchesItsEnd);
    const wanted = serve === 'thread' ? 'hello' : '';
    for (let i = 0; i < 3; i++) expect((await exchange(address, '')).toString()).toBe(wanted);
  });

  test('gives the connection the number that the listener was given', async () => {
    const { address } = await server(serve, { listen: ['7=127.0.0.1:0'] }, greets(7));
    expect((await exchange(address, '')).toString()).toBe('hello');
  });

  test('serves several listeners', async () => {
    const { addresses } = await server(serve, { listen: [...listen, ...listen] });
    for (const address of addresses) expect((await exchange(address, 'a')).toString()).toBe('a');
  });

  test('shares the streams among all guests, and limits the memory of each', async () => {
    const options: SandboxOptions = { stdout: 'pipe', maxMemoryMiB: 8 };
    const running = await server(serve, options, guestFile('grow'));
    const text = textOf(running.stdout);
    for (let i = 0; i < 2; i++) await exchange(running.address, '').catch(() => {});
    await running.stop();
    expect(await text).toMatch(/^[1-7]\D[^]*\n[1-7]\D[^]*\n$/);
  });

  test('limits the time of each connection', async () => {
    const { address, said } = await server(serve, { timeoutMs: 1500 });
    const spinning = await client(address);
    await ping(spinning, '!spin');
    const end = once(spinning.resume(), 'close');
    expect((await exchange(address, 'meanwhile')).toString()).toBe('meanwhile');
    spinning.end();
    await end;
    expect(await eventually(() => said.length === 1)).toBe(true);
    expect(said).toEqual(['connection 1: the guest ran longer than its limit of 1500 ms']);
  });

  test('beyond the limit connections wait, none is lost, and a sentence says so', async () => {
    const { address, said } = await server(serve, { maxConnections: 2 });
    const sockets = await Promise.all(Array.from({ length: 2 }, () => client(address)));
    for (const socket of sockets) await ping(socket);
    const late = await client(address);
    late.write('late');
    expect(await silent(late, 150)).toBe(true);
    expect(said).toEqual(['2 connections are open, which is the limit: more wait for their turn']);
    sockets[0]!.end();
    expect((await take(late, 4)).toString()).toBe('late');
    late.destroy();
    const texts = Array.from({ length: 12 }, (_, i) => `client ${i}`);
    const echoed = await Promise.all(texts.map((text) => exchange(address, text)));
    expect(echoed.map(String)).toEqual(texts);
  });

  test('--trace writes one transcript for each connection', async () => {
    const trace = join(folder(), 'trace');
    const { address } = await server(serve, { trace });
    for (const text of ['a', 'bcd']) await exchange(address, text);
    const transcript = (name: string) => readFileSync(name, 'utf8');
    expect(await eventually(() => /ro_datalen=0/.test(transcript(`${trace}.2`)))).toBe(true);
    expect(transcript(`${trace}.1`)).toMatch(/^# kernel linux epoll\n[^]*ro_datalen=1 /);
    expect(transcript(`${trace}.2`)).toMatch(/^# kernel linux epoll\n[^]*ro_datalen=3 /);
  });

  describe('stop()', () => {
    test('ends guests that wait and that spin, and leaves nothing', async () => {
      const before = remains();
      const running = await server(serve);
      await exchange(running.address, 'one that is over');
      const sockets = await Promise.all(Array.from({ length: 4 }, () => client(running.address)));
      for (const socket of sockets.slice(1)) await ping(socket);
      await ping(sockets[0]!, '!spin');
      const closed = Promise.all(sockets.map((socket) => once(socket.resume(), 'close')));
      for (const socket of sockets) socket.end();
      expect(await running.stop()).toEqual({ code: 0, reason: 'stopped' });
      await closed;
      await expect(dial(running.address)).rejects.toThrow('ECONNREFUSED');
      expect(running.said).toEqual([]);
      expect(await eventually(() => remains().descriptors <= before.descriptors)).toBe(true);
      expect(remains().children).toBe(before.children);
      expect(await eventually(() => remains().threads <= before.threads)).toBe(true);
    });

    test('while guests are being started leaves nothing either', async () => {
      const before = remains();
      for (let i = 0; i < 3; i++) {
        const running = await server(serve);
        const sockets = await Promise.all(Array.from({ length: 8 }, () => client(running.address)));
        await sleep(20 * i);
        expect(await running.stop()).toEqual({ code: 0, reason: 'stopped' });
        for (const socket of sockets) socket.destroy();
      }
      expect(await eventually(() => remains().descriptors <= before.descriptors)).toBe(true);
      expect(remains().children).toBe(before.children);
      expect(await eventually(() => remains().threads <= before.threads)).toBe(true);
    });

    test('of a server that never had a client ends at once, and twice is once', async () => {
      const running = await server(serve);
      const ends = [running.stop(), running.stop(), running.drain(10), running.exit];
      for (const end of ends) expect(await end).toEqual({ code: 0, reason: 'stopped' });
    });
  });

  describe('drain()', () => {
    test('refuses new connections, serves those that are open, and ends with the last', async () => {
      const before = remains();
      const running = await server(serve);
      const sockets = [await client(running.address), await client(running.address)];
      for (const socket of sockets) await ping(socket);
      const drained = running.drain(20_000);
      await expect(dial(running.address)).rejects.toThrow('ECONNREFUSED');
      for (const socket of sockets) expect(await ping(socket, 'still')).toBe('still');
      sockets[0]!.end();
      await sleep(50);
      expect(await ping(sockets[1]!, 'still')).toBe('still');
      sockets[1]!.end();
      expect(await drained).toEqual({ code: 0, reason: 'stopped' });
      for (const socket of sockets) socket.destroy();
      expect(await eventually(() => remains().descriptors <= before.descriptors)).toBe(true);
    });

    test('ends at its limit', async () => {
      const running = await server(serve);
      await ping(await client(running.address));
      const begin = performance.now();
      expect(await running.drain(100)).toEqual({ code: 0, reason: 'stopped' });
      expect(performance.now() - begin).toBeGreaterThanOrEqual(95);
    });

    test('of a server without connections ends at once', async () => {
      const running = await server(serve);
      await exchange(running.address, 'over');
      expect(await running.drain(Infinity)).toEqual({ code: 0, reason: 'stopped' });
    });
  });

  test('a server out of descriptors serves those it has, resumes, and loses nobody', async () => {
    const { execPath } = process;
    const cli = `${root}dist/src/cli.js`;
    const args = [cli, 'run', '--serve', serve, '--listen', listen[0]!, connection];
    const line = [`ulimit -n ${serve === 'thread' ? 100 : 80}; exec "$0" "$@"`, execPath, ...args];
    const address = await addressOf(killed(spawn('/bin/sh', ['-c', ...line])));
    const waiting = new Set(await Promise.all(Array.from({ length: 48 }, () => client(address))));
    for (const socket of waiting) socket.write('ping');
    let rounds = 0;
    for (; waiting.size > 0; rounds++) {
      const answered = () => [...waiting].filter(({ readableLength }) => readableLength === 4);
      expect(await eventually(() => answered().length > 0, 20_000)).toBe(true);
      await sleep(100);
      for (const socket of answered()) {
        expect((await take(socket, 4)).toString()).toBe('ping');
        socket.end();
        waiting.delete(socket);
      }
    }
    expect(rounds).toBeGreaterThan(1);
  }, 60_000);

  test('SIGINT to the whole group, as from a terminal, drains', async () => {
    const args = [`${root}dist/src/cli.js`, 'run', '--serve', serve, '--listen', listen[0]!];
    const child = killed(
      spawn(process.execPath, [...args, '--drain', '20000', connection], { detached: true }),
    );
    const exit = once(child, 'exit');
    const address = await addressOf(child);
    const socket = await client(address);
    await ping(socket);
    process.kill(-child.pid!, 'SIGINT');
    const refused = async () => {
      while (
        await dial(address).then(
          (late) => late.destroy(),
          () => undefined,
        )
      )
        await sleep(10);
    };
    await refused();
    expect(await ping(socket, 'still served')).toBe('still served');
    socket.end();
    expect(await exit).toEqual([0, null]);
  });

  test('a server that is killed takes its guests with it, those that spin too', async () => {
    const child = command3(serve);
    const address = await addressOf(child);
    const [waits, spins] = [await client(address), await client(address)];
    await ping(waits);
    await ping(spins, '!spin');
    const children = childrenOf(child.pid!);
    expect(children).toHaveLength(serve === 'process' ? 2 : 0);
    child.kill('SIGKILL');
    await Promise.all([waits, spins].map((socket) => once(socket.resume().end(), 'close')));
    expect(
      await eventually(() => childrenOf(process.pid).every((pid) => !children.includes(pid))),
    ).toBe(true);
  });

  test('process.exit() of the embedder does not wait for them', async () => {
    const script = `import { load, sandbox } from 'pollux';
      const guest = await load(${JSON.stringify(connection)});
      const box = await sandbox(guest, { listen: ['${listen[0]}'], serve: '${serve}' });
      process.stderr.write('listening on ' + box.address + '\\n');
      process.stdin.once('data', () => process.exit(3));`;
    const child = killed(
      spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: root, stdio: 'pipe' }),
    );
    const exit = once(child, 'exit');
    const socket = await client(await addressOf(child));
    await ping(socket, '!spin');
    child.stdin.write('now\n');
    expect(await exit).toEqual([3, null]);
    await once(socket.resume().end(), 'close');
  });
});

describe('a guest per connection is refused', () => {
  const refused = async (options: SandboxOptions, source = connection) =>
    await box(source, options).catch(({ name, message }: Error) => `${name}: ${message}`);

  test.each([
    [
      { listen, serve: 'fork' as ServeName },
      /"fork" is no way to serve: choose event, thread, pro/,
    ],
    [{ serve: 'thread' as const }, /a guest per thread needs a listener/],
    [{ listen, connect: listen, serve: 'process' as const }, /and no other: leave out connect/],
    [{ listen, maxConnections: 5 }, /maxConnections is for a guest per connection/],
    [{ listen, serve: 'thread' as const, maxConnections: 0 }, /must be a number greater than 0/],
  ])('with %j', async (options, sentence) => {
    expect(await refused(options)).toMatch(sentence);
    expect(await refused(options)).toMatch(/^UsageError: /);
  });

  test('to a reactor', async () => {
    const options: SandboxOptions = { listen, serve: 'thread' };
    expect(await refused(options, wasmFile('echo-reactor'))).toMatch(
      /^UsageError: a reactor serves all its connections itself/,
    );
  });

  test('in processes to a module whose bytes are not known', async () => {
    const { module } = await load(connection);
    const { sandbox } = await import('pollux');
    await expect(sandbox(await load(module), { listen, serve: 'process' })).rejects.toThrow(
      'a guest per process needs the bytes of the guest: load it from a file or its bytes',
    );
  });
});
