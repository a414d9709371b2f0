/**
 * A simulated disk: the directories that a guest is given, what goes wrong with them, and what a
 * crash of the machine leaves of them. It belongs to a machine, and outlives what runs there.
 */
import { Errno } from '../kernel/errno.js';
import { EPOCH_NS, type Realtime } from './clock.js';
import { Content } from './content.js';
import { Directory, entryBytes, LISTINGS } from './directory.js';
import { INODE_BYTES, SymbolicLink, type Inode, type Space } from './inode.js';
import { Iovecs } from './iovec.js';
import { Journal } from './journal.js';
import { fromText, Last, resolve, toText } from './path.js';
import type { World } from './world.js';

/** A symbolic link in a `Tree`. */
export class Link {
  readonly target: string;

  constructor(target: string) {
    this.target = target;
  }
}

/** What a directory holds, by name: files (their bytes, or text), links, and directories. */
export interface Tree {
  readonly [name: string]: string | Uint8Array | Link | Tree;
}

const DEFAULT_BYTES = 256 << 20;
/** What syncing takes on an idle disk; what is read and written is in memory. */
const SYNC_NS = 100_000;
/** How much longer it takes while others use the disk. */
const SLOW_NS = [0, 1e6, 20e6, 1e9];

interface Found {
  readonly path: string;
  readonly name: string;
  readonly inode: Inode;
  readonly directory: Directory | undefined;
}

export class Disk implements Space {
  readonly journal = new Journal();
  /** That of the machine which runs now. */
  clock: Realtime | undefined = undefined;
  readonly #world: World;
  readonly #roots = new Map<string, Directory>();
  readonly #host: string;
  readonly #labels: ReturnType<typeof labelsOf>;
  readonly #bytes: number;
  freeBytes: number;
  #inodes = 0n;

  /** `host`: the machine's name. */
  constructor(world: World, host: string, bytes = DEFAULT_BYTES) {
    this.#world = world;
    this.#host = host;
    this.#labels = labelsOf(host);
    this.#bytes = this.freeBytes = bytes;
  }

  // What inodes ask.

  now(): bigint {
    return this.clock?.timeNs ?? EPOCH_NS;
  }

  number(): bigint {
    return ++this.#inodes;
  }

  take(bytes: number): boolean {
    if (bytes > this.freeBytes) return false;
    this.freeBytes -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.freeBytes += bytes;
  }

  hold(bytes: number): void {
    this.journal.hold(bytes);
  }

  // What may go wrong.

  /** An operation takes its time. */
  spend(ns = 0): void {
    const { choices, scheduler } = this.#world;
    const slow = choices.choose(this.#labels.slow, SLOW_NS.length);
    const all = ns + SLOW_NS[slow]!;
    const suspension = this.clock?.kernel.suspension;
    if (suspension !== undefined) suspension.spend(all);
    else if (all > 0) scheduler.pass(all);
  }

  /** True if an operation fails by EIO. */
  fails(operation: 'read' | 'write' | 'sync'): boolean {
    return this.#chosen(this.#labels[operation]);
  }

  /** True if others have left no room on the disk. */
  isFull(): boolean {
    return this.#chosen(this.#labels.full);
  }

  /** How many of `total` bytes are read or written at once. */
  part(total: number): number {
    if (total < 2) return total;
    const part = this.#world.choices.choose(this.#labels.part, 4);
    return [total, total >>> 1, 1, total - 1][part]!;
  }

  /** In which order a directory is listed: a `Listing`. */
  listing(): number {
    return this.#world.choices.choose(this.#labels.listing, LISTINGS);
  }

  #chosen(label: string): boolean {
    return this.#world.choices.choose(label, 2) === 1;
  }

  /** Writes what is in memory of an inode: 0, or -EIO. */
  sync(inode: Inode): number {
    this.spend(SYNC_NS);
    if (this.fails('sync')) {
      if (inode instanceof Content) inode.failToSync();
      return -Errno.EIO;
    }
    if (inode instanceof Content) inode.sync();
    if (inode instanceof Directory) this.journal.sync(inode);
    return 0;
  }

  /** Some of a file is written without anybody having asked. */
  writeBack(content: Content): void {
    if (content.isDirty && this.#chosen(this.#labels.early)) content.sync();
  }

  // What is on it.

  /** Puts a directory there, by the name by which the guest knows it. */
  load(name: string, tree: Tree): void {
    const root = new Directory(this);
    root.links = 2;
    this.#fill(root, tree);
    this.#roots.set(name, root);
  }

  root(name: string): Directory | undefined {
    return this.#roots.get(name);
  }

  #fill(directory: Directory, tree: Tree): void {
    for (const [name, node] of Object.entries(tree)) {
      const inode = this.#inodeOf(node, directory);
      this.freeBytes -= INODE_BYTES + (inode instanceof Content ? inode.bytes : 0);
      directory.set(fromText(name), inode);
      inode.links += inode instanceof Directory ? 2 : 1;
    }
  }

