/** A thread for each connection, of a pool that grows as it must. */
import { LinuxKernel } from '../../host/linux/linux-kernel.js';
import { WorkerRun, type RunOptions } from '../run.js';
import type { Runs } from './server.js';
import { Threads } from './threads.js';

export class ThreadRuns implements Runs {
  readonly #threads = new Threads();

  async prepare(options: RunOptions): Promise<WorkerRun> {
    const kernel = new LinuxKernel(); // whose eventfd wakes this one guest
    const worker = await this.#threads.take().catch((error: unknown) => {
      kernel.dispose();
      throw error;
    });
    const run = new WorkerRun(options, kernel, {
      worker,
      giveBack: () => this.#threads.give(worker),
    });
    void run.exit.then(() => kernel.dispose());
    return run;
  }

  async close(): Promise<void> {
    await this.#threads.close();
  }
}
