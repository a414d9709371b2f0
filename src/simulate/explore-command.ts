/** `pollux explore`: all that can happen to the pure machines, up to a length. */
import { type Command, InvalidArgumentError, Option } from 'commander';

import { UsageError } from '../../host/kernel/error.js';
import { machineNames, machines, type MachineName } from '../machine.js';
import { explore } from './explore-machine.js';
import type { Searched } from './search.js';

/** Longer sequences take longer, and lead nowhere else. */
const MOST_LENGTH = 1000;
const MOST_MESSAGES = 100;

interface ExploreFlags {
  length: number;
  messages: number;
}

const upTo = (most: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value === 0 || value > most)
    throw new InvalidArgumentError(`It must be a whole number, from 1 to ${most}.`);
  return value;
};

/** A number that nobody counts: 1.5e+48. Few of these are numbers to JavaScript. */
function sequencesOf({ sequences }: Searched): string {
  const digits = String(sequences);
  return digits.length < 7 ? digits : `${digits[0]}.${digits[1]}e+${digits.length - 1}`;
}

const inALine = (what: string, searched: Searched) =>
  `${searched.states} states of ${what} by ${sequencesOf(searched)} sequences` +
  (searched.complete ? '' : ', and there are more');

function run(names: MachineName[], flags: ExploreFlags): void {
  for (const name of names) {
    if (!machineNames.includes(name))
      throw new UsageError(`"${name}" is no machine: choose ${machineNames.join(', ')}`);
  }
  // A line for each machine as soon as it is done.
  for (const name of names.length > 0 ? names : machineNames) {
    const { table, world } = explore(machines[name], flags);
    process.stdout.write(
      `${name}: ${inALine('the table', table)}; ${inALine('it at work', world)}\n`,
    );
  }
}

export function addExplore(pollux: Command): void {
  pollux
    .command('explore')
    .description('check the pure machines: every sequence of events, each state once')
    .argument('[machines...]', `of: ${machineNames.join(', ')} (default: all)`)
    .addOption(
      new Option('--length <n>', 'how many events a sequence has at most')
        .argParser(upTo(MOST_LENGTH))
        .default(40),
    )
    .addOption(
      new Option('--messages <n>', 'how many the peer sends')
        .argParser(upTo(MOST_MESSAGES))
        .default(4),
    )
    .action(run);
}
