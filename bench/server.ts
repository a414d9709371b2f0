// The servers under test: each one is a process of its own, started for a sample and ended, by its
// id, after it.
import { type ChildProcess, spawn } from 'node:child_process';
import { BenchError } from './error.js';
import { programs, root, type ServerName } from './program.js';

export const loadProgram = `${root}dist/bench/load`;
const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 2_000;

export interface Server {
  readonly pid: number;
  readonly address: string;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();

// What must not outlive the run, however it ends.
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

// Remembers a child process until it has ended.
export function track<T extends ChildProcess>(child: T): T {
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await closed;
  clearTimeout(timer);
}

// taskset replaces itself by the server, so the id of the child is the server's own.
export async function startServer(name: ServerName, pin: readonly string[]): Promise<Server> {
  const [command, ...args] = [...pin, ...programs[name].command] as [string, ...string[]];
  const env = { ...process.env, ...programs[name].env };
  const child = track(spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] }));
  let output = '';
  const address = await new Promise<string>((resolve, reject) => {
    const give = (why: string): void => {
      clearTimeout(timer);
      reject(new BenchError(`${programs[name].title} ${why}:\n${output.trim()}`));
    };
    const timer = setTimeout(() => give('did not start in time'), START_TIMEOUT_MS);
    const read = (text: Buffer): void => {
      output = (output + text.toString()).slice(-4096);
      const found = /listening on (127\.\d+\.\d+\.\d+:\d+)\s/.exec(output);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found[1] as string);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', (error) => give(error.message));
    child.once('close', (code, signal) =>
      give(`ended (${signal ?? code}) before it was listening`),
    );
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return { pid: child.pid as number, address, stop: () => stop(child) };
}
