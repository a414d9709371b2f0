// `npm run bench`: Pollux in every I/O model, a native C epoll server, node:net, Bun and Deno under
// the same load, interleaved, ratios first. It reports; it never fails because of a figure.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import ora from 'ora';
import { BenchError } from './error.js';
import { measureFiles } from './files.js';
import { machine, pinning } from './machine.js';
import { type Entry, type Plan, type Sample, takeSamples } from './measure.js';
import { installPeers } from './peers.js';
import { missing, programs, root, type ServerName, serverNames } from './program.js';
import { report } from './report.js';
import { type Scenario, scenarios } from './scenario.js';
import { killAll, loadProgram } from './server.js';
import { ratios, rows } from './statistics.js';

const RESULT = 'bench/result/bench.json';
const ROUNDS = 9;
// Of those that nothing was promised of.
const OTHER_ROUNDS = 3;

interface Options {
  readonly quick?: boolean;
  readonly only?: ServerName[];
  readonly scenario?: string[];
  readonly peers: boolean;
  readonly files?: string | boolean;
  readonly repeat?: number;
  readonly seconds?: number;
  readonly warmup: number;
  readonly json: string;
}

function listOf<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) => {
    return text.split(',').map((name) => {
      const found = known.find((each) => each === name);
      if (found === undefined) {
        throw new InvalidArgumentError(`'${name}' is none of ${known.join(', ')}.`);
      }
      return found;
    });
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
    .description('Measures Pollux beside a native C epoll server, node:net, Bun and Deno.')
    .option('--quick', 'three rounds of one second each')
    .option(
      '--only <names>',
      `servers, in every scenario that they can take part in: ${serverNames.join(', ')}`,
      listOf(serverNames),
    )
    .option('--scenario <names>', `scenarios: ${scenarioNames.join(', ')}`, listOf(scenarioNames))
    .option('--repeat <n>', 'rounds (default: 9, and 3 where there is no target)', count)
    .option('--seconds <s>', 'measured seconds per sample (default: 1)', positive)
    .option('--warmup <s>', 'seconds of load on each server before its sample', positive, 2)
    .option('--files [folder]', 'files alone, in a folder of that one (default: /dev/shm)')
    .option('--no-files', 'sockets alone')
    .option('--no-peers', 'leave out Bun and Deno, which are installed by npm (200 MB)')
    .option('--json <file>', 'where the samples go', RESULT)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse()
    .opts<Options>();
}

// Who is to take part: those of the table, or those that were asked for.
function entryOf(scenario: Scenario, options: Options): Entry {
  const { only, peers } = options;
  const rounds = options.repeat ?? (options.quick ? 3 : ROUNDS);
  const others = options.repeat ?? Math.min(rounds, OTHER_ROUNDS);
  const { servers, connections } = scenario;
  const names = only ?? [...servers, ...scenario.others];
  const entrants = serverNames
    .filter((name) => names.includes(name) && (peers || (name !== 'bun' && name !== 'deno')))
    .filter((name) => {
      const { title, most = Infinity, because } = programs[name];
      if (connections > most) console.log(`Left out: ${title}: ${scenario.title}: ${because}.`);
      return connections <= most;
    })
    .map((name) => ({ server: name, rounds: only || servers.includes(name) ? rounds : others }));
  return { scenario, entrants };
}

function planOf(options: Options): Plan {
  if (!existsSync(loadProgram)) {
    throw new BenchError('dist/bench/load is not built: run ./build.sh bench first.');
  }
  const wanted = scenarios
    .filter(({ name }) => options.scenario?.includes(name) ?? true)
    .map((scenario) => entryOf(scenario, options));
  const names = new Set(wanted.flatMap(({ entrants }) => entrants.map(({ server }) => server)));
  const failure = installPeers([...names]);
  if (failure !== undefined) console.log(failure);
  for (const name of names) {
    const reason = missing(name);
    if (reason === undefined) continue;
    console.log(`Skipped: ${programs[name].title}: ${reason}.`);
    names.delete(name);
  }
  if (names.size === 0) throw new BenchError('no server is left to measure.');
  return {
    entries: wanted.map(({ scenario, entrants }) => ({
      scenario,
      entrants: entrants.filter(({ server }) => names.has(server)),
    })),
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

// Files in memory, if there are any: what a disk does is not ours.
async function measureInFolder({ files, repeat, quick }: Options): Promise<void> {
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const place = typeof files === 'string' ? files : memory;
  const rounds = repeat ?? (quick ? 3 : OTHER_ROUNDS);
  console.log(`Processor time of files in ${place}, medians of ${rounds} rounds:`);
  console.log(await measureFiles(rounds, place, pinning().server));
}

async function sockets(options: Options): Promise<void> {
  const plan = planOf(options);
  const host = machine();
  const { seconds, warmupSeconds } = plan;
  const rounds = plan.entries.flatMap(({ entrants }) => entrants.map((each) => each.rounds));
  const most = `at most ${Math.max(...rounds)} rounds`;
  const cost = `${most} of ${seconds} s after ${warmupSeconds} s of warm-up`;
  console.log(`${host.cpu}, ${host.cpus} CPUs, Linux ${host.kernel}, Node ${host.node}`);
  console.log(`${plan.pinning.text}; ${cost}; fresh server processes in every round\n`);
  const startedAt = new Date().toISOString();
  const samples = await measureWithProgress(plan);
  const result = { ratios: ratios(samples), rows: rows(samples) };
  console.log(report(result.ratios, result.rows));
  console.log(`\nThe load was made by ${samples[0]?.figures.engine}.`);
  const file = resolve(options.json);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `${JSON.stringify({ startedAt, machine: host, plan, ...result, samples }, null, 2)}\n`,
  );
  console.log(`Samples: ${options.json}`);
}

async function main(): Promise<void> {
  const options = parse();
  const { files, only, scenario } = options;
  const chosen = only !== undefined || scenario !== undefined;
  if (!files) await sockets(options);
  const all = files === undefined && !chosen;
  if (files || all) await measureInFolder(options);
  if (!all) return;
  console.log('\nThe simulator:');
  execFileSync(process.execPath, [`${root}dist/bench/simulator.js`], { stdio: 'inherit' });
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
