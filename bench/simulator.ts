// `npm run bench:simulator`: how fast the simulated kernel is, in one thread, and whether its
// memory stays flat. It reports; it never fails because of a figure.
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import Table from 'cli-table3';
import { echoClients, load, simulate, type SimulateOptions } from 'pollux/simulate';
import { machine } from './machine.js';

interface Figures {
  readonly name: string;
  readonly seeds: number;
  /** Of processor time: others may be on this machine. */
  readonly seconds: number;
  readonly calls: number;
  readonly virtualSeconds: number;
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value === 0) throw new InvalidArgumentError('It must be 1 or more.');
  return value;
}

const options = new Command('simulator')
  .description('Measures the simulator: the echo guests, 10 clients x 10 messages.')
  .option('--seeds <n>', 'of each guest and profile', count, 1000)
  .option('--memory-seeds <n>', 'over which memory is watched', count, 100_000)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ seeds: number; memorySeeds: number }>();

const ADDRESS = '127.0.0.1:9000';
const world = echoClients({ address: ADDRESS, clients: 10, messages: 10 });
const models = ['epoll', 'epoll-edge', 'signal', 'async', 'select', 'nonblocking'];
const profiles = ['calm', 'linux'] as const;
const grouped = (value: number) => Math.round(value).toLocaleString('en-US');

const guestOf = (model: string) =>
  load(readFileSync(new URL(`../wasm/echo-${model}.wasm`, import.meta.url)));

async function measure(model: string, profile: (typeof profiles)[number]): Promise<Figures> {
  const guest = await guestOf(model);
  const base: SimulateOptions = { listen: [ADDRESS], world, profile };
  for (let seed = 1; seed <= options.seeds / 10; seed++) simulate(guest, { ...base, seed });
  let calls = 0;
  let virtualNs = 0;
  const start = process.cpuUsage();
  for (let seed = 1; seed <= options.seeds; seed++) {
    const run = simulate(guest, { ...base, seed });
    calls += run.calls;
    virtualNs += run.virtualNs;
  }
  const { user, system } = process.cpuUsage(start);
  return {
    name: `echo-${model}, ${profile}`,
    seeds: options.seeds,
    seconds: (user + system) / 1e6,
    calls,
    virtualSeconds: virtualNs / 1e9,
  };
}

// The memory of the process, ten times on the way.
async function watchMemory(): Promise<string[]> {
  const guest = await guestOf('epoll');
  const lines: string[] = [];
  const step = Math.max(1, Math.floor(options.memorySeeds / 10));
  for (let seed = 1; seed <= options.memorySeeds; seed++) {
    simulate(guest, { listen: [ADDRESS], world, profile: 'linux', seed });
    if (seed % step !== 0) continue;
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const megabytes = [rss, heapUsed, arrayBuffers].map((bytes) => grouped(bytes / 1e6));
    const [resident, heap, buffers] = megabytes;
    lines.push(`${grouped(seed)} seeds: ${resident} MB resident, heap ${heap}, buffers ${buffers}`);
  }
  return lines;
}

const host = machine();
console.log(
  `${host.cpu}, Linux ${host.kernel}, Node ${host.node}; for each second of processor time:\n`,
);
const table = new Table({
  head: ['guest, profile', 'seeds', 'calls', 'virtual seconds'],
  colAligns: ['left', 'right', 'right', 'right'],
  style: { head: [], border: [] },
});
for (const model of models) {
  for (const profile of profiles) {
    const { name, seeds, seconds, calls, virtualSeconds } = await measure(model, profile);
    const rates = [seeds, calls, virtualSeconds].map((each) => grouped(each / seconds));
    table.push([name, ...rates]);
  }
}
console.log(table.toString());
console.log(`\nMemory over ${grouped(options.memorySeeds)} seeds of echo-epoll, linux:`);
for (const line of await watchMemory()) console.log(`  ${line}`);
