/** Clients that come one after the other, and stay: each connects, and waits for its first echo. */
import { setImmediate as turn } from 'node:timers/promises';

import { errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import { Readiness } from '../../../host/kernel/readiness.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';

const PATIENCE_NS = 10e9;
/** One iovec, of the message and of its echo alike, and then the message. */
const IOVEC = 0;
const MESSAGE = 8;
const MESSAGE_BYTES = 64;

export class Visitors {
  readonly #kernel = new LinuxKernel();

  constructor() {
    const bytes = new Uint8Array(MESSAGE + MESSAGE_BYTES);
    new Uint32Array(bytes.buffer, 0, 2).set([MESSAGE, MESSAGE_BYTES]);
    this.#kernel.attach({ bytes });
  }

  /** The milliseconds that each had to wait, from when it came until it had its echo. */
  async come(count: number, port: number, signal: AbortSignal): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      await turn(undefined, { signal });
      const start = performance.now();
      this.#visit(port);
      times.push(performance.now() - start);
    }
    return times;
  }

  #visit(port: number): void {
    const socket = check(this.#kernel.connect({ host: '127.0.0.1', port }), 'connect');
    this.#await(socket, Readiness.OUT);
    check(this.#kernel.socketError(socket), 'connect');
    check(this.#kernel.send(socket, IOVEC, 1, 0), 'send');
    this.#await(socket, Readiness.IN);
    const bytes = check(this.#kernel.recv(socket, IOVEC, 1, 0, 0), 'receive');
    if (bytes < MESSAGE_BYTES) throw new HostError('the server closed a connection');
  }

  #await(socket: number, interest: number): void {
    const ready = check(this.#kernel.waitFor(socket, interest, PATIENCE_NS), 'wait');
    if (ready === 0) throw new HostError('the server does not answer');
  }

  /** All of them go. */
  leave(): void {
    this.#kernel.dispose();
  }
}

function check(result: number, what: string): number {
  if (result < 0) throw new HostError(`a client cannot ${what}: ${errnoName(result)}`);
  return result;
}
