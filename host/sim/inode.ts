/**
 * What lies on a simulated disk: symbolic links, and what all inodes have. Regular files are
 * content.ts's matter, directories directory.ts's.
 */
import { FileType, Stat } from '../kernel/kernel.js';

/** Of the disk's bytes, what an inode takes, whatever is in it. */
export const INODE_BYTES = 256;

/** Where inodes get their bytes, their numbers and their times from. */
export interface Space {
  /** Nanoseconds since 1970. */
  now(): bigint;
  /** The number of a new inode. */
  number(): bigint;
  /** Takes so many bytes of the disk: false if there are not so many. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** So many bytes of what nothing leads to any more are kept, for a crash may bring it back. */
  hold(bytes: number): void;
}

export abstract class Inode {
  abstract readonly type: FileType;
  readonly number: bigint;
  /** Entries of directories that lead to it. */
  links = 0;
  /** Open file descriptions of it. */
  opens = 0;
  accessedNs: bigint;
  modifiedNs: bigint;
  changedNs: bigint;
  protected readonly space: Space;

  constructor(space: Space) {
    this.space = space;
    this.number = space.number();
    this.accessedNs = this.modifiedNs = this.changedNs = space.now();
  }

  abstract get size(): number;

  fill(stat: BigUint64Array): void {
    stat[Stat.DEV] = 1n;
    stat[Stat.INO] = this.number;
    stat[Stat.TYPE] = BigInt(this.type);
    stat[Stat.NLINK] = BigInt(this.links);
    stat[Stat.SIZE] = BigInt(this.size);
    stat[Stat.ATIME] = this.accessedNs;
    stat[Stat.MTIME] = this.modifiedNs;
    stat[Stat.CTIME] = this.changedNs;
  }

  /** It was read: as a Linux does that mounts with `relatime`, which is the rule. */
  accessed(): void {
    const now = this.space.now();
    const old = this.accessedNs <= this.modifiedNs || this.accessedNs <= this.changedNs;
    if (old || now - this.accessedNs > DAY_NS) this.accessedNs = now;
  }

  /** What is in it was changed. */
  modified(): void {
    this.modifiedNs = this.changedNs = this.space.now();
  }

  /** One entry, or one open file description, is no more. */
  left(): void {
    if (this.links === 0 && this.opens === 0) this.space.give(INODE_BYTES + this.erase());
  }

  /** Nothing leads to it any more: how many bytes are free by that, beside the inode's own. */
  protected abstract erase(): number;
}

const DAY_NS = 86_400_000_000_000n;

export class SymbolicLink extends Inode {
  readonly type = FileType.SYMBOLIC_LINK;
  /** A byte of UTF-8 in each character, as in all names here. */
  readonly target: string;

  constructor(space: Space, target: string) {
    super(space);
    this.target = target;
  }

  get size(): number {
    return this.target.length;
  }

  protected erase(): number {
    return 0;
  }
}
