// `npm run bench`: Pollux, a native C epoll server and node:net under the same load, interleaved,
// ratios first. It reports; it never fails because of a figure.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import ora from 'ora';
import { BenchError } from './error.js';
import { machine, pinning } from './machine.js';
import { type Plan, type Sample, takeSamples } from './measure.js';
import { report } from './report.js';
import { scenarios } from './scenario.js';
import { killAll, loadProgram, missing, programs, serverNames } from './server.js';
import { ratios, rows } from './statistics.js';

interface Options {
  readonly quick?: boolean;
  readonly only?: string[];
  readonly scenario?: string[];
  readonly repeat?: number;
  readonly seconds?: number;
  readonly warmup: number;
  readonly json: string;
}

function listOf(known: readonly string[]): (text: string) => string[] {
  return (text) => {
    const names = text.split(',');
    const wrong = names.find((name) => !known.includes(name));
    if (wrong !== undefined) {
      throw new InvalidArgumentError(`'${wrong}' is none of ${known.join(', ')}.`);
    }
    return names;
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 3600)) {
    throw new InvalidArgumentError('It must be a number above 0 and up to 3600.');
  }
  return value;
}

function count(text: string): number {
  const value = positive(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function parse(): Options {
  const scenarioNames = scenarios.map((each) => each.name);
  return new Command('bench')
    .description('Measures Pollux beside a native C epoll server and node:net.')
    .option('--quick', 'three rounds of one second each')
    .option('--only <names>', `servers: ${serverNames.join(', ')}`, listOf(serverNames))
    .option('--scenario <names>', `scenarios: ${scenarioNames.join(', ')}`, listOf(scenarioNames))
    .option('--repeat <n>', 'rounds (default: 11)', count)
    .option('--seconds <s>', 'measured seconds per sample (default: 1)', positive)
    .option('--warmup <s>', 'seconds of load before each sample', positive, 0.5)
    .option('--json <file>', 'where the samples go', 'bench/result/bench.json')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse()
    .opts<Options>();
}

function planOf(options: Options): Plan {
  if (!existsSync(loadProgram)) {
    throw new BenchError('dist/bench/load is not built: run ./build.sh bench first.');
  }
  const wanted = serverNames.filter((name) => options.only?.includes(name) ?? true);
  const servers = wanted.filter((name) => {
    const reason = missing(name);
    if (reason !== undefined) console.log(`Skipped: ${programs[name].title}: ${reason}.`);
    return reason === undefined;
  });
  if (servers.length === 0) throw new BenchError('no server is left to measure.');
  return {
    servers,
    scenarios: scenarios.filter(({ name }) => options.scenario?.includes(name) ?? true),
    rounds: options.repeat ?? (options.quick ? 3 : 11),
    seconds: options.seconds ?? 1,
    warmupSeconds: options.warmup,
    pinning: pinning(),
  };
}

// On a terminal one line that changes; elsewhere a line per sample.
async function measureWithProgress(plan: Plan): Promise<Sample[]> {
  // Standard input stays as it is: read raw, it would take Ctrl-C from the handlers below.
  // At width 0 ora would never end.
  const isTerminal = process.stderr.isTTY && process.stderr.columns > 0;
  const spinner = isTerminal ? ora({ discardStdin: false }).start() : undefined;
  try {
    return await takeSamples(plan, (done, total, next) => {
      const text = `${done + 1}/${total} ${next}`;
      if (spinner) spinner.text = text;
      else console.error(text);
    });
  } finally {
    spinner?.stop();
  }
}

async function main(): Promise<void> {
  const options = parse();
  const plan = planOf(options);
  const host = machine();
  const { rounds, seconds, warmupSeconds } = plan;
  const cost = `${rounds} rounds of ${seconds} s after ${warmupSeconds} s of warm-up`;
  console.log(`${host.cpu}, ${host.cpus} CPUs, Linux ${host.kernel}, Node ${host.node}`);
  console.log(`${plan.pinning.text}; ${cost}; a fresh server process for every sample\n`);
  const startedAt = new Date().toISOString();
  const samples = await measureWithProgress(plan);
  const result = { ratios: ratios(samples), rows: rows(samples) };
  console.log(report(result.ratios, result.rows));
  const file = resolve(options.json);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `${JSON.stringify({ startedAt, machine: host, plan, ...result, samples }, null, 2)}\n`,
  );
  console.log(`\nSamples: ${options.json}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(130);
  });
}
process.once('exit', killAll);

main().catch((error: unknown) => {
  console.error(error instanceof BenchError ? `bench: ${error.message}` : error);
  process.exit(1);
});
