/**
 * Readiness by select(2): level only, and only handles below FD_SETSIZE (1024), in their order. It
 * cannot tell an error or a hang-up from data.
 */
import { Errno } from '../kernel/errno.js';
import { EVENT_STRIDE, Readiness, Trigger, WAKE } from '../kernel/readiness.js';
import { interestOf, put, SimPoller, type Level } from './readiness.js';

const { IN, PRI, OUT, ERR, HUP, RDHUP, EXCLUSIVE } = Readiness;
const FD_SETSIZE = 1024;

/** What the three sets of select(2) tell of `mask`, of what is asked for. */
function told(mask: number, interest: number): number {
  return (
    (interest & (IN | RDHUP) && mask & (IN | ERR | HUP) ? IN : 0) |
    (interest & OUT && mask & (OUT | ERR) ? OUT : 0) |
    (interest & mask & PRI)
  );
}

export class SimSelect extends SimPoller {
  readonly name = 'select';
  /** By handle. */
  readonly #levels: (Level | undefined)[] = [];

  protected change(handle: number, interest: number, trigger: number, token: number): number {
    if (trigger !== Trigger.LEVEL || interest & EXCLUSIVE) return -Errno.EINVAL;
    const file = this.kernel.file(handle);
    if (file === undefined) return -Errno.EBADF;
    if (handle >= FD_SETSIZE) return -Errno.EINVAL;
    this.#levels[handle] = { file, handle, interest, token };
    return 0;
  }

  forget(handle: number): boolean {
    const level = this.#levels[handle];
    if (level === undefined) return false;
    this.#levels[handle] = undefined;
    return true;
  }

  protected collect(events: Int32Array): number {
    const room = Math.trunc(events.length / EVENT_STRIDE);
    let count = 0;
    if (this.kernel.wakeFile.poll() & IN) put(events, count++, IN, WAKE, -1);
    for (let handle = 0; handle < this.#levels.length && count < room; handle++) {
      const level = this.#levels[handle];
      if (level === undefined) continue;
      const mask = told(level.file.poll(), level.interest);
      if (mask !== 0) put(events, count++, mask, level.token, handle);
    }
    return count;
  }

  protected watched(): string {
    return this.#levels
      .flatMap((level) => (level ? [interestOf(level.handle, level.interest)] : []))
      .join(', ');
  }

  protected empty(): void {
    this.#levels.length = 0;
  }
}
