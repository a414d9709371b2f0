/**
 * Somebody exchanges a directory that is granted for a link to the outside, or for a directory of
 * the outside, while verbs go through it: nothing outside is ever read or changed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { Errno } from '#host/kernel/errno';
import { SetTime } from '#host/kernel/file-system';
import { Stat } from '#host/kernel/kernel';
import { resolutions } from '#host/linux/linux-files';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { CREATE, DIRECTORY, FileHand, FOLLOW, READ, WRITE } from '../../file-hand.js';
import { compiled } from '../../src/started.js';

const SWAPS = Number(process.env['POLLUX_SWAPS'] ?? 40_000);
const PATIENCE_MS = 60_000 + SWAPS;

/** What a directory of the host has in it, with all that can be seen of it but contents. */
function picture(folder: string): unknown[] {
  const { mtimeMs, nlink } = statSync(folder);
  const entries = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) return { name, inside: picture(path) };
    return { name, mtimeMs: stat.mtimeMs, atimeMs: stat.atimeMs, size: stat.size };
  });
  return [{ mtimeMs, nlink }, ...entries];
}

const swap = compiled('host/linux/swap.c');

let folder: string;
let kernel: LinuxKernel;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pollux-'));
  mkdirSync(join(folder, 'outside/deep/sub'), { recursive: true });
  mkdirSync(join(folder, 'granted/deep/sub'), { recursive: true });
  for (const where of ['outside', 'granted/deep', 'outside/deep']) {
    const text = where.startsWith('outside') ? 'SECRET' : 'inside';
    for (const name of ['file', 'victim', 'other']) {
      writeFileSync(join(folder, where, name), text);
      utimesSync(join(folder, where, name), 1, 2); // so that to read it would be seen
    }
  }
  symlinkSync('file', join(folder, 'outside/link'));
});
afterEach(() => {
  kernel.dispose();
  rmSync(folder, { recursive: true });
});

