// Takes the samples: in every round each server in turn, in rotated order, so that a slow minute
// hurts all alike.
//
// A server lives for one sample. So no sample inherits another's heap or connections, the resident
// memory before the load is that of a fresh process, and the luck of one process (addresses,
// compiled code) is one sample among several.
import { spawn } from 'node:child_process';
import { BenchError } from './error.js';
import type { Pinning } from './machine.js';
import type { Scenario, Shape } from './scenario.js';
import type { ServerName } from './program.js';
import { type Server, loadProgram, startServer, track } from './server.js';

const LOAD_GRACE_MS = 60_000;

// What the load generator prints; see native/load.c.
interface LoadResult {
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

async function load(server: Server, shape: Shape, plan: Plan): Promise<Figures> {
  const flags = {
    connect: server.address,
    'server-pid': server.pid,
    connections: shape.connections,
    busy: shape.busy,
    size: shape.messageBytes,
    seconds: plan.seconds,
    warmup: plan.warmupSeconds,
  };
  const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const [command, ...args] = [...plan.pinning.load, loadProgram, '--json', ...given] as [
    string,
    ...string[],
  ];
  const child = track(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  let [output, problem] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (problem += text.toString()));
  const graceMs = (plan.seconds + plan.warmupSeconds) * 1000 + LOAD_GRACE_MS;
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(signal ?? exitCode));
  });
  clearTimeout(timer);
  if (code !== 0) throw new BenchError(`the load generator ended with ${code}: ${problem.trim()}`);
  const result = JSON.parse(output.slice(output.lastIndexOf('{'))) as LoadResult;
  return { ...result, cpuUsPerEcho: result.serverCpuNs / 1000 / result.echoes };
}

async function sample(
  scenario: Scenario,
  name: ServerName,
  round: number,
  plan: Plan,
): Promise<Sample> {
  const server = await startServer(name, plan.pinning.server);
  try {
    const baseline = scenario.baseline && (await load(server, scenario.baseline, plan));
    const figures = await load(server, scenario, plan);
    const taken = { scenario: scenario.name, server: name, round, figures };
    return baseline ? { ...taken, baseline } : taken;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BenchError(`${scenario.title}, ${name}, round ${round}: ${why}`);
  } finally {
    await server.stop();
  }
}

// The samples to take, in order.
function* turns({ scenario, entrants }: Entry): Generator<[Scenario, ServerName, number]> {
  const rounds = Math.max(0, ...entrants.map((each) => each.rounds));
  for (let round = 1; round <= rounds; round++) {
    const present = entrants.filter((each) => each.rounds >= round);
    for (let turn = 0; turn < present.length; turn++) {
      const { server } = present[(turn + round - 1) % present.length]!;
      yield [scenario, server, round];
    }
  }
}

export async function takeSamples(
  plan: Plan,
  progress: (done: number, total: number, next: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const all = plan.entries.flatMap((entry) => [...turns(entry)]);
  for (const [scenario, server, round] of all) {
    progress(samples.length, all.length, `${scenario.title}: round ${round}, ${server}`);
    samples.push(await sample(scenario, server, round, plan));
  }
  return samples;
}
