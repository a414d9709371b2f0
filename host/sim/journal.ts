/**
 * The changes of directories that are not on the disk yet. What a crash leaves of them: for each
 * directory all up to some change, and a rename as a whole or not at all. What was synced is no
 * longer here.
 */
import { Directory } from './directory.js';
import type { Inode } from './inode.js';

export interface Change {
  readonly directory: Directory;
  readonly name: string;
  /** What the name led to; undefined: to nothing. */
  readonly before: Inode | undefined;
}

interface Pending {
  readonly changes: readonly Change[];
  /** What it must stay in order with. */
  readonly touches: readonly (Directory | Journal)[];
}

/** So many changes wait, with so many bytes of what they have removed; then all is written. */
const MOST_PENDING = 4096;
const MOST_HELD_BYTES = 64 << 20;

export class Journal {
  #pending: Pending[] = [];
  #heldBytes = 0;

  /** Changes that are one; `moved`: a directory that has another parent by them. */
  add(changes: readonly Change[], moved?: Directory): void {
    const touches: Pending['touches'][number][] = changes.map(({ directory }) => directory);
    // Moves of directories are in order among themselves, or else one might come to lie in itself.
    if (moved !== undefined) touches.push(moved, this);
    for (const { before } of changes) if (before instanceof Directory) touches.push(before);
    this.#pending.push({ changes, touches });
    if (this.#pending.length > MOST_PENDING) this.#clear();
  }

  /** So many bytes are kept only for a change that is not on the disk yet. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > MOST_HELD_BYTES) this.#clear();
  }

  #clear(): void {
    this.#pending = [];
    this.#heldBytes = 0;
  }

  /** All changes of a directory are on the disk from now on, and what came before them. */
  sync(directory: Directory): void {
    const synced = new Set<Directory | Journal>([directory]);
    const left: Pending[] = [];
    for (const each of this.#pending.toReversed()) {
      if (each.touches.some((one) => synced.has(one)))
        for (const one of each.touches) synced.add(one);
      else left.push(each);
    }
    this.#pending = left.toReversed();
  }

  /** The machine crashes: undoes what the disk does not have, as `lost` says of each. */
  crash(lost: (change: Change) => boolean): void {
    const behind = new Set<Directory | Journal>();
    const undone: Pending[] = [];
    for (const each of this.#pending) {
      const follows = each.touches.some((one) => behind.has(one));
      if (!follows && !lost(each.changes.at(-1)!)) continue;
      for (const one of each.touches) behind.add(one);
      undone.push(each);
    }
    for (const { changes } of undone.toReversed())
      for (const { directory, name, before } of changes) directory.set(name, before);
    this.#clear();
  }
}
