/** Threads for guests that share a world: they are kept between two runs. */
import process from 'node:process';
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
} from 'node:worker_threads';

import { HostError } from '../../../host/kernel/error.js';
import type { End } from '../program.js';
import { LAYOUT, Said, Shared, SHARED_BYTES, Turn, type Job } from './verb.js';

/** No guest computes for so long between two calls, and no thread takes as long to start. */
const LIMIT_MS = 60_000;
/** A guest that is told to end may take so long to be left by the exception that does it. */
const ABORT_MS = 1000;

export class Thread {
  readonly shared: Shared;
  readonly #worker: Worker;
  readonly #port: MessagePort;

  constructor() {
    const buffer = new SharedArrayBuffer(SHARED_BYTES);
    const { port1, port2 } = new MessageChannel();
    this.shared = new Shared(buffer);
    this.shared.control[LAYOUT.TURN] = Turn.GUEST;
    this.#port = port1;
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: { port: port2, buffer },
      transferList: [port2],
      name: 'pollux',
      execArgv: [],
    });
    this.#worker.unref();
    port1.unref();
    if (!this.shared.await(Turn.WORLD, LIMIT_MS))
      throw new HostError("a guest's thread did not start");
  }

  /** Gives it a guest to run; what it says first is there then. */
  begin(job: Job): void {
    this.shared.control[LAYOUT.ABORT] = 0;
    this.#port.postMessage(job);
    this.goOn();
  }

  /** It goes on until it says something. */
  goOn(): void {
    if (this.shared.pass(Turn.GUEST, LIMIT_MS)) return;
    this.end();
    throw new HostError(
      'a guest has computed for a minute without a call, and has fuel left: give it less',
    );
  }

  get said(): number {
    return this.shared.control[LAYOUT.SAID]!;
  }

  /** What it has sent. */
  message(): unknown {
    return receiveMessageOnPort(this.#port)?.message;
  }

  /** True while no guest runs in it. */
  get idle(): boolean {
    return this.said === Said.IDLE;
  }

  /** Ends its guest, and waits until it is idle: how it ended, or undefined if it would not. */
  settle(): End | undefined {
    const { shared } = this;
    // It may have ended when it was not its turn yet.
    let end = this.said === Said.ENDED ? (this.message() as End | undefined) : undefined;
    shared.control[LAYOUT.ABORT] = 1;
    while (!this.idle) {
      if (!shared.pass(Turn.GUEST, ABORT_MS)) return undefined;
      if (this.said === Said.ENDED) end = this.message() as End;
    }
    return end;
  }

  end(): void {
    void this.#worker.terminate();
  }

  /** Lets it end by itself: an idle one without a job does. */
  dismiss(): void {
    Atomics.store(this.shared.control, LAYOUT.TURN, Turn.GUEST);
    Atomics.notify(this.shared.control, LAYOUT.TURN);
  }
}

const idle: Thread[] = [];
process.on('exit', () => idle.forEach((thread) => thread.dismiss()));

export function takeThread(): Thread {
  return idle.pop() ?? new Thread();
}

/** Takes back a thread, whatever its guest is at: how that ended, if it had not yet. */
export function giveThread(thread: Thread): End | undefined {
  const end = thread.settle();
  if (thread.idle) idle.push(thread);
  else thread.end();
  return end;
}
