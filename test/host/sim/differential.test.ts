/**
 * Linux and the simulator must give the same answers to the same calls, whatever these are. What
 * they once disagreed about stands first.
 */
import { env } from 'node:process';

import { LinuxKernel } from '#host/linux/linux-kernel';
import { World } from '#host/sim/world';
import fc from 'fast-check';
import { describe, test } from 'vitest';

import { Lockstep, sequences, type Step } from './lockstep.js';

/** More than the tests want is test/nightly.sh's. */
const runs = Number(env['POLLUX_SEQUENCES'] ?? 200);
/** A divergence is one that comes again: this machine may be slow, and Linux may then be late. */
const TRIES = 3;

/** The story of what `steps` are answered differently, or undefined. */
function divergence(steps: readonly Step[]): string | undefined {
  let story: string | undefined;
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
  return story;
}

function agree(steps: readonly Step[]): void {
  const story = divergence(steps);
  if (story !== undefined) throw new Error(`the kernels disagree:\n${story}`);
}

describe('Linux and the simulator agree about', () => {
  test.each([
    ['any calls', { queued: false }],
    ['any calls, with operations in flight', { queued: true }],
  ])(
    '%s',
    (_, kind) => {
      fc.assert(fc.property(sequences(kind), agree), {
        numRuns: runs,
        // Whoever shrinks a failure does not wait for more than a few minutes.
        interruptAfterTimeLimit: 600_000,
        markInterruptAsFailure: false,
      });
    },
    1_000_000,
  );
});
