#!/usr/bin/env node
/**
 * The command line. Wrong input gets one sentence and exit code 2; what a guest does is the guest's
 * own exit code. Only what is named on the command line is granted.
 */
import { readFile } from 'node:fs/promises';

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { pollerNames, type PollerName } from '../host/kernel/readiness.js';
import { parseDirectories } from './directory.js';
import {
  client,
  echo,
  echoLanguages,
  echoModels,
  echoProtocols,
  type EchoModel,
  type EchoOptions,
} from './echo.js';
import { GuestError, HostError, UsageError } from '../host/kernel/error.js';
import { load } from './guest.js';
import { addInspect } from './inspect.js';
import { addLab } from './lab/command.js';
import type { Limits } from './limit.js';
import { addLimits, limitsOf, positive, type LimitFlags } from './limit-flags.js';
import { TRAP_EXIT_CODE } from './message.js';
import { addModels } from './models.js';
import { addPolling, type PollingFlags } from './polling-flags.js';
import { describeLimit, describeTrap, type Exit } from './run.js';
import { addReplay, addSimulate } from './simulate/command.js';
import {
  isolateNames,
  sandbox,
  serveNames,
  type Box,
  type IsolateName,
  type SandboxOptions,
  type ServeName,
} from './sandbox.js';
import { addExplore } from './simulate/explore-command.js';

const USAGE_EXIT_CODE = 2;
/** By whose fault it is. */
const exitCodes = [
  [UsageError, USAGE_EXIT_CODE],
  [GuestError, TRAP_EXIT_CODE],
  [HostError, 1],
] as const;

const say = (sentence: string) => process.stderr.write(`${sentence}\n`);

interface RunFlags extends LimitFlags, PollingFlags {
  dir: string[];
  listen: string[];
  connect: string[];
  env: string[];
  poller?: PollerName;
  serve: ServeName;
  maxConnections?: number;
  trace?: string;
  isolate: IsolateName;
  drain: number;
}

interface EchoFlags extends LimitFlags, Omit<EchoOptions, 'warn' | 'stderr' | keyof Limits> {
  drain: number;
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value >= 2 ** 31)
    throw new InvalidArgumentError('It must be a number of milliseconds, from 0 to 2147483647.');
  return value;
}

const each = (value: string, before: string[]) => [...before, value];

