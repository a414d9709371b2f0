/**
 * Random verbs on random paths, full of dots, slashes and links, by both ways to resolve one: both
 * answer the same, the same trees come of it, and nothing outside is touched. `POLLUX_SEQUENCES`
 * says how many sequences.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { errnoName } from '#host/kernel/errno';
import { resolutions } from '#host/linux/linux-files';
import { LinuxKernel } from '#host/linux/linux-kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { CREATE, DIRECTORY, EXCLUSIVE, FileHand, FOLLOW, READ, WRITE } from '../../file-hand.js';

/** In memory, where there is one: nobody wants to wait for a disk. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const numRuns = Number(process.env['POLLUX_SEQUENCES'] ?? 300);

const component = fc.constantFrom('a', 'a', 'b', 'b', 'l', 'm', '.', '..', '..', '');
const path = fc
  .array(component, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'))
  .filter((text) => text !== '');
const how = fc.constantFrom(
  READ,
  READ | FOLLOW,
  READ | DIRECTORY,
  READ | DIRECTORY | FOLLOW,
  WRITE | CREATE,
  WRITE | CREATE | FOLLOW,
  WRITE | CREATE | EXCLUSIVE | FOLLOW,
);

type Verb = (hand: FileHand) => unknown;

const told = (answer: unknown) =>
  typeof answer === 'number' && answer < 0 ? errnoName(answer) : answer;

function openAndLook(hand: FileHand, where: string, mode: number): unknown {
  const handle = hand.open(where, mode);
  if (handle < 0) return handle;
  const read = mode & WRITE ? hand.write(handle, 'w') : hand.read(handle);
  const names = hand.readdir(handle).entries.map(({ name }) => name);
  hand.kernel.close(handle);
  return `${told(read)} ${names.toSorted()}`;
}

/** What `stat` tells of a path, without what differs between two trees. */
function look(hand: FileHand, where: string, follow: boolean): unknown {
  const stat = hand.stat(where, follow);
  return typeof stat === 'number' ? stat : `${stat[2]} ${stat[3]}`;
}

const verb: fc.Arbitrary<[text: string, Verb]> = fc.oneof(
  fc
    .tuple(path, how)
    .map(
      ([p, mode]) => [`open ${p} ${mode}`, (hand) => openAndLook(hand, p, mode)] as [string, Verb],
    ),
  path.map((p) => [`mkdir ${p}`, (hand) => hand.mkdir(p)] as [string, Verb]),
  path.map((p) => [`rmdir ${p}`, (hand) => hand.rmdir(p)] as [string, Verb]),
  path.map((p) => [`unlink ${p}`, (hand) => hand.unlink(p)] as [string, Verb]),
  path.map((p) => [`readlink ${p}`, (hand) => hand.readlink(p)] as [string, Verb]),
  fc
    .tuple(path, fc.boolean())
    .map(
      ([p, follow]) => [`stat ${p} ${follow}`, (hand) => look(hand, p, follow)] as [string, Verb],
    ),
  fc
    .tuple(path, fc.boolean())
    .map(
      ([p, follow]) =>
        [`times ${p} ${follow}`, (hand) => hand.setTimes(p, 5n, 5n, 1, follow)] as [string, Verb],
    ),
  fc
    .tuple(path, path)
    .map(([p, q]) => [`symlink ${p} ${q}`, (hand) => hand.symlink(p, q)] as [string, Verb]),
  fc
    .tuple(path, path)
    .map(([p, q]) => [`symlink ${p} ${q}`, (hand) => hand.symlink(p, q)] as [string, Verb]),
  fc
    .tuple(path, path)
    .map(([p, q]) => [`rename ${p} ${q}`, (hand) => hand.rename(p, q)] as [string, Verb]),
  fc
    .tuple(path, path, fc.boolean())
    .map(
      ([p, q, follow]) =>
        [`link ${p} ${q} ${follow}`, (hand) => hand.link(p, q, follow)] as [string, Verb],
    ),
);

/** What is in a folder of the host. */
function tree(folder: string): unknown[] {
  return readdirSync(folder)
    .toSorted()
    .map((name) => {
      const at = join(folder, name);
      const stat = lstatSync(at);
      if (stat.isDirectory()) return [name, tree(at)];
      return [name, stat.isFile() ? readFileSync(at, 'utf8') : readlinkSync(at), stat.nlink];
    });
}

test('both ways to resolve paths answer the same to anything', () => {
  fc.assert(
    fc.property(fc.array(verb, { minLength: 20, maxLength: 60, size: 'max' }), (verbs) => {
      const worlds = resolutions.map((paths) => {
        const folder = mkdtempSync(join(place, 'pollux-'));
        const outside = join(folder, 'outside');
        for (const where of ['a/a/a', 'a/b', 'b/a', 'b/b'])
          mkdirSync(join(outside, 'granted', where), { recursive: true });
        for (const where of ['', 'granted/a', 'granted/a/b'])
          writeFileSync(join(outside, where, 'l'), where);
        for (const name of ['a', 'b', 'm']) writeFileSync(join(outside, name), 'SECRET');
        const kernel = new LinuxKernel({ paths });
        const hand = new FileHand(kernel, kernel.files.openRoot(join(outside, 'granted')));
        return { folder, outside, hand };
      });
      try {
        for (const [text, run] of verbs) {
          const [one, other] = worlds.map(({ hand }) => told(run(hand)));
          if (other !== one) expect(other, text).toEqual(one);
          if (String(one).includes('SECRET')) throw new Error(`${text} reads what is outside`);
        }
        const [one, other] = worlds.map(({ outside }) => tree(outside));
        expect(other).toEqual(one);
        expect(readdirSync(worlds[0]!.outside)).toEqual(['a', 'b', 'granted', 'l', 'm']);
      } finally {
        for (const { folder, hand } of worlds) {
          hand.kernel.dispose();
          rmSync(folder, { recursive: true });
        }
      }
    }),
    { numRuns },
  );
}, 600_000);
