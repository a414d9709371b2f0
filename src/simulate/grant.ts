/** What a caller grants on the simulated network, where there are no names of hosts. */
import { UsageError } from '../../host/kernel/error.js';
import { normal } from '../../host/sim/address.js';
import { parseGrant, type SocketGrant } from '../grant.js';

/** Reads `[FD=]HOST:PORT[,blocking]`, of which HOST is an IP address. Throws `UsageError`. */
export function parseSimulatedGrant(text: string): SocketGrant {
  const grant = parseGrant(text);
  if (normal(grant.host) !== undefined) return grant;
  throw new UsageError(
    `"${text}" is not on the simulated network, which has TCP and no names of hosts: ` +
      'write an IP address and a port, like 127.0.0.1:9000',
  );
}
