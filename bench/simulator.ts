// `npm run bench:simulator`: how fast the simulated kernel is, in one thread, and with `--memory`
// whether its memory stays flat. It reports; of all figures only memory that grows fails it.
//
// Each guest and profile has a process of its own, as it has wherever it is tested: what one guest
// has taught the engine would slow down the next. The figures are averages of all that is run after
// two seconds of processor time, and no choice of the best.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import Table from 'cli-table3';
import { echoClients, load, simulate, type SimulateOptions } from 'pollux/simulate';
import { BenchError } from './error.js';
import { machine } from './machine.js';

interface Case {
  readonly model: string;
  readonly profile: (typeof profiles)[number];
  /** Of each client. */
  readonly messages: number;
  readonly seeds: number;
}

interface Figures {
  /** Of processor time, of all threads of Node's: others may be on this machine. */
  readonly seconds: number;
  /** The same on the clock. */
  readonly elapsed: number;
  readonly calls: number;
  readonly virtualSeconds: number;
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value === 0) throw new InvalidArgumentError('It must be 1 or more.');
  return value;
}

const options = new Command('simulator')
  .description('Measures the simulator: the echo guests, with 10 clients.')
  .option('--seeds <n>', 'of each guest and profile', count, 1000)
  .option('--memory [seeds]', 'only watch the memory, over so many seeds (default: 100000)', count)
  .addOption(new Option('--case <json>', 'measure this, and tell the parent').hideHelp())
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ seeds: number; memory?: number | true; case?: string }>();

const ADDRESS = '127.0.0.1:9000';
const CLIENTS = 10;
/** Messages of each client in a long run, of which a twentieth of the seeds is enough. */
const LONG = 1000;
const models = ['epoll', 'epoll-edge', 'signal', 'async', 'select', 'nonblocking'];
const profiles = ['calm', 'linux'] as const;
/** By then the engine has compiled most of what it will. */
const WARM_SECONDS = 2;
const grouped = (value: number) => Math.round(value).toLocaleString('en-US');

const guestOf = (model: string) =>
  load(readFileSync(new URL(`../wasm/echo-${model}.wasm`, import.meta.url)));

const worldOf = (messages: number) => echoClients({ address: ADDRESS, clients: CLIENTS, messages });

/** Processor time of this process so far, in seconds. */
function spent(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function measure({ model, profile, messages, seeds }: Case): Promise<Figures> {
  const guest = await guestOf(model);
  const base: SimulateOptions = { listen: [ADDRESS], world: worldOf(messages), profile };
  const begun = spent();
  for (let seed = 1; spent() - begun < WARM_SECONDS; seed++) simulate(guest, { ...base, seed });
  let calls = 0;
  let virtualNs = 0;
  const startMs = performance.now();
  const start = spent();
  for (let seed = 1; seed <= seeds; seed++) {
    const run = simulate(guest, { ...base, seed });
    calls += run.calls;
    virtualNs += run.virtualNs;
  }
  return {
    seconds: spent() - start,
    elapsed: (performance.now() - startMs) / 1e3,
    calls,
    virtualSeconds: virtualNs / 1e9,
  };
}

/** The same in a process of its own. Throws `BenchError` if that ends without any. */
function measured(each: Case): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--case', JSON.stringify(each)]);
    child.once('message', (figures) => resolve(figures as Figures));
    child.once('exit', () => reject(new BenchError(`echo-${each.model} was not measured`)));
  });
}

// It may be larger in the end than after the first tenth by this: the engine lets some heap grow.
const MOST_GROWTH = 1.25;

// The memory of the process, ten times on the way. Throws `BenchError` if it grows.
async function watchMemory(seeds: number): Promise<void> {
  const guest = await guestOf('epoll');
  const world = worldOf(10);
  const step = Math.max(1, Math.floor(seeds / 10));
  console.log(`Memory over ${grouped(seeds)} seeds of echo-epoll, linux, ${CLIENTS} x 10:`);
  let first = 0;
  let last = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    simulate(guest, { listen: [ADDRESS], world, profile: 'linux', seed });
    if (seed % step !== 0) continue;
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    first ||= rss;
    last = rss;
    const megabytes = [rss, heapUsed, arrayBuffers].map((bytes) => grouped(bytes / 1e6));
    const [resident, heap, buffers] = megabytes;
    console.log(
      `  ${grouped(seed)} seeds: ${resident} MB resident, heap ${heap}, buffers ${buffers}`,
    );
  }
  if (last > first * MOST_GROWTH)
    throw new BenchError(
      `the memory grew from ${grouped(first / 1e6)} to ${grouped(last / 1e6)} MB`,
    );
}

// The two figures first: seeds of 10 x 10, then calls of one long run, where to make an
// instance counts for nothing.
async function watchTime(): Promise<void> {
  const table = new Table({
    head: ['guest, profile, clients x messages', 'seeds', 'calls', 'virtual s', 'CPU s', 'clock s'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const messages of [10, LONG]) {
    for (const model of models) {
      for (const profile of profiles) {
        const seeds = messages === LONG ? Math.ceil(options.seeds / 20) : options.seeds;
        const figures = await measured({ model, profile, messages, seeds });
        const { seconds, elapsed, calls, virtualSeconds } = figures;
        const name = `echo-${model}, ${profile}, ${CLIENTS} x ${messages}`;
        const rates = [seeds, calls, virtualSeconds].map((each) => grouped(each / seconds));
        table.push([name, ...rates, seconds.toFixed(2), elapsed.toFixed(2)]);
      }
    }
  }
  console.log('For each second of processor time:\n');
  console.log(table.toString());
  console.log(
    '\nThe nonblocking guest asks again and again; most of its calls are cheap, and EAGAIN.',
  );
}

if (options.case !== undefined) {
  const figures = await measure(JSON.parse(options.case) as Case);
  process.send?.(figures);
  process.disconnect?.();
} else {
  const host = machine();
  console.log(`${host.cpu}, Linux ${host.kernel}, Node ${host.node}`);
  if (options.memory === undefined) await watchTime();
  else await watchMemory(options.memory === true ? 100_000 : options.memory);
}