/** Runs `verbs` over and over until two names have been exchanged SWAPS times. */
async function during(name: string, other: string, verbs: () => void): Promise<void> {
  const args = [String(SWAPS), join(folder, name), join(folder, other)];
  const swapper = spawn(swap(), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exit = once(swapper, 'exit');
  try {
    while (swapper.exitCode === null) {
      for (let i = 0; i < 50; i++) verbs();
      await setImmediate();
    }
  } finally {
    swapper.kill();
    await exit;
  }
  expect(swapper.exitCode).toBe(0);
}

/** Counts the answers, and expects them among those that there may be. */
class Answers {
  readonly #counts = new Map<unknown, number>();

  of(answer: unknown, ...allowed: unknown[]): void {
    this.#counts.set(answer, (this.#counts.get(answer) ?? 0) + 1);
    if (!allowed.includes(answer)) expect(allowed).toContain(answer);
  }

  /** Expects that each came at least once. */
  came(...answers: unknown[]): void {
    for (const answer of answers) expect(this.#counts.get(answer) ?? 0).toBeGreaterThan(0);
  }
}

const { EPERM, ENOENT, EEXIST, ENOTDIR, ELOOP, ENOTEMPTY } = Errno;

describe.each(resolutions)('by %s', (resolution) => {
  const links = ['../outside', '/outside'] as const;
  test.each(links)(
    'nothing outside is touched through a name that is now a directory, now a link to %s',
    async (link) => {
      const target = link.startsWith('/') ? join(folder, 'outside') : link;
      symlinkSync(target, join(folder, 'granted/link'));
      kernel = new LinuxKernel({ paths: resolution });
      const hand = new FileHand(kernel, kernel.files.openRoot(join(folder, 'granted')));
      const before = picture(join(folder, 'outside'));
      const answers = new Answers();
      let i = 0;
      await during('granted/deep', 'granted/link', () => {
        const name = `deep/new${i++ % 8}`;
        answers.of(hand.contents('deep/file'), 'inside', -EPERM);
        answers.of(hand.contents('deep/./sub/../file', READ), 'inside', -ENOENT, -EPERM);
        const file = hand.open(name, WRITE | CREATE);
        answers.of(Math.min(file, 0), 0, -EPERM);
        if (file >= 0) {
          hand.write(file, 'written');
          kernel.close(file);
        }
        answers.of(hand.unlink(name), 0, -ENOENT, -EPERM);
        answers.of(hand.unlink('deep/victim'), 0, -ENOENT, -EPERM);
        answers.of(hand.mkdir('deep/made'), 0, -EEXIST, -EPERM);
        answers.of(hand.rmdir('deep/made'), 0, -ENOENT, -EPERM);
        answers.of(hand.rmdir('deep/sub'), 0, -ENOENT, -EPERM);
        answers.of(hand.mkdir('deep/sub'), 0, -EEXIST, -EPERM);
        answers.of(hand.rename('deep/other', 'mine'), 0, -ENOENT, -EPERM);
        answers.of(hand.rename('mine', 'deep/other'), 0, -ENOENT, -EPERM);
        answers.of(hand.link('deep/file', 'hard'), 0, -EEXIST, -EPERM);
        if (hand.contents('hard') === 'SECRET') throw new Error('linked to what is outside');
        answers.of(hand.unlink('hard'), 0, -ENOENT);
        answers.of(hand.symlink('x', 'deep/symlink'), 0, -EEXIST, -EPERM);
        answers.of(hand.readlink('deep/symlink'), 'x', -EPERM, -ENOENT);
        answers.of(hand.unlink('deep/symlink'), 0, -ENOENT, -EPERM);
        answers.of(hand.setTimes('deep/file', 5n, 5n, SetTime.MTIME), 0, -EPERM);
        answers.of(hand.setTimes('deep', 5n, 5n, SetTime.MTIME, true), 0, -EPERM);
        answers.of(hand.setTimes('deep/', 5n, 5n, SetTime.ATIME), 0, -EPERM);
        answers.of(hand.field('deep/file', Stat.SIZE), 6, -EPERM);
        const directory = hand.open('deep', READ | DIRECTORY | FOLLOW);
        answers.of(Math.min(directory, 0), 0, -EPERM);
        if (directory < 0) return;
        answers.of(
          hand.list(directory).some((entry) => entry.name === 'link'),
          false,
        );
        kernel.close(directory);
      });
      answers.came('inside', 0, -EPERM);
      expect(picture(join(folder, 'outside'))).toEqual(before);
    },
    PATIENCE_MS,
  );

  test(
    'a file is created by a link that now leads inside and now outside only where it may',
    async () => {
      symlinkSync('../outside/created', join(folder, 'granted/out'));
      symlinkSync('deep/created', join(folder, 'granted/in'));
      kernel = new LinuxKernel({ paths: resolution });
      const hand = new FileHand(kernel, kernel.files.openRoot(join(folder, 'granted')));
      const answers = new Answers();
      await during('granted/in', 'granted/out', () => {
        const file = hand.open('in', WRITE | CREATE | FOLLOW);
        answers.of(Math.min(file, 0), 0, -EPERM);
        if (file >= 0) kernel.close(file);
        answers.of(hand.link('in', 'hard', true), 0, -EPERM, -ENOENT, -EEXIST, -ELOOP);
        answers.of(hand.unlink('hard'), 0, -ENOENT);
        answers.of(hand.unlink('deep/created'), 0, -ENOENT);
        answers.of(hand.open('in', WRITE | CREATE), -ELOOP);
      });
      answers.came(0, -EPERM);
      expect(existsSync(join(folder, 'outside/created'))).toBe(false);
    },
    PATIENCE_MS,
  );

  test(
    'what is left by dots is what was entered, though that is moved outside meanwhile',
    async () => {
      kernel = new LinuxKernel({ paths: resolution });
      const hand = new FileHand(kernel, kernel.files.openRoot(join(folder, 'granted')));
      writeFileSync(join(folder, 'granted/file'), 'inside');
      const answers = new Answers();
      const before = readdirSync(join(folder, 'outside'));
      await during('granted/deep/sub', 'outside/deep', () => {
        answers.of(hand.contents('deep/sub/../../file', READ), 'inside', -EPERM, -ENOENT);
        answers.of(hand.contents('deep/sub/../file', READ), 'inside', -EPERM, -ENOENT);
        answers.of(hand.unlink('deep/sub/../../link'), -ENOENT, -EPERM);
        answers.of(hand.rmdir('deep/sub/../../deep'), -ENOTEMPTY, -ENOENT, -EPERM);
        answers.of(hand.open('deep/sub/../../../outside/file'), -EPERM, -ENOENT, -ENOTDIR);
        answers.of(hand.field('deep/sub/../../file', Stat.SIZE), 6, -EPERM, -ENOENT);
      });
      answers.came('inside');
      expect(readdirSync(join(folder, 'outside'))).toEqual(before);
    },
    PATIENCE_MS,
  );
});
