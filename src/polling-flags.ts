/** The options of the command line that say how a guest is answered, by poll_oneoff mostly. */
import { type Command, Option } from 'commander';

import { pollNames, type PollName } from './polling.js';

export interface PollingFlags {
  poll: PollName;
  strict?: true;
}

/** Gives a command the options of `PollingFlags`. */
export function addPolling(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--poll <how>',
        'tell of readiness as long as it holds, or once when it arises, as tokio expects',
      )
        .choices(pollNames)
        .default('level'),
    )
    .option(
      '--strict',
      'as wasmtime does, fail poll_oneoff for what is wrong with one subscription, and fd_allocate',
    );
}
