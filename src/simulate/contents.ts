/**
 * What the directories of a simulated guest hold when it begins. A directory of this machine is
 * read once, and is never written to.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

import { UsageError } from '../../host/kernel/error.js';
import { Disk, Link, type Tree } from '../../host/sim/disk.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import type { TraceHash } from '../../host/sim/trace-hash.js';
import type { World } from '../../host/sim/world.js';
import { Descriptor } from '../../host/wasi/descriptors.js';
import type { DirectoryOption } from '../directory.js';
import type { SimulateOptions } from './outcome.js';

/** A directory of this machine, which is copied, or what there is in it. */
export type DirectoryContents = DirectoryOption | { tree: Tree; readOnly?: boolean } | Contents;

const HASH_DIGITS = 32;

/** What a directory holds, as it was when it was looked at. */
export class Contents {
  readonly tree: Tree;
  readonly readOnly: boolean;
  /** Where it was read from; undefined: nowhere. */
  readonly path: string | undefined;
  /** Of all names and bytes. */
  readonly hash: string;

  private constructor(tree: Tree, readOnly: boolean, path?: string) {
    this.tree = tree;
    this.readOnly = readOnly;
    this.path = path;
    const text = JSON.stringify(plainOf(tree));
    this.hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
  }

  /** Throws `UsageError` for what cannot be read, or cannot be copied. */
  static of(option: DirectoryContents): Contents {
    if (option instanceof Contents) return option;
    if (typeof option === 'string') return new Contents(readTree(option), false, option);
    const { readOnly = false } = option;
    if ('tree' in option) return new Contents(option.tree, readOnly);
    return new Contents(readTree(option.path), readOnly, option.path);
  }

  /** What a token says of it: all, but of what lies on this machine only where, and its hash. */
  get saved(): Saved {
    const { tree, readOnly, path, hash } = this;
    return path === undefined
      ? { readOnly, tree: plainOf(tree) as Record<string, Plain> }
      : { readOnly, path, hash };
  }

  /** What `saved` was said of. Throws `UsageError` if it is not what it was. */
  static restored(saved: Saved): Contents {
    if ('tree' in saved) return new Contents(treeOf(saved.tree) as Tree, saved.readOnly);
    const { path, readOnly, hash } = saved;
    const now = Contents.of({ path, readOnly });
    if (now.hash === hash) return now;
    throw new UsageError(
      `${path} does not hold what it held when the token was made: its hash was ${hash}, and is ` +
        `${now.hash}; put it back as it was, or find a new token`,
    );
  }
}

/** What a run is told of its disk. */
type Options = Pick<SimulateOptions, 'dirs' | 'diskBytes'>;

/** By the guest's names. */
export type AllContents = Readonly<Record<string, Contents>>;

/** Reads what must be read. Throws `UsageError`. */
export function contentsOf(dirs: Readonly<Record<string, DirectoryContents>> = {}): AllContents {
  return Object.fromEntries(
    Object.entries(dirs).map(([guest, option]) => [guest, Contents.of(option)]),
  );
}

/**
 * The disk of a machine, with what the options say is on it; `hash` comes to cover that. Throws
 * `UsageError`.
 */
export function loadedDisk(
  world: World,
  host: string,
  { dirs, diskBytes }: Options,
  hash: TraceHash,
): Disk {
  const disk = new Disk(world, host, diskBytes);
  for (const [guest, each] of Object.entries(contentsOf(dirs))) {
    if (guest === '' || guest.includes('\0'))
      throw new UsageError(`a directory has no name for the guest, or NUL in it: "${guest}"`);
    disk.load(guest, each.tree);
    hash.text(`${guest} ${each.hash}`);
  }
  if (disk.freeBytes >= 0) return disk;
  throw new UsageError(
    `what the directories hold is ${-disk.freeBytes} bytes more than the disk: make it larger`,
  );
}

/** Descriptors of what is on the disk of a machine. */
export const grantContents = ({ files }: SimKernel, { dirs }: Options): Descriptor[] =>
  Object.entries(contentsOf(dirs)).map(([guest, { readOnly }]) =>
    Descriptor.preopen(files.openRoot(guest), new TextEncoder().encode(guest), readOnly),
  );

/** Contents as JSON: a file's bytes in base64 in a list of one, a link's target in one of two. */
type Plain = [string] | [null, string] | { [name: string]: Plain };

/** What `Contents.saved` says. */
export type Saved =
  | { readOnly: boolean; tree: Record<string, Plain> }
  | { readOnly: boolean; path: string; hash: string };

function plainOf(node: Tree[string]): Plain {
  if (node instanceof Link) {
    if (!/^$|\0/.test(node.target)) return [null, node.target];
    throw new UsageError('a symbolic link in a tree leads to nothing, or has NUL in its target');
  }
  if (typeof node === 'string' || node instanceof Uint8Array)
    return [Buffer.from(node as string).toString('base64')];
  return Object.fromEntries(
    Object.entries(node).map(([name, each]) => {
      if (/^\.{0,2}$|[/\0]/.test(name)) {
        throw new UsageError(
          `"${name}" is no name of a file: a directory in a tree is a tree, { a: { b: 'text' } }`,
        );
      }
      return [name, plainOf(each)];
    }),
  );
}

function treeOf(plain: Plain): Tree[string] {
  if (!Array.isArray(plain))
    return Object.fromEntries(Object.entries(plain).map(([name, each]) => [name, treeOf(each)]));
  return plain.length === 2 ? new Link(plain[1]) : new Uint8Array(Buffer.from(plain[0], 'base64'));
}

/** By name, so that it is the same wherever it was copied to. */
function readTree(path: string): Tree {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    return Object.fromEntries(
      entries.map((entry) => {
        const file = join(path, entry.name);
        if (entry.isDirectory()) return [entry.name, readTree(file)];
        if (entry.isSymbolicLink()) return [entry.name, new Link(readlinkSync(file))];
        if (entry.isFile()) return [entry.name, new Uint8Array(readFileSync(file))];
        throw new UsageError(
          `${file} is neither a file nor a directory nor a symbolic link: the simulator has ` +
            'nothing like it, so take it away',
        );
      }),
    );
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`the directory ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
