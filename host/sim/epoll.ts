/**
 * Readiness by epoll(7): level, edge, oneshot and exclusive. As on Linux (fs/eventpoll.c) there is
 * a list of what may be ready, in the order in which that arose; a wait asks each again, and a
 * level that still holds goes to the end.
 */
import { Errno } from '../kernel/errno.js';
import { EVENT_STRIDE, Readiness, Trigger, WAKE } from '../kernel/readiness.js';
import type { File, Watcher } from './file.js';
import { DiskFile } from './open-file.js';
import { ALWAYS, interestOf, put, SimPoller } from './readiness.js';
import type { SimKernel } from './sim-kernel.js';

const { IN, OUT, ERR, HUP, EXCLUSIVE } = Readiness;
const EXCLUSIVE_MAY = IN | OUT | ERR | HUP | EXCLUSIVE;

/** The list of what may be ready. */
class ReadyList {
  first: Item | undefined = undefined;
  last: Item | undefined = undefined;
  length = 0;
}

class Item implements Watcher {
  readonly handle: number;
  readonly file: File;
  readonly #list: ReadyList;
  interest = 0;
  trigger: number = Trigger.LEVEL;
  token = 0;
  exclusive = false;
  linked = false;
  previous: Item | undefined = undefined;
  next: Item | undefined = undefined;

  constructor(handle: number, file: File, list: ReadyList) {
    this.handle = handle;
    this.file = file;
    this.#list = list;
  }

  woken(key: number): void {
    // A oneshot that was told of has no interest left.
    if (this.interest !== 0 && (key === 0 || (key & this.interest) !== 0)) this.link();
  }

  /** Looks at once: what is ready when it is set is told of. */
  look(): void {
    if (this.file.poll() & this.interest) this.link();
  }

  link(): void {
    if (this.linked) return;
    const list = this.#list;
    this.linked = true;
    this.previous = list.last;
    this.next = undefined;
    if (list.last) list.last.next = this;
    else list.first = this;
    list.last = this;
    list.length++;
  }

  unlink(): void {
    if (!this.linked) return;
    const list = this.#list;
    this.linked = false;
    if (this.previous) this.previous.next = this.next;
    else list.first = this.next;
    if (this.next) this.next.previous = this.previous;
    else list.last = this.previous;
    this.previous = undefined;
    this.next = undefined;
    list.length--;
  }
}

export class SimEpoll extends SimPoller {
  readonly name = 'epoll';
  readonly #ready = new ReadyList();
  readonly #items: (Item | undefined)[] = [];
  readonly #wake: Item;

  constructor(kernel: SimKernel) {
    super(kernel);
    this.#wake = new Item(-1, kernel.wakeFile, this.#ready);
    this.#wake.interest = IN | ALWAYS;
    this.#wake.token = WAKE;
    kernel.wakeFile.watch(this.#wake);
    this.#wake.look();
  }

  protected change(handle: number, interest: number, trigger: number, token: number): number {
    if (trigger & ~(Trigger.EDGE | Trigger.ONESHOT)) return -Errno.EINVAL;
    const file = this.kernel.file(handle);
    if (file === undefined) return -Errno.EBADF;
    if (file instanceof DiskFile) return -Errno.EPERM;
    const known = this.#items[handle];
    const exclusive = (interest & EXCLUSIVE) !== 0;
    if (exclusive && (known || interest & ~EXCLUSIVE_MAY || trigger & Trigger.ONESHOT))
      return -Errno.EINVAL;
    if (known?.exclusive) return -Errno.EINVAL;
    const item = known ?? new Item(handle, file, this.#ready);
    item.interest = (interest & ~EXCLUSIVE) | ALWAYS;
    item.trigger = trigger;
    item.token = token;
    item.exclusive = exclusive;
    if (known === undefined) {
      this.#items[handle] = item;
      file.watch(item);
    }
    item.look();
    return 0;
  }

  forget(handle: number): boolean {
    const item = this.#items[handle];
    if (item === undefined) return false;
    item.unlink();
    item.file.unwatch(item);
    this.#items[handle] = undefined;
    return true;
  }

  protected collect(events: Int32Array): number {
    const room = Math.trunc(events.length / EVENT_STRIDE);
    const list = this.#ready;
    let count = 0;
    for (let left = list.length; left > 0 && count < room; left--) {
      const item = list.first!;
      item.unlink();
      const mask = item.file.poll() & item.interest;
      if (mask === 0) continue;
      put(events, count++, mask, item.token, item.handle);
      if (item.trigger & Trigger.ONESHOT) item.interest = 0;
      else if (!(item.trigger & Trigger.EDGE)) item.link();
    }
    return count;
  }

  protected watched(): string {
    return this.#items
      .flatMap((item) => (item ? [interestOf(item.handle, item.interest & ~ALWAYS)] : []))
      .join(', ');
  }

  protected empty(): void {
    for (const item of this.#items) item?.file.unwatch(item);
    this.#items.length = 0;
    this.kernel.wakeFile.unwatch(this.#wake);
  }
}
