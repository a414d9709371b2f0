/**
 * An open file description, whatever it is: what can be asked of it, and who is told when its
 * readiness changes. Who is told takes note and does no more; it calls nothing of the file then.
 */
import { Errno } from '../kernel/errno.js';
import { Stat, type FileType, type SocketAddress } from '../kernel/kernel.js';
import { EPOCH_NS } from './clock.js';
import type { Iovecs } from './iovec.js';

/** Is told of changes, as the entry of a wait queue of Linux is. */
export interface Watcher {
  /** Readiness for `key` (a mask of `Readiness`; 0: for anything) may have newly arisen. */
  woken(key: number): void;
}

/**
 * Is told of what signal-driven I/O tells of (`O_ASYNC`): a mask of `Readiness`, each time that it
 * arises.
 */
export interface Armed {
  signal(band: number): void;
}

export abstract class File {
  abstract readonly type: FileType;
  readonly watchers: Watcher[] = [];
  armed: Armed | undefined = undefined;
  /** Others may have it too, so that nobody can be told of it by signals. */
  shared = false;
  /** How many handles, and operations in flight, keep it open. */
  users = 0;

  /**
   * What it is ready for now, of all of `Readiness`. As on Linux, to have asked is to be woken
   * later of what it was not ready for.
   */
  abstract poll(): number;

  /** The last handle is closed. */
  abstract release(): void;

  /** Wakes those who wait. */
  protected wake(key: number): void {
    const { watchers } = this;
    for (let i = 0; i < watchers.length; i++) watchers[i]!.woken(key);
  }

  protected signal(band: number): void {
    this.armed?.signal(band);
  }

  watch(watcher: Watcher): void {
    this.watchers.push(watcher);
  }

  unwatch(watcher: Watcher): void {
    const at = this.watchers.indexOf(watcher);
    if (at >= 0) this.watchers.splice(at, 1);
  }

  /** One user less. */
  drop(): void {
    if (--this.users === 0) this.release();
  }

  /** Fills all of `stat`; `number` is that of its inode if it has none of its own. */
  fill(stat: BigUint64Array, number: number): void {
    stat.fill(0n);
    stat[Stat.INO] = BigInt(number);
    stat[Stat.TYPE] = BigInt(this.type);
    stat[Stat.NLINK] = 1n;
    stat.fill(EPOCH_NS, Stat.ATIME, Stat.CTIME + 1);
  }

  // What a thing that is neither socket nor pipe answers.

  read(_to: Iovecs): number {
    return -Errno.EINVAL;
  }

  write(_from: Iovecs): number {
    return -Errno.EINVAL;
  }

  recv(_to: Iovecs, _flags: number): number {
    return -Errno.ENOTSOCK;
  }

  send(_from: Iovecs): number {
    return -Errno.ENOTSOCK;
  }

  accept(): File | number {
    return -Errno.ENOTSOCK;
  }

  shutdown(_how: number): number {
    return -Errno.ENOTSOCK;
  }

  takeError(): number {
    return -Errno.ENOTSOCK;
  }

  address(): SocketAddress | number {
    return -Errno.ENOTSOCK;
  }

  seek(_offset: bigint, _whence: number): number {
    return -Errno.ESPIPE;
  }

  /** How many bytes could be read at once. */
  readable(): number {
    return -Errno.ENOTTY;
  }
}
