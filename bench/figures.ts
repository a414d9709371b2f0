// `npm run figures` ends with this: it puts the figures of bench/result/bench.json, and those that
// `pollux models` measures now, into docs/MODELS.md, between the markers there.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { BenchError } from './error.js';
import type { Machine } from './machine.js';
import { programs, root, type ServerName } from './program.js';
import { scenarios } from './scenario.js';
import type { Ratio, Row } from './statistics.js';

const PAGE = `${root}docs/MODELS.md`;
const RESULT = 'bench/result/bench.json';

interface Result {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly ratios: readonly Ratio[];
  readonly rows: readonly Row[];
}

// What `pollux models --json` prints; see src/measure/measure.ts.
interface Model {
  readonly model: string;
  readonly measured: {
    readonly connections: number;
    readonly systemCallsPerEcho?: number;
    readonly cpuUsPerEcho: number;
    readonly switchesPerEcho: number;
    readonly p50Us: number;
    readonly p99Us: number;
  };
}

// Where the figure of a system in the first table of the page comes from.
const systems: Readonly<Record<string, readonly [scenario: string, server: ServerName]>> = {
  blocking: ['1x64B', 'blocking'],
  nonblocking: ['64x64B', 'nonblocking'],
  select: ['64x64B', 'select'],
  poll: ['64x64B', 'poll'],
  epoll: ['64x64B', 'epoll'],
  'epoll-edge': ['64x64B', 'epoll-edge'],
  signal: ['64x64B', 'signal'],
  async: ['64x64B', 'async'],
  'async, threads': ['64x64B', 'async-threads'],
  'server, event-driven': ['64x64B', 'poll'],
  'server, a thread each': ['8x64B', 'blocking-thread'],
  'server, a process each': ['8x64B', 'blocking-process'],
};

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, rule, ...body].map(line).join('');
}

function where({ machine, startedAt }: Result): string {
  const { cpu, cpus, kernel, node } = machine;
  const day = startedAt.slice(0, 10);
  return `${cpu}, ${cpus} processors, Linux ${kernel}, Node ${node}, on ${day}`;
}

function rowOf({ rows }: Result, scenario: string, server: ServerName): Row | undefined {
  return rows.find((row) => row.scenario === scenario && row.server === server);
}

// The table of systems, with its last cells made anew.
function withFigures(table: string, result: Result): string {
  return Object.entries(systems).reduce((text, [system, [scenario, server]]) => {
    const row = rowOf(result, scenario, server);
    if (row === undefined) return text;
    const connections = scenarios.find(({ name }) => name === scenario)!.connections;
    const cost = `${row.cpuUsPerEcho.toFixed(1)} µs`;
    const figure = `${cost}, ${whole(row.throughput)}/s, with ${connections}`;
    const place = new RegExp(`^(\\| ${system} \\|.*\\|)[^|\\n]*\\|$`, 'm');
    if (!place.test(text)) throw new BenchError(`${PAGE} has no row for ${system}`);
    return text.replace(place, (_, before: string) => `${before} ${figure} |`);
  }, table);
}

function targets({ ratios }: Result): string {
  const promised = ratios.filter(({ target }) => target !== undefined);
  const head = ['CPU per echo', 'scenario', 'median', 'lowest – highest', 'target'];
  return table(
    head,
    promised.map(({ ratio, scenario, median, lowest, highest, target }) => [
      ratio.replace(' idle/own', ' among idle connections/without them').replace('/', ' / '),
      scenarios.find(({ name }) => name === scenario)!.title,
      median.toFixed(3),
      `${lowest.toFixed(2)} – ${highest.toFixed(2)}`,
      target!,
    ]),
  );
}

function figures(result: Result): string {
  const head = ['server', 'CPU µs/echo', '÷ native', 'echoes/s', 'p50 µs', 'p99 µs'];
  return scenarios
    .map(({ name, title }) => {
      const rows = result.rows.filter(({ scenario }) => scenario === name);
      const ratioOf = ({ server }: Row): string => {
        const found = result.ratios.find(
          ({ scenario, ratio }) => scenario === name && ratio === `${server}/native`,
        );
        return found?.median.toFixed(2) ?? '';
      };
      const body = rows.map((row) => [
        programs[row.server].title,
        row.cpuUsPerEcho.toFixed(2),
        ratioOf(row),
        whole(row.throughput),
        row.p50Us.toFixed(0),
        row.p99Us.toFixed(0),
      ]);
      return rows.length === 0 ? '' : `### ${title}\n\n${table(head, body)}`;
    })
    .filter((section) => section !== '')
    .join('\n');
}

function models(): string {
  const json = execFileSync(process.execPath, ['dist/src/cli.js', 'models', '--json'], {
    cwd: root,
    encoding: 'utf8',
  });
  const head = ['model', 'connections', 'system calls', 'CPU µs', 'switches', 'p50 µs', 'p99 µs'];
  return table(
    head,
    (JSON.parse(json) as Model[]).map(({ model, measured }) => [
      model,
      `${measured.connections}`,
      measured.systemCallsPerEcho?.toFixed(2) ?? '',
      measured.cpuUsPerEcho.toFixed(2),
      measured.switchesPerEcho.toFixed(3),
      measured.p50Us.toFixed(0),
      measured.p99Us.toFixed(0),
    ]),
  );
}

function put(page: string, name: string, content: string | ((old: string) => string)): string {
  const place = new RegExp(`(<!-- figures ${name} -->\\n)([\\s\\S]*?)(<!-- end -->)`);
  if (!place.test(page)) throw new BenchError(`${PAGE} has no place for the figures ${name}`);
  return page.replace(place, (_, begin: string, old: string, end: string) => {
    return begin + (typeof content === 'string' ? content : content(old)) + end;
  });
}

const result = JSON.parse(readFileSync(`${root}${RESULT}`, 'utf8')) as Result;
let page = readFileSync(PAGE, 'utf8');
page = put(page, 'systems', (old) => withFigures(old, result));
page = put(page, 'machine', `${where(result)}.\n`);
page = put(page, 'targets', targets(result));
page = put(page, 'servers', figures(result));
page = put(page, 'models', models());
writeFileSync(PAGE, page);
console.log(`Figures: ${PAGE}`);
