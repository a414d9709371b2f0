// The machine a figure was measured on, and which of its processors serve whom.
import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly loadAverage: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    loadAverage: readFileSync('/proc/loadavg', 'utf8').trim(),
  };
}

// The command prefix that binds a process, and every thread it starts, to one processor; empty
// where that cannot be.
export interface Pinning {
  readonly server: readonly string[];
  readonly load: readonly string[];
  readonly text: string;
}

export function pinning(): Pinning {
  const unpinned = { server: [], load: [] };
  if (availableParallelism() < 2) {
    return { ...unpinned, text: 'not pinned: the server and the load share one CPU' };
  }
  const [load, server] = ['0', '1'].map((cpu) => ['taskset', '-c', cpu]) as [string[], string[]];
  const works = [server, load].every(([name, ...args]) => {
    return spawnSync(name as string, [...args, 'true'], { stdio: 'ignore' }).status === 0;
  });
  if (!works) return { ...unpinned, text: 'not pinned: taskset is not available here' };
  return { server, load, text: 'pinned: the server to CPU 1, the load to CPU 0' };
}
