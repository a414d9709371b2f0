/**
 * Paths on a simulated disk, resolved beneath a directory as openat2(2) does with RESOLVE_BENEATH:
 * no `..`, no absolute path and no symbolic link leads out of it. Names are strings in which each
 * character is one byte of UTF-8.
 */
import { Errno } from '../kernel/errno.js';
import { Directory } from './directory.js';
import { SymbolicLink, type Inode } from './inode.js';

const NAME_MAX = 255;
const PATH_MAX = 4096;
/** MAXSYMLINKS */
const MOST_LINKS = 40;

/** What becomes of a symbolic link that is the last component of a path. */
export const Last = {
  /** It is what is meant. */
  ENTRY: 0,
  /** It is what is meant, unless a slash is behind it. */
  STAY: 1,
  /** It is followed. */
  FOLLOW: 2,
  /** It is followed, unless a slash is behind it. */
  CREATE: 3,
} as const;
export type Last = (typeof Last)[keyof typeof Last];

/** Where a path leads. */
export interface Place {
  readonly directory: Directory;
  /** Its last component; `.` or `..` where it ends in these, or has no name at all. */
  readonly name: string;
  readonly inode: Inode | undefined;
  /** True if a slash is behind the name: only a directory is meant. */
  readonly slash: boolean;
}

/** What it means that nothing is there. */
export const missing = ({ directory, name }: Place) =>
  name.length > NAME_MAX && !directory.removed ? -Errno.ENAMETOOLONG : -Errno.ENOENT;

export const isDots = (name: string) => name === '.' || name === '..';

/** Resolves a path beneath `start`: where it leads, or a negated errno. */
export function resolve(start: Directory, path: string, last: Last): Place | number {
  if (path === '') return -Errno.ENOENT;
  if (path.startsWith('/')) return -Errno.EPERM;
  /** What is still to be walked, the next component at the end. */
  const rest = components(path);
  let slash = path.endsWith('/');
  let directory = start;
  let links = 0;
  for (;;) {
    const name = rest.pop()!;
    const end = rest.length === 0;
    if (isDots(name)) {
      if (name === '..') {
        if (directory === start) return -Errno.EPERM;
        directory = directory.parent;
      }
      if (end) return { directory, name, inode: directory, slash };
      continue;
    }
    const inode = directory.get(name);
    if (inode instanceof SymbolicLink && (!end || follows(last, slash))) {
      if (++links > MOST_LINKS) return -Errno.ELOOP;
      if (inode.target.startsWith('/')) return -Errno.EPERM;
      if (end && inode.target.endsWith('/')) slash = true;
      rest.push(...components(inode.target));
      continue;
    }
    const place = { directory, name, inode, slash };
    if (end) return place;
    if (inode === undefined) return missing(place);
    if (!(inode instanceof Directory)) return -Errno.ENOTDIR;
    directory = inode;
  }
}

function follows(last: Last, slash: boolean): boolean {
  if (last === Last.FOLLOW) return true;
  return slash ? last === Last.STAY : last === Last.CREATE;
}

function components(path: string): string[] {
  return path
    .split('/')
    .filter((name) => name !== '')
    .toReversed();
}

/** The path in guest memory, which is relative, or a negated errno. */
export function pathAt(bytes: Uint8Array, at: number, length: number): string | number {
  if (at + length > bytes.length) return -Errno.EFAULT;
  if (length === 0) return -Errno.ENOENT;
  if (length >= PATH_MAX) return -Errno.ENAMETOOLONG;
  let path = '';
  for (let i = at; i < at + length; i++) {
    if (bytes[i] === 0) return -Errno.EINVAL;
    path += String.fromCharCode(bytes[i]!);
  }
  if (toText(path) === undefined) return -Errno.EILSEQ;
  return path.startsWith('/') ? -Errno.EPERM : path;
}

/** The bytes of a text, one in each character. */
export function fromText(text: string): string {
  return encodeURIComponent(text).replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The text of such bytes; undefined: they are no UTF-8. */
export function toText(bytes: string): string | undefined {
  // oxlint-disable-next-line no-control-regex
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes;
  let escaped = '';
  for (let i = 0; i < bytes.length; i++)
    escaped += `%${bytes.charCodeAt(i).toString(16).padStart(2, '0')}`;
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}
