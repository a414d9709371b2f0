/**
 * One of two file systems that are led through the same calls: what it has open, by numbers that
 * both share, and what it answers, in words that can be compared. Numbers of inodes, times, and the
 * sizes and links of directories are each file system's own.
 */
import { errnoName } from '#host/kernel/errno';
import { FileType, Stat, STAT_FIELDS, type Kernel } from '#host/kernel/kernel';

import { DIRECTORY, FileHand, READ } from '../../file-hand.js';

/** A path, and the directory that it is relative to: one of those that are open. */
export interface Where {
  at: number;
  path: string;
}

/** One call. `of` names an open file or directory. */
export type FileStep =
  | ({ do: 'open'; how: number; flags: number } & Where)
  | { do: 'close'; of: number }
  | { do: 'read'; of: number; bytes: number }
  | { do: 'write'; of: number; bytes: number }
  | { do: 'pread'; of: number; bytes: number; offset: number }
  | { do: 'pwrite'; of: number; bytes: number; offset: number }
  | { do: 'seek'; of: number; offset: number; whence: number }
  | { do: 'truncate'; of: number; size: number }
  | { do: 'allocate'; of: number; offset: number; bytes: number }
  | { do: 'flags'; of: number; flags: number }
  | { do: 'advise'; of: number; advice: number }
  | { do: 'sync'; of: number }
  | { do: 'readable'; of: number }
  | { do: 'fstat'; of: number }
  | { do: 'list'; of: number }
  | ({ do: 'mkdir' } & Where)
  | ({ do: 'rmdir' } & Where)
  | ({ do: 'unlink' } & Where)
  | ({ do: 'stat'; follow: boolean } & Where)
  | ({ do: 'times'; follow: boolean; which: number } & Where)
  | ({ do: 'readlink'; bytes: number } & Where)
  | ({ do: 'symlink'; target: string } & Where)
  | ({ do: 'link'; follow: boolean; to: Where } & Where)
  | ({ do: 'rename'; to: Where } & Where);

const MOST_OPEN = 12;
/** As far as files grow here. */
export const MOST_SIZE = 1 << 18;

export class FileSide {
  readonly kernel: Kernel;
  readonly #hand: FileHand;
  /** The first is the directory that all lies in. */
  readonly #open: (number | undefined)[];
  #written = 0;

  constructor(kernel: Kernel, root: number) {
    this.kernel = kernel;
    this.#hand = new FileHand(kernel, root);
    this.#open = [root];
  }

