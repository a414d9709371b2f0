#!/usr/bin/env node
/**
 * The command line. Wrong input gets one sentence and exit code 2; what a guest does is the guest's own exit code. Only what
 * is named on the command line is granted.
 */
import { readFile } from 'node:fs/promises';

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { pollerNames, type PollerName } from '../host/kernel/readiness.js';
import { echo, echoModels, type EchoModel } from './echo.js';
import { HostError, UsageError } from './error.js';
import { load } from './guest.js';
import { sandbox, type Box, type SandboxOptions } from './sandbox.js';

const USAGE_EXIT_CODE = 2;
const HOST_EXIT_CODE = 1;

const say = (sentence: string) => process.stderr.write(`${sentence}\n`);

interface RunFlags {
  listen: string[];
  connect: string[];
  env: string[];
  poller: PollerName;
  trace?: string;
  maxMemory?: number;
  maxDescriptors?: number;
  timeout?: number;
  drain: number;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isSafeInteger(value))) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value < 2 ** 31)) throw new InvalidArgumentError('It must be a number of milliseconds.');
  return value;
}

const each = (value: string, before: string[]) => [...before, value];

function environment(pairs: string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError(`"${pair}" is no variable of the environment: write NAME=VALUE`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

async function run(file: string, args: string[], flags: RunFlags): Promise<number> {
  const options: SandboxOptions = {
    args: [file, ...args],
    env: environment(flags.env),
    listen: flags.listen,
    connect: flags.connect,
    stdin: 'inherit',
    stdout: 'inherit',
    stderr: 'inherit',
    poller: flags.poller,
    warn: (sentence) => say(`pollux: ${sentence}`),
    ...(flags.trace !== undefined && { trace: flags.trace }),
    ...(flags.maxMemory !== undefined && { maxMemoryMiB: flags.maxMemory }),
    ...(flags.maxDescriptors !== undefined && { maxDescriptors: flags.maxDescriptors }),
    ...(flags.timeout !== undefined && { timeoutMs: flags.timeout }),
  };
  return await serve(await sandbox(await load(file), options), flags);
}

/** Says where the guest listens, leads it through signals, and answers its exit code. */
async function serve(box: Box, flags: { drain: number; timeout?: number }): Promise<number> {
  for (const address of box.addresses) say(`listening on ${address}`);
  let signals = 0;
  const onSignal = () => void (signals++ === 0 ? box.drain(flags.drain) : box.stop());
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const exit = await box.exit;
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  if (exit.trap) {
    const [, innermost = ''] = /\n\s*(at .*)/.exec(exit.trap.stack ?? '') ?? [];
    say(`pollux: the guest trapped: ${exit.trap.message} ${innermost}`.trimEnd());
  }
  if (exit.reason === 'timeout') say(`pollux: the guest ran longer than its limit of ${flags.timeout} ms`);
  return exit.code;
}

const poller = () =>
  new Option('--poller <name>', 'what poll_oneoff asks of the kernel').choices(pollerNames).default('epoll');
const trace = () => new Option('--trace <file>', 'write the transcript of every call to a file');
const drain = () =>
  new Option('--drain <ms>', 'after SIGINT or SIGTERM, how long open connections may take to end')
    .argParser(milliseconds)
    .default(5000);
const maxDescriptors = () =>
  new Option('--max-descriptors <n>', 'the most descriptors that the guest may have open').argParser(positive);

function program(version: string, done: (code: number) => void): Command {
  const pollux = new Command('pollux')
    .description('A sandboxed WebAssembly + WASI runtime whose guests do network I/O at epoll speed.')
    .version(version)
    .exitOverride()
    .enablePositionalOptions();

  pollux
    .command('run')
    .description('run a guest, with what is named here and nothing else')
    .argument('<guest.wasm>', 'a WASI preview1 module: a command (_start) or a reactor (turn)')
    .argument('[args...]', "the guest's arguments")
    .option('--listen <[fd=]host:port[,blocking]>', 'give it a listener; port 0 takes a free one (repeatable)', each, [])
    .option('--connect <[fd=]host:port[,blocking]>', 'give it a connection (repeatable)', each, [])
    .option('--env <name=value>', 'give it a variable of the environment (repeatable)', each, [])
    .addOption(poller())
    .addOption(trace())
    .addOption(new Option('--max-memory <MiB>', 'the most that its memory may grow to').argParser(positive))
    .addOption(maxDescriptors())
    .addOption(new Option('--timeout <ms>', 'the longest that it may run; then the exit code is 124').argParser(positive))
    .addOption(drain())
    .passThroughOptions()
    .action(async (file: string, args: string[], flags: RunFlags) => done(await run(file, args, flags)));

  pollux
    .command('echo')
    .description('run the echo server that comes with Pollux')
    .addOption(
      new Option('--model <name>', 'the I/O model of the guest')
        .choices(Object.keys(echoModels))
        .default('poll' satisfies EchoModel),
    )
    .addOption(new Option('--serve <how>', 'one guest for all connections').choices(['event']).default('event'))
    .addOption(new Option('--protocol <name>', 'send back what comes').choices(['echo']).default('echo'))
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one', '127.0.0.1:9000')
    .addOption(poller())
    .addOption(trace())
    .addOption(maxDescriptors())
    .addOption(drain())
    .action(async (flags: { model: EchoModel; listen: string; trace?: string; drain: number; poller: PollerName }) => {
      const { model, listen, trace: file, poller: name } = flags;
      const warn = (sentence: string) => say(`pollux: ${sentence}`);
      const box = await echo({ model, listen, poller: name, warn, stderr: 'inherit', ...(file && { trace: file }) });
      done(await serve(box, flags));
    });

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
    if (error instanceof UsageError || error instanceof HostError) {
      say(`pollux: ${error.message}`);
      return error instanceof UsageError ? USAGE_EXIT_CODE : HOST_EXIT_CODE;
    }
    throw error;
  }
}

process.exitCode = await main();
