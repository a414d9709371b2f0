/** The command line, as a person meets it: a process, its streams, its exit code. */
import { readFileSync, writeFileSync, openSync, closeSync } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import {
  addressOf,
  dial,
  exchange,
  guestFile,
  polluxToEnd,
  root,
  textOf,
  wasmFile,
} from '../harness.js';
import { described, describes, exits } from './guests.js';
import {
  client,
  command,
  echoBox,
  eventually,
  folder,
  killed,
  nodeServer,
  ping,
  take,
} from './started.js';

const CLI = `${root}dist/src/cli.js`;
const LOCAL = '127.0.0.1:0';
const stdio = guestFile('stdio');
const echo = wasmFile('echo-poll');
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** A guest of these bytes, as a file. */
function fileOf(bytes: Uint8Array): string {
  const path = join(folder(), 'guest.wasm');
  writeFileSync(path, bytes);
  return path;
}

/** How a process ends: its exit code, or the signal that ended it. */
async function endOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = await once(child, 'exit');
  return (code ?? signal) as number | string;
}

async function exchanged(child: ChildProcess, text: string): Promise<string> {
  return (await exchange(await addressOf(child), text)).toString();
}

describe('help', () => {
  test('--version is the version of the package', async () => {
    expect(await polluxToEnd(['--version'])).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    });
  });

  test.each([
    [['--help'], ['run', 'echo', 'client']],
    [
      ['help', 'run'],
      ['guest.wasm', '--listen'],
    ],
    [
      ['run', '--help'],
      [
        '--listen',
        '--connect',
        '--env',
        '--serve',
        '--max-connections',
        '--poller',
        '--trace',
        '--max-memory',
        '--max-descriptors',
        '--timeout',
        '--drain',
      ],
    ],
    [
      ['echo', '--help'],
      [
        '--model',
        '--serve',
        '--listen',
        '--protocol',
        '--language',
        '--max-connections',
        '--poller',
        '--trace',
        '--max-descriptors',
        '--drain',
      ],
    ],
  ])('%j names what there is', async (args, words) => {
    const { code, stdout, stderr } = await polluxToEnd(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const word of words) expect(stdout).toContain(word);
  });

  test('no command at all is answered with the help, and exit code 2', async () => {
    const { code, stdout, stderr } = await polluxToEnd([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: pollux/);
  });
});

