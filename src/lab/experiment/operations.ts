/**
 * Operations by the models, in a thread that may block: this one sends what they receive, when it
 * shall arrive.
 */
import { Worker } from 'node:worker_threads';

import { Errno, errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import { Readiness } from '../../../host/kernel/readiness.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { median } from '../estimate.js';
import type { Case, OperationJob, OperationMessage, Spent } from './spent.js';

const PATIENCE_NS = 5e9;
const IOVEC = 0;
const BYTES = 8;

/** Of a case: what its operations spent, the median of each. */
export interface Measured extends Spent {
  /** What did it, if it was asynchronous. */
  readonly engine: string | undefined;
}

/** The far end of the connections. */
class Sender {
  readonly kernel = new LinuxKernel();
  readonly #listener: number;
  #bytes = new Uint8Array(BYTES);
  #socket = -1;
  #index = -1;

  constructor() {
    this.#listener = this.#check(this.kernel.listen({ host: '127.0.0.1', port: 0 }, 1));
  }

  get address() {
    const address = this.kernel.localAddress(this.#listener);
    if (typeof address === 'number') throw new HostError(errnoName(address));
    return address;
  }

  /** Sends to the connection of a case. */
  send(index: number, bytes: number): void {
    if (index !== this.#index) {
      this.kernel.close(this.#socket);
      this.#socket = this.#check(this.kernel.accept(this.#listener));
      this.#index = index;
    }
    if (this.#bytes.length < BYTES + bytes) this.#bytes = new Uint8Array(BYTES + bytes);
    new Uint32Array(this.#bytes.buffer, 0, 2).set([BYTES, bytes], IOVEC);
    this.kernel.attach({ bytes: this.#bytes });
    for (let sent = 0; sent < bytes;) {
      const result = this.kernel.send(this.#socket, IOVEC, 1, sent);
      if (result === -Errno.EAGAIN) this.kernel.waitFor(this.#socket, Readiness.OUT, PATIENCE_NS);
      else sent += this.#check(result);
    }
  }

  #check(result: number): number {
    if (result < 0) throw new HostError(`the data cannot be sent: ${errnoName(result)}`);
    return result;
  }
}

/** Throws `HostError` if it cannot be done, and what the signal says if that is aborted. */
export async function operations(cases: readonly Case[], signal: AbortSignal): Promise<Measured[]> {
  signal.throwIfAborted();
  const sender = new Sender();
  const job: OperationJob = { cases, address: sender.address };
  const thread = new Worker(new URL('operation-thread.js', import.meta.url), { workerData: job });
  const exit = new Promise((resolve) => thread.once('exit', resolve));
  const over = new AbortController();
  const measured: Measured[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const send = (index: number, bytes: number) => {
        try {
          sender.send(index, bytes);
        } catch (error) {
          reject(error);
        }
      };
      thread.on('message', (message: OperationMessage) => {
        if (over.signal.aborted) return;
        const { index } = message;
        if (message.type === 'begins')
          timer = setTimeout(send, message.delayMs, index, message.bytes);
        else measured[index] = { engine: message.engine, ...medians(message.spent) };
      });
      thread.on('error', ({ message }) => reject(new HostError(message)));
      thread.on('exit', () => {
        if (measured.length === cases.length) resolve();
        else reject(new HostError('the thread of the operations ended too soon'));
      });
      const aborted = () => reject(signal.reason);
      signal.addEventListener('abort', aborted, { signal: over.signal });
    });
  } finally {
    over.abort();
    clearTimeout(timer);
    // Without a far end, whatever the thread is in comes to its end, and it closes what it has.
    sender.kernel.dispose();
    await exit;
  }
  return measured;
}

function medians(spent: readonly Spent[]): Spent {
  const middle = (of: (spent: Spent) => number) => median(spent.map(of));
  return {
    wait: {
      blockedNs: middle(({ wait }) => wait.blockedNs),
      busyNs: middle(({ wait }) => wait.busyNs),
      ownNs: middle(({ wait }) => wait.ownNs),
    },
    copy: {
      wallNs: middle(({ copy }) => copy.wallNs),
      cpuNs: middle(({ copy }) => copy.cpuNs),
    },
  };
}
