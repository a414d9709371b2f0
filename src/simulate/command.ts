/** `pollux simulate` and `pollux replay`: many runs of a guest by seeds, and one by its token. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { clearLine, cursorTo } from 'node:readline';

import { type Command, InvalidArgumentError, Option } from 'commander';

import { profileNames, type ProfileName } from '../../host/sim/fault.js';
import { UsageError } from '../../host/kernel/error.js';
import { pollerNames, type PollerName } from '../../host/kernel/readiness.js';
import { parseDirectories } from '../directory.js';
import { load } from '../guest.js';
import { addPolling, type PollingFlags } from '../polling-flags.js';
import { check, CheckError, describeChoice, type Checked } from './check.js';
import { findWorld, loadCompanions, worldOfOrigin, type CompanionFile } from './find.js';
import type { JobOptions } from './job.js';
import { checkInThreads } from './jobs.js';
import { failureKinds } from './outcome.js';
import { dirsOf, findGuests, parseToken } from './token.js';
import { fileOf, record } from '../trace/record.js';

const ADDRESS = '127.0.0.1:9000';
const FAILED_EXIT_CODE = 1;
const INTERRUPTED_EXIT_CODE = 130;
/** On a terminal a line that changes; elsewhere a line now and then. */
const LINE_MS = 200;
const LOG_LINE_MS = 10_000;

interface SimulateFlags extends PollingFlags {
  seeds: number;
  seed: number;
  profile: ProfileName;
  world?: string;
  with: string[];
  withInput?: string;
  listen?: string[];
  connect: string[];
  env: string[];
  dir: string[];
  disk?: number;
  poller?: PollerName;
  maxDescriptors?: number;
  clients: number;
  messages: number;
  bytes: number;
  jobs: number;
  exhaustive?: number;
  paranoid?: true;
  refuseMemory?: true;
  powerLoss?: true;
  crashes?: number;
  fuel?: number;
}

