/** submit and reap for guests: over the rig, and as guests of a sandbox. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { load, sandbox } from 'pollux';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { Opcode, OperationFlag, RECV_BYTES } from '#host/kernel/completion';
import { Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { dial, exchange, runToEnd } from '../../harness.js';
import { folder } from '../../src/started.js';
import { linuxEngines } from '../asynchronous.js';
import { descriptorsDownTo, openDescriptors } from '../linux/thread.js';
import { MS, Rig, rigged, type RigOptions } from '../wasi/rig.js';
import { counts, echoes, reactor, spins, traps, waits } from './async-guests.js';

const { ACCEPT, RECV, SEND, CLOSE, TIMEOUT, CANCEL } = Opcode;
const { MULTISHOT } = OperationFlag;
const AT = { count: 1000, bytes: 2048, operations: 65536, completions: 1 << 20, buffer: 2 << 20 };
const BUFFER_BYTES = 1 << 20;
const SECOND = 1000n * MS;
const listen = ['127.0.0.1:0'];

interface Wanted {
  opcode: number;
  fd?: number;
  userdata?: number;
  flags?: number;
  bytes?: number;
  length?: number;
  argument?: bigint;
}

interface Told {
  userdata: number;
  result: number;
  more: boolean;
  text: string;
}

/** A guest that submits and reaps. */
class Guest {
  readonly rig: Rig;

  constructor(options: RigOptions = {}) {
    this.rig = rigged(options);
  }

  /** Answers how many were taken, or the errno, negated. */
  submit(...wanted: Wanted[]): number {
    const { view } = this.rig;
    wanted.forEach((each, i) => {
      const at = AT.operations + i * 32;
      view.setBigUint64(at, BigInt(each.userdata ?? 0), true);
      view.setUint32(at + 8, each.opcode | ((each.flags ?? 0) << 8), true);
      view.setInt32(at + 12, each.fd ?? 0, true);
      view.setUint32(at + 16, each.bytes ?? AT.bytes, true);
      view.setUint32(at + 20, each.length ?? 0, true);
      view.setBigUint64(at + 24, each.argument ?? 0n, true);
    });
    const errno = this.rig.call('submit', AT.operations, wanted.length, AT.count);
    return errno === 0 ? this.rig.view.getUint32(AT.count, true) : -errno;
  }

  send(fd: number, text: string, userdata = 0): Wanted {
    const bytes = new TextEncoder().encode(text);
    this.rig.bytes.set(bytes, AT.bytes);
    return { opcode: SEND, fd, userdata, length: bytes.length };
  }

  reap(min = 1, timeoutNs = 10n * SECOND, max = 64): Told[] {
    const { completions, buffer, count } = AT;
    const errno = this.rig.call(
      'reap',
      completions,
      max,
      buffer,
      BUFFER_BYTES,
      min,
      timeoutNs,
      count,
    );
    if (errno !== 0) throw new Error(`reap answered ${errno}`);
    const { view } = this.rig;
    return Array.from({ length: view.getUint32(count, true) }, (_, i) => {
      const at = completions + i * 24;
      const result = view.getInt32(at + 8, true);
      const received = view.getUint8(at + 13) === RECV && result > 0 ? result : 0;
      return {
        userdata: Number(view.getBigUint64(at, true)),
        result,
        more: view.getUint8(at + 12) === 1,
        text: this.rig.text(buffer + view.getUint32(at + 16, true), received),
      };
    });
  }

  /** The results of operations, in the order in which they were submitted. */
  results(...wanted: Wanted[]): number[] {
    expect(this.submit(...wanted.map((each, userdata) => ({ ...each, userdata })))).toBe(
      wanted.length,
    );
    const told = new Map<number, number>();
    while (told.size < wanted.length) {
      for (const { userdata, result } of this.reap()) told.set(userdata, result);
    }
    return wanted.map((_, userdata) => told.get(userdata)!);
  }
}

const chosen = (engine: string) => {
  vi.stubEnv('POLLUX_ASYNC', engine === 'io_uring' ? 'uring' : engine);
  onTestFinished(() => void vi.unstubAllEnvs());
};

