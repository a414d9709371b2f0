/**
 * The host contract that guests rely on, point by point: what a poll must do, with every backend.
 * The points about sockets, 8 to 12, are in contract-sockets.test.ts; 13, scale, in scale.test.ts.
 */
import { describe, expect, test } from 'vitest';

import { Clock } from '#host/kernel/kernel';
import { pollerNames } from '#host/kernel/readiness';
import { CONNECTION_RIGHTS, Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import {
  clock,
  FOREVER,
  HANGUP,
  HOUR,
  MS,
  read,
  rigged,
  Type,
  write,
  type Rig,
  type Subscription,
} from './rig.js';

const SOON = clock(2000n * MS, { userdata: 9999n });
const user = (events: { userdata: bigint }[]) =>
  events.map(({ userdata }) => Number(userdata)).sort((a, b) => a - b);

test('contract 1: no subscription at all is EINVAL', () => {
  const rig = rigged();
  expect(rig.pollOneoff([]).errno).toBe(WasiErrno.INVAL);
  expect(rig.call('poll_oneoff', -1, -1, 0, -1)).toBe(WasiErrno.INVAL);
});

test.each([0x0555_5556, 0x0800_0001, 0x1000_0000, 0x7fff_ffff, 0xffff_ffff])(
  'contract 1: %i subscriptions do not overflow on their way to EFAULT',
  (count) => {
    expect(rigged().call('poll_oneoff', 1 << 20, 5 << 20, count, 8)).toBe(WasiErrno.FAULT);
  },
);

test('contract 1: a list, events or count that does not lie in memory is EFAULT', () => {
  const rig = rigged({ pages: 2 });
  rig.bytes.fill(0);
  const end = rig.size;
  expect(rig.call('poll_oneoff', end - 47, 0, 1, 100)).toBe(WasiErrno.FAULT);
  expect(rig.call('poll_oneoff', 0, end - 31, 1, 100)).toBe(WasiErrno.FAULT);
  expect(rig.call('poll_oneoff', 0, 48, 1, end - 3)).toBe(WasiErrno.FAULT);
  expect(rig.call('poll_oneoff', end - 48, 0, 1, 100)).toBe(WasiErrno.SUCCESS);
  expect(rig.call('poll_oneoff', 0, end - 32, 1, 100)).toBe(WasiErrno.SUCCESS);
  expect(rig.call('poll_oneoff', 0, 48, 1, end - 4)).toBe(WasiErrno.SUCCESS);
});

const wrong: [string, number, (rig: Rig) => Subscription][] = [
  ['a descriptor that is not open', WasiErrno.BADF, () => read(77)],
  ['a descriptor beyond the limit', WasiErrno.BADF, () => write(70_000)],
  ['descriptor -1', WasiErrno.BADF, () => read(-1)],
  [
    'a write without the right to write',
    WasiErrno.NOTCAPABLE,
    (rig) => write(without(rig, Right.FD_WRITE).fd!),
  ],
  ['a read without the right to read', WasiErrno.NOTCAPABLE, (rig) => without(rig, Right.FD_READ)],
  [
    'a read without the right to poll',
    WasiErrno.NOTCAPABLE,
    (rig) => without(rig, Right.POLL_FD_READWRITE),
  ],
  ['a clock that nobody knows', WasiErrno.INVAL, () => clock(HOUR, { clock: 17 })],
  [
    'a clock that cannot be waited for',
    WasiErrno.NOTSUP,
    () => clock(HOUR, { clock: Clock.PROCESS_CPUTIME }),
  ],
  [
    'a kind of event that nobody knows',
    WasiErrno.INVAL,
    (rig) => ({ ...read(rig.connection().fd), type: 7 }),
  ],
];

function without(rig: Rig, right: number): Subscription {
  const { fd } = rig.connection();
  rig.call('fd_fdstat_set_rights', fd, BigInt(CONNECTION_RIGHTS & ~right), 0n);
  return read(fd);
}

describe.each(pollerNames)('with %s', (poller) => {
  test.each(wrong)(
    'contract 2: %s is an event with errno %i, and the call succeeds',
    (_, errno, make) => {
      const rig = rigged({ poller });
      const bad = { ...make(rig), userdata: 0xbad_0000_0bad_000n };
      const { fd, peer } = rig.connection();
      expect(rig.ask(bad, clock(HOUR))).toEqual([
        expect.objectContaining({ userdata: bad.userdata, errno, type: bad.type }),
      ]);
      peer.send('x');
      const events = rig.ask(read(fd, 1), bad, write(fd, 2));
      expect(
        events.filter(({ userdata }) => userdata === bad.userdata).map((event) => event.errno),
      ).toEqual([errno]);
      expect(user(events.filter((event) => event.errno === 0))).toEqual([1, 2]);
    },
  );

  test.each(wrong)(
    'contract 2: %s is also told in a short call between long ones',
    (_, errno, make) => {
      const rig = rigged({ poller });
      const bad = { ...make(rig), userdata: 3n };
      const fds = Array.from({ length: 12 }, () => rig.connection().fd);
      rig.ask(...fds.map((fd) => write(fd)));
      expect(rig.ask(bad)).toMatchObject([{ userdata: 3n, errno }]);
      const events = rig.ask(bad, write(fds[3]!, 4));
      expect(events.map((event) => [Number(event.userdata), event.errno]).sort()).toEqual([
        [3, errno],
        [4, 0],
      ]);
    },
  );

  test('contract 2: what is wrong with one subscription of a ready descriptor is told once', () => {
    const rig = rigged({ poller });
    const reset = rig.connection();
    rig.call('fd_fdstat_set_rights', reset.fd, BigInt(CONNECTION_RIGHTS & ~Right.FD_WRITE), 0n);
    reset.peer.send('x');
    rig.ask(read(reset.fd), SOON);
    rig.kernel.send(rig.descriptors.get(reset.fd)!.handle, rig.iovs([9]), 1, 0);
    reset.peer.close(); // with bytes that were not received: a reset, which every kind of interest is told of
    const { fd } = rig.connection();
    const unknown = { ...read(fd, 4), type: 200 };
    const asked = [read(reset.fd, 1), write(reset.fd, 2), write(fd, 3), unknown, unknown];
    for (const at of [{}, { input: (1 << 20) + 1 }]) {
      const { errno, events } = rig.pollOneoff(asked, at);
      expect(errno).toBe(0);
      expect(events.map((event) => [Number(event.userdata), event.errno]).sort()).toEqual([
        [1, 0],
        [2, WasiErrno.NOTCAPABLE],
        [3, 0],
        [4, WasiErrno.INVAL],
        [4, WasiErrno.INVAL],
      ]);
    }
  });

  test('contract 3: every ready event is reported, each subscription once', () => {
    const rig = rigged({ poller });
    const many = Array.from({ length: 40 }, () => rig.connection());
    for (const { peer } of many) peer.send('ping');
    const asked = many.flatMap(({ fd }, i) => [read(fd, i), write(fd, 100 + i), read(fd, 200 + i)]);
    const events = rig.ask(...asked, clock(HOUR));
    expect(user(events)).toEqual(user(asked));
  });

  test('contract 3: a clock is reported only when it has run out, and descriptors beside one that has', () => {
    const rig = rigged({ poller });
    const { fd, peer } = rig.connection();
    expect(user(rig.ask(write(fd, 1), clock(HOUR)))).toEqual([1]);
    expect(
      user(rig.ask(clock(0n), write(fd, 1), read(fd, 2), clock(HOUR, { userdata: 5n }))),
    ).toEqual([1, 1000]);
    peer.send('x');
    expect(user(rig.ask(clock(1n, { absolute: true }), read(fd, 2), write(fd, 1)))).toEqual([
      1, 2, 1000,
    ]);
  });

  test('contract 4: what is reported as readable never answers EAGAIN', () => {
    const rig = rigged({ poller });
    const many = Array.from({ length: 10 }, () => rig.connection());
    let seed = 7;
    const below = (limit: number) => (seed = (seed * 48271) % 0x7fff_ffff) % limit;
    let reads = 0;
    for (let round = 0; round < 300; round++) {
      for (let i = below(4); i > 0; i--) many[below(10)]!.peer.send('hello'.slice(below(4)));
      for (let i = below(3); i > 0; i--) rig.take('sock_recv', many[below(10)]!.fd, 3);
      const asked = many.filter(() => below(3) > 0).map(({ fd }) => read(fd));
      for (const { userdata } of rig.ask(...asked, clock(0n, { userdata: 0xffffn }))) {
        if (userdata === 0xffffn) continue;
        expect(rig.take('fd_read', Number(userdata), 1 + below(8))).toBeTypeOf('string');
        reads++;
      }
    }
    expect(reads).toBeGreaterThan(100);
  });

  test('contract 4: a listener whose last connection was taken is not reported', () => {
    const rig = rigged({ poller });
    const { fd, port } = rig.listen();
    rig.dial(port);
    expect(user(rig.ask(read(fd), SOON))).toEqual([fd]);
    expect(rig.accept(fd)).toBeGreaterThan(fd);
    expect(user(rig.ask(read(fd), clock(0n)))).toEqual([1000]);
  });

  test.each([
    ['monotonic', Clock.MONOTONIC],
    ['realtime', Clock.REALTIME],
  ])(
    'contract 5: a %s clock waits for as long as it says, rounded up, relative or absolute',
    (_, id) => {
      const rig = rigged({ poller });
      const { fd } = rig.listen();
      for (const ns of [1n, 1001n, 999_999n, 20n * MS]) {
        const relative = rig.pollOneoff([clock(ns, { clock: id }), read(fd)]);
        expect(relative.events).toMatchObject([{ errno: 0, type: Type.CLOCK, userdata: 1000n }]);
        expect(relative.tookNs).toBeGreaterThanOrEqual(ns);
        const deadlineNs = rig.kernel.now(id) + ns;
        expect(
          rig.pollOneoff([clock(deadlineNs, { clock: id, absolute: true }), read(fd)]).count,
        ).toBe(1);
        expect(rig.kernel.now(id)).toBeGreaterThanOrEqual(deadlineNs);
      }
    },
  );

  test('contract 5: a moment that is past and a timeout of zero are due at once', () => {
    const rig = rigged({ poller });
    const { fd } = rig.listen();
    for (const id of [Clock.MONOTONIC, Clock.REALTIME]) {
      for (const due of [
        clock(0n, { clock: id }),
        clock(0n, { clock: id, absolute: true }),
        clock(1n, { clock: id, absolute: true }),
      ]) {
        const answer = rig.pollOneoff([due, read(fd)]);
        expect(user(answer.events)).toEqual([1000]);
        expect(answer.tookNs).toBeLessThan(500n * MS);
      }
    }
  });

  test('contract 5: of several clocks those that ran out are reported, and the largest number means never', () => {
    const rig = rigged({ poller });
    const never = [
      clock(FOREVER),
      clock(FOREVER, { absolute: true }),
      clock(FOREVER, { clock: Clock.REALTIME }),
    ];
    const longest = [
      clock(FOREVER, { clock: Clock.REALTIME, absolute: true }),
      clock(1n << 63n),
      clock((1n << 63n) - 1n),
    ];
    const short = [
      clock(5n * MS, { userdata: 1n }),
      clock(5n * MS, { userdata: 2n, clock: Clock.REALTIME }),
    ];
    const events = rig.ask(...never, ...short, ...longest);
    expect(user(events).every((each) => each < 3)).toBe(true);
    expect(events.length).toBeGreaterThanOrEqual(1);
    expect(
      user(
        rig.ask(...never, clock(0n, { userdata: 1n }), clock(1n, { userdata: 2n, absolute: true })),
      ),
    ).toEqual([1, 2]);
  });

  test('contract 5: a zero timeout is one look at the kernel, which sees what is there', () => {
    const rig = rigged({ poller });
    const { fd, peer } = rig.connection();
    expect(user(rig.ask(read(fd, 1), clock(0n)))).toEqual([1000]);
    peer.send('x');
    expect(user(rig.ask(read(fd, 1), SOON))).toEqual([1]);
    expect(user(rig.ask(read(fd, 1), clock(0n)))).toEqual([1, 1000]);
  });

  test('contract 6: what is ready is told again and again, until it is no longer so', () => {
    const rig = rigged({ poller });
    const { fd, peer } = rig.connection();
    peer.send('abc');
    for (let i = 0; i < 3; i++) expect(user(rig.ask(read(fd, 1), SOON))).toEqual([1]);
    for (const letter of 'abc') {
      expect(user(rig.ask(read(fd, 1), clock(0n)))).toEqual([1, 1000]);
      expect(rig.take('fd_read', fd, 1)).toBe(letter);
    }
    expect(user(rig.ask(read(fd, 1), clock(0n)))).toEqual([1000]);
  });

  test('contract 6: the same descriptor, and the same descriptor and kind, may be asked for many times', () => {
    const rig = rigged({ poller });
    const { fd, peer } = rig.connection();
    peer.send('hello');
    rig.ask(read(fd), SOON);
    const events = rig.ask(
      read(fd, 1),
      write(fd, 1),
      read(fd, 1),
      read(fd, 2),
      write(fd, 2),
      read(77, 1),
    );
    expect(user(events)).toEqual([1, 1, 1, 1, 2, 2]);
    const reads = events.filter(({ type, errno }) => type === Type.READ && errno === 0);
    expect(reads.map(({ nbytes }) => nbytes)).toEqual([5n, 5n, 5n]);
  });

  test('contract 7: nbytes is what can be read', () => {
    const rig = rigged({ poller });
    const { fd, peer } = rig.connection();
    peer.send('hello');
    rig.ask(read(fd), SOON);
    expect(rig.ask(read(fd, 1))).toMatchObject([{ errno: 0, nbytes: 5n, flags: 0 }]);
    rig.take('fd_read', fd, 2);
    expect(rig.ask(read(fd, 1))).toMatchObject([{ errno: 0, nbytes: 3n, flags: 0 }]);
  });

  test('contract 7: a regular file is always ready, and its nbytes is what is left', () => {
    const rig = rigged({ poller });
    const fd = rig.file('package.json');
    const rest = () => Number(rig.ask(read(fd, 1), clock(HOUR))[0]!.nbytes);
    const all = rest();
    expect(all).toBeGreaterThan(1000);
    rig.take('fd_read', fd, 1000);
    expect(rest()).toBe(all - 1000);
    while (rig.take('fd_read', fd) !== '');
    expect(rig.ask(read(fd, 1), clock(HOUR))).toMatchObject([
      { userdata: 1n, errno: 0, nbytes: 0n },
    ]);
  });

  test('contract 7: the end of a connection is readable with HANGUP, before and after the last byte', () => {
    const rig = rigged({ poller });
    const { fd, peer } = rig.connection();
    peer.send('bye');
    peer.close();
    rig.ask(read(fd), SOON);
    expect(rig.take('fd_read', fd)).toBe('bye');
    expect(rig.ask(read(fd, 1), SOON)).toMatchObject([
      { userdata: 1n, errno: 0, nbytes: 0n, flags: HANGUP },
    ]);
    expect(rig.take('fd_read', fd)).toBe('');
    expect(rig.ask(read(fd, 1), SOON)).toMatchObject([
      { userdata: 1n, errno: 0, nbytes: 0n, flags: HANGUP },
    ]);
  });

  test('contract 7: the end of a pipe is readable with HANGUP', () => {
    const rig = rigged({ poller });
    const { reader, writer } = rig.pipe();
    expect(user(rig.ask(read(reader, 1), clock(0n)))).toEqual([1000]);
    rig.call('fd_close', writer);
    expect(rig.ask(read(reader, 1), SOON)).toMatchObject([
      { userdata: 1n, errno: 0, nbytes: 0n, flags: HANGUP },
    ]);
    expect(rig.take('fd_read', reader)).toBe('');
  });

  test('contract 12: a descriptor closed between two polls is EBADF, and its successor is not', () => {
    const rig = rigged({ poller });
    const { fd, peer } = rig.connection();
    const other = rig.connection();
    peer.send('x');
    expect(user(rig.ask(read(fd, 1), read(other.fd, 2), SOON))).toEqual([1]);
    rig.call('fd_close', fd);
    for (let i = 0; i < 2; i++) {
      expect(rig.ask(read(fd, 1), read(other.fd, 2))).toMatchObject([
        { userdata: 1n, errno: WasiErrno.BADF },
      ]);
    }
    const successor = rig.connection();
    expect(successor.fd).toBe(fd);
    expect(user(rig.ask(read(fd, 1), read(other.fd, 2), clock(0n)))).toEqual([1000]);
    successor.peer.send('y');
    expect(rig.ask(read(fd, 1), read(other.fd, 2), SOON)).toMatchObject([
      { userdata: 1n, errno: 0, nbytes: 1n },
    ]);
  });
});
