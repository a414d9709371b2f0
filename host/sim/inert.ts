/**
 * Files with nothing behind them: the null device, a listener out of service, and what `wake`
 * wakes.
 */
import { Errno } from '../kernel/errno.js';
import { FileType } from '../kernel/kernel.js';
import { Readiness } from '../kernel/readiness.js';
import { File } from './file.js';
import type { Iovecs } from './iovec.js';

/** /dev/null. */
export class Null extends File {
  readonly type = FileType.CHARACTER_DEVICE;

  poll(): number {
    return Readiness.IN | Readiness.OUT;
  }

  override read(_to: Iovecs): number {
    return 0;
  }

  override write(from: Iovecs): number {
    return from.total;
  }

  override seek(): number {
    return 0;
  }

  release(): void {}
}

/** What stands where a listener was: never ready, and with no connection. */
export class Retired extends File {
  readonly type = FileType.UNKNOWN;

  poll(): number {
    return 0;
  }

  override read(to: Iovecs): number {
    return to.total === 0 ? 0 : -Errno.EAGAIN;
  }

  override write(_from: Iovecs): number {
    return -Errno.EAGAIN;
  }

  override accept(): number {
    return -Errno.EAGAIN;
  }

  release(): void {}
}

/** Ready for IN from `Kernel.wake` to `Kernel.awake`. */
export class Wake extends File {
  readonly type = FileType.UNKNOWN;
  on = false;

  poll(): number {
    return this.on ? Readiness.IN : 0;
  }

  set(on: boolean): void {
    this.on = on;
    if (on) this.wake(Readiness.IN);
  }

  release(): void {}
}
