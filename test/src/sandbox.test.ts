/** What a guest is given, what comes back from it, and that it gets nothing else. */
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { GuestError, load, sandbox, UsageError, type SandboxOptions } from 'pollux';
import { describe, expect, onTestFinished, test } from 'vitest';

import { dial, exchange, guestFile, runToEnd, textOf, wasmFile } from '../harness.js';
import {
  countsDescriptors,
  described,
  describes,
  exits,
  greets,
  returns,
  trapsAtStart,
} from './guests.js';
import {
  box,
  client,
  descriptorsOf,
  echoBox,
  eventually,
  folder,
  nodeServer,
  ping,
} from './started.js';

const stdio = guestFile('stdio');
const LOCAL = '127.0.0.1:0';

describe('how a guest ends', () => {
  test.each([0, 1, 7, 125, 255])('its exit code %i comes back', async (code) => {
    expect(await runToEnd(exits(code))).toMatchObject({ code, reason: 'exit' });
  });

  test('returning from _start is exit code 0', async () => {
    expect(await runToEnd(returns)).toMatchObject({ code: 0, reason: 'exit' });
  });

  test('a trap comes back with the stack of the WebAssembly code, innermost first', async () => {
    const { code, reason, trap, stdout } = await runToEnd(guestFile('trap'));
    expect({ code, reason, stdout }).toEqual({
      code: 134,
      reason: 'trap',
      stdout: 'trapping at depth 2\n',
    });
    expect(trap).toBeInstanceOf(GuestError);
    expect(trap!.message).toMatch(/unreachable/);
    expect(trap!.stack).toMatch(/inner[^]*outer[^]*main/);
  });

  test('a trap before it begins rejects with a GuestError', async () => {
    await expect(sandbox(await load(trapsAtStart))).rejects.toThrow(GuestError);
    await expect(sandbox(await load(trapsAtStart))).rejects.toThrow(
      /trapped before it began: unreachable/,
    );
  });
});

describe('its system calls', () => {
  test('are counted: two for an echo, and two to wait for the next', async () => {
    const running = await echoBox({ model: 'blocking', warn: () => {} });
    const socket = await client(running.address!);
    await ping(socket);
    const before = running.systemCalls!;
    for (let i = 0; i < 100; i++) await ping(socket);
    const calls = Number(running.systemCalls! - before);
    expect(calls).toBeGreaterThanOrEqual(200);
    expect(calls).toBeLessThanOrEqual(402); // the last two belong to the ping before these
  });

  test('are not counted for guests that share a thread', async () => {
    expect((await echoBox({ serve: 'thread' })).systemCalls).toBeUndefined();
    expect((await box(wasmFile('echo-reactor'), { listen: [LOCAL] })).systemCalls).toBeUndefined();
  });
});

