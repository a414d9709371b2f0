/**
 * A regular file of a simulated disk: pages that are in memory, and of each page that was changed
 * what the disk has in its stead until it is synced. A page of which there is none is zeros.
 */
import { FileType } from '../kernel/kernel.js';
import { Inode } from './inode.js';
import { copy, type Iovecs } from './iovec.js';

export const PAGE_BYTES = 4096;
/** The largest file that ext4 has, with blocks of 4 KiB. */
export const MOST_FILE_BYTES = 2 ** 44 - PAGE_BYTES;

type Page = Uint8Array | undefined;

/** What a crash of the machine asks. True: it is lost. */
export interface Loss {
  /** The file was cut, and is now longer than it was cut to, or as long. */
  cut(): boolean;
  size(): boolean;
  page(index: number): boolean;
}

export class Content extends Inode {
  readonly type = FileType.REGULAR_FILE;
  readonly #pages = new Map<number, Uint8Array>();
  #size = 0;
  /** By index, what is on the disk of pages that are not synced. */
  readonly #dirty = new Map<number, Page>();
  /** Those that the disk failed to take: nobody writes them again. */
  readonly #failed = new Map<number, Page>();
  #diskSize = 0;
  /** The least that its size was since it was synced. */
  #leastSize = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts down what it has from the beginning. The bytes are never changed. */
  preset(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      let page = bytes.subarray(at, at + PAGE_BYTES);
      if (page.length < PAGE_BYTES) {
        const whole = new Uint8Array(PAGE_BYTES);
        whole.set(page);
        page = whole;
      }
      this.#pages.set(at / PAGE_BYTES, page);
    }
    this.#size = this.#diskSize = this.#leastSize = bytes.length;
  }

  /** Copies what is there from `at` on into the first `total` bytes of the buffers: how many. */
  read(to: Iovecs, at: number, total: number): number {
    const most = Math.max(0, Math.min(total, this.#size - at));
    let left = most;
    for (let i = 0; i < to.count && left > 0; i++) {
      let into = to.offsets[i]!;
      const end = into + Math.min(to.lengths[i]!, left);
      left -= end - into;
      while (into < end) {
        const from = at % PAGE_BYTES;
        const length = Math.min(end - into, PAGE_BYTES - from);
        const page = this.#pages.get((at - from) / PAGE_BYTES);
        if (page === undefined) to.bytes.fill(0, into, into + length);
        else copy(page, from, to.bytes, into, length);
        into += length;
        at += length;
      }
    }
    return most;
  }

  /**
   * Writes the first `total` bytes of the buffers from `at` on: how many, which is fewer where the
   * disk is full.
   */
  write(from: Iovecs, at: number, total: number): number {
    let written = 0;
    for (let i = 0; i < from.count && written < total; i++) {
      let out = from.offsets[i]!;
      const end = out + Math.min(from.lengths[i]!, total - written);
      while (out < end) {
        const into = at % PAGE_BYTES;
        const length = Math.min(end - out, PAGE_BYTES - into);
        const page = this.#writable((at - into) / PAGE_BYTES);
        if (page === undefined) return written;
        copy(from.bytes, out, page, into, length);
        out += length;
        at += length;
        written += length;
        if (at > this.#size) this.#size = at;
      }
    }
    return written;
  }

  /** The page, as it may be written to; undefined: the disk is full. */
  #writable(index: number): Page {
    const page = this.#pages.get(index);
    if (page === undefined && !this.space.take(PAGE_BYTES)) return undefined;
    // It was copied when it was changed for the first time.
    if (page !== undefined && this.#dirty.has(index)) return page;
    const own = new Uint8Array(PAGE_BYTES);
    if (page !== undefined) own.set(page);
    this.#soil(index, page);
    this.#pages.set(index, own);
    return own;
  }

  /** The page will be another than `page`, which is what the disk has. */
  #soil(index: number, page: Page): void {
    if (this.#dirty.has(index)) return;
    this.#dirty.set(index, this.#failed.has(index) ? this.#failed.get(index) : page);
    this.#failed.delete(index);
  }

  resize(size: number): void {
    if (size < this.#size) this.#cut(size);
    this.#size = size;
  }

  /** Takes all pages of a range from the disk: false if they are not to be had. */
  allocate(at: number, length: number): boolean {
    const last = Math.floor((at + length - 1) / PAGE_BYTES);
    for (let index = Math.floor(at / PAGE_BYTES); index <= last; index++) {
      if (this.#pages.has(index)) continue;
      if (!this.space.take(PAGE_BYTES)) return false;
      this.#soil(index, undefined);
      this.#pages.set(index, new Uint8Array(PAGE_BYTES));
    }
    this.#size = Math.max(this.#size, at + length);
    return true;
  }

  #cut(size: number): void {
    const rest = size % PAGE_BYTES;
    const first = Math.ceil(size / PAGE_BYTES);
    for (const [index, page] of this.#pages) {
      if (index < first) continue;
      this.#soil(index, page);
      this.#pages.delete(index);
      this.space.give(PAGE_BYTES);
    }
    // What lies behind the end must be zeros when the file grows again.
    if (rest > 0 && this.#pages.has(first - 1)) this.#writable(first - 1)!.fill(0, rest);
    if (size < this.#leastSize) this.#leastSize = size;
  }

  /** True if the disk has not all of it. */
  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** All of it is on the disk from now on, but for what the disk failed to take. */
  sync(): void {
    this.#dirty.clear();
    this.#diskSize = this.#leastSize = this.#size;
  }

  /**
   * The disk did not take it: as on Linux, the pages count as written from now on, nobody tries
   * again, and a crash of the machine loses them.
   */
  failToSync(): void {
    for (const [index, page] of this.#dirty) this.#failed.set(index, page);
    this.#dirty.clear();
  }

  /** The machine crashes: it becomes what the disk has of it. */
  crash(loss: Loss): void {
    const lost = (index: number) => this.#failed.has(index) || loss.page(index);
    if (this.#leastSize < this.#diskSize && loss.cut()) {
      // What came after the cut did not come before it.
      this.#revert();
    } else {
      const least = this.#leastSize;
      for (const pages of [this.#dirty, this.#failed]) {
        for (const [index, page] of pages)
          if (lost(index)) this.#restore(index, upTo(page, least - index * PAGE_BYTES));
      }
      // Only how far it has grown since can be lost by itself.
      if (this.#size > least && loss.size()) this.resize(least);
    }
    this.sync();
    this.#failed.clear();
  }

  #restore(index: number, page: Page): void {
    if (page === undefined) this.#pages.delete(index);
    else this.#pages.set(index, page);
  }

  /** It becomes what the disk surely has of it. */
  #revert(): void {
    for (const pages of [this.#dirty, this.#failed])
      for (const [index, page] of pages) this.#restore(index, page);
    this.#size = this.#diskSize;
    this.sync();
    this.#failed.clear();
  }

  /** How many bytes of the disk its pages take. */
  get bytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  protected erase(): number {
    const { bytes } = this;
    this.#revert();
    this.space.hold(this.bytes);
    return bytes;
  }
}

/** The page with zeros from `length` on. */
function upTo(page: Page, length: number): Page {
  if (page === undefined || length >= PAGE_BYTES) return page;
  if (length <= 0) return undefined;
  const cut = new Uint8Array(PAGE_BYTES);
  cut.set(page.subarray(0, length));
  return cut;
}
