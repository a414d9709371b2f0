/** The options of the command line that limit a guest. */
import { type Command, InvalidArgumentError } from 'commander';

import type { Limits } from './limit.js';

/** The limits as the command line has them. */
export interface LimitFlags {
  maxMemory?: number;
  maxDescriptors?: number;
  maxFiles?: number;
  maxWritten?: number;
  timeout?: number;
  maxCpu?: number;
}

export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value === 0 || value >= 2 ** 31)
    throw new InvalidArgumentError('It must be a whole number, from 1 to 2147483647.');
  return value;
}

/** Gives a command the options of `LimitFlags`. */
export function addLimits(command: Command): Command {
  const ends = 'then the exit code is 124 (with thread and process: each)';
  return command
    .option('--max-memory <MiB>', 'the most that its memory may grow to', positive)
    .option('--max-descriptors <n>', 'the most descriptors that it may have open', positive)
    .option('--max-files <n>', 'the most files and directories that it may have open', positive)
    .option('--max-written <MiB>', 'the most that it may write to files and streams', positive)
    .option('--max-cpu <ms>', `the most processor time that it may use; ${ends}`, positive)
    .option('--timeout <ms>', `the longest that it may run; ${ends}`, positive);
}

export function limitsOf(flags: LimitFlags): Limits {
  const all: [keyof Limits, number | undefined][] = [
    ['maxMemoryMiB', flags.maxMemory],
    ['maxDescriptors', flags.maxDescriptors],
    ['maxFiles', flags.maxFiles],
    ['maxWrittenMiB', flags.maxWritten],
    ['timeoutMs', flags.timeout],
    ['maxCpuMs', flags.maxCpu],
  ];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}
