/**
 * Linux and the simulator must give the same answers to the same calls, whatever these are. What
 * they once disagreed about stands first.
 */
import { readFileSync } from 'node:fs';
import { env } from 'node:process';

import { Opcode } from '#host/kernel/completion';
import { Shutdown } from '#host/kernel/kernel';
import { Readiness } from '#host/kernel/readiness';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { World } from '#host/sim/world';
import fc from 'fast-check';
import { describe, test } from 'vitest';

import { Lockstep, sequences, type Step } from './lockstep.js';

/** More than the tests want is test/nightly.sh's. */
const runs = Number(env['POLLUX_SEQUENCES'] ?? 200);
/** A divergence is one that comes again: this machine may be slow, and Linux may then be late. */
const TRIES = 3;

/** How often this machine had no room for one more TIME_WAIT, and so reset the peer. */
function timeWaitOverflows(): number {
  const [names, numbers] = readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  return Number(numbers![names!.indexOf('TCPTimeWaitOverflow')]);
}

/** The story of what `steps` are answered differently, or undefined. */
function divergence(steps: readonly Step[]): string | undefined {
  let story: string | undefined;
  const overflows = timeWaitOverflows();
  for (let i = 0; i < TRIES; i++) {
    const [linux, other] = [new LinuxKernel(), new World().kernel()];
    try {
      story = new Lockstep(linux, other).run(steps);
    } finally {
      linux.dispose();
      other.dispose();
    }
    if (story === undefined) return undefined;
  }
  return timeWaitOverflows() > overflows ? undefined : story;
}

function agree(steps: readonly Step[]): void {
  const story = divergence(steps);
  if (story !== undefined) throw new Error(`the kernels disagree:\n${story}`);
}

const { IN, PRI, OUT, RDHUP } = Readiness;
/** `of` what is not meant for a call, such as a listener that is sent to. */
const STRAY = 22;
const full: Step[] = [1, 2, 3, 4, 5].map(() => ({ do: 'write', of: 0, bytes: 16000 }));

/** What they once disagreed about, in as few calls as it took. */
const kept: [about: string, steps: Step[]][] = [
  [
    'writing nothing to a listener',
    [{ do: 'pair' }, { do: 'send', of: STRAY + 23, bytes: 0, write: true }],
  ],
  [
    'writing nothing to a connection that is shut down',
    [
      { do: 'pair' },
      { do: 'shutdown', of: 0, how: Shutdown.WR },
      { do: 'send', of: 0, bytes: 0, write: true },
    ],
  ],
  [
    'a listener out of service',
    [
      { do: 'listen', backlog: 16 },
      { do: 'retire', of: 0 },
      { do: 'send', of: STRAY, bytes: 0, write: true },
      { do: 'accept', of: 0 },
      { do: 'submit', operations: [{ opcode: 1, of: 0, multishot: false, length: 0 }] },
      { do: 'connect', of: 0 },
      { do: 'reap' },
    ],
  ],
  [
    'connections that two listeners are asked for at once, whose order is nobody’s promise',
    [
      { do: 'listen', backlog: 16 },
      { do: 'listen', backlog: 16 },
      { do: 'connect', of: 0 },
      { do: 'connect', of: 0 },
      { do: 'connect', of: 1 },
      {
        do: 'submit',
        operations: [
          { opcode: Opcode.ACCEPT, of: 0, multishot: true, length: 0 },
          { opcode: Opcode.ACCEPT, of: 1, multishot: true, length: 0 },
        ],
      },
      { do: 'reap' },
    ],
  ],
  [
    'reading nothing from a listener out of service',
    [{ do: 'pair' }, { do: 'retire', of: 0 }, { do: 'read', of: 187_932, bytes: 0 }],
  ],
  [
    'a read that finds nothing, and signals the end that writes',
    [
      { do: 'pipe' },
      { do: 'arm', of: 1, on: true },
      { do: 'read', of: 0, bytes: 4096 },
      { do: 'signals', most: 1 },
    ],
  ],
  [
    'a write that finds no room, and wakes and signals the end that reads',
    [
      { do: 'pipe' },
      { do: 'arm', of: 0, on: true },
      { do: 'poller', backend: 0 },
      { do: 'set', set: 0, of: 0, interest: IN, trigger: 1 },
      ...full,
      { do: 'wait', set: 0, most: 64 },
      { do: 'signals', most: 64 },
      { do: 'write', of: 0, bytes: 16000 },
      { do: 'wait', set: 0, most: 64 },
      { do: 'signals', most: 64 },
    ],
  ],
  [
    'data that wakes who waits for what is urgent',
    [
      { do: 'pair' },
      { do: 'poller', backend: 0 },
      { do: 'set', set: 0, of: 2, interest: PRI | OUT, trigger: 1 },
      { do: 'wait', set: 0, most: 1 },
      { do: 'send', of: 0, bytes: 1, write: false },
      { do: 'wait', set: 0, most: 1 },
    ],
  ],
  [
    'two listeners of one address, of which the first listens no more',
    [
      { do: 'listen', backlog: 16 },
      { do: 'shutdown', of: STRAY, how: Shutdown.RD },
      { do: 'listen again', of: 0 },
      { do: 'connect', of: 0 },
    ],
  ],
  [
    'a listener that is shut down, and signals an error',
    [
      { do: 'listen', backlog: 16 },
      { do: 'arm', of: 0, on: true },
      { do: 'shutdown', of: STRAY, how: Shutdown.RD },
      { do: 'signals', most: 1 },
    ],
  ],
  [
    'an end that the other acknowledges late, which is an edge',
    [
      { do: 'pair' },
      { do: 'poller', backend: 0 },
      { do: 'set', set: 0, of: 1, interest: IN | OUT | RDHUP, trigger: 1 },
      { do: 'send', of: 0, bytes: 4095, write: false },
      { do: 'send', of: 1, bytes: 4095, write: false },
      { do: 'send', of: 0, bytes: 4095, write: false },
      { do: 'shutdown', of: 0, how: Shutdown.WR },
      { do: 'wait', set: 0, most: 1 },
      { do: 'wait', set: 0, most: 1 },
    ],
  ],
];

describe('Linux and the simulator agree about', () => {
  test.each(kept)('%s', (_, steps) => agree(steps));

  test.each([
    ['any calls', { queued: false }],
    ['any calls, with operations in flight', { queued: true }],
  ])(
    '%s',
    (_, kind) => {
      fc.assert(fc.property(sequences(kind), agree), { numRuns: runs });
    },
    // Most of the time goes to waiting for acknowledgements; a failure must be shrunk, too.
    300_000 + runs * 500,
  );
});
