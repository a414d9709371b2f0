/** What cases of file systems have in hand: a kernel with memory, a directory, and its verbs. */
import { Errno, errnoName } from '#host/kernel/errno';
import { Stat, STAT_FIELDS, Whence, type Kernel } from '#host/kernel/kernel';
import { DIRENT_BYTES, Open } from '#host/kernel/file-system';
import { expect } from 'vitest';

export interface FileCase {
  /** A sentence. */
  name: string;
  /** Gets a kernel of its own and an empty directory of it, and disposes of nothing. */
  run(kernel: Kernel, directory: number): void;
}

/** Guest memory: iovecs at 0, two paths, and a buffer. */
const PATHS = [64, 8192] as const;
export const BUFFER = 16384;
export const BUFFER_BYTES = 1 << 17;

export const { CREATE, DIRECTORY, EXCLUSIVE, TRUNCATE, READ, WRITE, FOLLOW } = Open;

export interface Entry {
  name: string;
  ino: bigint;
  type: number;
  next: bigint;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A directory of a kernel with memory attached, and the verbs as a test speaks them. */
export class FileHand {
  readonly kernel: Kernel;
  readonly directory: number;
  readonly bytes = new Uint8Array(BUFFER + BUFFER_BYTES);
  readonly #view = new DataView(this.bytes.buffer);

  constructor(kernel: Kernel, directory: number) {
    this.kernel = kernel;
    this.directory = directory;
    kernel.attach({ bytes: this.bytes });
  }

  /** Puts a path into memory: its offset and length. `Uint8Array`: bytes of any kind. */
  path(path: string | Uint8Array, which: 0 | 1 = 0): [offset: number, length: number] {
    const bytes = typeof path === 'string' ? encoder.encode(path) : path;
    this.bytes.set(bytes, PATHS[which]);
    return [PATHS[which], bytes.length];
  }

  /** Puts bytes into the buffer, and the iovecs of `pieces` lengths of it. */
  #iovecs(pieces: number[]): number {
    let at = BUFFER;
    pieces.forEach((length, i) => {
      this.#view.setUint32(i * 8, at, true);
      this.#view.setUint32(i * 8 + 4, length, true);
      at += length;
    });
    return pieces.length;
  }

