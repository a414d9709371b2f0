/** Looks up the names of hosts in what a caller grants. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import { UsageError } from '../host/kernel/error.js';
import type { SocketAddress } from '../host/kernel/kernel.js';
import type { SocketGrant } from './grant.js';

/** The address of a grant, its host name looked up. Throws `UsageError`. */
export async function resolveGrant(grant: SocketGrant): Promise<SocketAddress> {
  if (isIP(grant.host)) return { host: grant.host, port: grant.port };
  try {
    return { host: (await lookup(grant.host)).address, port: grant.port };
  } catch (error) {
    throw new UsageError(`the host ${grant.host} is not known: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
