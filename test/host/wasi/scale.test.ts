/**
 * Point 13 of the host contract: many subscriptions, and an interest set that is kept from call to
 * call.
 */
import { expect, test, vi } from 'vitest';

import { pollerNames } from '#host/kernel/readiness';
import { WasiErrno } from '#host/wasi/errno';
import { clock, HOUR, MS, read, rigged, write, type Rig, type Subscription } from './rig.js';

const MOST = 65_535;

/** What the backend is told, as a count of its calls. */
function told(rig: Rig) {
  const set = vi.spyOn(rig.watched[0]!, 'set');
  const remove = vi.spyOn(rig.watched[0]!, 'remove');
  return () => {
    const calls = [set.mock.calls.length, remove.mock.calls.length];
    set.mockClear();
    remove.mockClear();
    return calls;
  };
}

test('contract 13: 65,535 subscriptions go in one call, and all that are ready come back', () => {
  const rig = rigged();
  const many = Array.from({ length: 500 }, () => rig.connection());
  const asked: Subscription[] = [];
  while (asked.length < MOST - 1) {
    const { fd } = many[asked.length % 500]!;
    asked.push(asked.length % 1000 < 500 ? read(fd, asked.length) : write(fd, asked.length));
  }
  asked.push(clock(HOUR, { userdata: 1n << 40n }));
  const writes = asked.filter(({ type }) => type === 2).map(({ userdata }) => userdata);
  const first = rig.ask(...asked).map(({ userdata }) => userdata);
  expect(first.length).toBe(writes.length);
  expect(new Set(first)).toEqual(new Set(writes));
  many[123]!.peer.send('x');
  rig.ask(read(many[123]!.fd), clock(1000n * MS));
  const reads = asked.filter(({ type, fd }) => type === 1 && fd === many[123]!.fd).length;
  expect(rig.ask(...asked).length).toBe(writes.length + reads);
});

test('contract 13: 65,535 bad descriptors are as many events', () => {
  const rig = rigged();
  const asked = Array.from({ length: MOST }, (_, i) => read(i + 1, i));
  const events = rig.ask(...asked);
  expect(events.length).toBe(MOST);
  expect(events.every(({ errno }) => errno === WasiErrno.BADF)).toBe(true);
});

test('contract 13: more subscriptions than anybody has are ENOMEM', () => {
  const rig = rigged({ pages: 1400 });
  const count = (1 << 20) + 1;
  expect(rig.call('poll_oneoff', 1 << 20, 52 << 20, count, 8)).toBe(WasiErrno.NOMEM);
});

test.each(pollerNames)('contract 13: a call like the one before tells %s nothing', (poller) => {
  const rig = rigged({ poller });
  const many = Array.from({ length: 100 }, () => rig.connection());
  const calls = told(rig);
  const asked = many.map(({ fd }, i) => read(fd, i));
  rig.ask(...asked, clock(0n));
  expect(calls()).toEqual([100, 0]);
  for (let i = 0; i < 5; i++) {
    many[i]!.peer.send('x');
    rig.ask(...asked, clock(BigInt(i), { absolute: true }));
    expect(calls()).toEqual([0, 0]);
  }
});

test.each(pollerNames)('contract 13: a call tells %s only what differs', (poller) => {
  const rig = rigged({ poller });
  const many = Array.from({ length: 100 }, () => rig.connection());
  const calls = told(rig);
  const asked = many.map(({ fd }, i) => read(fd, i));
  rig.ask(...asked, clock(0n));
  calls();
  asked[7] = write(many[7]!.fd, 7);
  rig.ask(...asked);
  expect(calls()).toEqual([1, 0]);
  const extra = rig.connection();
  rig.ask(...asked, read(extra.fd));
  expect(calls()[0]).toBe(1);
  asked[8] = { ...asked[8]!, userdata: 1n << 50n };
  rig.ask(...asked);
  expect(calls()).toEqual([0, 0]);
  rig.call('fd_close', many[9]!.fd);
  expect(calls()).toEqual([0, 1]);
});

test('contract 13: a poll of one descriptor between two polls of many tells the kernel nothing', () => {
  const rig = rigged();
  const many = Array.from({ length: 100 }, () => rig.connection());
  const asked = many.map(({ fd }, i) => read(fd, i));
  const calls = told(rig);
  rig.ask(...asked, clock(0n));
  calls();
  many[50]!.peer.send('abc');
  expect(rig.ask(read(many[50]!.fd), clock(1000n * MS))).toMatchObject([{ nbytes: 3n }]);
  expect(rig.ask(write(many[51]!.fd), clock(0n)).length).toBe(2);
  expect(rig.ask(...asked)).toMatchObject([{ userdata: 50n }]);
  expect(calls()).toEqual([0, 0]);
});

test('contract 13: what is asked for no longer does not keep a poll awake', () => {
  const rig = rigged();
  const many = Array.from({ length: 20 }, () => rig.connection());
  rig.ask(...many.map(({ fd }) => read(fd)), clock(0n));
  for (const { peer } of many.slice(10)) peer.send('x');
  const few = many.slice(0, 10).map(({ fd }) => read(fd));
  const calls = told(rig);
  expect(rig.pollOneoff([...few, clock(20n * MS)])).toMatchObject({
    errno: 0,
    count: 1,
    events: [{ userdata: 1000n }],
  });
  expect(calls()).toEqual([0, 10]);
  rig.ask(...few, clock(MS));
  expect(calls()).toEqual([0, 0]);
  expect(rig.ask(...many.map(({ fd }) => read(fd))).length).toBe(10);
});

test('contract 13: polls for the first few and for all, in turn, tell the kernel nothing', () => {
  const rig = rigged();
  const many = Array.from({ length: 60 }, () => rig.connection());
  const all = many.map(({ fd }, i) => read(fd, i));
  const few = all.slice(0, 12);
  const calls = told(rig);
  rig.ask(...all, clock(0n));
  expect(calls()).toEqual([60, 0]);
  for (let i = 0; i < 5; i++) {
    rig.ask(...few, clock(0n));
    rig.ask(...all, clock(0n));
  }
  expect(calls()).toEqual([0, 0]);
});

test('what changed while only the first few were asked for is told when all are', () => {
  const rig = rigged();
  const many = Array.from({ length: 30 }, () => rig.connection());
  const all = many.map(({ fd }, i) => read(fd, i));
  const few = [...all.slice(0, 12), clock(0n)];
  rig.ask(...all, clock(0n));
  many[20]!.peer.send('ready, and taken out of the set for it');
  rig.ask(...few);
  const { fd } = many[25]!;
  rig.call('fd_close', fd);
  const successor = rig.connection();
  expect(successor.fd).toBe(fd);
  rig.ask(...few);
  successor.peer.send('new');
  rig.ask(...few);
  expect(rig.ask(...all).map(({ userdata }) => userdata)).toEqual(
    expect.arrayContaining([20n, 25n]),
  );
});

test('an embedded guest that polls for one after many is watched for that one too', () => {
  const rig = rigged({ embedded: true });
  const many = Array.from({ length: 12 }, () => rig.connection());
  rig.pollOneoff(many.map(({ fd }) => read(fd)));
  const { fd, peer } = rig.connection();
  expect(rig.pollOneoff([read(fd)])).toMatchObject({ errno: 0, count: 0 });
  peer.send('x');
  // What its event loop would see.
  const events = new Int32Array(30);
  expect(rig.watched[0]!.wait(events, 1000 * Number(MS))).toBe(1);
  expect(events[1]).toBe(fd);
});
