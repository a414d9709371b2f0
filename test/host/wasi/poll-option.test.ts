/**
 * The two ways in which a sandbox may change poll_oneoff: readiness told by edges, which tokio
 * expects (contract 14), and what is wrong with one subscription as an error of the whole call, as
 * wasmtime has it (contract 2), and fd_allocate with it.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';

import { WasiErrno } from '#host/wasi/errno';
import {
  clock,
  MS,
  Oflag,
  read,
  Rig,
  rigged,
  write,
  type Event,
  type Subscription,
} from './rig.js';

const SEED = 4712;
const AT_ONCE = clock(0n, { userdata: 9999n });
const SOON = clock(2000n * MS, { userdata: 9999n });
const told = (events: Event[]) => events.map(({ userdata }) => Number(userdata)).sort();

describe('contract 14: by edges', () => {
  test('what is ready is told once, and again when it newly arises', () => {
    const rig = rigged({ edge: true });
    const { fd, peer } = rig.connection();
    const both = [read(fd, 1), write(fd, 2)];
    expect(told(rig.ask(...both, SOON))).toEqual([2]);
    expect(told(rig.ask(...both, AT_ONCE))).toEqual([9999]);
    peer.send('hello');
    expect(told(rig.ask(...both, SOON))).toContain(1);
    expect(told(rig.ask(...both, AT_ONCE))).toEqual([9999]); // 'hello' is still there
    peer.send('again');
    expect(told(rig.ask(...both, SOON))).toContain(1);
    expect(rig.take('sock_recv', fd)).toBe('helloagain');
    peer.shutdown(2);
    expect(told(rig.ask(...both, SOON))).toContain(1);
  });

  test('what arises while nobody asks about it is told when somebody does', () => {
    const rig = rigged({ edge: true });
    const { fd, peer } = rig.connection();
    expect(told(rig.ask(read(fd, 1), write(fd, 2), SOON))).toEqual([2]);
    peer.send('hello');
    expect(told(rig.ask(write(fd, 2), AT_ONCE))).toContain(2);
    expect(told(rig.ask(write(fd, 2), AT_ONCE))).toEqual([9999]);
    expect(told(rig.ask(write(fd, 2), read(fd, 1), SOON))).toContain(1);
  });

  test('one connection among many is told by edges too', () => {
    const rig = rigged({ edge: true });
    const open = Array.from({ length: 12 }, () => rig.connection());
    rig.ask(...open.map(({ fd }) => read(fd)), AT_ONCE);
    const { fd, peer } = open[5]!;
    peer.send('hello');
    expect(told(rig.ask(read(fd, 1), SOON))).toEqual([1]);
    expect(told(rig.ask(read(fd, 1), AT_ONCE))).toEqual([9999]);
  });

  test('whatever is asked, and when: after all was read and told, the next bytes are told', () => {
    const FDS = 4;
    const asked = fc.array(fc.tuple(fc.nat(FDS - 1), fc.boolean()), { maxLength: 8 });
    const acts = fc.array(
      fc.tuple(fc.nat(FDS - 1), fc.constantFrom('send', 'take', 'ask'), asked),
      {
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(acts, (sequence) => {
        const rig = new Rig({ edge: true });
        try {
          const open = Array.from({ length: FDS }, () => rig.connection());
          // What the guest of an edge-triggered poll keeps: what it was told and has not used up.
          const known = new Set<number>();
          const note = (subscriptions: Subscription[]) => {
            for (const { userdata } of rig.ask(...subscriptions, AT_ONCE))
              if (userdata < 100n) known.add(Number(userdata));
          };
          for (const [at, act, about] of sequence) {
            const { fd, peer } = open[at]!;
            if (act === 'send') peer.send('bytes');
            if (act === 'take' && known.has(at)) {
              while (rig.take('sock_recv', fd) !== WasiErrno.AGAIN);
              known.delete(at);
            }
            if (act === 'ask')
              note(
                about.map(([i, reads]) => (reads ? read(open[i]!.fd, i) : write(open[i]!.fd, 100))),
              );
          }
          note(open.map(({ fd }, i) => read(fd, i)));
          for (const [i, { fd }] of open.entries())
            if (!known.has(i)) expect(rig.take('sock_recv', fd)).toBe(WasiErrno.AGAIN);
        } finally {
          rig.dispose();
        }
      }),
      { seed: SEED, numRuns: 100 },
    );
  });
});

describe('contract 2: strict', () => {
  test('a bad descriptor or clock fails the whole call, and the rest is as ever', () => {
    const rig = rigged({ strict: true });
    const { fd } = rig.connection();
    expect(rig.pollOneoff([write(fd), read(77)]).errno).toBe(WasiErrno.BADF);
    expect(rig.pollOneoff([write(fd), clock(0n, { clock: 9 })]).errno).toBe(WasiErrno.INVAL);
    expect(rig.pollOneoff([{ type: 3, userdata: 1n, fd }]).errno).toBe(WasiErrno.INVAL);
    expect(told(rig.ask(write(fd, 5), SOON))).toEqual([5]);
  });

  test('fd_allocate is not supported, and otherwise makes room', () => {
    for (const [strict, errno] of [
      [true, WasiErrno.NOTSUP],
      [false, WasiErrno.SUCCESS],
    ] as const) {
      const rig = rigged({ strict });
      const folder = mkdtempSync(join(tmpdir(), 'pollux-strict-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const file = rig.open(rig.directory(folder), 'file', { oflags: Oflag.CREATE });
      expect(rig.call('fd_allocate', file, 0n, 5n)).toBe(errno);
      expect(statSync(join(folder, 'file')).size).toBe(strict ? 0 : 5);
    }
  });

  test('by default these are events', () => {
    const { events } = rigged().pollOneoff([read(77, 3), AT_ONCE]);
    expect(events.find(({ userdata }) => userdata === 3n)?.errno).toBe(WasiErrno.BADF);
  });
});
