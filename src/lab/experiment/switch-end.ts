/** One end of a connection, over which messages of one byte go to and fro. */
import { errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import { Readiness } from '../../../host/kernel/readiness.js';
import type { LinuxKernel } from '../../../host/linux/linux-kernel.js';

const PATIENCE_NS = 10e9;
/** An iovec, and the byte that it is of. */
const IOV = 0;
const BYTE = 8;

export class End {
  readonly #kernel: LinuxKernel;
  readonly #socket: number;

  constructor(kernel: LinuxKernel, socket: number) {
    this.#kernel = kernel;
    this.#socket = socket;
    const bytes = new Uint8Array(BYTE + 1);
    new Uint32Array(bytes.buffer, IOV, 2).set([BYTE, 1]);
    kernel.attach({ bytes });
  }

  send(): void {
    const sent = this.#kernel.send(this.#socket, IOV, 1, 0);
    if (sent !== 1) throw new HostError(`a message cannot be sent: ${errnoName(sent)}`);
  }

  /** Waits for a message; false if there will be none. */
  receive(): boolean {
    this.#kernel.waitFor(this.#socket, Readiness.IN, PATIENCE_NS);
    const got = this.#kernel.recv(this.#socket, IOV, 1, 0, 0);
    if (got < 0) throw new HostError(`a message does not come: ${errnoName(got)}`);
    return got === 1;
  }
}
