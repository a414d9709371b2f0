// What files cost: a large one in pieces and many small ones, by the same program in C, natively,
// as a guest of Pollux and as one of node:wasi. The figures are processor time of the whole
// process, from /proc, so that others on the machine change them little.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Table from 'cli-table3';
import { BenchError } from './error.js';
import { root } from './program.js';
import { track } from './server.js';
import { median } from './statistics.js';

const MEBIBYTES = 256;
const PIECES = MEBIBYTES * 16;
const FILES = 10_000;
const PROGRAM = `${root}dist/bench/files`;

const runtimes = ['native C', 'Pollux', 'node:wasi'] as const;
type Runtime = (typeof runtimes)[number];

// The phases of native/files.c, in order, and how many calls each is divided by.
const phases = {
  write: { title: 'write 256 MiB, a piece of 64 KiB', count: PIECES, target: 1.15 },
  read: { title: 'read 256 MiB, a piece of 64 KiB', count: PIECES, target: 1.15 },
  create: { title: 'create 10,000 files of 1 KiB, a file', count: FILES, target: undefined },
  stat: { title: 'stat, a file', count: FILES, target: undefined },
  open: { title: 'open and read, a file', count: FILES, target: undefined },
  list: { title: 'list the directory, a file', count: FILES, target: undefined },
  unlink: { title: 'unlink, a file', count: FILES, target: undefined },
} as const;
type Phase = keyof typeof phases;
const phaseNames = Object.keys(phases) as Phase[];

// Nanoseconds of the processor for each phase.
type Costs = Record<Phase, number>;

function command(runtime: Runtime, folder: string): [string, ...string[]] {
  const sizes = [String(MEBIBYTES), String(FILES)];
  const { execPath } = process;
  switch (runtime) {
    case 'native C':
      return [PROGRAM, folder, ...sizes];
    case 'Pollux': {
      const grant = ['--dir', `${folder}::/d`];
      return [
        execPath,
        `${root}dist/src/cli.js`,
        'run',
        ...grant,
        `${PROGRAM}.wasm`,
        '/d',
        ...sizes,
      ];
    }
    case 'node:wasi': {
      const runner = ['--no-warnings', `${root}dist/bench/node-wasi.js`];
      return [execPath, ...runner, `${PROGRAM}.wasm`, folder, '/d', ...sizes];
    }
  }
}

function cpuNs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, each) => sum + each, 0);
}

// One run: the program stands still between its phases, and its cost is read then.
async function sample(runtime: Runtime, place: string, pin: readonly string[]): Promise<Costs> {
  const folder = mkdtempSync(join(place, 'pollux-bench-'));
  const [name, ...args] = [...pin, ...command(runtime, folder)] as [string, ...string[]];
  const child = track(spawn(name, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] }));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  try {
    const readings: number[] = [];
    let seen = '';
    for await (const text of child.stdout) {
      seen += String(text);
      if (!seen.endsWith('\n')) continue;
      readings.push(cpuNs(child.pid as number));
      child.stdin.write('\n');
    }
    const code = await ended;
    // The first time is for warming up.
    const once = `${phaseNames.join('\n')}\nend\n`;
    if (code !== 0 || seen !== once + once) {
      throw new BenchError(`files by ${runtime} ended with ${code}, after: ${seen}`);
    }
    const measured = readings.slice(phaseNames.length + 1);
    const costs = phaseNames.map((phase, i) => [phase, measured[i + 1]! - measured[i]!] as const);
    return Object.fromEntries(costs) as Costs;
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

// Medians of each runtime, and of the ratios of each round.
function table(rounds: readonly Record<Runtime, Costs>[]): string {
  const drawn = new Table({
    head: ['files', ...runtimes.map((name) => `${name}, µs`), '/ native C', '/ node:wasi', ''],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const phase of phaseNames) {
    const { title, count, target } = phases[phase];
    const each = runtimes.map((runtime) => {
      const ns = median(rounds.map((round) => round[runtime][phase]));
      return (ns / count / 1000).toFixed(2);
    });
    const [native, rival] = (['native C', 'node:wasi'] as const).map((other) =>
      median(rounds.map((round) => round.Pollux[phase] / round[other][phase])),
    ) as [number, number];
    const met = (target === undefined || native <= target) && rival < 1;
    const promised =
      target === undefined ? 'ahead of node:wasi' : `≤ ${target} × native C, and ahead`;
    drawn.push([
      title,
      ...each,
      native.toFixed(3),
      rival.toFixed(3),
      `${promised}: ${met ? 'met' : 'not met'}`,
    ]);
  }
  return drawn.toString();
}

// Measures `count` rounds in a new folder in `place`, with the runtimes by turns, and answers the
// table.
export async function measureFiles(
  count: number,
  place: string,
  pin: readonly string[],
): Promise<string> {
  const rounds: Record<Runtime, Costs>[] = [];
  for (let i = 0; i < count; i++) {
    const costs: Partial<Record<Runtime, Costs>> = {};
    for (const runtime of runtimes) costs[runtime] = await sample(runtime, place, pin);
    rounds.push(costs as Record<Runtime, Costs>);
  }
  return table(rounds);
}
