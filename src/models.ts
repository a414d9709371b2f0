/** `pollux models`: what the I/O models do, from the data of their machines, and their pictures. */
import { type Command, Option } from 'commander';

import { UsageError } from '../host/kernel/error.js';
import { mermaid, stateDiagram } from './diagram.js';
import { compare, type Comparison, type Phase } from './happy-path.js';
import { machineNames, machines, type Machine, type MachineName } from './machine.js';
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
}

/** The I/O models; the server's machine is none. */
export const models = Object.values(machines).filter((machine) => machine.class !== undefined);

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

function answer({ diagram, format, json }: ModelsFlags): string {
  if (diagram !== undefined) {
    if (json) throw new UsageError('a diagram is no JSON: leave out --json or --diagram');
    return formats[format ?? 'mermaid']!(machines[diagram]);
  }
  if (format !== undefined)
    throw new UsageError('a format is that of a picture: name it with --diagram');
  const comparisons = models.map(compare);
  if (json) return `${JSON.stringify(comparisons, undefined, 2)}\n`;
  return table([headings, ...comparisons.map(cells)]);
}

export function addModels(pollux: Command): void {
  pollux
    .command('models')
    .description('compare the I/O models, or draw the machine of one')
    .addOption(
      new Option('--diagram <machine>', 'print the picture of a machine').choices(machineNames),
    )
    .addOption(
      new Option(
        '--format <name>',
        "of the picture: the states in Mermaid (the default) or SVG, or a model's timing in SVG",
      ).choices(Object.keys(formats)),
    )
    .option('--json', 'print the comparison for programs')
    .action((flags: ModelsFlags) => void process.stdout.write(answer(flags)));
}
