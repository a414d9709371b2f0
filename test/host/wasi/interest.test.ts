/**
 * The interest set that poll_oneoff keeps, against one that keeps nothing: after whatever happened
 * to the descriptors, a poll answers what poll(2) says of each subscription by itself.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { FileType } from '#host/kernel/kernel';
import { pollerNames, Readiness } from '#host/kernel/readiness';
import { Right } from '#host/wasi/descriptors';
import { WasiErrno } from '#host/wasi/errno';
import { clock, Rig, Type, type Peer, type Subscription } from './rig.js';

const SEED = 4711;
const SLOTS = 14;
const CLOCK = 9_999_999n;

/** What a subscription is answered now: an errno, or undefined if it is not ready. */
function oracle(rig: Rig, { fd, type }: Subscription): number | undefined {
  if (type > Type.WRITE) return WasiErrno.INVAL;
  const descriptor = rig.descriptors.get(fd!);
  if (!descriptor) return WasiErrno.BADF;
  const needed = Right.POLL_FD_READWRITE | (type === Type.READ ? Right.FD_READ : Right.FD_WRITE);
  if ((descriptor.rights & needed) !== needed) return WasiErrno.NOTCAPABLE;
  if (descriptor.type === FileType.REGULAR_FILE) return WasiErrno.SUCCESS;
  const interest = type === Type.READ ? Readiness.IN | Readiness.RDHUP : Readiness.OUT;
  return rig.kernel.waitFor(descriptor.handle, interest, 0) > 0 ? WasiErrno.SUCCESS : undefined;
}

const expected = (rig: Rig, asked: Subscription[]) =>
  asked
    .map((each) => [each.userdata, oracle(rig, each)] as const)
    .filter(([, errno]) => errno !== undefined)
    .map(([userdata, errno]) => `${userdata} ${errno}`)
    .sort();

type Act = (rig: Rig, peers: (Peer | undefined)[], asked: Subscription[]) => void;

const fds = fc.nat(SLOTS - 1);
const acts: fc.Arbitrary<Act> = fc.oneof(
  fds.map(
    (fd): Act =>
      (_, peers) =>
        peers[fd]?.send('bytes'),
  ),
  fds.map(
    (fd): Act =>
      (_, peers) =>
        peers[fd]?.shutdown(2),
  ),
  fds.map(
    (fd): Act =>
      (rig) =>
        void rig.take('fd_read', fd, 3),
  ),
  fds.map(
    (fd): Act =>
      (rig) =>
        void rig.give('fd_write', fd, 'x'.repeat(3000)),
  ),
  fds.map((fd): Act => (rig, peers) => {
    rig.call('fd_close', fd);
    peers[fd] = undefined;
  }),
  fc.constant<Act>((rig, peers) => {
    if (Array.from({ length: SLOTS }, (_, fd) => rig.descriptors.get(fd)).every(Boolean)) return;
    const { fd, peer } = rig.connection();
    peers[fd] = peer;
  }),
  fc.constant<Act>((rig) => {
    if (rig.descriptors.get(SLOTS - 1) === undefined) rig.file('package.json');
  }),
  fc.tuple(fds, fds).map(([from, to]): Act => (rig, peers) => {
    if (from === to || rig.call('fd_renumber', from, to) !== 0) return;
    peers[to] = peers[from];
    peers[from] = undefined;
  }),
  fc
    .tuple(fds, fc.constantFrom(Right.FD_READ, Right.FD_WRITE, 0))
    .map(([fd, right]): Act => (rig) => {
      rig.call('fd_fdstat_set_rights', fd, rig.fdstat(fd).rights & ~BigInt(right), 0n);
    }),
  fc.nat(60).map(
    (length): Act =>
      (_rig, _peers, asked) =>
        void asked.splice(length),
  ),
  fc
    .array(fc.tuple(fds, fc.constantFrom<number>(Type.READ, Type.READ, Type.WRITE, 3)), {
      maxLength: 20,
    })
    .map((added): Act => (_rig, _peers, asked) => {
      for (const [fd, type] of added) asked.push({ fd, type, userdata: BigInt(asked.length) });
    }),
  fc
    .tuple(fc.nat(30), fds, fc.bigInt(0n, 1n << 63n))
    .map(([i, fd, userdata]): Act => (_rig, _peers, asked) => {
      if (asked[i]) asked[i] = { ...asked[i]!, fd, userdata };
    }),
);

test.each(pollerNames)('what %s remembers is never what matters', (poller) => {
  fc.assert(
    fc.property(fc.array(acts, { minLength: 10, maxLength: 80 }), (sequence) => {
      const rig = new Rig({ poller });
      const peers: (Peer | undefined)[] = [];
      const asked: Subscription[] = [];
      try {
        for (const act of sequence) {
          act(rig, peers, asked);
          const before = expected(rig, asked);
          const events = rig.ask(...asked, clock(0n, { userdata: CLOCK }));
          if (before.join() !== expected(rig, asked).join()) continue; // it changed meanwhile
          const got = events.filter(({ userdata }) => userdata !== CLOCK);
          expect(events.length - got.length).toBe(1);
          expect(got.map(({ userdata, errno }) => `${userdata} ${errno}`).sort()).toEqual(before);
        }
      } finally {
        rig.dispose();
      }
    }),
    { seed: SEED, numRuns: 60 },
  );
});