interface ReplayFlags {
  guest?: string;
  world?: string;
  trace?: string;
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function positive(text: string): number {
  if (whole(text) === 0) throw new InvalidArgumentError('It must be 1 or more.');
  return whole(text);
}

const each = (value: string, before: string[] = []) => [...before, value];
const grouped = (value: number) => Math.round(value).toLocaleString('en-US');

/** What was done, in a line. */
function inALine(checked: Checked, ms: number): string {
  const { runs, calls, faults, virtualNs, different, known } = checked;
  const speed = grouped((runs / Math.max(ms, 1)) * 1000);
  const among = known === undefined ? '' : ` of ${grouped(known)}`;
  return (
    `${grouped(runs)}${among} runs, ${speed}/s: ${grouped(calls)} calls, ` +
    `${(virtualNs / 1e9).toFixed(1)} s of virtual time, ${grouped(faults)} faults, ` +
    `${grouped(different)} different runs`
  );
}

/** A function that shows how far it is, and one that takes that away. */
function progressLine() {
  const { stderr } = process;
  const startMs = performance.now();
  let lastMs = startMs;
  const show = (checked: Checked) => {
    const now = performance.now();
    if (now - lastMs < (stderr.isTTY ? LINE_MS : LOG_LINE_MS)) return;
    lastMs = now;
    if (stderr.isTTY) cursorTo(stderr, 0);
    stderr.write(inALine(checked, now - startMs));
    if (stderr.isTTY) clearLine(stderr, 1);
    else stderr.write('\n');
  };
  const end = () => {
    if (!stderr.isTTY) return;
    cursorTo(stderr, 0);
    clearLine(stderr, 0);
  };
  return { show, end, elapsedMs: () => performance.now() - startMs };
}

function environment(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1)
        throw new UsageError(`"${pair}" is no variable of the environment: write NAME=VALUE`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/**
 * The guests that share the world. The first of them listen where the guest connects to; the others
 * are connected to the guest, and the run goes on until they have ended.
 */
function companionsOf(
  { with: files, withInput, connect }: SimulateFlags,
  listen: readonly string[],
): CompanionFile[] {
  if (withInput !== undefined && files.length === 0)
    throw new UsageError(
      '--with-input is what the guests of --with read: name one, or leave it out',
    );
  const names = new Set<string>();
  const stdin = withInput === undefined ? '' : readInput(withInput);
  return files.map((file, i) => {
    let name = basename(file, '.wasm');
    while (names.has(name) || name === 'guest') name += ' too';
    names.add(name);
    const bare = (grants: readonly string[]) => grants.map((each) => each.replace(/^\d+=/, ''));
    const options =
      i < connect.length
        ? { listen: bare([connect[i]!]) }
        : { connect: bare(listen.slice(0, 1)), awaited: true };
    return { name, file, options: { args: [file], stdin, ...options } };
  });
}

function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function jobOf(file: string, args: string[], flags: SimulateFlags): JobOptions {
  const { seeds: runs, seed, profile, clients, messages, bytes, exhaustive, crashes, fuel } = flags;
  const alone = flags.with.length === 0;
  const listen = flags.listen ?? (alone || flags.connect.length === 0 ? [ADDRESS] : []);
  const [, address = ADDRESS] = /^(?:\d+=)?(.*?)(?:,blocking)?$/.exec(listen[0] ?? '') ?? [];
  if (exhaustive !== undefined && flags.jobs > 1)
    throw new UsageError('all schedules are tried by one job: leave out --jobs or --exhaustive');
  return {
    file,
    world: flags.world ?? (alone ? 'any' : 'none'),
    companions: companionsOf(flags, listen),
    clients: { address, clients, messages, bytes, ...(crashes && { reconnect: true }) },
    check: {
      runs,
      seed,
      profile,
      args: [file, ...args],
      env: environment(flags.env),
      dirs: parseDirectories(flags.dir),
      ...(flags.disk !== undefined && { diskBytes: flags.disk * 2 ** 20 }),
      listen,
      connect: flags.connect,
      ...(flags.poller !== undefined && { poller: flags.poller }),
      ...(flags.maxDescriptors !== undefined && { maxDescriptors: flags.maxDescriptors }),
      poll: flags.poll,
      strict: flags.strict === true,
      paranoid: flags.paranoid === true,
      refuseMemory: flags.refuseMemory === true,
      ...(exhaustive !== undefined && { exhaustive }),
      ...(crashes !== undefined && { crashes }),
      ...(flags.powerLoss && { powerLoss: true }),
      ...(fuel !== undefined && { fuel }),
    },
  };
}

/** What came of the runs: `report`, if one has failed. */
async function checkHere(
  { file, companions: files, world, clients, check: options }: JobOptions,
  progress: (checked: Checked) => void,
  signal: AbortSignal,
): Promise<{ checked: Checked; report: string | undefined }> {
  const guest = await load(file);
  const found = await findWorld(world, clients);
  const companions = await loadCompanions(files);
  try {
    const all = { ...found, ...options, companions, progress, signal };
    const checked = await check(guest, all);
    return { checked, report: undefined };
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    return { checked: error.checked, report: error.message };
  }
}

async function runSimulate(file: string, args: string[], flags: SimulateFlags): Promise<number> {
  const job = jobOf(file, args, flags);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const line = progressLine();
  try {
    const { checked, report } = await (flags.jobs > 1
      ? checkInThreads(job, flags.jobs, line.show, stop.signal)
      : checkHere(job, line.show, stop.signal));
    line.end();
    if (report !== undefined) process.stdout.write(`${report}\n`);
    process.stderr.write(`${inALine(checked, line.elapsedMs())}\n`);
    if (report !== undefined) return FAILED_EXIT_CODE;
    if (stop.signal.aborted) {
      process.stderr.write('interrupted: until then no run has failed\n');
      return INTERRUPTED_EXIT_CODE;
    }
    if (!checked.complete) process.stderr.write('there are more schedules than --seeds allows\n');
    return 0;
  } finally {
    line.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function writeTrace(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw new UsageError(`the trace cannot be written to ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function runReplay(text: string, files: string[], flags: ReplayFlags): Promise<number> {
  const token = parseToken(text);
  const given = flags.guest === undefined ? files : [flags.guest, ...files];
  const [guest, ...others] = await findGuests(
    token,
    await Promise.all(given.map((each) => load(each))),
  );
  if (flags.world === undefined && token.world === undefined) {
    throw new UsageError(
      'the world of this token is a function of its author: name its module with --world FILE',
    );
  }
  const found = await (flags.world === undefined
    ? worldOfOrigin(token.world!)
    : findWorld(flags.world, { address: ADDRESS }));
  const companions = Object.fromEntries(
    token.companions.map(({ name, options }, i) => [name, { ...options, guest: others[i]! }]),
  );
  const options = { ...found, ...token.options, companions, dirs: dirsOf(token), log: token.log };
  const { simulated: run, recording } = record(guest!, guest!.name, options);
  if (flags.trace !== undefined) writeTrace(flags.trace, fileOf(recording, flags.trace));
  process.stdout.write(run.stdout);
  process.stderr.write(run.stderr);
  const lines = [
    `${grouped(run.calls)} calls in ${run.virtualNs / 1e9} s of virtual time, trace ${run.hash}`,
    ...run.log.map(describeChoice),
    run.failure
      ? `${failureKinds[run.failure.kind]}: ${run.failure.message}`
      : 'the run ends as it should',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return run.failure ? FAILED_EXIT_CODE : 0;
}

/** What the guest is given, and finds. */
function addGrants(command: Command): Command {
  return command
    .option(
      '--listen <[fd=]host:port[,blocking]>',
      `give it a listener (default: ${ADDRESS})`,
      each,
    )
    .option('--connect <[fd=]host:port[,blocking]>', 'give it a connection', each, [])
    .option('--env <name=value>', 'give it a variable of the environment', each, [])
    .option('--dir <host::guest[,ro]>', 'give it a copy of a directory', each, [])
    .addOption(
      new Option('--disk <mib>', 'the size of its disk (default: 256)').argParser(positive),
    )
    .addOption(
      new Option(
        '--poller <name>',
        'what poll_oneoff asks of the kernel (default: "epoll")',
      ).choices(pollerNames),
    )
    .addOption(
      new Option('--max-descriptors <n>', 'the most that it may have open').argParser(positive),
    );
}

export function addSimulate(pollux: Command, done: (code: number) => void): void {
  addGrants(addPolling(pollux.command('simulate')))
    .description('run a guest on the simulated kernel, each time with another seed')
    .argument('<guest.wasm>', 'a WASI preview1 command')
    .argument('[args...]', "the guest's arguments, behind --")
    .addOption(new Option('--seeds <n>', 'how many').argParser(positive).default(1000))
    .addOption(new Option('--seed <n>', 'the first of them').argParser(whole).default(1))
    .addOption(
      new Option('--profile <name>', 'what may happen').choices(profileNames).default('linux'),
    )
    .option(
      '--world <file>',
      'a module with the actors, or one of echo, any, none (with --with it is none by itself)',
    )
    .option(
      '--with <guest.wasm>',
      'another guest in its world, connected to its listener, or listening where it connects to',
      each,
      [],
    )
    .option('--with-input <file>', 'what those guests read on stdin')
    .addOption(new Option('--clients <n>', 'of echo and any').argParser(positive).default(10))
    .addOption(new Option('--messages <n>', 'of each client').argParser(positive).default(10))
    .addOption(new Option('--bytes <n>', 'of each message').argParser(positive).default(32))
    .addOption(
      new Option('--jobs <n>', `in so many threads (this machine: ${availableParallelism()})`)
        .argParser(positive)
        .default(1),
    )
    .addOption(
      new Option(
        '--exhaustive <k>',
        'in place of seeds: all schedules with at most k choices that are not benign',
      ).argParser(positive),
    )
    .option('--refuse-memory', 'in some runs its memory can grow no further')
    .addOption(
      new Option(
        '--crashes <n>',
        'its process may die so often, and is started anew; the clients of echo connect again',
      ).argParser(whole),
    )
    .option('--power-loss', 'its machine may die with it, and lose what was not synced')
    .addOption(
      new Option(
        '--fuel <n>',
        'how often it may loop between two calls (default: 100000000)',
      ).argParser(positive),
    )
    .option('--paranoid', 'run everything twice: it must go the same way')
    .action(async (file: string, args: string[], flags: SimulateFlags) =>
      done(await runSimulate(file, args, flags)),
    );
}

export function addReplay(pollux: Command, done: (code: number) => void): void {
  pollux
    .command('replay')
    .description('repeat a simulated run')
    .argument('<token>', 'as a failure names it')
    .argument('[guests...]', 'where its guests are, if not where they were, in any order')
    .option('--guest <file>', 'the same, of one')
    .option('--world <file>', 'where the world is, if the token does not know')
    .option(
      '--trace <file>',
      'write what happened to a file: for Perfetto (.json), for Wireshark (.pcap), or as text',
    )
    .action(async (token: string, guests: string[], flags: ReplayFlags) =>
      done(await runReplay(token, guests, flags)),
    );
}