function environment(pairs: string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1)
        throw new UsageError(`"${pair}" is no variable of the environment: write NAME=VALUE`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

async function run(file: string, args: string[], flags: RunFlags): Promise<number> {
  const options: SandboxOptions = {
    args: [file, ...args],
    env: environment(flags.env),
    dirs: parseDirectories(flags.dir),
    listen: flags.listen,
    connect: flags.connect,
    stdin: 'inherit',
    stdout: 'inherit',
    stderr: 'inherit',
    serve: flags.serve,
    poll: flags.poll,
    strict: flags.strict ?? false,
    warn: (sentence) => say(`pollux: ${sentence}`),
    ...(flags.poller !== undefined && { poller: flags.poller }),
    ...(flags.trace !== undefined && { trace: flags.trace }),
    isolate: flags.isolate,
    ...limitsOf(flags),
    ...(flags.maxConnections !== undefined && { maxConnections: flags.maxConnections }),
  };
  return await serve(
    load(file).then((guest) => sandbox(guest, options)),
    flags,
  );
}

/** Says where the guest listens, leads it through signals, and answers its exit code. */
async function serve(
  starting: Promise<Box>,
  flags: LimitFlags & { drain: number },
): Promise<number> {
  let signals = 0;
  const onSignal = () => {
    const first = signals++ === 0;
    const led = starting.then((box) =>
      first && box.addresses.length > 0 ? box.drain(flags.drain) : box.stop(),
    );
    led.catch(() => {}); // that it did not start is said below
  };
  // Before it starts: who sees that it runs may send a signal next.
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const box = await starting;
    for (const address of box.addresses) say(`listening on ${address}`);
    return report(await box.exit, limitsOf(flags));
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Says what a guest did wrong, if it did, and answers its exit code. */
function report(exit: Exit, limits: Limits): number {
  if (exit.trap) say(`pollux: ${describeTrap(exit.trap)}`);
  const limit = describeLimit(exit, limits);
  if (limit !== undefined) say(`pollux: ${limit}`);
  return exit.code;
}

const poller = () =>
  new Option('--poller <name>', 'what poll_oneoff asks of the kernel (default: "epoll")').choices(
    pollerNames,
  );
const trace = () =>
  new Option(
    '--trace <file>',
    'write the transcript of every call to a file (with thread and process: file.1, file.2, ...)',
  );
const serveOption = () =>
  new Option(
    '--serve <how>',
    'one guest for all connections, or one for each, in a thread or a process',
  )
    .choices(serveNames)
    .default('event');
const maxConnections = () =>
  new Option(
    '--max-connections <n>',
    'with thread and process, the most connections at once (default: 256 threads, 64 processes)',
  ).argParser(positive);
const drain = () =>
  new Option('--drain <ms>', 'after SIGINT or SIGTERM, how long open connections may take to end')
    .argParser(milliseconds)
    .default(5000);
const isolate = () =>
  new Option(
    '--isolate <how>',
    'run it in a process that the kernel gives nothing else to, a bug in V8 included',
  )
    .choices(isolateNames)
    .default('none');

type Done = (code: number) => void;

function addRun(pollux: Command, done: Done): void {
  addPolling(addLimits(pollux.command('run')))
    .description('run a guest, with what is named here and nothing else')
    .argument('<guest.wasm>', 'a WASI preview1 module: a command (_start) or a reactor (turn)')
    .argument('[args...]', "the guest's arguments")
    .option(
      '--listen <[fd=]host:port[,blocking]>',
      'give it a listener; port 0 takes a free one; also udp:host:port, unix:path, unix:@name, ' +
        'and fd:n or fd:name of systemd (repeatable)',
      each,
      [],
    )
    .option(
      '--connect <[fd=]host:port[,blocking]>',
      'give it a connection, to the same (repeatable)',
      each,
      [],
    )
    .option('--env <name=value>', 'give it a variable of the environment (repeatable)', each, [])
    .option(
      '--dir <host::guest[,ro]>',
      'give it a directory, by the name that it shall have there (repeatable)',
      each,
      [],
    )
    .addOption(serveOption())
    .addOption(maxConnections())
    .addOption(poller())
    .addOption(trace())
    .addOption(isolate())
    .addOption(drain())
    .passThroughOptions()
    .action(async (file: string, args: string[], flags: RunFlags) =>
      done(await run(file, args, flags)),
    );
}

function addEcho(pollux: Command, done: Done): void {
  addLimits(pollux.command('echo'))
    .description('run the echo server that comes with Pollux')
    .addOption(
      new Option('--model <name>', 'the I/O model of the guest')
        .choices(Object.keys(echoModels))
        .default('poll' satisfies EchoModel),
    )
    .addOption(serveOption())
    .addOption(
      new Option('--protocol <name>', 'send back what comes, or greet, and add "response" to it')
        .choices(echoProtocols)
        .default('echo'),
    )
    .addOption(
      new Option('--language <name>', 'what the guest is written in')
        .choices(Object.keys(echoLanguages))
        .default('c'),
    )
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one', '127.0.0.1:9000')
    .addOption(maxConnections())
    .addOption(poller())
    .addOption(trace())
    .addOption(isolate())
    .addOption(drain())
    .action(async (flags: EchoFlags) => {
      const warn = (sentence: string) => say(`pollux: ${sentence}`);
      done(await serve(echo({ ...flags, ...limitsOf(flags), warn, stderr: 'inherit' }), flags));
    });
}

function addClient(pollux: Command, done: Done): void {
  pollux
    .command('client')
    .description('talk to a server: the client that comes with Pollux, with one connection')
    .argument('<host:port>', 'where the server listens')
    .action(async (address: string) => done(await serve(client(address), { drain: 0 })));
}

function program(version: string, done: Done): Command {
  const pollux = new Command('pollux')
    .description(
      'A sandboxed WebAssembly + WASI runtime whose guests do network I/O at epoll speed.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'pollux: ')),
    })
    .enablePositionalOptions();

  addRun(pollux, done);
  addEcho(pollux, done);
  addClient(pollux, done);
  addInspect(pollux);
  addModels(pollux);
  addExplore(pollux);
  addSimulate(pollux, done);
  addReplay(pollux, done);
  addLab(pollux, done);
  return pollux;
}

async function main(): Promise<number> {
  const packageFile = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { version: string };
  let exitCode = 0;
  try {
    await program(version, (code) => (exitCode = code)).parseAsync();
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
    for (const [Kind, code] of exitCodes) {
      if (!(error instanceof Kind)) continue;
      say(`pollux: ${error.message}`);
      return code;
    }
    throw error;
  }
}

process.exitCode = await main();