  #text(length: number): string | number {
    return length < 0 ? length : decoder.decode(this.bytes.subarray(BUFFER, BUFFER + length));
  }

  /** A handle, or a negated errno. */
  open(path: string | Uint8Array, how = READ | FOLLOW, flags = 0, at = this.directory): number {
    return this.kernel.files.openAt(at, ...this.path(path), how, flags);
  }

  /** A handle that must be had. */
  opened(path: string, how = READ | FOLLOW, flags = 0, at = this.directory): number {
    const handle = this.open(path, how, flags, at);
    if (handle < 0) throw new Error(`${path} is not opened: ${errnoName(handle)}`);
    return handle;
  }

  read(file: number, length = 1024): string | number {
    return this.#text(this.kernel.readv(file, 0, this.#iovecs([length])));
  }

  write(file: number, text: string): number {
    this.bytes.set(encoder.encode(text), BUFFER);
    return this.kernel.writev(file, 0, this.#iovecs([text.length]), 0);
  }

  pread(file: number, offset: number, ...pieces: number[]): string | number {
    const count = this.#iovecs(pieces);
    return this.#text(this.kernel.files.pread(file, 0, count, BigInt(offset)));
  }

  pwrite(file: number, offset: number, ...pieces: string[]): number {
    this.bytes.set(encoder.encode(pieces.join('')), BUFFER);
    const count = this.#iovecs(pieces.map((piece) => piece.length));
    return this.kernel.files.pwrite(file, 0, count, BigInt(offset));
  }

  seek(file: number, offset: number, whence: number = Whence.SET): number {
    return this.kernel.seek(file, BigInt(offset), whence);
  }

  /** Makes a file with `text` in it. */
  file(path: string, text = ''): void {
    const file = this.opened(path, WRITE | CREATE | TRUNCATE | FOLLOW);
    if (text) expect(this.write(file, text)).toBe(text.length);
    expect(this.kernel.close(file)).toBe(0);
  }

  /** What a file has in it, or a negated errno. */
  contents(path: string, how = READ | FOLLOW): string | number {
    const file = this.open(path, how);
    if (file < 0) return file;
    const text = this.read(file, BUFFER_BYTES);
    expect(this.kernel.close(file)).toBe(0);
    return text;
  }

  mkdir(path: string, at = this.directory): number {
    return this.kernel.files.createDirectoryAt(at, ...this.path(path));
  }

  rmdir(path: string, at = this.directory): number {
    return this.kernel.files.removeDirectoryAt(at, ...this.path(path));
  }

  unlink(path: string, at = this.directory): number {
    return this.kernel.files.unlinkAt(at, ...this.path(path));
  }

  symlink(target: string, path: string, at = this.directory): number {
    const [offset, length] = this.path(target, 1);
    return this.kernel.files.symlinkAt(offset, length, at, ...this.path(path));
  }

  readlink(path: string, bytes = 1024, at = this.directory): string | number {
    return this.#text(this.kernel.files.readLinkAt(at, ...this.path(path), BUFFER, bytes));
  }

  link(from: string, to: string, follow = false, at = this.directory, into = at): number {
    const [offset, length] = this.path(to, 1);
    return this.kernel.files.linkAt(at, ...this.path(from), follow, into, offset, length);
  }

  rename(from: string, to: string, at = this.directory, into = at): number {
    const [offset, length] = this.path(to, 1);
    return this.kernel.files.renameAt(at, ...this.path(from), into, offset, length);
  }

  /** The `Stat` of a path, or a negated errno. */
  stat(path: string, follow = false, at = this.directory): BigUint64Array | number {
    const stat = new BigUint64Array(STAT_FIELDS);
    const result = this.kernel.files.statAt(at, ...this.path(path), follow, stat);
    return result < 0 ? result : stat;
  }

  /** One field of the `Stat` of a path, as a number; or a negated errno. */
  field(path: string, field: number, follow = false): number {
    const stat = this.stat(path, follow);
    return typeof stat === 'number' ? stat : Number(stat[field]!);
  }

  /** The type of what is there, or a negated errno. */
  type(path: string, follow = false): number {
    return this.field(path, Stat.TYPE, follow);
  }

  ino(path: string): bigint {
    const stat = this.stat(path);
    if (typeof stat === 'number') throw new Error(`${path} has no stat: ${errnoName(stat)}`);
    return stat[Stat.INO]!;
  }

  setTimes(path: string, atime: bigint, mtime: bigint, which: number, follow = false): number {
    const [offset, length] = this.path(path);
    const { files } = this.kernel;
    return files.setTimesAt(this.directory, offset, length, follow, atime, mtime, which);
  }

  /** Entries that fit whole into a buffer of `length` bytes, and how many bytes were filled. */
  readdir(
    directory: number,
    cookie = 0n,
    length = BUFFER_BYTES,
  ): { entries: Entry[]; used: number } {
    const used = this.kernel.files.readDirectory(directory, BUFFER, length, cookie);
    const entries: Entry[] = [];
    for (let at = BUFFER; at + DIRENT_BYTES <= BUFFER + used;) {
      const nameBytes = this.#view.getUint32(at + 16, true);
      const name = this.bytes.subarray(at + DIRENT_BYTES, at + DIRENT_BYTES + nameBytes);
      if (at + DIRENT_BYTES + nameBytes > BUFFER + used) break;
      entries.push({
        name: decoder.decode(name),
        ino: this.#view.getBigUint64(at + 8, true),
        type: this.bytes[at + 20]!,
        next: this.#view.getBigUint64(at, true),
      });
      at += DIRENT_BYTES + nameBytes;
    }
    return { entries, used };
  }

  /** All entries, by as many calls as a buffer of `length` bytes takes. */
  list(directory: number, length = BUFFER_BYTES): Entry[] {
    const all: Entry[] = [];
    for (let cookie = 0n; ;) {
      const { entries, used } = this.readdir(directory, cookie, length);
      expect(used).toBeGreaterThanOrEqual(0);
      all.push(...entries);
      if (used < length) return all;
      if (entries.length === 0) throw new Error(`an entry does not fit into ${length} bytes`);
      cookie = entries.at(-1)!.next;
    }
  }

  /** The names of a directory without `.` and `..`, sorted. */
  names(path = '.'): string[] {
    const directory = this.opened(path, READ | DIRECTORY);
    const names = this.list(directory).map(({ name }) => name);
    expect(this.kernel.close(directory)).toBe(0);
    return names.filter((name) => name !== '.' && name !== '..').sort();
  }

  /** Expects what each call answers: the name of its errno, or a number. */
  answers(...rows: [what: string, answer: unknown, expected: keyof typeof Errno | number][]): void {
    const told = (answer: unknown) =>
      typeof answer === 'number' && answer < 0 ? errnoName(answer) : answer;
    expect(rows.map(([what, answer]) => [what, told(answer)])).toEqual(
      rows.map(([what, , expected]) => [what, expected]),
    );
  }
}

export const fileCase = (name: string, run: (hand: FileHand) => void): FileCase => ({
  name,
  run: (kernel, directory) => run(new FileHand(kernel, directory)),
});
