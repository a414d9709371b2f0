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
import { type Server, type ServerName, loadProgram, startServer, track } from './server.js';

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

export interface Plan {
  readonly servers: readonly ServerName[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
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

export async function takeSamples(
  plan: Plan,
  progress: (done: number, total: number, next: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const total = plan.scenarios.length * plan.rounds * plan.servers.length;
  for (const scenario of plan.scenarios) {
    for (let round = 1; round <= plan.rounds; round++) {
      for (let turn = 0; turn < plan.servers.length; turn++) {
        const name = plan.servers[(turn + round - 1) % plan.servers.length] as ServerName;
        progress(samples.length, total, `${scenario.title}: round ${round}, ${name}`);
        samples.push(await sample(scenario, name, round, plan));
      }
    }
  }
  return samples;
}
