/** The sockets that can be granted beside those of TCP: of datagrams, unix(7), and systemd's. */
import { spawn } from 'node:child_process';
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

import { load, sandbox, UsageError } from 'pollux';
import { describe, expect, onTestFinished, test } from 'vitest';

import { parseSocket } from '#src/socket';

import { guestFile, polluxToEnd, root, textOf, wasmFile } from '../harness.js';
import { box, echoBox, folder, killed, ping } from './started.js';

async function peer(): Promise<{ socket: Datagrams; port: number }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return { socket, port: socket.address().port };
}

const next = async (socket: Datagrams) => String((await once(socket, 'message'))[0]);

async function local(path: string): Promise<Socket> {
  const socket = connect(path).on('error', () => {});
  await once(socket, 'connect');
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe.each(['none', 'process'] as const)('with isolation: %s', (isolate) => {
  test('a datagram socket answers each sender, and keeps the boundaries of messages', async () => {
    const listen = ['udp:127.0.0.1:0,blocking'];
    const running = await box(guestFile('udp'), { listen, isolate });
    expect(running.address).toMatch(/^udp:127\.0\.0\.1:\d+$/);
    const port = Number(running.address!.split(':')[2]);
    const [one, other] = await Promise.all([peer(), peer()]);
    const ask = async ({ socket }: { socket: Datagrams }, text: string) => {
      socket.send(text, port, '127.0.0.1');
      return await next(socket);
    };
    expect(await ask(one, 'from one')).toBe('8 0 from one');
    expect(await ask(other, 'other')).toBe('5 0 other');
    expect(await ask(one, '')).toBe('0 0 '); // not the end
    expect(await ask(one, '0123456789abcdef')).toBe('16 0 0123456789abcdef');
    expect(await ask(one, '0123456789abcdef and more')).toBe('16 1 0123456789abcdef');
    one.socket.send('quit', port, '127.0.0.1');
    expect(await running.exit).toEqual({ code: 0, reason: 'exit' });
  });

  test('a connected datagram socket has its one peer', async () => {
    const { socket, port } = await peer();
    const [asked, stranger] = [once(socket, 'message'), await peer()];
    const running = await box(guestFile('udp'), {
      args: ['datagram', 'first'],
      isolate,
      connect: [`udp:127.0.0.1:${port},blocking`],
    });
    const [first, { port: guest }] = (await asked) as [Buffer, { port: number }];
    expect(String(first)).toBe('first');
    stranger.socket.send('quit', guest, '127.0.0.1'); // which does not reach it
    socket.send('hello', guest, '127.0.0.1');
    expect(await next(socket)).toBe('5 0 hello');
    socket.send('quit', guest, '127.0.0.1');
    expect((await running.exit).code).toBe(0);
  });

  test('a server listens at a path, which is removed at its end', async () => {
    const path = join(folder(), 'echo.sock');
    const running = await echoBox({ listen: `unix:${path}`, isolate });
    expect(running.address).toBe(`unix:${path}`);
    expect(await ping(await local(path))).toBe('ping');
    await running.stop();
    expect(existsSync(path)).toBe(false);
  });

  test('a guest is connected to a path', async () => {
    const path = join(folder(), 'server.sock');
    const server = createServer((socket) => void socket.pipe(socket)).listen(path);
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const running = await box(wasmFile('client'), {
      connect: [`unix:${path}`],
      isolate,
      stdin: 'pipe',
      stdout: 'pipe',
    });
    running.stdin!.write('hello\n');
    let said = '';
    for await (const chunk of running.stdout!) if ((said += chunk).includes('hello')) break;
    expect(said).toContain('hello');
  });
});

test('a name without a path is nothing in the file system', async () => {
  const name = `@pollux-test-${process.pid}-${Math.random()}`;
  const running = await echoBox({ listen: `unix:${name}` });
  expect(running.address).toBe(`unix:${name}`);
  expect(existsSync(name)).toBe(false);
  const again = echoBox({ listen: `unix:${name}` });
  await expect(again).rejects.toThrow(/cannot listen at unix:@.*: EADDRINUSE/);
});

test('what has come into the place of a path is not removed', async () => {
  const [granted, outside] = [folder(), folder()];
  const run = join(granted, 'run');
  mkdirSync(run);
  const running = await echoBox({ listen: `unix:${join(run, 'echo.sock')}` });
  // As a guest can, to which this directory is granted.
  renameSync(run, join(granted, 'moved'));
  symlinkSync(outside, run);
  writeFileSync(join(outside, 'echo.sock'), 'kept');
  await running.stop();
  expect(existsSync(join(outside, 'echo.sock'))).toBe(true);
});

test('a file that is in the way of a listener stays as it is', async () => {
  const path = join(folder(), 'taken');
  writeFileSync(path, 'kept');
  await expect(echoBox({ listen: `unix:${path}` })).rejects.toThrow(/EADDRINUSE/);
  expect(existsSync(path)).toBe(true);
});

describe('a socket that systemd has opened', () => {
  /** The command line, with a listener as descriptor 3, passed as sd_listen_fds(3) says. */
  async function passed(grant: string, variables: string) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { fd } = Reflect.get(server, '_handle') as { fd: number };
    const { port } = server.address() as { port: number };
    // The number of the process is the shell's, which becomes Node.
    const line = `export ${variables}; exec "$@"`;
    const words = [process.execPath, join(root, 'dist/src/cli.js'), 'echo', '--listen', grant];
    const stdio = ['ignore', 'pipe', 'pipe', fd] as const;
    const child = killed(spawn('sh', ['-c', line, 'sh', ...words], { stdio: [...stdio] }));
    server.close(); // which has not accepted, and never does
    return { child, port };
  }

  test.each([
    ['fd:3', 'LISTEN_PID=$$ LISTEN_FDS=1'],
    ['fd:web', 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web'],
  ])('--listen %s takes it over', async (grant, variables) => {
    const { child, port } = await passed(grant, variables);
    const [line] = (await once(child.stderr!, 'data')) as [Buffer];
    expect(String(line)).toBe(`listening on 127.0.0.1:${port}\n`);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    expect(await ping(socket)).toBe('ping');
  });

  test.each([
    ['fd:3', 'LISTEN_PID=1 LISTEN_FDS=1', /LISTEN_PID must be \d+/],
    ['fd:3', 'NOTHING=1', /fd:3 was not passed: LISTEN_PID must be/],
    ['fd:4', 'LISTEN_PID=$$ LISTEN_FDS=1', /fd:4 was not passed: choose 3 to 3/],
    ['fd:web', 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=dns', /choose 3 to 3, by name dns/],
  ])('--listen %s with %s is refused', async (grant, variables, sentence) => {
    const { child } = await passed(grant, variables);
    const [said, [code]] = await Promise.all([textOf(child.stderr!), once(child, 'exit')]);
    expect(said).toMatch(sentence);
    expect(code).toBe(2);
  });
});

test.each([
  ['udp:[::1]:53', { form: 'udp', host: '::1', port: 53, fd: undefined, blocking: false }],
  ['7=unix:/a=b,c,blocking', { form: 'unix', path: '/a=b,c', fd: 7, blocking: true }],
  ['unix:@name', { form: 'unix', path: '@name', fd: undefined, blocking: false }],
  ['5=fd:web', { form: 'fd', which: 'web', fd: 5, blocking: false }],
  ['[::1]:80', { form: 'tcp', host: '::1', port: 80, fd: undefined, blocking: false }],
])('%s is understood', (text, option) => {
  expect(parseSocket(text)).toEqual(option);
});

test.each([
  ['udp:nowhere', /is not an address/],
  ['unix:', /"unix:" is no socket of this machine/],
  [`unix:/${'x'.repeat(107)}`, /of at most 107 bytes/],
  ['fd:', /names no descriptor/],
  ['sctp:127.0.0.1:9', /is not an address/],
  ['2=unix:/tmp/a', /is a standard stream/],
])('"%s" is refused with a sentence', async (text, sentence) => {
  expect(() => parseSocket(text)).toThrow(sentence);
  const { code, stderr } = await polluxToEnd(['run', '--listen', text, guestFile('stdio')]);
  expect(code).toBe(2);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('a guest for each connection cannot be had of datagrams', async () => {
  const guest = await load(guestFile('connection'));
  const failure = sandbox(guest, { listen: ['udp:127.0.0.1:0'], serve: 'process' });
  await expect(failure).rejects.toThrow(/UDP has none/);
  await expect(failure).rejects.toBeInstanceOf(UsageError);
});
