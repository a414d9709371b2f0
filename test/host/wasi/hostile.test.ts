/**
 * Guests that mean harm, or are merely broken: every call ends in an errno or a trap of the guest,
 * and the host goes on.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { load, sandbox } from 'pollux';
import { afterAll, afterEach, describe, expect, test } from 'vitest';

import { Readiness } from '#host/kernel/readiness';
import { WasiErrno } from '#host/wasi/errno';
import * as pollux from '#host/ext/imports';
import * as preview1 from '#host/wasi/p1/imports';
import { exchange, guestFile, runToEnd, wasmFile, wat } from '../../harness.js';
import { clock, MS, Oflag, read, Rig, rigged, WIDE, write } from './rig.js';

const SEED = 20_250_611;
const PAGE = 65536;
const LAST_ERRNO = 76;

const parameters: Record<string, string> = { ...preview1.parameters, ...pollux.parameters };
const moduleOf = (name: string) =>
  Object.hasOwn(pollux.parameters, name) ? pollux.MODULE : preview1.MODULE;
const namesOf = (name: string) => parameters[name]!.split(' ').filter(Boolean);
const typesOf = (name: string) => namesOf(name).map((each) => (WIDE.has(each) ? 'i64' : 'i32'));
/** All functions that come back. */
const names = Object.keys(parameters).filter((name) => !name.startsWith('proc_'));

const narrow = (size: number) =>
  fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, -1, 0x7fff_ffff, 1000),
    fc.constantFrom(
      512,
      513,
      1024,
      4096,
      65535,
      0x0555_5556,
      0x0800_0001,
      0x1000_0000,
      0x2000_0000,
    ),
    fc.constantFrom(
      -8,
      -48,
      -0x8000_0000,
      size,
      size - 1,
      size - 4,
      size - 8,
      size - 24,
      size - 32,
      size - 48,
      size - 64,
    ),
    fc.integer({ min: 0, max: size }),
    fc.integer(),
  );
const wide = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 1n << 62n, (1n << 63n) - 1n, -(1n << 63n), 4096n),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
);
const valuesOf = (name: string, size: number) =>
  fc.tuple(...typesOf(name).map((type) => (type === 'i64' ? wide : narrow(size))));

/**
 * Makes sure that the first descriptors are one of each kind: pipe, file, device, listener,
 * connection, interest set, directory, and a file in it.
 */
function furnish(rig: Rig): void {
  const { descriptors } = rig;
  if ([0, 1, 2, 3, 4, 5, 6, 7, 8].every((fd) => descriptors.get(fd))) return;
  for (let fd = 0; fd < 64; fd++) descriptors.close(fd);
  rig.pipe();
  rig.file('package.json');
  rig.file('/dev/null', 'r+');
  rig.listen();
  rig.connection().peer.send('something to read');
  rig.call('epoll_create', 512);
  const directory = rig.directory(scratch);
  rig.open(directory, 'a', { oflags: Oflag.CREATE });
}

/** Texts where many a fuzzed pointer points. */
function putPaths(rig: Rig): void {
  const texts = { 512: '../a', 1024: 'b', 4096: 'a/../b/c/./d' };
  for (const [at, text] of Object.entries(texts))
    rig.bytes.set(new TextEncoder().encode(text), Number(at));
}

