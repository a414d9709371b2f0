/** Clients that come one after the other, and stay: each connects, and waits for its first echo. */
import { setImmediate as turn } from 'node:timers/promises';

import { HostError } from '../../../host/kernel/error.js';
import { Readiness } from '../../../host/kernel/readiness.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { attachMessage, check, connect, IOVEC, wait } from './connection.js';

const MESSAGE_BYTES = 64;

export class Visitors {
  readonly #kernel = new LinuxKernel();

  constructor() {
    attachMessage(this.#kernel, MESSAGE_BYTES);
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
    const kernel = this.#kernel;
    const socket = connect(kernel, { host: '127.0.0.1', port });
    check(kernel.send(socket, IOVEC, 1, 0), 'a client cannot send');
    wait(kernel, socket, Readiness.IN);
    const bytes = check(kernel.recv(socket, IOVEC, 1, 0, 0), 'a client cannot receive');
    if (bytes < MESSAGE_BYTES) throw new HostError('the server closed a connection');
  }

  /** All of them go. */
  leave(): void {
    this.#kernel.dispose();
  }
}
