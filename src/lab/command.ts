/** `pollux lab run`: does the experiments, and writes what came of them. */
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { clearLine, cursorTo } from 'node:readline';

import { type Command, Option } from 'commander';

import { UsageError } from '../../host/kernel/error.js';
import type { Experiment } from './experiment.js';
import { addPage } from './page-command.js';
import { RESULTS_FILE, type Result, type Results } from './results.js';
import { run, type Progress } from './run.js';
import { addReport } from './report-command.js';

const INTERRUPTED_EXIT_CODE = 130;
/** Ctrl-C, an end from outside, and a terminal that is closed: nothing may be left behind. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Of a terminal that does not say so, and of the last column of the table. */
const TERMINAL_COLUMNS = 80;
const NARROWEST_COLUMN = 24;

interface RunFlags {
  quick?: true;
  json?: true;
  list?: true;
  out?: string;
}

/** Those that are named, or all, in the lab's order. Throws `UsageError` for a name of none. */
export function chosen(all: readonly Experiment[], names: readonly string[]): Experiment[] {
  const known = all.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`there is no experiment "${unknown}": there are ${known.join(', ')}`);
  return all.filter(({ name }) => names.length === 0 || names.includes(name));
}

/** Words in lines of at most `width` columns, or a single word's. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Columns below each other; the last is wrapped where the whole would be wider than `width`. */
export function table(rows: readonly string[][], width: number): string {
  const last = rows[0]!.length - 1;
  const widths = rows[0]!
    .slice(0, last)
    .map((_, i) => Math.max(...rows.map((row) => row[i]!.length)) + 2);
  const indent = widths.reduce((sum, each) => sum + each, 0);
  return rows
    .map((row) => {
      const before = widths.map((each, i) => row[i]!.padEnd(each)).join('');
      const lines = wrapped(row[last]!, Math.max(width - indent, NARROWEST_COLUMN));
      return `${before}${lines.join(`\n${' '.repeat(indent)}`)}\n`;
    })
    .join('');
}

const print = (text: string) => void process.stdout.write(text);
const say = (sentence: string) => void process.stderr.write(`${sentence}\n`);
/** Lines that no person reads may be long, and are then easier to search. */
const columns = () =>
  process.stdout.isTTY ? process.stdout.columns || TERMINAL_COLUMNS : Infinity;

const rowOf = ({ name, verdict, notMeasured }: Result) => [
  name,
  verdict?.outcome ?? 'not measured',
  verdict?.because ?? notMeasured!,
];

/** On a terminal a line that changes; elsewhere a line for each experiment that is done. */
function progressLine() {
  const { stderr } = process;
  const clear = () => {
    if (!stderr.isTTY) return;
    cursorTo(stderr, 0);
    clearLine(stderr, 0);
  };
  const show = ({ experiment, number, of, repetition, outcome }: Progress) => {
    clear();
    const where = `${number} of ${of}: ${experiment}`;
    if (outcome !== undefined) say(`${where}: ${outcome}`);
    else if (stderr.isTTY) stderr.write(`${where}, repetition ${repetition}`);
  };
  return { show, clear };
}

/** Better before the measuring than after it. Throws `UsageError`. */
function checkWritable(path: string): void {
  const refuse = (why: string) => new UsageError(`${path} cannot be written: ${why}`);
  try {
    if (existsSync(path) && statSync(path).isDirectory()) throw refuse('it is a folder');
    accessSync(existsSync(path) ? path : dirname(resolve(path)), constants.W_OK);
  } catch (error) {
    throw error instanceof UsageError ? error : refuse((error as Error).message);
  }
}

function save(results: Results, path: string): void {
  try {
    writeFileSync(path, `${JSON.stringify(results, undefined, 2)}\n`);
  } catch (error) {
    const { message } = error as Error;
    throw new UsageError(`${path} cannot be written: ${message}`, { cause: error });
  }
}

async function runLab(names: string[], version: string, flags: RunFlags): Promise<number> {
  const { experiments } = await import('./experiments.js');
  const wanted = chosen(experiments, names);
  if (flags.list) {
    print(
      table(
        wanted.map(({ name, claim }) => [name, claim]),
        columns(),
      ),
    );
    return 0;
  }
  const file = flags.out ?? (flags.json ? undefined : RESULTS_FILE);
  if (file !== undefined) checkWritable(file);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const name of ENDING) process.on(name, onSignal);
  const line = progressLine();
  let results: Results;
  try {
    const { signal } = stop;
    results = await run(wanted, {
      quick: flags.quick === true,
      version,
      signal,
      progress: line.show,
    });
  } finally {
    line.clear();
    for (const name of ENDING) process.off(name, onSignal);
  }
  const done = results.experiments.length;
  if (stop.signal.aborted) say(`interrupted: ${done} of ${wanted.length} experiments were done`);
  if (done > 0) {
    if (file !== undefined) save(results, file);
    const rows = [['experiment', 'verdict', 'because'], ...results.experiments.map(rowOf)];
    print(flags.json ? `${JSON.stringify(results, undefined, 2)}\n` : table(rows, columns()));
    if (file !== undefined) say(`written to ${file}: pollux lab report makes a page of it`);
  }
  return stop.signal.aborted ? INTERRUPTED_EXIT_CODE : 0;
}

export function addLab(pollux: Command, done: (code: number) => void): void {
  const lab = pollux
    .command('lab')
    .description('see what the article on I/O models says: drawn on a page, and measured');
  addPage(lab);
  lab
    .command('run')
    .description('do the experiments: each measures a claim of the article, and judges it')
    .argument('[experiments...]', 'their names (default: all)')
    .option('--quick', 'measure less of everything: all experiments take three minutes')
    .option('--list', 'print what there is, and measure nothing')
    .option('--json', 'print the results for programs, and write no file but that of --out')
    .addOption(new Option('--out <file>', `where to write them (default: ${RESULTS_FILE})`))
    .action(async (names: string[], flags: RunFlags) =>
      done(await runLab(names, pollux.version()!, flags)),
    );
  addReport(lab);
}
