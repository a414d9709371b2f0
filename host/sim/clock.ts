/** CLOCK_REALTIME of one machine: it runs with the time of the world, and somebody may set it. */
import type { SimKernel } from './sim-kernel.js';

/** The moment at which every world begins: 2024-01-01. */
export const EPOCH_NS = 1_704_067_200_000_000_000n;
/** How it is set while the guest looks at it: a second, an hour, a day. */
const JUMPS_NS = [0n, 1_000_000_000n, -1_000_000_000n, -3_600_000_000_000n, 86_400_000_000_000n];

export class Realtime {
  readonly kernel: SimKernel;
  readonly #label: string;
  /** It runs ahead of the time of the world by this, and by the epoch. */
  #aheadNs = 0n;

  constructor(kernel: SimKernel) {
    this.kernel = kernel;
    this.#label = `${kernel.host}/clock`;
  }

  /** Nanoseconds since 1970. */
  now(): bigint {
    const { choices } = this.kernel.world;
    this.#aheadNs += JUMPS_NS[choices.choose(this.#label, JUMPS_NS.length)]!;
    return this.timeNs;
  }

  /** The same, without anybody's setting it. */
  get timeNs(): bigint {
    return EPOCH_NS + this.#aheadNs + BigInt(this.kernel.nowNs);
  }
}