describe('wrong input is one sentence on stderr, and exit code 2', () => {
  const wrong: [string[], RegExp][] = [
    [['walk'], /unknown command 'walk'/],
    [['run'], /missing required argument 'guest\.wasm'/],
    [['run', '--fast', stdio], /unknown option '--fast'/],
    [['run', '--dir', '::/', stdio], /write HOST::GUEST/],
    [['run', '--dir', '.::/', '--dir', 'src::/', stdio], /\/ is given twice/],
    [['run', '--dir', 'not/there::/', stdio], /there is no directory not\/there/],
    [['run', '--dir', 'package.json::/', stdio], /package\.json is no directory/],
    [['run', '--dir', '.::/', '--listen', '3=127.0.0.1:0', stdio], /choose 4 or a higher/],
    [['run', '--listen'], /argument missing/],
    [['run', '--listen', 'here', stdio], /"here" is not an address/],
    [['run', '--listen', '127.0.0.1:65536', stdio], /port 65536 .* too large/],
    [['run', '--listen', `2=${LOCAL}`, stdio], /descriptor 2 .* standard stream/],
    [
      ['run', '--listen', `7=${LOCAL}`, '--listen', `7=${LOCAL}`, stdio],
      /descriptor 7 is given twice/,
    ],
    [['run', '--listen', 'no-such-host.invalid:1', stdio], /no-such-host\.invalid is not known/],
    [['run', '--connect', 'there', stdio], /"there" is not an address/],
    [['run', '--connect', '127.0.0.1:1', stdio], /cannot connect to 127\.0\.0\.1:1: ECONNREFUSED/],
    [['run', '--env', 'NAME', stdio], /"NAME" is no variable .* NAME=VALUE/],
    [['run', '--env', '=value', stdio], /"=value" is no variable/],
    [['run', '--poller', 'kqueue', stdio], /Allowed choices are epoll, poll, select/],
    [['run', '--max-memory', 'lots', stdio], /'lots' is invalid. It must be a whole number/],
    [['run', '--max-memory', '0', stdio], /must be a whole number, from 1 to/],
    [['run', '--max-memory', '1', echo], /starts with 17 MiB/],
    [['run', '--max-descriptors', '1.5', stdio], /must be a whole number/],
    [['run', '--timeout', '-1', stdio], /must be a whole number/],
    [['run', '--drain', 'soon', stdio], /must be a number of milliseconds/],
    [['run', '--trace', '/no/such/folder/trace', stdio], /the trace cannot be written to/],
    [['run', 'no-such.wasm'], /no-such\.wasm cannot be read: ENOENT/],
    [['run', root], /cannot be read: EISDIR/],
    [['run', `${root}package.json`], /package\.json is not a WebAssembly module/],
    [['echo', 'more'], /too many arguments/],
    [['echo', '--fast'], /unknown option '--fast'/],
    [['echo', '--model', 'psychic'], /'psychic' is invalid/],
    [['echo', '--poller', 'kqueue'], /Allowed choices/],
    [['echo', '--serve', 'nobody'], /Allowed choices are event, thread, process/],
    [['echo', '--protocol', 'gopher'], /Allowed choices are echo, response/],
    [['echo', '--language', 'latin'], /Allowed choices are c, assemblyscript/],
    [['echo', '--model', 'epoll', '--poller', 'poll'], /the model epoll waits .* leave out the po/],
    [['echo', '--max-connections', '9'], /maxConnections is for a guest per connection/],
    [['echo', '--serve', 'thread', '--max-connections', 'all'], /must be a whole number/],
    [['run', '--serve', 'thread', stdio], /a guest per thread needs a listener/],
    [['run', '--serve', 'process', '--listen', LOCAL, '--connect', LOCAL, stdio], /leave out conn/],
    [['run', '--serve', 'thread', '--listen', LOCAL, wasmFile('echo-reactor')], /a reactor serves/],
    [['client'], /missing required argument 'host:port'/],
    [['client', 'there'], /"there" is not an address/],
    [['client', '3=127.0.0.1:1'], /is not HOST:PORT/],
    [['client', '127.0.0.1:1'], /cannot connect to 127\.0\.0\.1:1: ECONNREFUSED/],
    [['echo', '--listen', '9000'], /"9000" is not an address/],
    [['echo', '--listen', '127.0.0.1:99999'], /port 99999 .* too large/],
    [['echo', '--listen', '192.0.2.1:9000'], /cannot listen at 192\.0\.2\.1:9000/],
    [['echo', '--max-descriptors', '3'], /may have 3 descriptors/],
  ];

  test.concurrent.each(wrong)('%j', async (args, sentence) => {
    const { code, stdout, stderr } = await polluxToEnd(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^(pollux|error): [^\n]+\n$/);
  });

  test('an address that is in use', async () => {
    const { address } = await nodeServer(() => {});
    const { code, stdout, stderr } = await polluxToEnd(['echo', '--listen', address]);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: `pollux: cannot listen at ${address}: EADDRINUSE\n`,
    });
  });
});

test('without its addon it says so in one sentence, and ends with 1', async () => {
  const child = killed(
    spawn(process.execPath, [CLI, 'echo'], {
      env: { ...process.env, POLLUX_ADDON: '/no/such.node' },
    }),
  );
  const [stderr, code] = await Promise.all([textOf(child.stderr!), endOf(child)]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^pollux: pollux has no native addon .*\n$/);
});