const scratch = mkdtempSync(join(tmpdir(), 'pollux-hostile-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function expectSane(rig: Rig): void {
  const { fd, peer } = rig.connection();
  expect(rig.give('fd_write', fd, 'still here')).toBe(10);
  expect(peer.receive()).toBe('still here');
  peer.send('indeed');
  expect(rig.ask(read(fd, 1), clock(0n), write(fd, 2)).length).toBe(3);
  expect(rig.take('sock_recv', fd)).toBe('indeed');
}

describe.each([
  ['memory', false],
  ['shared memory', true],
])('in %s', (_, shared) => {
  const rig = new Rig({ embedded: true, pages: 96, shared, args: ['a', 'b'], environ: ['A=b'] });
  afterEach(() => expectSane(rig));

  test.each(names)('%s answers an errno to whatever it is called with', (name) => {
    const noise = fc.sample(fc.uint8Array({ minLength: 1 << 14, maxLength: 1 << 14 }), {
      seed: SEED,
      numRuns: 1,
    })[0]!;
    fc.assert(
      fc.property(valuesOf(name, rig.size), fc.boolean(), (values, noisy) => {
        furnish(rig);
        if (noisy) for (let at = 0; at < rig.size; at += noise.length) rig.bytes.set(noise, at);
        else rig.bytes.fill(0, 0, 1 << 16);
        if (!noisy) putPaths(rig);
        const errno = rig.call(name, ...values);
        expect(Number.isInteger(errno) && errno >= 0 && errno <= LAST_ERRNO).toBe(true);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test('calls in any order leave the host in order', () => {
    const call = fc
      .constantFrom(...names)
      .chain((name) => fc.tuple(fc.constant(name), valuesOf(name, rig.size)));
    fc.assert(
      fc.property(fc.array(call, { minLength: 20, maxLength: 60 }), fc.nat(15), (calls, growAt) => {
        furnish(rig);
        for (const [i, [name, values]] of calls.entries()) {
          if (i === growAt && rig.size < 128 * PAGE) rig.grow();
          putPaths(rig);
          const errno = rig.call(name, ...values);
          if (!(errno >= 0 && errno <= LAST_ERRNO)) throw new Error(`${name} answered ${errno}`);
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  test('after memory.grow, pointers into the new part work for every function', () => {
    furnish(rig);
    const { fd, peer } = rig.connection();
    const into = (call: (at: number) => number) => {
      const at = rig.grow();
      expect(call(at)).toBe(WasiErrno.SUCCESS);
      expect(rig.bytes.subarray(at, at + PAGE).some((byte) => byte !== 0)).toBe(true);
    };
    into((at) => rig.call('random_get', at, 100));
    into((at) => rig.call('args_get', at, at + 100));
    into((at) => rig.call('environ_sizes_get', at, at + 4));
    into((at) => rig.call('clock_time_get', 1, 0n, at));
    into((at) => rig.call('fd_fdstat_get', fd, at));
    into((at) => rig.call('fd_filestat_get', fd, at));
    into((at) => {
      expect(rig.call('epoll_create', at + 1000)).toBe(0);
      const epfd = rig.view.getUint32(at + 1000, true);
      rig.view.setUint32(at + 8, Readiness.OUT, true);
      expect(rig.call('epoll_ctl', epfd, 1, fd, at + 8)).toBe(0);
      rig.grow();
      return rig.call('epoll_wait', epfd, at, 4, 0n, at + 2000);
    });
    into(
      (at) => rig.pollOneoff([write(fd)], { input: at, output: at + 1000, count: at + 2000 }).errno,
    );
    for (const name of ['fd_read', 'sock_recv'] as const) {
      peer.send('grown');
      rig.ask(read(fd), clock(100n * MS));
      // The iovecs and the answers lie in the old part, and what they point to in the new one.
      into((at) =>
        rig.call(name, fd, rig.iovs([100], at), 1, ...(name === 'fd_read' ? [512] : [0, 512, 528])),
      );
      expect(rig.text(rig.size - PAGE, 5)).toBe('grown');
    }
    const at = rig.grow();
    rig.bytes.fill(65, at, at + 10);
    expect(rig.call('fd_write', fd, rig.iovs([10], at), 1, 512)).toBe(0);
    expect(peer.receive()).toBe('AAAAAAAAAA');
    rig.grow();
    expect(rig.call('random_get', 0, 0)).toBe(WasiErrno.SUCCESS);
  });
});

test.each([0, 16, 32, 47, 48, 100, -16, -31, 1])(
  'events that overlap the subscriptions, %i bytes on, are right',
  (distance) => {
    const rig = rigged();
    const many = Array.from({ length: 20 }, () => rig.connection().fd);
    const asked = [
      clock(0n),
      ...many.map((fd) => write(fd)),
      read(99, 5000),
      clock(1n, { absolute: true, userdata: 7n }),
    ];
    for (let round = 0; round < 2; round++) {
      const { errno, events } = rig.pollOneoff(asked, {
        input: 1 << 20,
        output: (1 << 20) + distance,
      });
      expect(errno).toBe(0);
      const got = events.map((event) => `${event.userdata}:${event.errno}`).sort();
      expect(got).toEqual(
        asked
          .map(({ userdata }) => `${userdata}:${userdata === 5000n ? WasiErrno.BADF : 0}`)
          .sort(),
      );
    }
    expect(rig.pollOneoff(asked, { output: 5 << 20, count: 5 << 20 })).toMatchObject({
      errno: 0,
      count: asked.length,
    });
  },
);

test('iovecs may overlap each other, themselves and the answers', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  peer.send('0123456789abcdefghij');
  rig.ask(read(fd), clock(1000n * MS));
  const at = rig.iovs([8, 8], 16);
  rig.view.setUint32(at, at, true);
  rig.view.setUint32(at + 8, at, true);
  expect(rig.call('fd_read', fd, at, 2, at)).toBe(0);
  expect(rig.view.getUint32(at, true)).toBe(16);
  rig.iovs([4, 4], 1024);
  rig.view.setUint32(24, 1024, true);
  expect(rig.call('sock_recv', fd, 16, 2, 0, 1024, 1024)).toBe(0);
  expect(rig.call('fd_write', fd, 0, 1000, 0)).toBeLessThanOrEqual(LAST_ERRNO);
});

test('a memory of 4 GiB is used to its last byte', () => {
  const rig = rigged({ pages: 65536 });
  const end = 2 ** 32;
  expect(rig.call('random_get', end - 16, 16)).toBe(0);
  expect(rig.call('random_get', end - 16, 17)).toBe(WasiErrno.FAULT);
  expect(rig.call('clock_time_get', 1, 0n, end - 8)).toBe(0);
  const { fd, peer } = rig.connection();
  peer.send('x');
  const at = { input: end - 1000, output: end - 500, count: end - 4 };
  expect(rig.pollOneoff([read(fd, 3), clock(0n)], at)).toMatchObject({
    errno: 0,
    count: 2,
    events: [{ userdata: 3n }, {}],
  });
  expect(rig.call('fd_read', fd, rig.iovs([1], end - 1), 1, 512)).toBe(0);
  expect(rig.text(end - 1, 1)).toBe('x');
  expect(rig.call('fd_read', fd, rig.iovs([2], end - 1), 1, 512)).toBe(WasiErrno.FAULT);
});

// From here on the guests are real ones, in threads of their own.

const imports = (used: string[]) =>
  [...used, 'proc_exit']
    .map((name) => {
      const types = typesOf(name).join(' ');
      return `(import "${moduleOf(name)}" "${name}" (func $${name} (param ${types}) ${name === 'proc_exit' ? '' : '(result i32)'}))`;
    })
    .join('\n');

const guest = (used: string[], body: string, memory = '16') =>
  wat(`(module ${imports(used)} (memory (export "memory") ${memory}) ${body})`);

async function expectHostServes(): Promise<void> {
  const box = await sandbox(await load(wasmFile('echo-poll')), { listen: ['127.0.0.1:0'] });
  expect((await exchange(box.address!, 'as if nothing had happened')).toString()).toBe(
    'as if nothing had happened',
  );
  await box.stop();
}

test.each([1, 2, 3])(
  'a guest that calls everything with anything gets errnos, and the host serves the next (%i)',
  async (seed) => {
    const call = fc
      .constantFrom(...names)
      .chain((name) => fc.tuple(fc.constant(name), valuesOf(name, 16 * PAGE)));
    const calls = fc.sample(call, { seed: SEED + seed, numRuns: 1500 }).map(([name, values]) => {
      const types = typesOf(name);
      // A wait for what never comes would rightly last for ever.
      const own = namesOf(name).map((each, i) => (each === 'timeout_ns' ? 0 : values[i]));
      const given = own.map((value, i) => `(${types[i]}.const ${value})`).join(' ');
      // Of nothing but zeroes poll_oneoff reads clocks that are due; else it might rightly wait for
      // ever.
      const before =
        name === 'poll_oneoff'
          ? `(memory.fill (i32.const 0) (i32.const 0) (i32.const ${16 * PAGE}))`
          : '';
      return `${before} (if (i32.gt_u (call $${name} ${given}) (i32.const ${LAST_ERRNO})) (then (call $proc_exit (i32.const 99))))`;
    });
    const binary = guest(
      names,
      `(func (export "_start") ${calls.join('\n')} (call $proc_exit (i32.const 7)))`,
    );
    const { code, reason } = await runToEnd(binary, { listen: ['127.0.0.1:0'] });
    expect({ code, reason }).toEqual({ code: 7, reason: 'exit' });
    await expectHostServes();
  },
);

test('a guest that catches everything cannot catch its own exit', async () => {
  const binary = guest(
    [],
    `(func (export "_start")
    (try (do (call $proc_exit (i32.const 5))) (catch_all)) (loop $for_ever (br $for_ever)))`,
  );
  expect(await runToEnd(binary)).toMatchObject({ code: 5, reason: 'exit' });
});

test('a guest whose stack overflows has trapped', async () => {
  const binary = guest(
    [],
    `(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))
    (func (export "_start") (drop (call $deep (i32.const 0))))`,
  );
  const { code, reason, trap } = await runToEnd(binary);
  expect({ code, reason }).toEqual({ code: 134, reason: 'trap' });
  expect(trap!.message).toMatch(/stack/i);
  await expectHostServes();
});

test.each(['poll_oneoff', 'fd_write', 'sock_accept', 'random_get', 'epoll_wait', 'signal_wait'])(
  'a guest whose stack overflows within %s, and who catches that, has hurt nobody else',
  async (name) => {
    const given = typesOf(name)
      .map((type, i) => `(${type}.const ${[3, 512, 1, 1024][i] ?? 8})`)
      .join(' ');
    const binary = guest(
      [name],
      `(func $deep (drop (call $${name} ${given})) (call $deep))
      (func (export "_start") (local i32)
        (loop $again
          (try (do (call $deep)) (catch_all))
          (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 5))))
        (call $proc_exit (i32.const 7)))`,
    );
    const { code } = await runToEnd(binary, { listen: ['127.0.0.1:0'] });
    expect([7, 134]).toContain(code);
    await expectHostServes();
  },
);

test.each(['16 300', '16 300 shared'])(
  'a guest may grow its memory (%s) between polls, and poll from its new end',
  async (memory) => {
    const binary = guest(
      ['poll_oneoff', 'random_get'],
      `(func (export "_start") (local $i i32) (local $at i32)
    (loop $again
      (local.set $at (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
      (i64.store offset=0 (local.get $at) (i64.const 77))
      (i32.store8 offset=8 (local.get $at) (i32.const 2))
      (i32.store offset=16 (local.get $at) (i32.const 1))
      (if (call $poll_oneoff (local.get $at) (i32.add (local.get $at) (i32.const 65000))
            (i32.const 1) (i32.add (local.get $at) (i32.const 60000)))
        (then (call $proc_exit (i32.const 1))))
      (if (i32.ne (i32.load offset=60000 (local.get $at)) (i32.const 1)) (then (call $proc_exit (i32.const 2))))
      (if (i64.ne (i64.load offset=65000 (local.get $at)) (i64.const 77)) (then (call $proc_exit (i32.const 3))))
      (if (call $random_get (i32.const 0) (i32.const 0)) (then (call $proc_exit (i32.const 4))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200)))))`,
      memory,
    );
    expect(await runToEnd(binary)).toMatchObject({ code: 0, reason: 'exit' });
  },
);

test('a guest that grows its memory for ever is stopped by its limit', async () => {
  const binary = guest(
    [],
    `(func (export "_start")
    (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (call $proc_exit (memory.size)))`,
  );
  expect(await runToEnd(binary, { maxMemoryMiB: 8 })).toMatchObject({ code: 128, reason: 'exit' });
});

test('a guest that polls for more than 2^20 things gets ENOMEM', async () => {
  const binary = guest(
    ['poll_oneoff'],
    `(func (export "_start") (call $proc_exit
    (call $poll_oneoff (i32.const 0) (i32.const 52428800) (i32.const 1048577) (i32.const 0))))`,
    '1400',
  );
  expect(await runToEnd(binary)).toMatchObject({ code: WasiErrno.NOMEM, reason: 'exit' });
});

test('a call before memory exists, from a start function, is EFAULT', async () => {
  const binary = guest(
    ['random_get'],
    `(global $errno (mut i32) (i32.const 0))
    (func $early (global.set $errno (call $random_get (i32.const 0) (i32.const 8)))) (start $early)
    (func (export "_start") (call $proc_exit (global.get $errno)))`,
  );
  expect(await runToEnd(binary)).toMatchObject({ code: WasiErrno.FAULT, reason: 'exit' });
});

test('a start function that never returns is ended by the limit of time', async () => {
  const binary = guest(
    [],
    '(func $early (loop $for_ever (br $for_ever))) (start $early) (func (export "_start"))',
  );
  await expect(runToEnd(binary, { timeoutMs: 300 })).rejects.toThrow(/ended before/);
});

test('a guest that was harmed by nothing runs as before', async () => {
  expect(await runToEnd(guestFile('close0'))).toMatchObject({ code: 0, stdout: 'still here\n' });
});