describe.each(linuxEngines.filter((name) => !name.includes(' ')))('by %s', (engine) => {
  const guest = (options?: RigOptions) => {
    chosen(engine);
    return new Guest(options);
  };

  test('accepts, receives, sends and closes, with descriptors of its own', () => {
    const my = guest();
    const { fd: listener, port } = my.rig.listen();
    my.submit({ opcode: ACCEPT, fd: listener, userdata: 1, flags: MULTISHOT });
    const peers = [my.rig.dial(port), my.rig.dial(port), my.rig.dial(port)];
    const fds: number[] = [];
    while (fds.length < 3) fds.push(...my.reap().map(({ result }) => result));
    expect(fds).toEqual([listener + 1, listener + 2, listener + 3]);
    expect(my.rig.descriptors.connections).toBe(3);
    for (const fd of fds) expect(my.rig.fdstat(fd)).toMatchObject({ errno: 0, type: 6, flags: 4 });
    peers.forEach((peer, i) => peer.send(`from ${i}`));
    fds.forEach((fd) => my.submit({ opcode: RECV, fd, userdata: fd, flags: MULTISHOT }));
    const texts = new Map<number, string>();
    while (texts.size < 3) for (const { userdata, text } of my.reap()) texts.set(userdata, text);
    expect(fds.map((fd) => texts.get(fd))).toEqual(['from 0', 'from 1', 'from 2']);
    expect(my.results(my.send(fds[0]!, 'to 0'), { opcode: CLOSE, fd: fds[1]! })).toEqual([4, 0]);
    expect(peers[0]!.receive()).toBe('to 0');
    expect(my.rig.descriptors.connections).toBe(2);
    expect(my.rig.fdstat(fds[1]!).errno).toBe(WasiErrno.BADF);
  });

  test('tells errors by the numbers of WASI', () => {
    const my = guest();
    const { fd, peer } = my.rig.connection();
    const { fd: listener } = my.rig.listen();
    const { fd: dumb } = my.rig.connection();
    const none = Right.POLL_FD_READWRITE;
    my.rig.call('fd_fdstat_set_rights', dumb, BigInt(none), 0n);
    const { reader } = my.rig.pipe();
    my.rig.call('epoll_create', AT.count);
    const epfd = my.rig.view.getUint32(AT.count, true);
    const sends = [AT.bytes, my.rig.size - 1, -1].map((bytes) => ({
      opcode: SEND,
      fd,
      bytes,
      length: 2,
    }));
    const expected: [Wanted, number][] = [
      [{ opcode: ACCEPT, fd }, -WasiErrno.INVAL],
      [{ opcode: ACCEPT, fd: reader }, -WasiErrno.NOTSOCK],
      [{ opcode: ACCEPT, fd: 999 }, -WasiErrno.BADF],
      [{ opcode: ACCEPT, fd: -1 }, -WasiErrno.BADF],
      [{ opcode: RECV, fd: dumb }, -WasiErrno.NOTCAPABLE],
      [{ opcode: SEND, fd: dumb }, -WasiErrno.NOTCAPABLE],
      [{ opcode: SEND, fd: listener }, -WasiErrno.NOTCAPABLE],
      [{ opcode: RECV, fd: listener }, -WasiErrno.NOTCONN],
      [{ opcode: RECV, fd: epfd }, -WasiErrno.NOTSOCK],
      [{ opcode: SEND, fd: reader }, -WasiErrno.NOTSOCK],
      [{ opcode: 0, fd }, -WasiErrno.INVAL],
      [{ opcode: 7, fd }, -WasiErrno.INVAL],
      [{ opcode: RECV, fd, flags: 4 }, -WasiErrno.INVAL],
      [{ opcode: CLOSE, fd, flags: 1 }, -WasiErrno.INVAL],
      [{ opcode: CLOSE, fd: 999 }, -WasiErrno.BADF],
      [{ opcode: CLOSE, fd: reader }, 0],
      [{ opcode: CLOSE, fd: reader }, -WasiErrno.BADF],
      [{ opcode: CLOSE, fd: epfd }, 0],
      [{ opcode: CANCEL, argument: 4711n }, -WasiErrno.NOENT],
      [{ opcode: TIMEOUT, argument: 1n }, -WasiErrno.TIMEDOUT],
      [sends[0]!, 2],
      [sends[1]!, -WasiErrno.FAULT],
      [sends[2]!, -WasiErrno.FAULT],
    ];
    expect(my.results(...expected.map(([wanted]) => wanted))).toEqual(
      expected.map(([, result]) => result),
    );
    expect(my.rig.call('epoll_ctl', epfd, 1, fd, 0)).toBe(WasiErrno.BADF);
    peer.close();
    const seen = my.results({ opcode: RECV, fd }, my.send(fd, 'x'));
    expect(seen[0]).toBe(-WasiErrno.CONNRESET);
    expect([-WasiErrno.PIPE, -WasiErrno.CONNRESET]).toContain(seen[1]);
  });

  test('a full table ends an ACCEPT, and the connection is there for the next', () => {
    const my = guest({ limit: 3 });
    const { fd: listener, port } = my.rig.listen();
    const peers = [0, 1, 2, 3].map(() => my.rig.dial(port));
    peers.forEach((peer, i) => peer.send(String(i)));
    const fds: number[] = [];
    my.submit({ opcode: ACCEPT, fd: listener, flags: MULTISHOT });
    for (let full = false; !full;) {
      for (const { result, more } of my.reap()) {
        if (result >= 0) fds.push(result);
        else full = result === -WasiErrno.MFILE && !more;
      }
    }
    expect(fds).toEqual([1, 2]);
    const said: string[] = [];
    for (let i = 0; i < 4; i++) {
      const fd = fds.shift()!;
      my.submit({ opcode: RECV, fd });
      said.push(my.reap()[0]!.text);
      expect(my.results({ opcode: CLOSE, fd })).toEqual([0]);
      if (i < 2) fds.push(...my.results({ opcode: ACCEPT, fd: listener }));
    }
    expect(said.sort()).toEqual(['0', '1', '2', '3']);
  });

  test('a long submission with closes in it is taken whole, each close once', () => {
    const my = guest();
    const pairs = Array.from({ length: 5 }, () => my.rig.connection());
    const wanted: Wanted[] = [];
    for (let i = 0; i < 1500; i++) {
      wanted.push({ opcode: CANCEL, argument: 77n });
      const fd = pairs[i / 300]?.fd;
      if (fd !== undefined)
        wanted.push(my.send(fd, 'bye'), { opcode: CLOSE, fd }, my.send(fd, 'bye'));
    }
    const results = my.results(...wanted);
    const of = (opcode: number) => results.filter((_, i) => wanted[i]!.opcode === opcode);
    expect(of(SEND)).toEqual(pairs.flatMap(() => [3, -WasiErrno.BADF]));
    expect(of(CLOSE)).toEqual([0, 0, 0, 0, 0]);
    expect(my.rig.descriptors.connections).toBe(0);
    for (const { peer } of pairs) expect([peer.receive(), peer.receive()]).toEqual(['bye', '']);
  });

  test('what is not taken, for too much is in flight, is not closed', () => {
    const my = guest();
    const { fd } = my.rig.connection();
    const many = Array.from({ length: 1000 }, () => ({ opcode: TIMEOUT, argument: 10n ** 15n }));
    while (my.submit(...many) === 1000);
    expect(my.submit({ opcode: CLOSE, fd })).toBe(0);
    expect(my.rig.fdstat(fd).errno).toBe(0);
    expect(my.rig.descriptors.connections).toBe(1);
  });

  test('pointers and numbers that are wrong are FAULT and INVAL, and nothing happens', () => {
    const my = guest();
    const { size } = my.rig;
    const submit = (...values: number[]) => my.rig.call('submit', ...values);
    expect(submit(size, 1, AT.count)).toBe(WasiErrno.FAULT);
    expect(submit(size - 31, 1, AT.count)).toBe(WasiErrno.FAULT);
    expect(submit(-1, -1, AT.count)).toBe(WasiErrno.FAULT);
    expect(submit(0, 0, size - 3)).toBe(WasiErrno.FAULT);
    expect(submit(0, 0, AT.count)).toBe(0);
    my.submit({ opcode: TIMEOUT, userdata: 5 });
    const reap = (...values: (number | bigint)[]) => my.rig.call('reap', ...values);
    const { completions, buffer, count } = AT;
    expect(reap(size - 23, 1, buffer, RECV_BYTES, 1, 0n, count)).toBe(WasiErrno.FAULT);
    expect(reap(completions, -1, buffer, RECV_BYTES, 1, 0n, count)).toBe(WasiErrno.FAULT);
    expect(reap(completions, 1, size - 100, RECV_BYTES, 1, 0n, count)).toBe(WasiErrno.FAULT);
    expect(reap(completions, 1, buffer, -1, 1, 0n, count)).toBe(WasiErrno.FAULT);
    expect(reap(completions, 1, buffer, RECV_BYTES, 1, 0n, size)).toBe(WasiErrno.FAULT);
    expect(reap(completions, 0, buffer, RECV_BYTES, 1, 0n, count)).toBe(WasiErrno.INVAL);
    expect(reap(completions, 1, buffer, RECV_BYTES - 1, 1, 0n, count)).toBe(WasiErrno.INVAL);
    expect(reap(completions + 1, 1, buffer + 3, RECV_BYTES, -1, -1n, count)).toBe(0);
    expect(my.rig.view.getBigUint64(completions + 1, true)).toBe(5n);
  });

  test('takes everything anywhere in memory that has grown since', () => {
    const my = guest();
    const { fd, peer } = my.rig.connection();
    my.submit({ opcode: RECV, fd, flags: MULTISHOT });
    for (let i = 0; i < 20; i++) {
      peer.send(`round ${i}`);
      const at = my.rig.grow(1);
      expect(my.rig.call('reap', at, 2, at + 4096, RECV_BYTES, 1, 10n * SECOND, AT.count)).toBe(0);
      expect(my.rig.text(at + 4096, my.rig.view.getInt32(at + 8, true))).toBe(`round ${i}`);
    }
  });

  describe('a guest in its sandbox', () => {
    test('echoes to many clients at once', async () => {
      chosen(engine);
      const box = await sandbox(await load(echoes()), { listen });
      onTestFinished(async () => void (await box.stop()));
      const sent = Array.from({ length: 50 }, () => randomBytes(40_000));
      const got = await Promise.all(sent.map((bytes) => exchange(box.address!, bytes)));
      got.forEach((bytes, i) => expect(bytes.equals(sent[i]!)).toBe(true));
    });

    test('echoes while its memory grows with every completion', async () => {
      chosen(engine);
      const box = await sandbox(await load(echoes(1)), { listen });
      onTestFinished(async () => void (await box.stop()));
      for (let i = 0; i < 30; i++) {
        const bytes = randomBytes(5000);
        expect((await exchange(box.address!, bytes)).equals(bytes)).toBe(true);
      }
    });

    test.each([
      ['waits', waits],
      ['spins', spins],
      ['echoes', echoes()],
    ])('is stopped while it %s, and nothing is left of it', async (_, source) => {
      chosen(engine);
      const before = openDescriptors().length;
      for (let i = 0; i < 3; i++) {
        const box = await sandbox(await load(source), { listen });
        const clients = await Promise.all([0, 1, 2].map(() => dial(box.address!)));
        clients.forEach((client) => client.write(randomBytes(200_000))); // which nobody reads
        expect(await box.stop()).toMatchObject({ reason: 'stopped' });
        clients.forEach((client) => client.destroy());
      }
      expect(await descriptorsDownTo(before)).toBeLessThanOrEqual(before);
    });

    test('traps with operations in flight, and nothing is left of it', async () => {
      chosen(engine);
      const before = openDescriptors().length;
      const box = await sandbox(await load(traps), { listen });
      const client = await dial(box.address!);
      expect(await box.exit).toMatchObject({ code: 134, reason: 'trap' });
      client.destroy();
      expect(await descriptorsDownTo(before)).toBeLessThanOrEqual(before);
    });

    test('drains: no new connection, and the end with the last', async () => {
      chosen(engine);
      const box = await sandbox(await load(echoes()), { listen });
      const client = await dial(box.address!);
      client.write('before');
      expect(String((await once(client, 'data'))[0])).toBe('before');
      const drained = box.drain(20_000);
      let refused = false;
      for (let i = 0; i < 500 && !refused; i++) {
        const late = await dial(box.address!).catch(() => undefined);
        refused = late === undefined;
        late?.destroy();
      }
      expect(refused).toBe(true);
      client.end('after');
      expect(String((await once(client, 'data'))[0])).toBe('after');
      expect(await drained).toMatchObject({ code: 0, reason: 'stopped' });
    });

    test('has its engine in the first line of its trace', async () => {
      chosen(engine);
      const trace = join(folder(), 'trace');
      expect(await runToEnd(counts, { trace })).toMatchObject({ code: 1 });
      const lines = readFileSync(trace, 'utf8').split('\n');
      expect(lines[0]).toBe(`# kernel linux epoll ${engine}`);
      expect(lines.some((line) => line.startsWith('<- SUCCESS accepted=1'))).toBe(true);
    });
  });
});

test('a reactor is refused, in one sentence', async () => {
  await expect(load(reactor)).rejects.toThrow(
    /^\S+ is a reactor and imports pollux.reap, [^\n]+ completion [^\n]+$/,
  );
});

test('a choice that is none is told before the guest begins', async () => {
  vi.stubEnv('POLLUX_ASYNC', 'kqueue');
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(sandbox(await load(counts))).rejects.toThrow(/^POLLUX_ASYNC is "kqueue": [^\n]+$/);
});