  /** What is open by this number; for a number that is too large, one that is not. */
  #handle(of: number): number {
    const { length } = this.#open;
    return this.#open[of % (length + 1)] ?? this.#open.findLast((each) => each !== undefined)!;
  }

  /** A directory: with two mistakes in one call, either may be told. */
  #directory(at: number): number {
    const handle = this.#handle(at);
    return this.#isDirectory(handle) ? handle : this.#open[0]!;
  }

  /** Does it: what it is answered. */
  step(step: FileStep): string {
    return 'of' in step ? this.#onOpen(step) : this.#onPath(step);
  }

  #onOpen(step: Extract<FileStep, { of: number }>): string {
    const hand = this.#hand;
    const { files } = this.kernel;
    const handle = this.#handle(step.of);
    switch (step.do) {
      case 'close': {
        const index = this.#open.indexOf(handle);
        if (index === 0) return 'kept';
        this.#open[index] = undefined;
        return told(this.kernel.close(handle));
      }
      case 'read':
        // Linux looks at the offset first, which is wherever it was listed to.
        if (this.#isDirectory(handle)) return 'a directory';
        return told(hand.read(handle, step.bytes));
      case 'write':
        return told(hand.write(handle, this.#text(step.bytes)));
      case 'pread':
        return told(hand.pread(handle, step.offset, step.bytes >> 1, step.bytes));
      case 'pwrite':
        return told(hand.pwrite(handle, step.offset, this.#text(step.bytes)));
      case 'seek':
        return this.#isDirectory(handle)
          ? 'a directory'
          : told(hand.seek(handle, step.offset, step.whence));
      case 'truncate':
        return told(files.truncate(handle, BigInt(step.size)));
      case 'allocate':
        return told(files.allocate(handle, BigInt(step.offset), BigInt(step.bytes)));
      case 'flags':
        return `${told(files.setFlags(handle, step.flags))} ${told(files.flags(handle))}`;
      case 'advise':
        return told(files.advise(handle, 0n, 0n, step.advice));
      case 'sync':
        return told(files.sync(handle));
      case 'readable':
        return this.#isDirectory(handle) ? 'a directory' : told(this.kernel.readable(handle));
      case 'fstat': {
        const stat = new BigUint64Array(STAT_FIELDS);
        const result = this.kernel.stat(handle, stat);
        return statOf(result < 0 ? result : stat);
      }
      case 'list':
        return this.#list(this.#directory(step.of));
    }
  }

  #onPath(step: Exclude<FileStep, { of: number }>): string {
    const hand = this.#hand;
    const at = this.#handle(step.at);
    const { path } = step;
    switch (step.do) {
      case 'open': {
        const handle = hand.open(path, step.how, step.flags, at);
        if (handle < 0) return told(handle);
        const free = this.#open.findIndex((each) => each === undefined);
        if (free < 0 && this.#open.length >= MOST_OPEN) return told(this.kernel.close(handle));
        this.#open[free < 0 ? this.#open.length : free] = handle;
        return 'open';
      }
      case 'mkdir':
        return told(hand.mkdir(path, at));
      case 'rmdir':
        return told(hand.rmdir(path, at));
      case 'unlink':
        return told(hand.unlink(path, at));
      case 'stat':
        return statOf(hand.stat(path, step.follow, at));
      case 'times': {
        const [offset, length] = hand.path(path);
        const { files } = this.kernel;
        return told(files.setTimesAt(at, offset, length, step.follow, 5n, 7n, step.which));
      }
      case 'readlink':
        return told(hand.readlink(path, step.bytes, at));
      case 'symlink':
        return told(hand.symlink(step.target, path, at));
      case 'link':
        return told(
          hand.link(
            path,
            step.to.path,
            step.follow,
            this.#directory(step.at),
            this.#directory(step.to.at),
          ),
        );
      case 'rename':
        return told(
          hand.rename(path, step.to.path, this.#directory(step.at), this.#directory(step.to.at)),
        );
    }
  }

  /** Bytes that say how many were written before them. */
  #text(bytes: number): string {
    let text = '';
    for (let i = 0; i < bytes; i++) text += String.fromCharCode(33 + ((this.#written + i) % 89));
    this.#written += bytes;
    return text;
  }

  #isDirectory(handle: number): boolean {
    const stat = new BigUint64Array(STAT_FIELDS);
    return this.kernel.stat(handle, stat) === 0 && Number(stat[Stat.TYPE]!) === FileType.DIRECTORY;
  }

  #list(directory: number): string {
    const entries = this.#hand.list(directory, 300);
    return entries
      .map(({ name, type }) => `${name}:${type}`)
      .sort()
      .join(' ');
  }

  /** All that lies beneath the root. */
  tree(): string[] {
    const lines: string[] = [];
    const walk = (path: string) => {
      const directory = this.#hand.opened(path, READ | DIRECTORY);
      const entries = this.#hand.list(directory).sort((a, b) => (a.name < b.name ? -1 : 1));
      this.kernel.close(directory);
      for (const { name, type } of entries) {
        if (name === '.' || name === '..') continue;
        const each = `${path}/${name}`;
        if (type === FileType.DIRECTORY) walk(each);
        const what =
          type === FileType.SYMBOLIC_LINK ? this.#hand.readlink(each) : this.#contents(each, type);
        lines.push(`${each} ${statOf(this.#hand.stat(each))} ${what}`);
      }
    };
    walk('.');
    return lines;
  }

  #contents(path: string, type: number): string {
    if (type !== FileType.REGULAR_FILE) return '';
    const file = this.#hand.opened(path, READ);
    let text = '';
    for (let size = 0; ; size += 1 << 16) {
      const piece = this.#hand.pread(file, size, 1 << 16);
      if (piece === '' || typeof piece === 'number') break;
      text += digest(piece);
    }
    this.kernel.close(file);
    return text;
  }
}

const digest = (text: string) => {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return `${text.length}:${hash.toString(36)} `;
};

function told(result: number | string): string {
  if (typeof result === 'string') return digest(result);
  return result < 0 ? errnoName(result) : String(result);
}

function statOf(stat: BigUint64Array | number): string {
  if (typeof stat === 'number') return told(stat);
  const type = Number(stat[Stat.TYPE]!);
  if (type === FileType.DIRECTORY) return `type ${type}`;
  return `type ${type}, ${stat[Stat.NLINK]} links, ${stat[Stat.SIZE]} bytes`;
}
