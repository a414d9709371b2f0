/** One end of a connection, over which messages of one byte go to and fro. */
import { Readiness } from '../../../host/kernel/readiness.js';
import type { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { attachMessage, check, IOVEC, wait } from './connection.js';

export class End {
  readonly #kernel: LinuxKernel;
  readonly #socket: number;

  constructor(kernel: LinuxKernel, socket: number) {
    this.#kernel = kernel;
    this.#socket = socket;
    attachMessage(kernel, 1);
  }

  send(): void {
    check(this.#kernel.send(this.#socket, IOVEC, 1, 0), 'a message cannot be sent');
  }

  /** Waits for a message; false if there will be none. */
  receive(): boolean {
    wait(this.#kernel, this.#socket, Readiness.IN);
    const got = this.#kernel.recv(this.#socket, IOVEC, 1, 0, 0);
    return check(got, 'a message cannot be received') === 1;
  }
}
