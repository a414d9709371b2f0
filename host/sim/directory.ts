/**
 * A directory of a simulated disk: its entries, by name and in the order in which they are listed.
 * A cookie is the place of an entry in that order, so it stays good whatever else comes and goes.
 */
import { FileType } from '../kernel/kernel.js';
import { Inode, type Space } from './inode.js';

/** Of the disk's bytes, what an entry takes beside its name. */
const ENTRY_BYTES = 64;
export const entryBytes = (name: string) => ENTRY_BYTES + name.length;
/** Places of entries begin behind those of `.` and `..`. */
export const FIRST_PLACE = 3;

export interface Entry {
  readonly name: string;
  readonly inode: Inode;
  /** How manieth it was made. */
  readonly serial: number;
  readonly place: number;
}

/** In what order the entries of a directory are listed, as file systems of Linux have it. */
export const Listing = {
  /** As they were made. */
  OLDEST_FIRST: 0,
  /** As tmpfs does. */
  NEWEST_FIRST: 1,
  /** By hashes of their names, as ext4 does. */
  HASHED: 2,
} as const;
export const LISTINGS = Object.keys(Listing).length;

export class Directory extends Inode {
  readonly type = FileType.DIRECTORY;
  /** Where `..` leads; of a root, to itself. */
  parent: Directory = this;
  /** It was removed: nothing can be made in it any more. */
  removed = false;
  readonly #entries = new Map<string, Entry>();
  /** By place. Undefined: it was not listed yet. */
  #order: Entry[] | undefined;
  #listing = 0;
  #serial = 0;

  constructor(space: Space, parent?: Directory) {
    super(space);
    if (parent !== undefined) this.parent = parent;
  }

  get size(): number {
    return 4096;
  }

  get count(): number {
    return this.#entries.size;
  }

  get(name: string): Inode | undefined {
    return this.#entries.get(name)?.inode;
  }

  /** In the order in which they were made. */
  get entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Has `name` lead to `inode`, or to nothing: what it led to, or null: the disk is full. */
  set(name: string, inode: Inode | undefined): Inode | undefined | null {
    const old = this.#entries.get(name);
    if (inode === undefined) {
      if (old === undefined) return undefined;
      this.space.give(entryBytes(name));
    } else if (old === undefined && !this.space.take(entryBytes(name))) {
      return null;
    }
    if (old !== undefined) {
      this.#entries.delete(name);
      this.#order?.splice(this.#after(old.place) - 1, 1);
      if (old.inode instanceof Directory) this.links--;
    }
    if (inode !== undefined) this.#add(name, inode);
    return old?.inode;
  }

  #add(name: string, inode: Inode): void {
    const serial = this.#serial++;
    const entry = { name, inode, serial, place: place(this.#listing, name, serial) };
    this.#entries.set(name, entry);
    this.#order?.splice(this.#after(entry.place), 0, entry);
    // Its `..` leads here.
    if (inode instanceof Directory) this.links++;
  }

  /**
   * The entries in their order, and the index of the first behind a cookie; `choose` says which
   * `Listing` that is, when it is listed for the first time.
   */
  list(cookie: number, choose: () => number): { order: readonly Entry[]; first: number } {
    if (this.#order === undefined) {
      this.#listing = choose();
      const all = [...this.#entries.values()];
      this.#entries.clear();
      for (const { name, inode, serial } of all)
        this.#entries.set(name, { name, inode, serial, place: place(this.#listing, name, serial) });
      this.#order = [...this.#entries.values()].sort((a, b) => a.place - b.place);
    }
    return { order: this.#order, first: this.#after(cookie) };
  }

  /** How many entries stand at `place` or before it. */
  #after(place: number): number {
    const order = this.#order!;
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order[middle]!.place <= place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  protected erase(): number {
    return 0;
  }
}

/** Below 2^52, which a double holds. */
function place(listing: number, name: string, serial: number): number {
  if (listing === Listing.OLDEST_FIRST) return FIRST_PLACE + serial;
  if (listing === Listing.NEWEST_FIRST) return FIRST_PLACE + 2 ** 40 - serial;
  let hash = 0x811c_9dc5;
  for (let i = 0; i < name.length; i++)
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x0100_0193) >>> 0;
  return FIRST_PLACE + (hash >>> 1) * 2 ** 20 + (serial & 0xf_ffff);
}
