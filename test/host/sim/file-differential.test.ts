/**
 * The files of Linux and those of the simulator must give the same answers to the same calls,
 * whatever these are. What they once disagreed about stands first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';

import { LinuxKernel } from '#host/linux/linux-kernel';
import { World } from '#host/sim/world';
import fc from 'fast-check';
import { describe, test } from 'vitest';

import { CREATE, DIRECTORY, EXCLUSIVE, FOLLOW, READ, TRUNCATE, WRITE } from '../../file-hand.js';
import { FileSide, MOST_SIZE, type FileStep, type Where } from './file-side.js';

/** More than the tests want is test/nightly.sh's. */
const runs = Number(env['POLLUX_SEQUENCES'] ?? 200);

/** The story of what `steps` are answered differently, or undefined. */
function divergence(steps: readonly FileStep[]): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'pollux-'));
  const linux = new LinuxKernel();
  const other = new World().kernel();
  try {
    other.disk.load('/', {});
    const sides = [
      new FileSide(linux, linux.files.openRoot(folder)),
      new FileSide(other, other.files.openRoot('/')),
    ] as const;
    const story: string[] = [];
    for (const step of steps) {
      const [real, simulated] = [sides[0].step(step), sides[1].step(step)];
      story.push(`${JSON.stringify(step)}: ${real}`);
      if (real !== simulated) return [...story, `and not: ${simulated}`].join('\n');
    }
    const [real, simulated] = [sides[0].tree(), sides[1].tree()];
    if (real.join() === simulated.join()) return undefined;
    return [...story, 'left:', ...real, 'and not:', ...simulated].join('\n');
  } finally {
    linux.dispose();
    other.dispose();
    rmSync(folder, { recursive: true });
  }
}

function agree(steps: readonly FileStep[]): void {
  const story = divergence(steps);
  if (story !== undefined) throw new Error(`the kernels disagree:\n${story}`);
}

// ---- sequences

const of = fc.nat({ max: 12 });
const bytes = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 10_000 }), fc.constantFrom(4095, 4096));
const offset = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: MOST_SIZE }), fc.constantFrom(4096, -1));
const name = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 2, arbitrary: fc.constantFrom('.', '..', 'ä€') },
  { weight: 1, arbitrary: fc.constantFrom('', 'x'.repeat(255), 'y'.repeat(256)) },
);
const path = fc
  .tuple(
    fc.array(name, { minLength: 1, maxLength: 3 }),
    fc.oneof({ weight: 9, arbitrary: fc.constant('') }, fc.constantFrom('/', '//', '/.')),
    fc.oneof({ weight: 30, arbitrary: fc.constant('') }, fc.constant('/')),
  )
  .map(([names, end, start]) => start + names.join('/') + end);
const where: fc.Arbitrary<Where> = fc.record({
  at: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, of),
  path,
});
const mask = (...bits: number[]) =>
  fc.subarray(bits).map((chosen) => chosen.reduce((all, bit) => all | bit, 0));
const how = fc.oneof(
  fc.constantFrom(READ | FOLLOW, READ | DIRECTORY, READ | WRITE | CREATE | FOLLOW),
  mask(CREATE, DIRECTORY, EXCLUSIVE, TRUNCATE, READ, WRITE, FOLLOW),
);
const flags = fc.oneof(fc.constant(0), fc.constant(1), mask(1, 2, 8, 16));

function step<T extends FileStep['do']>(
  weight: number,
  verb: T,
  rest: { [K in Exclude<keyof Extract<FileStep, { do: T }>, 'do' | 'at' | 'path'>]: unknown },
  place = true,
): { weight: number; arbitrary: fc.Arbitrary<FileStep> } {
  const record = fc.record({
    do: fc.constant(verb),
    ...(rest as Record<string, fc.Arbitrary<unknown>>),
  });
  const arbitrary = place
    ? fc.tuple(record, where).map(([own, path]) => ({ ...path, ...own }))
    : record;
  return { weight, arbitrary: arbitrary as unknown as fc.Arbitrary<FileStep> };
}

const follow = fc.boolean();
const steps = fc.noBias(
  fc.array(
    fc.oneof(
      step(16, 'open', { how, flags }),
      step(4, 'close', { of }, false),
      step(6, 'read', { of, bytes }, false),
      step(8, 'write', { of, bytes }, false),
      step(4, 'pread', { of, bytes, offset }, false),
      step(4, 'pwrite', { of, bytes, offset }, false),
      step(4, 'seek', { of, offset, whence: fc.constantFrom(0, 1, 2, 3) }, false),
      step(4, 'truncate', { of, size: offset }, false),
      step(2, 'allocate', { of, offset, bytes }, false),
      step(2, 'flags', { of, flags }, false),
      step(1, 'advise', { of, advice: fc.nat({ max: 6 }) }, false),
      step(1, 'sync', { of }, false),
      step(2, 'readable', { of }, false),
      step(3, 'fstat', { of }, false),
      step(4, 'list', { of }, false),
      step(10, 'mkdir', {}),
      step(4, 'rmdir', {}),
      step(6, 'unlink', {}),
      step(6, 'stat', { follow }),
      step(2, 'times', { follow, which: fc.nat({ max: 16 }) }),
      step(3, 'readlink', { bytes: fc.constantFrom(1, 100) }),
      step(8, 'symlink', { target: path }),
      step(6, 'link', { follow, to: where }),
      step(10, 'rename', { to: where }),
    ),
    { maxLength: 80, size: 'max' },
  ),
);

/** What they once disagreed about, in as few calls as it took. */
const kept: [about: string, steps: FileStep[]][] = [
  ['reading nothing from a directory', [{ do: 'pread', of: 0, bytes: 0, offset: 0 }]],
  [
    'times that contradict each other, of a name that is too long',
    [{ do: 'times', at: 0, path: 'y'.repeat(256), follow: false, which: 7 }],
  ],
  [
    'a rename of a name that is too long to a directory that is missing',
    [{ do: 'rename', at: 0, path: 'y'.repeat(256), to: { at: 0, path: 'a/a' } }],
  ],
  [
    'a name that is too long in a directory that was removed',
    [
      { do: 'mkdir', at: 0, path: 'a' },
      { do: 'open', at: 0, path: 'a', how: READ | DIRECTORY, flags: 0 },
      { do: 'rmdir', at: 0, path: 'a' },
      { do: 'unlink', at: 1, path: `${'y'.repeat(256)}/a` },
      { do: 'unlink', at: 1, path: 'y'.repeat(256) },
      { do: 'mkdir', at: 1, path: 'y'.repeat(256) },
    ],
  ],
  [
    'how much there is to read behind the end',
    [
      { do: 'open', at: 0, path: 'a', how: READ | WRITE | CREATE, flags: 0 },
      { do: 'seek', of: 1, offset: 1, whence: 0 },
      { do: 'readable', of: 1 },
    ],
  ],
];

describe('the files of Linux and of the simulator agree about', () => {
  test.for(kept)('%s', ([, each]) => agree(each));

  test(
    'any calls',
    () => {
      fc.assert(fc.property(steps, agree), { numRuns: runs });
    },
    300_000 + runs * 500,
  );
});
