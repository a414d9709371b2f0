/**
 * The process of experiment `switch`, which may use one processor only: passes messages to itself,
 * to a thread, and to a process, by the same system calls, and tells what each has cost.
 */
import { fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { Errno, errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import { cpuTimeMs } from '../../../host/linux/cpu-time.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { attempt, jobOfSubject, tell } from './subject.js';
import { End } from './switch-end.js';

export interface SwitchJob {
  readonly folder: string;
  readonly messages: number;
}

/** Per message. */
export interface Passed {
  readonly us: number;
  readonly switches: number;
}

export type SwitchAnswer = Record<'itself' | 'thread' | 'process', Passed>;

const FOLLOWER = new URL('./switch-follower.js', import.meta.url);
const WARMING_MESSAGES = 2000;
const PATIENCE_MS = 10_000;
const LOOK_MS = 5;

/** How often the threads of a process were switched from. */
function switchesOf(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .map((thread) => readFileSync(`${tasks}/${thread}/status`, 'utf8'))
    .flatMap((status) => [...status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s*(\d+)/gm)])
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

/** What `pass`, which passes two messages, costs all that take part. */
function costOf(pids: readonly number[], messages: number, pass: () => void): Passed {
  const sum = (pick: (pid: number) => number) => pids.reduce((all, pid) => all + pick(pid), 0);
  const read = () => ({
    ms: sum((pid) => cpuTimeMs({ process: pid })!),
    switches: sum(switchesOf),
  });
  for (let i = 0; i < WARMING_MESSAGES; i += 2) pass();
  const before = read();
  for (let i = 0; i < messages; i += 2) pass();
  const after = read();
  return {
    us: ((after.ms - before.ms) * 1000) / messages,
    switches: (after.switches - before.switches) / messages,
  };
}

class Leader {
  readonly #kernel = new LinuxKernel();
  readonly #path: string;
  readonly #messages: number;
  readonly #listener: number;

  constructor({ folder, messages }: SwitchJob) {
    this.#path = join(folder, 'switch');
    this.#messages = messages;
    this.#listener = this.#kernel.local(this.#path, 1);
    if (this.#listener < 0)
      throw new HostError(`a socket cannot be made: ${errnoName(this.#listener)}`);
  }

  async #accept(): Promise<number> {
    for (let leftMs = PATIENCE_MS; leftMs > 0; leftMs -= LOOK_MS) {
      const socket = this.#kernel.accept(this.#listener);
      if (socket !== -Errno.EAGAIN) return socket;
      await sleep(LOOK_MS);
    }
    throw new HostError('nobody connects');
  }

  /** Both ends are here: the same calls, and nobody to switch to. */
  async itself(): Promise<Passed> {
    const far = this.#kernel.local(this.#path, undefined);
    const near = await this.#accept();
    const [there, here] = [new End(this.#kernel, far), new End(this.#kernel, near)];
    const cost = costOf([process.pid], this.#messages, () => {
      here.send();
      there.receive();
      there.send();
      here.receive();
    });
    this.#kernel.close(far);
    this.#kernel.close(near);
    return cost;
  }

  async thread(): Promise<Passed> {
    const worker = new Worker(FOLLOWER, { workerData: this.#path, execArgv: [] });
    const over = new Promise((resolve) => void worker.once('exit', resolve));
    const cost = await this.#follow([process.pid]);
    await over;
    return cost;
  }

  async process(): Promise<Passed> {
    const child = fork(fileURLToPath(FOLLOWER), [this.#path], { execArgv: [] });
    const over = new Promise((resolve) => void child.once('exit', resolve));
    const cost = await this.#follow([process.pid, child.pid!]);
    await over;
    return cost;
  }

  async #follow(pids: readonly number[]): Promise<Passed> {
    const socket = await this.#accept();
    const end = new End(this.#kernel, socket);
    const cost = costOf(pids, this.#messages, () => {
      end.send();
      if (!end.receive()) throw new HostError('the other side has ended');
    });
    this.#kernel.close(socket);
    return cost;
  }
}

await attempt(async () => {
  const leader = new Leader(jobOfSubject<SwitchJob>());
  const answer: SwitchAnswer = {
    itself: await leader.itself(),
    thread: await leader.thread(),
    process: await leader.process(),
  };
  await tell(answer);
});