describe('run', () => {
  test.each([0, 1, 42, 255])('ends with exit code %i if its guest does', async (wanted) => {
    const { code, stderr } = await polluxToEnd(['run', stdio, String(wanted)]);
    expect(code).toBe(wanted);
    expect(stderr).toMatch(/^argc=2\n/);
  });

  test('ends with 134, and one line that names the place, if its guest traps', async () => {
    const { code, stdout, stderr } = await polluxToEnd(['run', guestFile('trap')]);
    expect({ code, stdout }).toEqual({ code: 134, stdout: 'trapping at depth 2\n' });
    expect(stderr).toMatch(/^pollux: the guest trapped: unreachable at .*inner.*\n$/);
  });

  test('ends with 124, and a sentence, if its guest takes longer than --timeout', async () => {
    const { code, stdout, stderr } = await polluxToEnd([
      'run',
      '--timeout',
      '200',
      guestFile('spin'),
    ]);
    expect({ code, stdout, stderr }).toEqual({
      code: 124,
      stdout: 'spinning\n',
      stderr: 'pollux: the guest ran longer than its limit of 200 ms\n',
    });
  });

  test('gives the guest its arguments, also those that look like options', async () => {
    const { stderr } = await polluxToEnd(['run', stdio, '0', '--listen', 'x', '--help']);
    expect(stderr).toBe(
      `argc=5\nargv[0]=${stdio}\nargv[1]=0\nargv[2]=--listen\nargv[3]=x\nargv[4]=--help\nenv=0\n`,
    );
  });

  test('gives it the variables that are named, and no others', async () => {
    const { stderr } = await polluxToEnd([
      'run',
      '--env',
      'A=1',
      '--env',
      'B=x=y',
      '--env',
      'C=',
      stdio,
    ]);
    expect(stderr).toMatch(/env=3\n$/);
  });

  test('serves what --listen names, and says where', async () => {
    const child = command('run', '--listen', LOCAL, '--poller', 'poll', echo);
    expect(await exchanged(child, 'hello')).toBe('hello');
  });

  test('gives what --listen and --connect name the numbers that were asked for', async () => {
    const { address } = await nodeServer(() => {});
    const args = ['run', '--listen', `9=${LOCAL},blocking`, '--connect', address];
    expect((await polluxToEnd([...args, fileOf(describes(9))])).code).toBe(
      described({ listener: true, nonblocking: false }),
    );
    expect((await polluxToEnd([...args, fileOf(describes(3))])).code).toBe(described({}));
  });

  test('limits memory by --max-memory', async () => {
    const { stdout } = await polluxToEnd(['run', '--max-memory', '8', guestFile('grow')]);
    expect(Number.parseInt(stdout, 10)).toBeLessThan(8);
  });

  test('limits descriptors by --max-descriptors', async () => {
    const address = await addressOf(
      command('run', '--listen', LOCAL, '--max-descriptors', '5', echo),
    );
    await ping(await client(address));
    const late = await client(address);
    late.write('late');
    await sleep(100);
    expect(late.readableLength).toBe(0);
  });
});

