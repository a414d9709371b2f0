/**
 * What hosts got wrong before, entry by entry; what each family of guests needs is in
 * guests.test.ts.
 */
import { expect, test } from 'vitest';

import { Clock } from '#host/kernel/kernel';
import { Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { clock, FOREVER, HANGUP, HOUR, MS, read, rigged, Type, write } from './rig.js';

const SOON = clock(2000n * MS, { userdata: 9999n });
const user = (events: { userdata: bigint }[]) =>
  events.map(({ userdata }) => Number(userdata)).sort((a, b) => a - b);

test('zero timeout: it does not wait, and it sees what is ready', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  const { events, tookNs } = rig.pollOneoff([clock(0n), read(fd, 1)]);
  expect(user(events)).toEqual([1000]);
  expect(tookNs).toBeLessThan(200n * MS);
  peer.send('x');
  rig.ask(read(fd), SOON);
  expect(user(rig.ask(clock(0n), read(fd, 1)))).toEqual([1, 1000]);
});

test('absolute clock: it is a moment and not a duration', () => {
  const rig = rigged();
  for (const id of [Clock.MONOTONIC, Clock.REALTIME]) {
    const deadline = clock(rig.kernel.now(id) + 15n * MS, { clock: id, absolute: true });
    const first = rig.pollOneoff([deadline]);
    expect(first.tookNs).toBeGreaterThan(5n * MS);
    expect(first.tookNs).toBeLessThan(2000n * MS);
    expect(rig.pollOneoff([deadline]).tookNs).toBeLessThan(10n * MS);
  }
});

test.each([0x0555_5556, 0x0800_0001, 0xffff_ffff])(
  'overflow: %i subscriptions are EFAULT',
  (count) => {
    expect(rigged().call('poll_oneoff', 0, 0, count, 0)).toBe(WasiErrno.FAULT);
  },
);

test.each([FOREVER, FOREVER - 1n, 1n << 63n, (1n << 63n) - 1n, 1n << 53n])(
  'overflow: a timeout of %i ns does not come soon',
  (ns) => {
    const rig = rigged();
    for (const absolute of [false, true]) {
      if (absolute && ns === 1n << 53n) continue; // 104 days after the machine started may well be past
      expect(user(rig.ask(clock(ns, { absolute, userdata: 1n }), clock(3n * MS)))).toEqual([1000]);
    }
  },
);

test('duplicate fd: reading and writing one descriptor, and reading it twice, are all told', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  peer.send('x');
  rig.ask(read(fd), SOON);
  expect(user(rig.ask(read(fd, 1), write(fd, 1), read(fd, 1), write(fd, 2)))).toEqual([1, 1, 1, 2]);
});

test('missing rights: a socket may be polled, read, written and shut down', () => {
  const rig = rigged();
  const { rights } = rig.fdstat(rig.connection().fd);
  const wanted =
    Right.POLL_FD_READWRITE |
    Right.FD_READ |
    Right.FD_WRITE |
    Right.SOCK_SHUTDOWN |
    Right.FD_FDSTAT_SET_FLAGS;
  expect(rights & BigInt(wanted)).toBe(BigInt(wanted));
});

test.each([0, 1, 2, 3])(
  'event stride: events lie 32 bytes apart, and nothing lies beyond the last (%i bytes off)',
  (off) => {
    const rig = rigged();
    const many = Array.from({ length: 5 }, () => rig.connection().fd);
    rig.bytes.fill(0xee, 5 << 20, (5 << 20) + 1000);
    const at = { input: (1 << 20) + off, output: (5 << 20) + off };
    const { events } = rig.pollOneoff(
      [...many.map((fd) => write(fd)), ...many.map((fd) => read(fd))],
      at,
    );
    expect(user(events)).toEqual(many);
    for (const [i, { userdata }] of events.entries()) {
      expect(rig.view.getBigUint64(at.output + i * 32, true)).toBe(userdata);
      expect(rig.bytes.slice(at.output + i * 32 + 11, at.output + i * 32 + 16)).toEqual(
        new Uint8Array(5),
      );
    }
    expect(rig.bytes.slice(at.output + 160, at.output + 400).every((byte) => byte === 0xee)).toBe(
      true,
    );
  },
);

test('unexpired clock: it is not reported beside a descriptor that is ready', () => {
  const rig = rigged();
  expect(user(rig.ask(clock(HOUR), write(rig.connection().fd, 1), clock(50n * MS)))).toEqual([1]);
});

test('non-blocking fd: it is not ready only because it does not block', () => {
  const rig = rigged();
  const { reader } = rig.pipe();
  rig.nonblocking(reader);
  const asked = [read(rig.listen().fd, 1), read(rig.connection().fd, 2), read(reader, 3)];
  const { events, tookNs } = rig.pollOneoff([...asked, clock(10n * MS)]);
  expect(user(events)).toEqual([1000]);
  expect(tookNs).toBeGreaterThanOrEqual(10n * MS);
});

test.each(['fd_read', 'sock_recv'] as const)('%s missing: it works on a socket', (name) => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  expect(rig.take(name, fd)).toBe(WasiErrno.AGAIN);
  peer.send('hello');
  rig.ask(read(fd), SOON);
  expect(rig.take(name, fd)).toBe('hello');
});

