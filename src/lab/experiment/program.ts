/**
 * A part of a measurement that has a process of its own: it is given a job, and gives one answer.
 * It ends with the process that started it, or with the measurement.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { HostError } from '../../../host/kernel/error.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import type { Bench } from '../experiment.js';

type Answer<Value> = { value: Value } | { failed: string };

/** The last processor that this process may use. */
function processor(): string | undefined {
  const status = readFileSync('/proc/self/status', 'utf8');
  return /^Cpus_allowed_list:.*?(\d+)$/m.exec(status)?.[1];
}

/** The beginning of a command that keeps to one processor; a note if there is none. */
function onOneProcessor(note: Bench['note']): string[] {
  const command = ['taskset', '-c', processor() ?? '0'];
  const tried = spawnSync(command[0]!, [...command.slice(1), 'true'], { stdio: 'ignore' });
  if (tried.status === 0) return command;
  note('without taskset(1) it ran on all processors, where a switch is a wake-up of another one');
  return [];
}

/** Runs the module `entry` on one processor; throws `HostError` if it fails. */
export async function runOnOneProcessor<Value>(
  entry: URL,
  job: unknown,
  { note, signal }: Bench,
): Promise<Value> {
  signal.throwIfAborted();
  const node = [process.execPath, fileURLToPath(entry), `${process.pid}`, JSON.stringify(job)];
  const [file, ...args] = [...onOneProcessor(note), ...node];
  const child = spawn(file!, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const kill = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  try {
    const answer = await new Promise<Answer<Value>>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Answer<Value>));
      child.once('error', reject);
      child.once('exit', (code, by) =>
        resolve({ failed: `a process of the measurement ended with ${code ?? by}` }),
      );
    });
    if ('failed' in answer) throw new HostError(answer.failed);
    return answer.value;
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
  }
}

/** In such a module: does the job, and tells the answer. */
export async function answer<Job, Value>(work: (job: Job) => Promise<Value>): Promise<void> {
  const [, , parent, job] = process.argv;
  new LinuxKernel().endWithParent();
  if (process.ppid !== Number(parent)) process.exit(1); // it has ended already
  let told: Answer<Value>;
  try {
    told = { value: await work(JSON.parse(job!) as Job) };
  } catch (error) {
    told = { failed: (error as Error).message };
  }
  process.send!(told, () => process.disconnect());
}
