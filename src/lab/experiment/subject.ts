/**
 * A process of an experiment's own, for what is measured: its cost is then told apart from that of
 * who measures, it begins with nothing that was measured before, and it can be ended whatever it
 * does. The first half is for who starts one, the second for the process itself.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { HostError } from '../../../host/kernel/error.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';

interface Failure {
  type: 'failed';
  sentence: string;
}

/** What every job has in it: who started the process, and ends it by ending. */
interface Started {
  parent: number;
}

const isFailure = (message: unknown): message is Failure =>
  (message as Partial<Failure>).type === 'failed';

export class Subject<Message> {
  readonly #child: ChildProcess;
  readonly #messages: AsyncIterator<[Message | Failure]>;

  /** `entry`: a module that takes its job by `jobOfSubject`. `within`: a command that runs it. */
  constructor(entry: URL, job: object, signal: AbortSignal, within: readonly string[] = []) {
    signal.throwIfAborted();
    const started: Started = { parent: process.pid };
    const args = [JSON.stringify({ ...job, ...started })];
    const [execPath, ...execArgv] = [...within, process.execPath];
    this.#child = fork(fileURLToPath(entry), args, { execPath, execArgv });
    const messages = on(this.#child, 'message', { signal, close: ['close'] });
    this.#messages = messages as AsyncIterator<[Message | Failure]>;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  send(message: object): void {
    this.#child.send(message);
  }

  /** What it tells next. Throws `HostError` if it has failed or ended. */
  async next(): Promise<Message> {
    const { value, done } = await this.#messages.next();
    if (done) throw new HostError(`a process of the experiment ended by itself`);
    const [message] = value;
    if (isFailure(message)) throw new HostError(message.sentence);
    return message;
  }

  async end(): Promise<void> {
    const child = this.#child;
    child.on('error', () => {});
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
}

/** The job that this process was started for. It ends with the one that started it. */
export function jobOfSubject<Job>(): Job {
  const job = JSON.parse(process.argv[2]!) as Job & Started;
  new LinuxKernel().endWithParent();
  if (process.ppid !== job.parent) process.exit(1); // it has ended already
  return job;
}

/** Resolves when the message is on its way, although this thread may block from then on. */
export async function tell(message: object): Promise<void> {
  await new Promise((resolve) => process.send!(message, resolve));
}

/** Does what the process is for, or tells why it cannot be done. */
export async function attempt(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const failure: Failure = { type: 'failed', sentence: (error as Error).message };
    await tell(failure);
    process.exit(1);
  }
}
