/** A guest that is isolated does what it does without, and has what it was given and nothing else. */
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { load, sandbox, UsageError, type EchoModel } from 'pollux';
import { describe, expect, test } from 'vitest';

import { addressOf, guestFile, root, runToEnd, textOf, wasmFile, exchange } from '../../harness.js';
import { box, client, command, echoBox, eventually, folder, ping, take } from '../started.js';

const isolate = 'process';
const listen = ['127.0.0.1:0'];
const addon = join(root, `prebuilds/linux-${process.arch}/pollux.node`);

/** The processes of guests that this one has started. */
function guestProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => {
      try {
        const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ');
        const isOurs = /^\d+$/.test(name) && Number(parent) === process.pid;
        return isOurs && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('serve/process.js');
      } catch {
        return false; // it has ended meanwhile
      }
    })
    .map(Number);
}

const models: EchoModel[] = [
  ...(['blocking', 'nonblocking', 'select', 'poll', 'epoll'] as const),
  ...(['epoll-edge', 'signal', 'async'] as const),
];

describe('an isolated guest', () => {
  test.each(models)('serves by the model %s', async (model) => {
    const { address } = await echoBox({ model, isolate });
    const bytes = Buffer.alloc(300_000, 'echo');
    expect((await exchange(address!, bytes)).equals(bytes)).toBe(true);
    expect(await ping(await client(address!))).toBe('ping');
  });

  test('serves by asynchronous I/O of threads too', async () => {
    process.env['POLLUX_ASYNC'] = 'threads';
    try {
      const { address } = await echoBox({ model: 'async', isolate });
      expect(await ping(await client(address!))).toBe('ping');
    } finally {
      delete process.env['POLLUX_ASYNC'];
    }
  });

  test('serves by a process for each connection, isolated each', async () => {
    const { address } = await echoBox({ model: 'blocking', serve: 'process', isolate });
    const sockets = await Promise.all([client(address!), client(address!), client(address!)]);
    for (const socket of sockets) expect(await ping(socket)).toBe('ping');
  });

  test('has its streams, arguments and environment, and its exit code', async () => {
    const args = ['stdio', '7'];
    const env = { LEVEL: '2' };
    const running = await box(guestFile('stdio'), {
      args,
      env,
      isolate,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    running.stdin!.end('all of it');
    const [stdout, stderr] = [textOf(running.stdout), textOf(running.stderr)];
    expect(await stdout).toBe('all of it');
    expect(await stderr).toBe('argc=2\nargv[0]=stdio\nargv[1]=7\nenv=1\n');
    expect(await running.exit).toEqual({ code: 7, reason: 'exit' });
  });

  test('traps with its stack, and is stopped, limited and drained as any other', async () => {
    expect(await runToEnd(guestFile('trap'), { isolate })).toMatchObject({
      code: 134,
      trap: { message: 'unreachable' },
    });
    expect(await runToEnd(guestFile('spin'), { isolate, timeoutMs: 200 })).toMatchObject({
      code: 124,
      reason: 'timeout',
    });
    expect(await runToEnd(guestFile('spin'), { isolate, maxCpuMs: 200 })).toMatchObject({
      code: 124,
      reason: 'cpu',
    });
    const spinning = await box(guestFile('spin'), { isolate });
    expect(await spinning.stop()).toEqual({ code: 0, reason: 'stopped' });
    const grown = await runToEnd(guestFile('grow'), { isolate, maxMemoryMiB: 8 });
    expect(Number.parseInt(grown.stdout, 10)).toBeLessThan(8);
  });

  test('is drained: it accepts no more, and ends with its last connection', async () => {
    const running = await echoBox({ isolate });
    const socket = await client(running.address!);
    expect(await ping(socket)).toBe('ping');
    const drained = running.drain(10_000);
    const [, port] = running.address!.split(':');
    const refused = () => !readFileSync('/proc/net/tcp', 'utf8').includes(listening(Number(port)));
    expect(await eventually(refused)).toBe(true);
    expect(await ping(socket, 'still there')).toBe('still there');
    socket.end();
    expect(await drained).toEqual({ code: 0, reason: 'stopped' });
  });

  test('writes its trace, and its directories, and no others', async () => {
    const trace = join(folder(), 'trace');
    const given = join(folder(), 'given');
    cpSync(join(root, 'test/conformance/case/fixture.dir'), given, { recursive: true });
    const wasm = join(root, 'dist/test/conformance/path_rename.wasm');
    const options = { isolate, trace, dirs: { '/': given } } as const;
    const ended = await runToEnd(wasm, options);
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(readFileSync(trace, 'utf8')).toMatch(/^# kernel linux epoll\n-> [\s\S]*path_rename/);
  });
});

const listening = (port: number) =>
  `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`;

describe('the process of an isolated guest', () => {
  test('is restricted in every thread, and has no more of its parent than was granted', async () => {
    process.env['POLLUX_TEST_SECRET'] = 'secret';
    try {
      await echoBox({ isolate });
    } finally {
      delete process.env['POLLUX_TEST_SECRET'];
    }
    const [pid] = guestProcesses();
    const threads = readdirSync(`/proc/${pid}/task`);
    expect(threads.length).toBeGreaterThan(4);
    for (const thread of threads) {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
      expect(status).toMatch(/NoNewPrivs:\s1\n/);
      expect(status).toMatch(/Seccomp:\s2\n/);
    }
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('UV_USE_IO_URING=0\0');
    const ours = new Set(
      readdirSync('/proc/self/fd').map((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`);
        } catch {
          return ''; // it was open for looking
        }
      }),
    );
    const theirs = readdirSync(`/proc/${pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${pid}/fd/${fd}`),
    );
    const shared = theirs.filter((what) => ours.has(what) && /^(socket|pipe)/.test(what));
    expect(shared).toEqual([]); // the listener is closed here
  });

  test('ends with its parent, by force too', async () => {
    const child = command('echo', '--isolate', 'process', '--listen', '127.0.0.1:0');
    const socket = await client(await addressOf(child));
    expect(await ping(socket)).toBe('ping');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await take(socket, 1); // the end
    expect(socket.readableEnded || socket.destroyed).toBe(true);
  });
});

describe('where Linux lacks Landlock', () => {
  const lacking = () => {
    const file = join(folder(), 'lacking.cjs');
    const text = `module.exports = { ...require('${addon}'), landlockVersion: () => -95 };\n`;
    writeFileSync(file, text);
    return file;
  };

  test.each([
    ['process', 1, /^pollux: this Linux has no Landlock \(EOPNOTSUPP\), so a process cannot/],
    ['process,best-effort', 7, /pollux: the guest is isolated by a filter of system calls alone/],
  ])('--isolate %s ends with code %i and a sentence', async (how, code, sentence) => {
    process.env['POLLUX_ADDON'] = lacking();
    try {
      const child = command('run', '--isolate', how, guestFile('stdio'), '7');
      child.stdin!.end();
      const [[ended], said] = await Promise.all([once(child, 'exit'), textOf(child.stderr!)]);
      expect(said).toMatch(sentence);
      expect(ended).toBe(code);
    } finally {
      delete process.env['POLLUX_ADDON'];
    }
  });
});

test.each([
  ['a reactor', wasmFile('echo-reactor'), { isolate, listen }, /only a command can be isolated/],
  ['a guest per thread', guestFile('stdio'), { isolate, listen, serve: 'thread' }, /per process/],
  [
    'a strange isolation',
    guestFile('stdio'),
    { isolate: 'vm' },
    /"vm" is no isolation: choose none/,
  ],
])('%s cannot be isolated', async (_, file, options, sentence) => {
  const failure = sandbox(await load(file), options as object);
  await expect(failure).rejects.toThrow(sentence);
  await expect(failure).rejects.toBeInstanceOf(UsageError);
});
