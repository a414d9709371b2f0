/** A connection that a guest is given, made before it begins. */
import { errnoName } from '../../host/kernel/errno.js';
import { UsageError } from '../../host/kernel/error.js';
import type { SocketAddress } from '../../host/kernel/kernel.js';
import { Readiness } from '../../host/kernel/readiness.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import { formatAddress } from '../grant.js';

/** Until it is tried again. */
const RETRY_NS = 1e9;

/**
 * The handle of a connection to `address`. One that fails is tried again while `again()`, for it
 * may be a fault that has broken it; otherwise it throws `UsageError`.
 */
export function dial(kernel: SimKernel, address: SocketAddress, again: () => boolean): number {
  for (;;) {
    const handle = kernel.connect(address);
    if (handle < 0) throw failed(address, handle);
    while (kernel.waitFor(handle, Readiness.OUT, Infinity) < 0);
    const error = kernel.socketError(handle);
    if (error === 0) return handle;
    if (!again()) throw failed(address, error);
    kernel.close(handle);
    kernel.world.idle(RETRY_NS);
  }
}

const failed = (address: SocketAddress, errno: number) =>
  new UsageError(`cannot connect to ${formatAddress(address)}: ${errnoName(errno)}`);
