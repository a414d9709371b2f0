/** The echo server: the guest that comes with the package, with a listener and nothing else. */
import { fileURLToPath } from 'node:url';

import { UsageError } from '../host/kernel/error.js';
import { parseGrant } from './grant.js';
import { load } from './guest.js';
import { sandbox, type Box, type SandboxOptions } from './sandbox.js';

/** The I/O models that there is an echo guest of, and the file of each. */
export const echoModels = { poll: 'echo-poll.wasm' } as const;
export type EchoModel = keyof typeof echoModels;

export interface EchoOptions extends Pick<
  SandboxOptions,
  'poller' | 'trace' | 'maxDescriptors' | 'warn' | 'stderr'
> {
  model?: EchoModel;
  /** `HOST:PORT`; default 127.0.0.1:9000. */
  listen?: string;
}

/**
 * Starts an echo server. Throws `UsageError` for an unknown model or an address that cannot be had.
 */
export async function echo({
  model = 'poll',
  listen = '127.0.0.1:9000',
  ...rest
}: EchoOptions = {}): Promise<Box> {
  if (!Object.hasOwn(echoModels, model)) {
    throw new UsageError(
      `there is no model "${model}": choose ${Object.keys(echoModels).join(', ')}`,
    );
  }
  const { fd, blocking } = parseGrant(listen);
  if (fd !== undefined || blocking) {
    throw new UsageError(`"${listen}" is not HOST:PORT: the echo server has its one descriptor`);
  }
  const file = new URL(`../wasm/${echoModels[model]}`, import.meta.url);
  return await sandbox(await load(fileURLToPath(file)), { ...rest, listen: [listen] });
}
