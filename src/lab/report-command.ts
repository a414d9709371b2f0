/** `pollux lab report`: makes a page of what `pollux lab run` wrote. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import type { Command } from 'commander';

import { UsageError } from '../../host/kernel/error.js';
import { loadRendering } from './rendering.js';
import { readResults, RESULTS_FILE } from './results.js';

const HTML = /\.html?$/;

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    const { message } = error as Error;
    throw new UsageError(`${path} cannot be written: ${message}`, { cause: error });
  }
}

async function report(file: string, { out }: { out?: string }): Promise<void> {
  const page = out ?? file.replace(/\.json$/, '').concat('.html');
  if (!HTML.test(page))
    throw new UsageError(`"${page}" is no name of a page: it must end in .html`);
  const results = readResults(file);
  const { page: draw } = await loadRendering();
  write(page, draw(results));
  // The numbers go with the page, wherever that is.
  const numbers = page.replace(HTML, '.json');
  const beside = resolve(numbers) === resolve(file);
  if (!beside) write(numbers, `${JSON.stringify(results, undefined, 2)}\n`);
  process.stderr.write(`written to ${page}${beside ? '' : `, and its numbers to ${numbers}`}\n`);
}

export function addReport(lab: Command): void {
  lab
    .command('report')
    .description('make a page of the results, with their charts; its numbers lie beside it')
    .argument('[results]', 'what pollux lab run wrote', RESULTS_FILE)
    .option('--out <file>', 'the page (default: the name of the results, and .html)')
    .action(report);
}