test('nsubs 0: it is EINVAL, and does not wait for ever', () => {
  expect(rigged().pollOneoff([]).errno).toBe(WasiErrno.INVAL);
});

test('stale readiness: what was read, accepted or replaced is not ready any more', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  const { fd: listener, port } = rig.listen();
  peer.send('x');
  rig.dial(port);
  rig.ask(read(fd), SOON);
  rig.ask(read(listener), SOON);
  expect(user(rig.ask(read(fd, 1), read(listener, 2), clock(0n)))).toEqual([1, 2, 1000]);
  rig.take('sock_recv', fd);
  rig.accept(listener);
  expect(user(rig.ask(read(fd, 1), read(listener, 2), clock(0n)))).toEqual([1000]);
  peer.send('y');
  rig.ask(read(fd), SOON);
  rig.call('fd_close', fd);
  expect(rig.connection().fd).toBe(fd);
  expect(user(rig.ask(read(fd, 1), read(listener, 2), clock(0n)))).toEqual([1000]);
});

test('bad fd: it is one event with its own userdata', () => {
  const rig = rigged();
  for (const fd of [50, 1000, 65_536, -1, 0x7fff_ffff, -0x8000_0000]) {
    expect(rig.ask({ ...read(fd), userdata: FOREVER })).toMatchObject([
      { userdata: FOREVER, errno: WasiErrno.BADF, type: Type.READ },
    ]);
    expect(rig.ask(write(fd, 3), clock(HOUR))).toMatchObject([
      { userdata: 3n, errno: WasiErrno.BADF, type: Type.WRITE },
    ]);
  }
});

test('EPERM of epoll: regular files and devices are ready, for reading and for writing', () => {
  const rig = rigged();
  const device = rig.file('/dev/null', 'r+');
  const asked = [read(rig.file('package.json'), 1), read(device, 2), write(device, 3)];
  for (let i = 0; i < 2; i++) {
    const events = rig.ask(...asked, clock(HOUR));
    expect(user(events)).toEqual([1, 2, 3]);
    expect(events.every(({ errno }) => errno === 0)).toBe(true);
  }
  for (const subscription of asked)
    expect(rig.ask(subscription, clock(HOUR))).toMatchObject([{ errno: 0 }]);
});

test('end taken for EAGAIN: the end of a socket, a pipe or a file is 0 bytes, as often as asked', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  const { reader, writer } = rig.pipe();
  const file = rig.file('package.json');
  rig.call('fd_seek', file, 0n, 2, 512);
  peer.close();
  rig.call('fd_close', writer);
  rig.ask(read(fd), SOON);
  for (const each of [fd, reader, file]) {
    rig.nonblocking(each);
    for (let i = 0; i < 3; i++) expect(rig.take('fd_read', each)).toBe('');
  }
});

test('nevents unwritten: the count is written in every case', () => {
  const rig = rigged();
  expect(rig.pollOneoff([clock(1n)]).count).toBe(1);
  expect(rig.pollOneoff([read(99)]).count).toBe(1);
  expect(rigged({ embedded: true }).pollOneoff([clock(HOUR)])).toMatchObject({
    errno: 0,
    count: 0,
  });
});

test('accept flags: they are of the connection and not of the listener', () => {
  const rig = rigged();
  const { fd, port } = rig.listen(false);
  rig.dial(port);
  rig.ask(read(fd), SOON);
  expect(rig.fdstat(rig.accept(fd, 4)).flags).toBe(4);
  expect(rig.fdstat(fd).flags).toBe(0);
});

test('half-close: the other half goes on', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  peer.shutdown(2);
  expect(rig.ask(read(fd), SOON)).toMatchObject([{ flags: HANGUP }]);
  expect(rig.take('fd_read', fd)).toBe('');
  expect(user(rig.ask(write(fd, 1)))).toEqual([1]);
  expect(rig.give('fd_write', fd, 'the answer')).toBe(10);
  expect(peer.receive()).toBe('the answer');
});

test('guest pointer unchecked: each pointer of each call is checked before anything happens', () => {
  const rig = rigged();
  const { fd, peer } = rig.connection();
  const { fd: listener, port } = rig.listen();
  peer.send('x');
  rig.dial(port);
  rig.ask(read(fd), SOON);
  rig.ask(read(listener), SOON);
  const { size } = rig;
  for (const bad of [size - 3, size, -1, -4]) {
    expect(rig.call('sock_accept', listener, 0, bad)).toBe(WasiErrno.FAULT);
    expect(rig.call('fd_read', fd, rig.iovs([1]), 1, bad)).toBe(WasiErrno.FAULT);
    expect(rig.call('sock_recv', fd, rig.iovs([1]), 1, 0, bad, 512)).toBe(WasiErrno.FAULT);
    expect(rig.call('sock_recv', fd, bad, 1, 0, 512, 528)).toBe(WasiErrno.FAULT);
    expect(rig.call('fd_read', fd, rig.iovs([4], bad >>> 0), 1, 512)).toBe(WasiErrno.FAULT);
    expect(rig.call('fd_write', fd, rig.iovs([4], bad >>> 0), 1, 512)).toBe(WasiErrno.FAULT);
  }
  expect(rig.take('fd_read', fd)).toBe('x');
  expect(rig.accept(listener)).toBeGreaterThan(listener);
});
