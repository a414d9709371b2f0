/** Checks seeds in several threads: each takes the next few seeds when it is done with its last. */
import { Worker } from 'node:worker_threads';

import { HostError, UsageError } from '../../host/kernel/error.js';
import { sum, type Checked } from './check.js';
import type { Answer, JobOptions } from './job.js';

/** So many seeds at a time; few enough that none waits long for the last. */
const MOST_SEEDS = 256;

/** What came of it: `report`, if a run has failed. */
export interface JobsDone {
  checked: Checked;
  report: string | undefined;
}

/** The seeds from `first` on, `runs` of them. Throws `UsageError`, `HostError`. */
export async function checkInThreads(
  options: JobOptions,
  jobs: number,
  progress: (checked: Checked) => void,
  signal: AbortSignal,
): Promise<JobsDone> {
  const { seed: first = 1, runs = 100 } = options.check;
  const step = Math.max(1, Math.min(MOST_SEEDS, Math.ceil(runs / (jobs * 4))));
  const threads = Array.from({ length: Math.min(jobs, Math.ceil(runs / step)) }, () => {
    const url = new URL('job.js', import.meta.url);
    return new Worker(url, { workerData: options, stdout: false, stderr: false });
  });
  let next = first;
  let all: Checked | undefined;
  /** Of the first seed that has failed. */
  let failed: { seed: number; report: string } | undefined;
  const lead = (thread: Worker) =>
    new Promise<void>((resolve, reject) => {
      let seed = first;
      const give = () => {
        seed = next;
        const left = first + runs - seed;
        if (left <= 0 || signal.aborted || failed !== undefined) return resolve();
        thread.postMessage({ seed, runs: Math.min(step, left) });
        next += step;
      };
      thread.on('message', (answer: Answer) => {
        if ('usage' in answer) return reject(new UsageError(answer.usage));
        all = all === undefined ? answer.checked : sum(all, answer.checked);
        const { report } = answer;
        // All lower seeds were given out before, and are waited for.
        if (report !== undefined && (failed === undefined || seed < failed.seed))
          failed = { seed, report };
        progress({ ...all, complete: false });
        return give();
      });
      thread.on('error', reject);
      thread.on('exit', (code) =>
        reject(new HostError(`a thread of the simulator ended with code ${code}`)),
      );
      signal.addEventListener('abort', () => resolve(), { once: true });
      give();
    });
  try {
    await Promise.race([
      Promise.all(threads.map(lead)),
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    ]);
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
  const nothing = { runs: 0, calls: 0, choices: 0, faults: 0, virtualNs: 0, different: 0 };
  const checked = all ?? { ...nothing, complete: false };
  const complete = !signal.aborted && failed === undefined;
  return { checked: { ...checked, complete }, report: failed?.report };
}
