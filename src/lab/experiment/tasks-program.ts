/**
 * The program of the experiment `tasks`: it does the same three tasks one after the other in one
 * thread that blocks, in a thread for each, and in one thread with an event loop.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { EVENT_STRIDE, Readiness, Trigger } from '../../../host/kernel/readiness.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { attachMessage, check, connect } from './connection.js';
import { attempt, jobOfSubject, tell } from './subject.js';
import {
  nowMs,
  REQUEST_BYTES,
  runBlocking,
  task,
  TASKS,
  type Span,
  type Way,
  type Work,
} from './tasks-task.js';
import type { ThreadData, ThreadJob } from './tasks-thread.js';

export interface ProgramJob {
  /** Of the device. */
  port: number;
}

/** What is to be done next. */
export interface ProgramOrder {
  way: Way;
  work: Work;
}

/** When it was done: when it began, and all the spans in which it was not waiting. */
export interface ProgramMessage {
  startMs: number;
  spans: Span[];
}

const THREAD = new URL('./tasks-thread.js', import.meta.url);
const PATIENCE_NS = 10e9;

class Program {
  readonly #kernel = new LinuxKernel();
  readonly #bytes = attachMessage(this.#kernel, REQUEST_BYTES);
  readonly #sockets: readonly number[];
  readonly #threads: readonly Worker[];

  constructor(port: number) {
    const tasks = Array.from({ length: TASKS });
    const workerData: ThreadData = { port };
    this.#sockets = tasks.map(() => connect(this.#kernel, { host: '127.0.0.1', port }));
    this.#threads = tasks.map(() => new Worker(THREAD, { workerData }));
  }

  async ready(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => once(thread, 'message')));
  }

  async run(way: Way, work: Work): Promise<ProgramMessage> {
    if (way === 'three threads') return await this.#runInThreads(work);
    const startMs = nowMs(this.#kernel);
    const spans =
      way === 'event loop'
        ? this.#runInEventLoop(work)
        : this.#sockets.flatMap((socket) => runBlocking(this.#kernel, this.#bytes, socket, work));
    return { startMs, spans };
  }

  async #runInThreads(work: Work): Promise<ProgramMessage> {
    const gate = new SharedArrayBuffer(4);
    const ready = this.ready();
    const job: ThreadJob = { work, gate };
    for (const thread of this.#threads) thread.postMessage(job);
    await ready;
    const done = Promise.all(this.#threads.map((thread) => once(thread, 'message')));
    const startMs = nowMs(this.#kernel);
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
    const all = (await done) as [Span[]][];
    return { startMs, spans: all.flatMap(([spans]) => spans) };
  }

  /** A task goes on whenever its answer is there; the thread waits for all of them at once. */
  #runInEventLoop(work: Work): Span[] {
    const kernel = this.#kernel;
    const poller = kernel.poller('epoll');
    const events = new Int32Array(TASKS * EVENT_STRIDE);
    const tasks = this.#sockets.map((socket) => task(kernel, this.#bytes, socket, work));
    for (const [i, socket] of this.#sockets.entries())
      poller.set(socket, Readiness.IN, Trigger.LEVEL, i);
    const spans: Span[] = [];
    let left = tasks.length;
    let ready = [...tasks.keys()];
    while (left > 0) {
      const from = nowMs(kernel);
      for (const i of ready) if (tasks[i]!.next().done) left--;
      spans.push([from, nowMs(kernel)]);
      if (left === 0) break;
      const count = check(poller.wait(events, PATIENCE_NS), 'an answer cannot be awaited');
      ready = Array.from({ length: count }, (_, i) => events[i * EVENT_STRIDE + 1]!);
    }
    poller.close();
    return spans;
  }
}

await attempt(async () => {
  const { port } = jobOfSubject<ProgramJob>();
  const program = new Program(port);
  await program.ready();
  const run = async ({ way, work }: ProgramOrder) => tell(await program.run(way, work));
  process.on('message', (order: ProgramOrder) => void attempt(() => run(order)));
  await tell({});
});
