/** `pollux lab`: serves the page on loopback, or writes it as static files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Command, InvalidArgumentError, Option } from 'commander';

import { HostError, UsageError } from '../../host/kernel/error.js';
import { serveFolder } from './serving.js';

const PAGE = fileURLToPath(new URL('../../lab/page', import.meta.url));
/** What the page has in it, and nobody else's. */
const MARK = '<meta name="generator" content="pollux lab">';
const ENTRY = 'index.html';
/** All that there is of a page. */
const PARTS = [ENTRY, 'assets'];

interface PageFlags {
  port: number;
  open?: true;
  out?: string;
}

const say = (sentence: string) => void process.stderr.write(`${sentence}\n`);

function portNumber(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new InvalidArgumentError('It must be a port, from 0 to 65535.');
}

/** Writes the page's files. Throws `UsageError` for a folder that has something else in it. */
function writePage(folder: string): void {
  try {
    if (existsSync(folder) && readdirSync(folder).length > 0 && !isPage(folder)) {
      throw new UsageError(
        `${folder} has something in it, and it is no page that pollux lab has written: ` +
          'name an empty folder, or a new one',
      );
    }
    mkdirSync(folder, { recursive: true });
    // Its files have other names when they are built anew.
    for (const part of PARTS) rmSync(join(folder, part), { recursive: true, force: true });
    cpSync(PAGE, folder, { recursive: true });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { message } = error as Error;
    throw new UsageError(`the page cannot be written to ${folder}: ${message}`, { cause: error });
  }
}

/** True if all that is in a folder is a page, maybe of another version. */
function isPage(folder: string): boolean {
  if (readdirSync(folder).some((name) => !PARTS.includes(name))) return false;
  const entry = join(folder, ENTRY);
  return existsSync(entry) && readFileSync(entry, 'utf8').includes(MARK);
}

/** Opens the browser of whoever sits here; it may be that there is none. */
function open(address: string): void {
  const browser = spawn('xdg-open', [address], { detached: true, stdio: 'ignore' });
  browser.on('error', ({ message }) =>
    say(`no browser could be opened (${message}): open ${address} in one`),
  );
  browser.unref();
}

async function servePage({ port, open: opens }: PageFlags): Promise<void> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  // Before it is served: who sees the address may send a signal next.
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const { address, close } = await serveFolder(PAGE, port);
    say(`the lab is at ${address} (Ctrl-C ends it)`);
    if (opens) open(address);
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
    close();
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

export function addPage(lab: Command): void {
  lab
    .addOption(
      new Option('--port <n>', 'where to serve the page, on loopback; 0 takes a free port')
        .argParser(portNumber)
        .default(0),
    )
    .option('--open', 'open it in the browser')
    .option('--out <folder>', 'write it as static files, for any web server, and serve nothing')
    .action(async (flags: PageFlags) => {
      if (!existsSync(join(PAGE, ENTRY)))
        throw new HostError('the page of the lab is not built: run ./build.sh page');
      if (flags.out === undefined) await servePage(flags);
      else writePage(flags.out);
    });
}
