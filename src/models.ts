/**
 * `pollux models`: what the I/O models do, from the data of their machines, what that costs on this
 * machine, and their pictures.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';

import { UsageError } from '../host/kernel/error.js';
import { mermaid, stateDiagram } from './diagram.js';
import type { EchoModel } from './echo.js';
import { compare, type Comparison, type Phase } from './happy-path.js';
import { machineNames, machines, type Machine, type MachineName } from './machine.js';
import { measure, MESSAGE_BYTES, type Measured, type MeasureOptions } from './measure/measure.js';
import { timingDiagram } from './timing.js';

/** The forms of a picture. */
const formats: Record<string, (machine: Machine) => string> = {
  mermaid,
  svg: stateDiagram,
  timing: timingDiagram,
};

export interface ModelsFlags {
  diagram?: MachineName;
  format?: string;
  json?: true;
  measure: boolean;
  seconds?: number;
  connections?: number;
}

/** The I/O models; the server's machine is none. */
export const models = Object.values(machines).filter((machine) => machine.class !== undefined);

const MEASURED: MeasureOptions = { seconds: 1, connections: 16 };
/** The server of select(2) takes no descriptor above 1023, and its process has some already. */
const MOST_CONNECTIONS = 900;
const MOST_SECONDS = 60;

export const headings = ['model', 'calls, in order', 'blocked in wait', 'blocked in copy', 'class'];

function blocked({ blocked, busy, call }: Phase): string {
  if (blocked) return `yes, in ${call.toLowerCase()}`;
  return busy ? 'no, but busy' : 'no';
}

/** A model's cells under the headings. */
export function cells({ model, calls, wait, copy, class: kind }: Comparison): string[] {
  const sequence = calls.map(
    ({ call, times }) => call.toLowerCase() + (times > 1 ? ` × ${times}` : ''),
  );
  return [model, sequence.join(', '), blocked(wait), blocked(copy), kind!];
}

/** Rows of cells, one line each, with their columns below each other. */
function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]! + 2))
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}

/** The figures of a model, and how wide each column is. */
const figures: [heading: string, figure: (measured: Measured) => string][] = [
  ['connections', ({ connections }) => `${connections}`],
  ['system calls/echo', ({ systemCallsPerEcho: calls }) => calls?.toFixed(2) ?? 'not counted'],
  ['CPU us/echo', ({ cpuUsPerEcho }) => cpuUsPerEcho.toFixed(2)],
  ['switches/echo', ({ switchesPerEcho }) => switchesPerEcho.toFixed(3)],
  ['p50 us', ({ p50Us }) => p50Us.toFixed(0)],
  ['p99 us', ({ p99Us }) => p99Us.toFixed(0)],
];
const NAME_WIDTH = Math.max(...models.map(({ name }) => name.length));
const FIGURE_WIDTH = 8;

export const figureHeadings = ['model', ...figures.map(([heading]) => heading)];

/** A line of the table of figures, which is printed line by line, as they are measured. */
function figureLine(model: string, cell: (i: number) => string): string {
  const padded = figures.map(([heading], i) =>
    cell(i).padStart(Math.max(heading.length, FIGURE_WIDTH)),
  );
  return `${[model.padEnd(NAME_WIDTH), ...padded].join('  ')}\n`;
}

function picture({ diagram, format, ...flags }: ModelsFlags & { diagram: MachineName }): string {
  if (flags.json) throw new UsageError('a diagram is no JSON: leave out --json or --diagram');
  if (flags.seconds !== undefined || flags.connections !== undefined)
    throw new UsageError(
      'a diagram is not measured: leave out --diagram, or what is for measuring',
    );
  return formats[format ?? 'mermaid']!(machines[diagram]);
}

async function run({ diagram, ...flags }: ModelsFlags): Promise<void> {
  const print = (text: string) => void process.stdout.write(text);
  if (diagram !== undefined) return print(picture({ ...flags, diagram }));
  if (flags.format !== undefined)
    throw new UsageError('a format is that of a picture: name it with --diagram');
  const comparisons = models.map(compare);
  const options = {
    seconds: flags.seconds ?? MEASURED.seconds,
    connections: flags.connections ?? MEASURED.connections,
  };
  if (flags.json) {
    const all: (Comparison & { measured?: Measured })[] = [];
    for (const each of comparisons) {
      const measured = flags.measure && (await measure(each.model as EchoModel, options));
      all.push(measured ? { ...each, measured } : each);
    }
    return print(`${JSON.stringify(all, undefined, 2)}\n`);
  }
  print(table([headings, ...comparisons.map(cells)]));
  if (!flags.measure) return;
  print(
    `\nAn echo of ${MESSAGE_BYTES} bytes, measured for ${options.seconds} s each, under the load ` +
      'of one process of Node:\n\n',
  );
  print(figureLine('model', (i) => figures[i]![0]));
  for (const { name } of models) {
    const measured = await measure(name as EchoModel, options);
    print(figureLine(name, (i) => figures[i]![1](measured)));
  }
}

function within(most: number, whole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const form = whole ? /^\d+$/ : /^\d+(\.\d+)?$/;
    if (form.test(text) && value > 0 && value <= most) return value;
    const kind = whole ? 'whole number, from 1' : 'number above 0, and up';
    throw new InvalidArgumentError(`It must be a ${kind} to ${most}.`);
  };
}

export function addModels(pollux: Command): void {
  pollux
    .command('models')
    .description('compare the I/O models, measure them here, or draw the machine of one')
    .addOption(
      new Option('--diagram <machine>', 'print the picture of a machine').choices(machineNames),
    )
    .addOption(
      new Option(
        '--format <name>',
        "of the picture: the states in Mermaid (the default) or SVG, or a model's timing in SVG",
      ).choices(Object.keys(formats)),
    )
    .option('--json', 'print the comparison, and what was measured, for programs')
    .option('--no-measure', 'compare only, which takes no time')
    .option(
      '--seconds <s>',
      `how long each model is measured (default: ${MEASURED.seconds})`,
      within(MOST_SECONDS, false),
    )
    .option(
      '--connections <n>',
      `how many clients each model has; blocking has one (default: ${MEASURED.connections})`,
      within(MOST_CONNECTIONS, true),
    )
    .action(run);
}
