/**
 * What the directories of a simulated guest hold when it begins. Where that comes from is not known
 * here: directories.ts reads it from this machine.
 */
import { UsageError } from '../../host/kernel/error.js';
import { Disk, Link, type Tree } from '../../host/sim/disk.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import type { TraceHash } from '../../host/sim/trace-hash.js';
import type { World } from '../../host/sim/world.js';
import { Descriptor } from '../../host/wasi/descriptors.js';
import { base64Of, bytesOf } from '../bytes.js';

const encoder = new TextEncoder();

/** What a directory holds, as it was when it was looked at. */
export class Contents {
  readonly tree: Tree;
  readonly readOnly: boolean;
  /** Where it was read from; undefined: nowhere. */
  readonly path: string | undefined;
  /** Of all names and bytes. */
  readonly hash: string;

  constructor(tree: Tree, readOnly: boolean, hash: string, path?: string) {
    this.tree = tree;
    this.readOnly = readOnly;
    this.hash = hash;
    this.path = path;
  }

  /** What a token says of it: all, but of what lies on this machine only where, and its hash. */
  get saved(): Saved {
    const { tree, readOnly, path, hash } = this;
    return path === undefined
      ? { readOnly, tree: plainOf(tree) as Record<string, Plain> }
      : { readOnly, path, hash };
  }
}

/** By the guest's names. */
export type AllContents = Readonly<Record<string, Contents>>;

/** What a run is told of its disk. */
interface Options {
  readonly dirs?: AllContents | undefined;
  readonly diskBytes?: number | undefined;
}

/**
 * The disk of a machine, with what the options say is on it; `hash` comes to cover that. Throws
 * `UsageError`.
 */
export function loadedDisk(
  world: World,
  host: string,
  { dirs = {}, diskBytes }: Options,
  hash: TraceHash,
): Disk {
  const disk = new Disk(world, host, diskBytes);
  for (const [guest, each] of Object.entries(dirs)) {
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
export const grantContents = ({ files }: SimKernel, { dirs = {} }: Options): Descriptor[] =>
  Object.entries(dirs).map(([guest, { readOnly }]) =>
    Descriptor.preopen(files.openRoot(guest), new TextEncoder().encode(guest), readOnly),
  );

/** Contents as JSON: a file's bytes in base64 in a list of one, a link's target in one of two. */
type Plain = [string] | [null, string] | { [name: string]: Plain };

/** What `Contents.saved` says. */
export type Saved =
  | { readOnly: boolean; tree: Record<string, Plain> }
  | { readOnly: boolean; path: string; hash: string };

/** The tree that `Contents.saved` says. */
export const savedTree = (tree: Record<string, Plain>): Tree => nodeOf(tree) as Tree;

/** What is hashed of a tree: all names and bytes. */
export const treeText = (tree: Tree): string => JSON.stringify(plainOf(tree));

function plainOf(node: Tree[string]): Plain {
  if (node instanceof Link) {
    if (!/^$|\0/.test(node.target)) return [null, node.target];
    throw new UsageError('a symbolic link in a tree leads to nothing, or has NUL in its target');
  }
  if (typeof node === 'string' || node instanceof Uint8Array)
    return [base64Of(typeof node === 'string' ? encoder.encode(node) : node)];
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

/** The other way round. */
function nodeOf(plain: Plain): Tree[string] {
  if (!Array.isArray(plain))
    return Object.fromEntries(Object.entries(plain).map(([name, each]) => [name, nodeOf(each)]));
  return plain.length === 2 ? new Link(plain[1]) : bytesOf(plain[0]);
}