describe('the standard streams of run', () => {
  test('a pipe in and a pipe out', async () => {
    const text = 'line\n'.repeat(100_000);
    const { code, stdout } = await polluxToEnd(['run', stdio], text);
    expect(code).toBe(0);
    expect(stdout === text).toBe(true);
  });

  test.each(['file', 'null device'])('a %s in and a file out', async (kind) => {
    const at = folder();
    writeFileSync(join(at, 'in'), 'from a file\n');
    const input = openSync(kind === 'file' ? join(at, 'in') : '/dev/null', 'r');
    const output = openSync(join(at, 'out'), 'w');
    const child = killed(
      spawn(process.execPath, [CLI, 'run', stdio], { stdio: [input, output, 'pipe'] }),
    );
    closeSync(input);
    closeSync(output);
    expect(await endOf(child)).toBe(0);
    expect(readFileSync(join(at, 'out'), 'utf8')).toBe(kind === 'file' ? 'from a file\n' : '');
  });

  test('a terminal, which stays as it was', async () => {
    const run = `'${process.execPath}' '${CLI}' run '${stdio}' 7`;
    const line = `${run}; stty -a | grep -o -- '-\\?icanon'`;
    const child = killed(
      spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const text = textOf(child.stdout!);
    child.stdin!.write('typed\n');
    await sleep(300);
    child.stdin!.write('\x04'); // the end of input, as a person types it
    await endOf(child);
    expect(await text).toMatch(/typed[^]*typed[^]*argc=2[^]*\bicanon/);
    expect(await text).not.toMatch(/-icanon/);
  });

  test('a reader that goes away does not leave a guest behind', async () => {
    const child = command('run', stdio);
    child.stdout!.destroy();
    child.stdin!.on('error', () => {}).end('x'.repeat(1_000_000));
    expect(await endOf(child)).toBe(1);
  });
});

describe('echo', () => {
  test.each([
    ['poll', '--model', 'poll'],
    ['event', '--serve', 'event', '--protocol', 'echo'],
    ['threads', '--serve', 'thread', '--max-connections', '2'],
    ['processes', '--serve', 'process', '--max-connections', '2'],
    ['epoll', '--poller', 'epoll'],
    ['poll(2)', '--poller', 'poll'],
    ['select(2)', '--poller', 'select'],
  ])('serves with %s', async (_, ...options) => {
    expect(await exchanged(command('echo', '--listen', LOCAL, ...options), 'hello')).toBe('hello');
  });

  test('prints nothing on stdout, and on stderr where it listens', async () => {
    const child = command('echo', '--listen', LOCAL);
    const stdout = textOf(child.stdout!);
    await addressOf(child);
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(0);
    expect(await stdout).toBe('');
  });

  test('says at the start that one guest that blocks serves one connection at a time', async () => {
    const child = command('echo', '--model', 'blocking', '--listen', LOCAL);
    let said = '';
    child.stderr!.on('data', (chunk) => (said += chunk));
    expect(await eventually(() => said.includes('listening on'), 10_000)).toBe(true);
    expect(said).toMatch(/^pollux: one guest that blocks serves one connection at a time.*\nlist/);
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(0);
  });

  test('holds to --max-descriptors', async () => {
    const address = await addressOf(command('echo', '--listen', LOCAL, '--max-descriptors', '5'));
    await ping(await client(address));
    const late = await client(address);
    late.write('late');
    await sleep(100);
    expect(late.readableLength).toBe(0);
  });
});

describe('client', () => {
  /** What a stream says until it has said `text`. */
  const until = async (stream: Readable, text: string): Promise<string> => {
    let said = '';
    while (!said.endsWith(text)) {
      const byte = await take(stream, 1);
      if (byte.length === 0) break;
      said += byte.toString();
    }
    return said;
  };

  test.each(['event', 'thread', 'process'] as const)(
    'is greeted, prompts, skips empty lines, and quits, with a server by %s',
    async (serve) => {
      const { address } = await echoBox({ model: 'poll', protocol: 'response', serve });
      const child = command('client', address!);
      const exit = endOf(child);
      expect(await until(child.stdout!, '>>>:')).toBe('ok\n>>>:');
      child.stdin!.write('hello\n');
      expect(await until(child.stdout!, '>>>:')).toBe('helloresponse\n>>>:');
      child.stdin!.write('\n\nagain\n');
      expect(await until(child.stdout!, 'response\n>>>:')).toBe('>>>:>>>:againresponse\n>>>:');
      child.stdin!.write('q\n');
      expect(await exit).toBe(0);
      expect(await textOf(child.stderr!)).toBe('');
    },
  );

  test('ends when it is interrupted', async () => {
    const { address } = await echoBox({ protocol: 'response' });
    const child = command('client', address!);
    await until(child.stdout!, '>>>:');
    child.kill('SIGINT');
    expect(await endOf(child)).toBe(0);
  });
});

describe('signals', () => {
  describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
    test('ends a server without clients at once, with exit code 0', async () => {
      const child = command('echo', '--listen', LOCAL);
      await addressOf(child);
      child.kill(signal);
      expect(await endOf(child)).toBe(0);
    });

    test('stops accepting, and lets open connections come to their end', async () => {
      const child = command('echo', '--listen', LOCAL);
      const address = await addressOf(child);
      const socket = await client(address);
      await ping(socket);
      child.kill(signal);
      const gone = () =>
        dial(address).then(
          (late) => (late.destroy(), false),
          () => true,
        );
      for (let i = 0; i < 100 && !(await gone()); i++) await sleep(10);
      expect(await gone()).toBe(true);
      expect(await ping(socket, 'still served')).toBe('still served');
      socket.end();
      expect(await endOf(child)).toBe(0);
    });

    test('a second time ends it at once', async () => {
      const child = command('echo', '--listen', LOCAL, '--drain', '60000');
      await ping(await client(await addressOf(child)));
      child.kill(signal);
      await sleep(100);
      expect(child.exitCode).toBeNull();
      child.kill(signal);
      expect(await endOf(child)).toBe(0);
    });
  });

  test('--drain is how long connections may take', async () => {
    const child = command('echo', '--listen', LOCAL, '--drain', '100');
    await ping(await client(await addressOf(child)));
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(0);
  });

  test('a guest that spins ends after the drain too', async () => {
    const child = command('run', '--drain', '50', guestFile('spin'));
    await once(child.stdout!, 'data');
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(0);
  });
});

