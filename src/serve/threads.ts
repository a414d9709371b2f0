/**
 * Threads that run one command after the other, each in an instance of its own, and are kept
 * between two. One is started when nobody is free; there is no limit, for who takes one has set it.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import { HostError } from '../../host/kernel/error.js';
import type { Job } from '../message.js';
import { roomFor } from './room.js';

/** Starting a thread is work for a processor: more at once than there are would start no sooner. */
const MOST_STARTING = availableParallelism();
/** What a thread takes while it starts, and the guests that begin meanwhile, amply. */
const DESCRIPTORS = 40;
const PAUSE_MS = 100;

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
  /** The ends of the threads' starts, good or bad. */
  readonly #starting = new Set<Promise<void>>();
  #later: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * A thread that waits for its next command: whichever is the first to be free, a new one
   * included. Rejects with `HostError` if there is none and none can be had.
   */
  async take(): Promise<Worker> {
    const [idle] = this.#idle;
    if (idle) {
      this.#idle.delete(idle);
      return idle;
    }
    return await new Promise((resolve, reject) => {
      this.#takers.push({ resolve, reject });
      this.#grow();
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
    this.#closed = true;
    clearTimeout(this.#later);
    while (this.#takers.length > 0) this.#refuse('the server has ended');
    // A thread that is ended while it loads its modules would leave their files open.
    await Promise.all(this.#starting);
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #grow(): void {
    clearTimeout(this.#later);
    const starting = this.#starting.size;
    if (this.#closed || starting >= Math.min(this.#takers.length, MOST_STARTING)) return;
    if (!roomFor(DESCRIPTORS * (starting + 1))) {
      if (this.#all.size === 0) return this.#refuse('too few descriptors are free');
      this.#later = setTimeout(() => this.#grow(), PAUSE_MS);
      return;
    }
    // One start is for one taker, though maybe for another than it will serve.
    const start = this.#start().then(
      (worker) => this.give(worker),
      ({ message }: Error) => this.#refuse(message),
    );
    this.#starting.add(start);
    const over = () => {
      this.#starting.delete(start);
      this.#grow();
    };
    void start.finally(over);
  }

  #refuse(why: string): void {
    this.#takers.shift()?.reject(new HostError(`a thread cannot be started: ${why}`));
  }

  async #start(): Promise<Worker> {
    const worker = startThread();
    this.#all.add(worker);
    return await new Promise((resolve, reject) => {
      worker.on('error', reject);
      worker.once('message', () => resolve(worker));
      worker.once('exit', () => {
        reject(new HostError('it ended'));
        this.#all.delete(worker);
        this.#idle.delete(worker);
      });
    });
  }
}
