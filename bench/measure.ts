// Takes the samples. In every round each server is a fresh process, so that its resident memory
// before the load is its own, and the luck of one process (addresses, compiled code) is one sample
// among several. All of them are warmed up, and then measured in short slices, each server in turn,
// in rotated order, so that a slow second hurts all alike. What is compared is how they go on: a
// virtual machine compiles its hot code in the first second or so, and collects what starting has
// left behind some eight seconds after it, on the processor that it is measured on.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from './error.js';
import type { Pinning } from './machine.js';
import type { Scenario, Shape } from './scenario.js';
import type { ServerName } from './program.js';
import { type Server, loadProgram, startServer, track } from './server.js';
import { median } from './statistics.js';

const LOAD_GRACE_MS = 60_000;
const SLICES = 16;
// Thousands of connections are not made anew for a tenth of a second.
const SLICES_AMONG_IDLE = 2;
// What the first load of a server takes beside its warm-up; it is not counted.
const DISCARDED_SECONDS = 0.1;
// How old the youngest server is when the first slice is taken.
const AGE_SECONDS = 10;
// Of load before each slice: its connections have to get going.
const SLICE_WARMUP_SECONDS = 0.05;

// What the load generator prints; see native/load.c.
interface LoadResult {
  readonly engine: string; // io_uring, or epoll where that may not be
  readonly echoes: number;
  readonly seconds: number;
  readonly throughput: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly serverCpuNs: number;
  readonly serverVoluntarySwitches: number;
  readonly serverInvoluntarySwitches: number;
  readonly serverResidentBefore: number;
  readonly serverResidentConnected: number;
  readonly serverResidentAfter: number;
}

export interface Figures extends LoadResult {
  readonly cpuUsPerEcho: number;
  // The same of each slice; those of one number were taken one after the other.
  readonly slicesUs: readonly number[];
}

export interface Sample {
  readonly scenario: string;
  readonly server: ServerName;
  readonly round: number;
  readonly figures: Figures;
  readonly baseline?: Figures;
}

// Who takes part in a scenario, and in how many of its rounds.
export interface Entry {
  readonly scenario: Scenario;
  readonly entrants: readonly { readonly server: ServerName; readonly rounds: number }[];
}

export interface Plan {
  readonly entries: readonly Entry[];
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly pinning: Pinning;
}

async function load(
  server: Server,
  shape: Shape,
  pinning: Pinning,
  times: { seconds: number; warmup: number },
): Promise<Figures> {
  const flags = {
    connect: server.address,
    'server-pid': server.pid,
    connections: shape.connections,
    busy: shape.busy,
    size: shape.messageBytes,
    ...times,
  };
  const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const [command, ...args] = [...pinning.load, loadProgram, '--json', ...given] as [
    string,
    ...string[],
  ];
  const child = track(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  let [output, problem] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (problem += text.toString()));
  const graceMs = (times.seconds + times.warmup) * 1000 + LOAD_GRACE_MS;
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(signal ?? exitCode));
  });
  clearTimeout(timer);
  if (code !== 0) throw new BenchError(`the load generator ended with ${code}: ${problem.trim()}`);
  const result = JSON.parse(output.slice(output.lastIndexOf('{'))) as LoadResult;
  const cpuUsPerEcho = result.serverCpuNs / 1000 / result.echoes;
  return { ...result, cpuUsPerEcho, slicesUs: [cpuUsPerEcho] };
}

// What the slices of one server come to. What an echo costs is the median, for what disturbs a
// machine disturbs some slices altogether, and others not at all.
function joined(slices: readonly Figures[]): Figures {
  const total = (pick: (slice: Figures) => number): number =>
    slices.reduce((sum, each) => sum + pick(each), 0);
  const [first, last] = [slices[0]!, slices.at(-1)!];
  const echoes = total((each) => each.echoes);
  const seconds = total((each) => each.seconds);
  return {
    engine: first.engine,
    echoes,
    seconds,
    throughput: echoes / seconds,
    p50Us: median(slices.map((each) => each.p50Us)),
    p99Us: median(slices.map((each) => each.p99Us)),
    serverCpuNs: total((each) => each.serverCpuNs),
    serverVoluntarySwitches: total((each) => each.serverVoluntarySwitches),
    serverInvoluntarySwitches: total((each) => each.serverInvoluntarySwitches),
    serverResidentBefore: first.serverResidentBefore,
    serverResidentConnected: first.serverResidentConnected,
    serverResidentAfter: last.serverResidentAfter,
    cpuUsPerEcho: median(slices.map((each) => each.cpuUsPerEcho)),
    slicesUs: slices.map((each) => each.cpuUsPerEcho),
  };
}

interface Contender {
  readonly name: ServerName;
  readonly server: Server;
  readonly slices: Figures[];
  readonly baselines: Figures[];
}

// One round of a scenario: a sample of each server.
async function takeRound(
  { scenario, entrants }: Entry,
  round: number,
  { pinning, seconds, warmupSeconds }: Plan,
  progress: (name: ServerName) => void,
): Promise<Sample[]> {
  const { baseline, title } = scenario;
  const slices = baseline ? SLICES_AMONG_IDLE : SLICES;
  const slice = { seconds: seconds / slices, warmup: SLICE_WARMUP_SECONDS };
  const contenders: Contender[] = [];
  let at: ServerName | undefined;
  let youngest = 0;
  try {
    for (const { server: name } of entrants) {
      progress((at = name));
      const server = await startServer(name, pinning.server);
      youngest = performance.now();
      contenders.push({ name, server, slices: [], baselines: [] });
      const warm = { seconds: DISCARDED_SECONDS, warmup: warmupSeconds };
      await load(server, baseline ?? scenario, pinning, warm);
    }
    await sleep(Math.max(0, AGE_SECONDS * 1000 - (performance.now() - youngest)));
    for (let i = 0; i < slices; i++) {
      for (const { name, server, slices: taken, baselines } of rotated(contenders, round + i)) {
        at = name;
        if (baseline) baselines.push(await load(server, baseline, pinning, slice));
        taken.push(await load(server, scenario, pinning, slice));
      }
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BenchError(`${title}, ${at}, round ${round}: ${why}`);
  } finally {
    await Promise.all(contenders.map(({ server }) => server.stop()));
  }
  return contenders.map(({ name: server, slices: taken, baselines }) => {
    const sample = { scenario: scenario.name, server, round, figures: joined(taken) };
    return baselines.length > 0 ? { ...sample, baseline: joined(baselines) } : sample;
  });
}

function rotated<T>(all: readonly T[], by: number): T[] {
  const at = by % Math.max(1, all.length);
  return [...all.slice(at), ...all.slice(0, at)];
}

export async function takeSamples(
  plan: Plan,
  progress: (done: number, total: number, next: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const total = plan.entries
    .flatMap(({ entrants }) => entrants)
    .reduce((sum, { rounds }) => sum + rounds, 0);
  let begun = 0;
  for (const { scenario, entrants } of plan.entries) {
    const rounds = Math.max(0, ...entrants.map((each) => each.rounds));
    for (let round = 1; round <= rounds; round++) {
      const present = rotated(
        entrants.filter((each) => each.rounds >= round),
        round,
      );
      const taken = await takeRound({ scenario, entrants: present }, round, plan, (name) =>
        progress(begun++, total, `${scenario.title}: round ${round}, ${name}`),
      );
      samples.push(...taken);
    }
  }
  return samples;
}