describe('--trace', () => {
  const traceOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n');
  const LINE = /^(-> \w+\(.*\)|<- [A-Z0-9]+( \w+=\d+)*) @\d+\.\d{6}$/;

  test('writes the kernel, and then every call and its answer', async () => {
    const file = join(folder(), 'trace');
    expect(
      (await polluxToEnd(['run', '--trace', file, '--poller', 'poll', stdio, '3'], 'text')).code,
    ).toBe(3);
    const [first, ...lines] = traceOf(file);
    expect(first).toBe('# kernel linux poll');
    for (const line of lines) expect(line).toMatch(LINE);
    expect(lines.filter((line) => line.startsWith('<-')).length).toBe(lines.length / 2 - 0.5);
    expect(lines.at(-1)).toMatch(/^-> proc_exit\(code=3\)/);
    expect(lines.join('\n')).toMatch(/-> fd_read\(fd=0, .*\n<- SUCCESS nread=4 /);
  });

  test('is complete after SIGTERM', async () => {
    const file = join(folder(), 'trace');
    const child = command('echo', '--listen', LOCAL, '--trace', file);
    const socket = await client(await addressOf(child));
    await ping(socket, 'five!');
    child.kill('SIGTERM');
    await sleep(100);
    await ping(socket, 'seven!!');
    socket.end();
    expect(await endOf(child)).toBe(0);
    const lines = traceOf(file);
    expect(lines[0]).toBe('# kernel linux epoll');
    for (const line of lines.slice(1)) expect(line).toMatch(LINE);
    const text = lines.join('\n');
    expect(text).toMatch(/-> poll_oneoff\(in=\d+, out=\d+, nsubs=1\) .*\n<- SUCCESS nevents=1 /);
    expect(text).toMatch(/-> sock_accept\(fd=3, flags=4\) .*\n<- SUCCESS fd=4 /);
    expect(text).toMatch(
      /ro_datalen=5 [^]*so_datalen=5 [^]*ro_datalen=7 [^]*so_datalen=7 [^]*ro_datalen=0 /,
    );
    expect(lines.at(-1)).toMatch(/^-> fd_close\(fd=4\)/);
  });

  test('is complete after SIGTERM to a guest that waits', async () => {
    const file = join(folder(), 'trace');
    const child = command('echo', '--listen', LOCAL, '--trace', file);
    await exchange(await addressOf(child), 'x');
    await eventually(() => traceOf(file).at(-1)!.startsWith('-> poll_oneoff'));
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(0);
    expect(traceOf(file).at(-1)).toMatch(/^-> poll_oneoff/);
  });

  test('is complete after a trap', async () => {
    const file = join(folder(), 'trace');
    expect((await polluxToEnd(['run', '--trace', file, guestFile('trap')])).code).toBe(134);
    expect(traceOf(file).at(-2)).toMatch(/^-> fd_write\(fd=1, /);
    expect(traceOf(file).at(-1)).toMatch(/^<- SUCCESS nwritten=20 /);
  });

  test('is complete of a guest that ends of itself', async () => {
    const file = join(folder(), 'trace');
    expect((await polluxToEnd(['run', '--trace', file, fileOf(exits(7))])).code).toBe(7);
    expect(traceOf(file)).toHaveLength(2);
  });
});
