/** The wait for a single handle, which one object of a kernel serves for all of them. */
import { Errno } from '../kernel/errno.js';
import type { File } from './file.js';
import { ALWAYS, interestOf } from './readiness.js';
import type { SimKernel } from './sim-kernel.js';
import type { Waiting } from './world.js';

/** As wide as `events` of struct pollfd. */
const WIDE = 0xffff;

export class WaitForOne implements Waiting {
  readonly #kernel: SimKernel;
  #file: File | undefined;
  #handle = -1;
  #interest = 0;

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
  }

  for(file: File, handle: number, interest: number): this {
    this.#file = file;
    this.#handle = handle;
    this.#interest = interest & WIDE;
    return this;
  }

  ready(): number {
    const mask = this.#file!.poll() & (this.#interest | ALWAYS);
    return this.#kernel.wakeFile.on ? -Errno.EINTR : mask;
  }

  waitsFor(): string {
    return interestOf(this.#handle, this.#interest);
  }
}
