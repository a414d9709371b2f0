/** The connections that a guest is given which shares its world: they must be there before it begins. */
import type { SocketAddress } from '../../host/kernel/kernel.js';
import { Readiness } from '../../host/kernel/readiness.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';

export interface Connecting {
  readonly address: SocketAddress;
  /** Where its handle belongs; < 0 until it has one. */
  readonly grant: { handle: number };
}

/** A connection that could not be made is tried again after so long. */
export const AGAIN_NS = 1e9;

/**
 * Makes all of them, as often as it takes, and takes each out of `left`; it waits as verbs do, and
 * is called again as they are.
 */
export function connectAll(kernel: SimKernel, left: Connecting[]): void {
  for (let next = left[0]; next !== undefined; next = left[0]) {
    const { address, grant } = next;
    if (grant.handle < 0) grant.handle = kernel.connect(address);
    if (grant.handle >= 0) {
      while (kernel.waitFor(grant.handle, Readiness.OUT, Infinity) < 0);
      if (kernel.socketError(grant.handle) === 0) {
        left.shift();
        continue;
      }
      kernel.close(grant.handle);
      grant.handle = -1;
    }
    kernel.suspension!.sleep(AGAIN_NS);
  }
}
