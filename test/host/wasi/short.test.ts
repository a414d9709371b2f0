/**
 * Messages of one buffer have a quicker way (`ShortMessages`), and nothing tells that they have:
 * whatever a guest passes, errno, memory and connection are afterwards as without it.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { WasiErrno } from '#host/wasi/errno';

import { MS, Rig, clock, read, rigged } from './rig.js';

const PAGE_BYTES = 65536;
const FLAGS_NONBLOCK = 4;
/** So much arrives at most before it is received, which is received ahead as a whole. */
const MOST_BYTES = 1500;

type Step =
  | { do: 'arrive'; bytes: number }
  | { do: 'recv'; fd: number; iov: number; base: number; bytes: number; out: number; flags: number }
  | { do: 'send'; fd: number; iov: number; base: number; bytes: number; out: number; wait: boolean }
  | { do: 'grow' }
  | { do: 'rights'; bits: number }
  | { do: 'end' };

const place = fc.oneof(
  { weight: 16, arbitrary: fc.integer({ min: 4, max: 16000 }).map((word) => word * 4) },
  { weight: 2, arbitrary: fc.integer({ min: 16, max: PAGE_BYTES }) },
  { weight: 2, arbitrary: fc.integer({ min: PAGE_BYTES - 72, max: PAGE_BYTES + 8 }) },
  { weight: 1, arbitrary: fc.integer({ min: -80, max: -1 }) },
  { weight: 1, arbitrary: fc.constantFrom(0x7fffffff, -0x80000000, 2 * PAGE_BYTES) },
);
const bytes = fc.oneof(
  fc.integer({ min: 0, max: 80 }),
  fc.integer({ min: 500, max: 520 }),
  fc.constantFrom(-1, 0x7fffffff, PAGE_BYTES),
);
const fd = fc.oneof(
  { weight: 20, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(1, 64, 65, -1) },
);
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('arrive' as const),
        bytes: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 500, max: 520 })),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('recv' as const),
        fd,
        iov: place,
        base: place,
        bytes,
        out: place,
        flags: place,
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        fd,
        iov: place,
        base: place,
        bytes,
        out: place,
        wait: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'grow' }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('rights' as const), bits: fc.constantFrom(2, 64) }),
    },
    { weight: 2, arbitrary: fc.constant<Step>({ do: 'end' }) },
  ),
  { maxLength: 30 },
);

/** A guest with one connection, its descriptor 0. */
class Side {
  readonly #rig: Rig;
  readonly #peer;
  #sent = 0;
  #unread = 0;

  constructor(ahead: boolean) {
    this.#rig = new Rig({ ahead, pages: 1 });
    // Where the rig's events go is beyond one page: these waits are of the kernel itself.
    this.#peer = this.#connection();
    this.#rig.bytes.forEach((_, i, memory) => (memory[i] = i * 31));
  }

  #connection() {
    const rig = this.#rig;
    const { fd: listener, port } = rig.listen();
    const peer = rig.dial(port);
    rig.kernel.waitFor(rig.descriptors.get(listener)!.handle, 1, 1e9);
    const fd = rig.accept(listener, FLAGS_NONBLOCK);
    rig.call('fd_renumber', fd, listener);
    return peer;
  }

  #arrive(bytes: number): void {
    if (this.#unread + bytes > MOST_BYTES) return;
    const text = Uint8Array.from({ length: bytes }, (_, i) => this.#sent + i);
    if (this.#peer.send(text) > 0) this.#unread += bytes;
    this.#sent += bytes;
    const at = { input: 4096, output: 8192, count: 8 };
    this.#rig.pollOneoff([read(0), clock(1000n * MS)], at);
  }

  #iovec(at: number, base: number, length: number): void {
    const { view } = this.#rig;
    if (at >>> 0 > view.byteLength - 8) return;
    view.setInt32(at >>> 0, base, true);
    view.setInt32((at >>> 0) + 4, length, true);
  }

  do(step: Step): unknown {
    const rig = this.#rig;
    switch (step.do) {
      case 'arrive':
        return this.#arrive(step.bytes);
      case 'recv': {
        this.#iovec(step.iov, step.base, step.bytes);
        const { fd, iov, out, flags } = step;
        const errno = rig.call('sock_recv', fd, iov, 1, 0, out, flags);
        if (errno === 0) this.#unread -= rig.view.getUint32(out >>> 0, true);
        return errno;
      }
      case 'send': {
        this.#iovec(step.iov, step.base, step.bytes);
        if (step.wait) rig.call('fd_fdstat_set_flags', 0, 0);
        const { fd, iov, out } = step;
        const errno = rig.call('sock_send', fd, iov, 1, 0, out);
        rig.call('fd_fdstat_set_flags', 0, FLAGS_NONBLOCK);
        const sent = errno === 0 ? rig.view.getUint32(out >>> 0, true) : 0;
        return [errno, sent > 0 ? this.#peer.receive() : ''];
      }
      case 'grow':
        return rig.size < 3 * PAGE_BYTES && rig.grow();
      case 'rights': {
        const left = rig.descriptors.get(0)!.rights & ~step.bits;
        return rig.call('fd_fdstat_set_rights', 0, BigInt(left), 0n);
      }
      case 'end':
        // What is sent after that is answered by a reset.
        return this.#peer.close();
    }
  }

  get memory(): Uint8Array {
    return this.#rig.bytes;
  }

  dispose(): void {
    this.#rig.dispose();
  }
}

test('whatever a guest passes, messages are received and sent as all others', () => {
  let quick = 0;
  fc.assert(
    fc.property(steps, (history) => {
      const sides = [new Side(true), new Side(false)] as const;
      try {
        for (const step of history) {
          const [told, expected] = sides.map((side) => side.do(step));
          expect(told, JSON.stringify(step)).toEqual(expected);
          const same = Buffer.compare(sides[0].memory, sides[1].memory) === 0;
          expect(same, `memory after ${JSON.stringify(step)}`).toBe(true);
          if ('out' in step && (told === 0 || (told as number[])[0] === 0)) quick++;
        }
      } finally {
        for (const side of sides) side.dispose();
      }
    }),
    { numRuns: 1000 },
  );
  expect(quick, 'calls that succeeded').toBeGreaterThan(100);
}, 60_000);

test('a send on a connection that was reset is refused', () => {
  const rig = rigged({ ahead: true });
  const { fd, peer } = rig.connection();
  peer.close();
  expect(rig.give('sock_send', fd, 'answered by a reset')).toBe(19);
  expect(rig.give('sock_send', fd, 'refused')).toBe(-WasiErrno.PIPE);
});