  #inodeOf(node: Tree[string], parent: Directory): Inode {
    if (node instanceof Link) return new SymbolicLink(this, fromText(node.target));
    if (typeof node !== 'string' && !(node instanceof Uint8Array)) {
      const directory = new Directory(this, parent);
      this.#fill(directory, node);
      return directory;
    }
    const content = new Content(this);
    content.preset(typeof node === 'string' ? encoded(node) : node);
    return content;
  }

  /** The bytes of a file, as they are now; undefined: there is no such file. */
  read(path: string): Uint8Array | undefined {
    const inode = this.#find(path);
    if (!(inode instanceof Content)) return undefined;
    const bytes = new Uint8Array(inode.size);
    inode.read(new Iovecs().one(bytes), 0, bytes.length);
    return bytes;
  }

  /** The names in a directory, sorted; undefined: there is no such directory. */
  list(path: string): string[] | undefined {
    const inode = this.#find(path);
    if (!(inode instanceof Directory)) return undefined;
    return [...inode.entries].map(({ name }) => toText(name)!).sort();
  }

  #find(path: string): Inode | undefined {
    const names = [...this.#roots.keys()].sort((a, b) => b.length - a.length);
    for (const name of names) {
      const prefix = name.endsWith('/') ? name : `${name}/`;
      const root = this.#roots.get(name)!;
      if (path === name) return root;
      if (!path.startsWith(prefix)) continue;
      const place = resolve(root, fromText(path.slice(prefix.length)), Last.FOLLOW);
      return typeof place === 'number' ? undefined : place.inode;
    }
    return undefined;
  }

  // What a crash of the machine leaves.

  /** The machine crashes: what was not synced may be lost, as the log of choices has it. */
  crash(): void {
    const paths = new Map<Inode, string>();
    for (const { path, inode } of this.#all()) if (!paths.has(inode)) paths.set(inode, path);
    const labelOf = (inode: Inode) => `${this.#host}:${paths.get(inode) ?? 'removed'}`;
    // What comes back may be more than there is room for, for a moment.
    this.freeBytes = Infinity;
    this.journal.crash(({ directory, name }) => {
      const entry = `${labelOf(directory)}/${toText(name)}`;
      return this.#chosen(`${entry}/entry lost`);
    });
    for (const content of this.#recount()) {
      const file = labelOf(content);
      content.crash({
        cut: () => this.#chosen(`${file}/cut lost`),
        size: () => this.#chosen(`${file}/size lost`),
        page: (index) => this.#chosen(`${file}/${index}/page lost`),
      });
    }
    this.freeBytes = this.#bytes - this.usedBytes;
  }

  /** Every entry, that of a directory before those in it; the roots are nobody's entries. */
  *#all(): Generator<Found> {
    const rest: Found[] = [];
    for (const [name, root] of this.#roots)
      rest.push({ path: name, name: '', inode: root, directory: undefined });
    for (let each = rest.pop(); each !== undefined; each = rest.pop()) {
      yield each;
      if (!(each.inode instanceof Directory)) continue;
      for (const { name, inode } of each.inode.entries)
        rest.push({ path: `${each.path}/${toText(name)}`, name, inode, directory: each.inode });
    }
  }

  /** Counts anew what leads where; answers the regular files. */
  #recount(): Set<Content> {
    const seen = new Set<Inode>();
    const contents = new Set<Content>();
    for (const { inode, directory } of this.#all()) {
      if (!seen.has(inode)) inode.links = 0;
      seen.add(inode);
      inode.links++;
      if (inode instanceof Content) contents.add(inode);
      if (!(inode instanceof Directory)) continue;
      inode.links = 2;
      inode.parent = directory ?? inode;
      inode.removed = false;
      if (directory !== undefined) directory.links++;
    }
    return contents;
  }

  /** What all that is on it takes. */
  get usedBytes(): number {
    let bytes = 0;
    const seen = new Set<Inode>();
    for (const { inode, name, directory } of this.#all()) {
      if (directory === undefined) continue;
      bytes += entryBytes(name);
      if (seen.has(inode)) continue;
      seen.add(inode);
      bytes += INODE_BYTES + (inode instanceof Content ? inode.bytes : 0);
    }
    return bytes;
  }
}

/** The labels of what is chosen. */
function labelsOf(host: string) {
  const disk = host.concat('/disk');
  return {
    slow: `${disk}/slow`,
    read: `${disk}/read/eio`,
    write: `${disk}/write/eio`,
    sync: `${disk}/sync/eio`,
    full: `${disk}/enospc`,
    part: `${disk}/partial`,
    listing: `${disk}/listing`,
    early: `${disk}/early`,
  };
}

function encoded(text: string): Uint8Array {
  const bytes = fromText(text);
  return Uint8Array.from({ length: bytes.length }, (_, i) => bytes.charCodeAt(i));
}