describe('the standard streams', () => {
  test('as pipes they carry what the caller writes and what the guest says', async () => {
    const running = await box(stdio, {
      args: ['stdio', '3'],
      env: { A: '1', B: 'zwei' },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const input = 'ä line\n'.repeat(50_000);
    running.stdin!.end(input);
    const [stdout, stderr] = await Promise.all([textOf(running.stdout), textOf(running.stderr)]);
    expect(stdout === input).toBe(true);
    expect(stderr).toBe('argc=2\nargv[0]=stdio\nargv[1]=3\nenv=2\n');
    expect(await running.exit).toEqual({ code: 3, reason: 'exit' });
  });

  test('a guest that outlives its reader is not ended by a signal', async () => {
    const running = await box(stdio, { stdin: 'pipe', stdout: 'pipe' });
    running.stdout!.destroy();
    await eventually(() => running.stdout!.closed);
    running.stdin!.on('error', () => {}).end('x'.repeat(100_000));
    expect(await running.exit).toMatchObject({ code: 1, reason: 'exit' });
  });

  test("as descriptors they are files of the caller, which stay the caller's", async () => {
    const at = folder();
    writeFileSync(join(at, 'in'), 'from a file');
    const input = openSync(join(at, 'in'), 'r');
    const output = openSync(join(at, 'out'), 'w');
    const running = await box(stdio, { stdin: input, stdout: output });
    await running.exit;
    closeSync(input);
    closeSync(output);
    expect(readFileSync(join(at, 'out'), 'utf8')).toBe('from a file');
    expect([running.stdin, running.stdout, running.stderr]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("inherited ones are the process's own", async () => {
    const { code } = await runToEnd(describes(2), { stderr: 'inherit' });
    expect(code).toBeLessThan(64);
  });

  test('the null device is what a guest gets that is given none', async () => {
    const { code, stderr } = await runToEnd(stdio, { stdout: 'ignore' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'argc=1\nargv[0]=stdio.wasm\nenv=0\n' });
    const characterDevice = described({ nonblocking: false, type: 2 });
    for (const fd of [0, 1, 2]) {
      const { exit } = await box(describes(fd));
      expect((await exit).code).toBe(characterDevice);
    }
  });

  test('closing stdin and sleeping does no harm', async () => {
    const { code, stdout } = await runToEnd(guestFile('close0'));
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'still here\n' });
  });
});

describe('what is not named is not given', () => {
  test('the environment is empty, whatever the process has', async () => {
    expect(Object.keys(process.env).length).toBeGreaterThan(0);
    expect((await runToEnd(stdio)).stderr).toMatch(/env=0/);
  });

  test('there is no descriptor beside the standard streams', async () => {
    expect((await runToEnd(countsDescriptors)).code).toBe(0);
  });

  test('there is no descriptor beside those and the sockets that were named', async () => {
    expect((await runToEnd(countsDescriptors, { listen: [LOCAL, `900=${LOCAL}`] })).code).toBe(2);
  });
});

describe('listeners', () => {
  const listenerAt = async (fd: number, options: SandboxOptions) =>
    (await runToEnd(describes(fd), options)).code;
  const LISTENER = described({ listener: true });

  test('the first is descriptor 3, in the order given, and does not block', async () => {
    expect(await listenerAt(3, { listen: [LOCAL] })).toBe(LISTENER);
    expect(await listenerAt(4, { listen: [LOCAL, LOCAL] })).toBe(LISTENER);
    expect(await listenerAt(5, { listen: [LOCAL, LOCAL] })).toBe(128 + 8);
  });

  test('",blocking" makes it block', async () => {
    const blocking = described({ listener: true, nonblocking: false });
    expect(await listenerAt(3, { listen: [`${LOCAL},blocking`] })).toBe(blocking);
  });

  test('"7=" makes it descriptor 7, and the others go round it', async () => {
    expect(await listenerAt(7, { listen: [`7=${LOCAL}`] })).toBe(LISTENER);
    expect(await listenerAt(3, { listen: [`7=${LOCAL}`] })).toBe(128 + 8);
    expect(await listenerAt(4, { listen: [LOCAL, `3=${LOCAL}`] })).toBe(LISTENER);
  });

  test('several are all served, and their addresses come in the order given', async () => {
    const taken = await nodeServer(() => {});
    const port = Number(taken.address.split(':')[1]);
    taken.server.close();
    await once(taken.server, 'close');
    const running = await box(wasmFile('echo-poll'), {
      listen: [LOCAL, `3=127.0.0.1:${port}`, LOCAL],
    });
    expect(running.addresses).toHaveLength(3);
    expect(running.addresses[1]).toBe(taken.address);
    expect(running.address).toBe(running.addresses[0]);
    for (const address of running.addresses)
      expect((await exchange(address, address)).toString()).toBe(address);
  });

  const ipv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  );
  test.skipIf(!ipv6)(
    'IPv6 is served, its address in brackets (skipped where there is no [::1])',
    async () => {
      const running = await echoBox({ listen: '[::1]:0' });
      expect(running.address).toMatch(/^\[::1\]:\d+$/);
      expect((await exchange(running.address!, 'six')).toString()).toBe('six');
    },
  );

  test('a host name is served at its address', async () => {
    const running = await echoBox({ listen: 'localhost:0' });
    expect((await exchange(running.address!, 'named')).toString()).toBe('named');
  });

  test('a guest with none has no address', async () => {
    const running = await box(guestFile('spin'));
    expect(running.address).toBeUndefined();
    expect(running.addresses).toEqual([]);
  });
});

describe('connections', () => {
  test('one is made before the guest starts, after the listeners', async () => {
    const received: Buffer[] = [];
    const { address } = await nodeServer((socket) =>
      socket.on('data', (chunk) => received.push(chunk)),
    );
    expect(await runToEnd(greets(4), { listen: [LOCAL], connect: [address] })).toMatchObject({
      code: 0,
      reason: 'exit',
    });
    expect(await eventually(() => Buffer.concat(received).toString() === 'hello')).toBe(true);
    expect((await runToEnd(describes(3), { connect: [address] })).code).toBe(described({}));
    expect((await runToEnd(describes(9), { connect: [`9=${address},blocking`] })).code).toBe(
      described({ nonblocking: false }),
    );
  });

  test('one that is refused is a UsageError that names the address', async () => {
    const { address, server } = await nodeServer(() => {});
    server.close();
    await once(server, 'close');
    const failure = sandbox(await load(exits(0)), { connect: [address] });
    await expect(failure).rejects.toThrow(`cannot connect to ${address}: ECONNREFUSED`);
    await expect(failure).rejects.toBeInstanceOf(UsageError);
  });
});

describe('wrong options are refused with a sentence, and nothing is left open', () => {
  const wrong: [string, SandboxOptions, RegExp][] = [
    [
      'an unknown poller',
      { poller: 'kqueue' as never },
      /"kqueue" is no poller: choose epoll, poll, select/,
    ],
    ['an unknown stream', { stdin: 'tty' as never }, /"tty" is no stream/],
    ['a limit of memory that is 0', { maxMemoryMiB: 0 }, /maxMemoryMiB is 0/],
    ['a limit of descriptors below 0', { maxDescriptors: -1 }, /maxDescriptors is -1/],
    ['a limit of time that is no number', { timeoutMs: Number.NaN }, /timeoutMs is NaN/],
    ['a limit of time that is endless', { timeoutMs: Infinity }, /timeoutMs is Infinity/],
    ['a variable without a name', { env: { '': 'x' } }, /cannot be a variable/],
    ['a variable with "=" in its name', { env: { 'A=B': 'x' } }, /"A=B" cannot be a variable/],
    ['a variable with NUL in its value', { env: { A: 'x\0y' } }, /"A" cannot be a variable/],
    ['an argument with NUL', { args: ['a\0b'] }, /has a NUL character/],
    ['an address that is none', { listen: [LOCAL, 'here'] }, /"here" is not an address/],
    ['a port that is too large', { connect: ['127.0.0.1:70000'] }, /port 70000/],
    [
      'a number that is given twice',
      { listen: [`7=${LOCAL}`], connect: ['7=127.0.0.1:1'] },
      /descriptor 7 is given twice/,
    ],
    [
      'a number of a standard stream',
      { listen: [`1=${LOCAL}`] },
      /descriptor 1 .* is a standard stream/,
    ],
    [
      'a number beyond the limit',
      { listen: [`20=${LOCAL}`], maxDescriptors: 20 },
      /descriptor 20 is too large/,
    ],
    [
      'more sockets than descriptors',
      { listen: [LOCAL, LOCAL], maxDescriptors: 4 },
      /may have 4 descriptors, .* are 5/,
    ],
    [
      'an address of another machine',
      { listen: ['192.0.2.1:80'] },
      /cannot listen at 192\.0\.2\.1:80: EADDRNOTAVAIL/,
    ],
    ['a trace in no folder', { trace: '/no/such/folder/trace' }, /the trace cannot be written to/],
  ];

  test.each(wrong)('%s', async (_, options, sentence) => {
    const guest = await load(exits(0));
    const failure = sandbox(guest, { listen: [LOCAL], stdout: 'pipe', ...options });
    await expect(failure).rejects.toThrow(sentence);
    await expect(failure).rejects.toBeInstanceOf(UsageError);
  });

  test('a port that is in use', async () => {
    const { address } = await nodeServer(() => {});
    const guest = await load(exits(0));
    await expect(sandbox(guest, { listen: [address] })).rejects.toThrow(
      `cannot listen at ${address}: EADDRINUSE`,
    );
    await expect(sandbox(guest, { listen: [address] })).rejects.toThrow(UsageError);
  });

  test('refusals close what was opened before', async () => {
    const guest = await load(exits(0));
    const refused = async () => {
      for (const [, options] of wrong)
        await sandbox(guest, { listen: [LOCAL], stdout: 'pipe', ...options }).catch(() => {});
    };
    await refused();
    const before = descriptorsOf();
    await refused();
    expect(await eventually(() => descriptorsOf() <= before)).toBe(true);
  });

  test('a stream that is no open descriptor is refused', async () => {
    await expect(sandbox(await load(exits(0)), { stdin: 9999 })).rejects.toThrow(
      /a standard stream cannot be used: EBADF/,
    );
  });
});

test('an embedder may itself be in a worker thread', async () => {
  const program = `
    import { parentPort } from 'node:worker_threads';
    import { echo } from '${import.meta.resolve('pollux')}';
    const box = await echo({ listen: '127.0.0.1:0' });
    parentPort.once('message', async () => parentPort.postMessage(await box.stop()));
    parentPort.postMessage(box.address);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  onTestFinished(async () => void (await worker.terminate()));
  const [address] = await once(worker, 'message');
  expect((await exchange(address, 'from a thread')).toString()).toBe('from a thread');
  worker.postMessage('stop');
  expect((await once(worker, 'message'))[0]).toEqual({ code: 0, reason: 'stopped' });
});

test('a hundred guests, started and stopped, leave no descriptor behind', async () => {
  const guest = await load(wasmFile('echo-poll'));
  const cycle = async () => {
    const running = await sandbox(guest, {
      listen: [LOCAL],
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const socket = await dial(running.address!);
    await ping(socket);
    await running.stop();
    for (const stream of [socket, running.stdin!, running.stdout!, running.stderr!])
      stream.destroy();
  };
  const cycles = async (count: number) => {
    for (let i = 0; i < count; i += 10) await Promise.all(Array.from({ length: 10 }, cycle));
  };
  await cycles(10);
  // What is being closed may take another turn of the loop.
  await eventually(() => false, 100);
  const before = descriptorsOf();
  await cycles(100);
  expect(await eventually(() => descriptorsOf() <= before)).toBe(true);
}, 60_000);
