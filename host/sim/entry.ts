/**
 * What is done with entries of directories on a simulated disk: each function takes places, which
 * paths have led to, and answers 0 or a negated errno, as Linux does.
 */
import { Errno } from '../kernel/errno.js';
import { Directory } from './directory.js';
import type { Disk } from './disk.js';
import { INODE_BYTES, type Inode } from './inode.js';
import type { Change } from './journal.js';
import { isDots, missing, type Place } from './path.js';

/** The most that ext4 has. */
const MOST_LINKS = 65_000;

/** Makes something new where there is nothing: it, or a negated errno. */
export function make<Made extends Inode>(
  disk: Disk,
  place: Place,
  create: () => Made,
): Made | number {
  if (place.directory.removed) return -Errno.ENOENT;
  if (missing(place) !== -Errno.ENOENT) return missing(place);
  if (disk.isFull() || !disk.take(INODE_BYTES)) return -Errno.ENOSPC;
  const inode = create();
  const result = enter(disk, place, inode);
  if (result === 0) return inode;
  disk.give(INODE_BYTES);
  return result;
}

/** One more entry for what is there already. */
export function link(disk: Disk, source: Place, place: Place): number {
  const { inode } = source;
  if (inode === undefined) return missing(source);
  const refusal = absent(place);
  if (refusal < 0) return refusal;
  if (place.directory.removed) return -Errno.ENOENT;
  if (inode instanceof Directory) return -Errno.EPERM;
  return inode.links < MOST_LINKS ? enter(disk, place, inode) : -Errno.EMLINK;
}

/** 0 if something that is no directory can be made at a place. */
export function absent(place: Place): number {
  if (place.inode !== undefined) return -Errno.EEXIST;
  const why = missing(place);
  return place.slash || why !== -Errno.ENOENT ? why : 0;
}

export function removeDirectory(disk: Disk, place: Place): number {
  const { inode, name } = place;
  if (name === '.') return -Errno.EINVAL;
  if (name === '..') return -Errno.ENOTEMPTY;
  if (inode === undefined) return missing(place);
  if (!(inode instanceof Directory)) return -Errno.ENOTDIR;
  if (inode.count > 0) return -Errno.ENOTEMPTY;
  remove(disk, place, inode);
  return 0;
}

export function unlink(disk: Disk, place: Place): number {
  const { inode, name, slash } = place;
  if (isDots(name)) return -Errno.EISDIR;
  if (inode === undefined) return missing(place);
  if (inode instanceof Directory) return -Errno.EISDIR;
  if (slash) return -Errno.ENOTDIR;
  remove(disk, place, inode);
  return 0;
}

export function rename(disk: Disk, from: Place, to: Place): number {
  const refusal = unmovable(from, to);
  if (refusal < 0) return refusal;
  const inode = from.inode!;
  const replaced = to.inode;
  if (inode === replaced) return 0;
  if (to.directory.set(to.name, inode) === null) return -Errno.ENOSPC;
  from.directory.set(from.name, undefined);
  const moved = inode instanceof Directory && from.directory !== to.directory;
  if (moved) inode.parent = to.directory;
  const changes = [
    { directory: from.directory, name: from.name, before: inode },
    { directory: to.directory, name: to.name, before: replaced },
  ];
  changed(disk, changes, moved ? inode : undefined);
  inode.changedNs = disk.now();
  if (replaced !== undefined) lose(disk, replaced);
  return 0;
}

/** Why `from` cannot be renamed to `to`: a negated errno, or 0. */
function unmovable(from: Place, to: Place): number {
  const { inode } = from;
  const replaced = to.inode;
  if (isDots(from.name) || isDots(to.name)) return -Errno.EBUSY;
  if (inode === undefined) return missing(from);
  if (replaced === undefined && missing(to) !== -Errno.ENOENT) return missing(to);
  if (!(inode instanceof Directory)) {
    if (from.slash || to.slash) return -Errno.ENOTDIR;
  } else if (lies(to.directory, inode)) {
    return -Errno.EINVAL;
  }
  if (replaced instanceof Directory && lies(from.directory, replaced)) return -Errno.ENOTEMPTY;
  if (inode === replaced) return 0;
  if (to.directory.removed) return -Errno.ENOENT;
  if (replaced === undefined) return 0;
  if (!(inode instanceof Directory)) return replaced instanceof Directory ? -Errno.EISDIR : 0;
  if (!(replaced instanceof Directory)) return -Errno.ENOTDIR;
  return replaced.count > 0 ? -Errno.ENOTEMPTY : 0;
}

/** True if a directory lies in another, or is that. */
function lies(directory: Directory, within: Directory): boolean {
  for (let at = directory; at !== within; at = at.parent) if (at.parent === at) return false;
  return true;
}

/** Has an entry lead to `inode`. */
function enter(disk: Disk, { directory, name }: Place, inode: Inode): number {
  if (directory.set(name, inode) === null) return -Errno.ENOSPC;
  inode.links += inode instanceof Directory ? 2 : 1;
  inode.changedNs = disk.now();
  changed(disk, [{ directory, name, before: undefined }]);
  return 0;
}

function remove(disk: Disk, { directory, name }: Place, inode: Inode): void {
  directory.set(name, undefined);
  changed(disk, [{ directory, name, before: inode }]);
  lose(disk, inode);
}

function changed(disk: Disk, changes: readonly Change[], moved?: Directory): void {
  for (const { directory } of changes) directory.modified();
  disk.journal.add(changes, moved);
}

/** An entry leads to it no more. */
function lose(disk: Disk, inode: Inode): void {
  if (inode instanceof Directory) {
    inode.links = 0;
    inode.removed = true;
  } else {
    inode.links--;
  }
  inode.changedNs = disk.now();
  inode.left();
}
