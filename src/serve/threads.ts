/**
 * Threads that run one command after the other, each in an instance of its own, and are kept
 * between two. It starts one when nobody is free, and sets no limit: who takes one has set it.
 */
import { Worker } from 'node:worker_threads';

import { HostError } from '../../host/kernel/error.js';
import type { Job } from '../message.js';

/** A thread for the one command of `job`, or without a job for one after the other. */
export function startThread(job?: Job): Worker {
  // Of the embedder's options for Node none is for the guest's thread, and some (--input-type)
  // would keep it from starting.
  const options = { workerData: job, name: 'pollux', execArgv: [] };
  return new Worker(new URL('../worker.js', import.meta.url), options);
}

interface Taker {
  resolve: (worker: Worker) => void;
  reject: (error: HostError) => void;
}

export class Threads {
  readonly #all = new Set<Worker>();
  readonly #idle = new Set<Worker>();
  readonly #takers: Taker[] = [];

  /**
   * A thread that waits for its next command: whichever is the first to be free, a new one
   * included.
   */
  async take(): Promise<Worker> {
    const [idle] = this.#idle;
    if (idle) {
      this.#idle.delete(idle);
      return idle;
    }
    return await new Promise((resolve, reject) => {
      this.#takers.push({ resolve, reject });
      this.#start();
    });
  }

  /** Takes back a thread whose command is over. */
  give(worker: Worker): void {
    if (!this.#all.has(worker)) return; // it has ended
    const taker = this.#takers.shift();
    if (taker) taker.resolve(worker);
    else this.#idle.add(worker);
  }

  /** Ends all threads; who still waits for one is told so. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #start(): void {
    let worker: Worker;
    try {
      worker = startThread();
    } catch (error) {
      return this.#failed(error as Error);
    }
    this.#all.add(worker);
    let starting = true;
    worker.on('error', (error) => {
      if (starting) this.#failed(error);
      starting = false;
    });
    worker.once('message', () => {
      starting = false;
      this.give(worker);
    });
    worker.once('exit', () => {
      if (starting) this.#failed(new HostError('it was ended'));
      this.#all.delete(worker);
      this.#idle.delete(worker);
    });
  }

  /** One start is for one taker, though maybe for another than it would have served. */
  #failed(error: Error): void {
    const sentence = `a thread cannot be started: ${error.message}`;
    this.#takers.shift()?.reject(new HostError(sentence, { cause: error }));
  }
}
