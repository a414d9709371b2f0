/** The descriptors that the guest is given that a run is about. */
import { errnoName } from '../../host/kernel/errno.js';
import { UsageError } from '../../host/kernel/error.js';
import { Readiness } from '../../host/kernel/readiness.js';
import type { SocketAddress } from '../../host/kernel/kernel.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import { TcpSocket } from '../../host/sim/socket.js';
import type { Sink } from '../../host/sim/stream.js';
import { Descriptor } from '../../host/wasi/descriptors.js';
import { formatAddress } from '../grant.js';
import type { Grants } from '../assemble.js';
import { AGAIN_NS, type Connecting } from './connecting.js';
import { grantContents } from './contents.js';
import { parseSimulatedGrant } from './grant.js';
import type { RunOptions } from './outcome.js';
import { openStreams, type Pipes } from './stream.js';

export interface Given {
  readonly streams: Grants['streams'];
  readonly dirs: NonNullable<Grants['dirs']>;
  readonly listeners: Grants['sockets'];
  readonly connections: readonly (Connecting & { readonly grant: ConnectionGrant })[];
  /** Those that are still to be made. */
  readonly connecting: Connecting[];
}

interface ConnectionGrant {
  readonly fd: number | undefined;
  readonly blocking: boolean;
  handle: number;
}

const BACKLOG = 4096;
const DEFAULT_DESCRIPTORS = 65536;

/**
 * Opens all but the connections; `inhabit` puts the others into the world meanwhile, and is given
 * their ends of pipes. `listening` has the addresses of listeners that were there before, and takes
 * note of those of new ones.
 */
export function give(
  kernel: SimKernel,
  options: RunOptions,
  outputs: readonly Sink[],
  listening: SocketAddress[],
  inhabit: (pipes: Pipes | undefined) => void,
): Given {
  const { listen = [], connect = [] } = options;
  const { streams, pipes } = openStreams(kernel, options, outputs);
  const dirs = grantContents(kernel, options);
  const listeners = listen.map((text, i) => {
    const grant = parseSimulatedGrant(text);
    const handle = kernel.listen(listening[i] ?? grant, BACKLOG);
    check(handle, `cannot listen at ${formatAddress(grant)}`);
    listening[i] = kernel.file(handle)!.address() as SocketAddress;
    return { fd: grant.fd, descriptor: Descriptor.listener(handle, !grant.blocking) };
  });
  inhabit(pipes);
  const connections = connect.map((text) => {
    const { fd, blocking, ...address } = parseSimulatedGrant(text);
    return { address, grant: { fd, blocking, handle: -1 } };
  });
  return { streams, dirs, listeners, connections, connecting: connections.slice() };
}

/**
 * Makes the connections of a guest that is alone in its world, with actors at most. One that fails
 * is tried again while `again()`, for it may be a fault that has broken it.
 */
export function connectAtOnce(
  kernel: SimKernel,
  connecting: readonly Connecting[],
  again: () => boolean,
): void {
  for (const { address, grant } of connecting) {
    const what = `cannot connect to ${formatAddress(address)}`;
    for (;;) {
      grant.handle = kernel.connect(address);
      check(grant.handle, what);
      while (kernel.waitFor(grant.handle, Readiness.OUT, Infinity) < 0);
      const error = kernel.socketError(grant.handle);
      if (error === 0) break;
      if (!again()) check(error, what);
      kernel.close(grant.handle);
      kernel.world.idle(AGAIN_NS);
    }
  }
}

export function grantsOf(
  { streams, dirs, listeners, connections }: Given,
  maxDescriptors = DEFAULT_DESCRIPTORS,
): Grants {
  const connected = connections.map(({ grant: { fd, handle, blocking } }) => ({
    fd,
    descriptor: Descriptor.connection(handle, !blocking),
  }));
  // Those with a number of their own come first, as in the sandbox.
  const sockets = [...listeners, ...connected].sort(
    (a, b) => Number(b.fd !== undefined) - Number(a.fd !== undefined),
  );
  return { streams, dirs, sockets, maxDescriptors };
}

/** The address of who is at the other end of a connection; undefined: it is none. */
export function peerOf(kernel: SimKernel, connection: Descriptor | undefined) {
  const file = connection && kernel.file(connection.handle);
  return file instanceof TcpSocket ? file.peer?.local : undefined;
}

function check(result: number, what: string): void {
  if (result < 0) throw new UsageError(`${what}: ${errnoName(result)}`);
}
