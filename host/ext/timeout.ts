/**
 * The time that a call of module `pollux` may wait: nanoseconds, negative for ever. An interruption
 * does not begin it anew, and it never ends early. One is made for each process, not for each call.
 */
import { Clock } from '../kernel/kernel.js';
import type { Process } from '../wasi/process.js';

export class Timeout {
  readonly #process: Process;
  #totalNs = 0;
  #startNs = 0n;

  constructor(process: Process) {
    this.#process = process;
  }

  /**
   * A call that may wait for `timeoutNs` begins: how long its first wait may be. An embedded
   * guest's never waits; it wants to be called again when the time is over.
   */
  begin(timeoutNs: bigint): number {
    const { kernel, embedder } = this.#process;
    this.#totalNs = timeoutNs < 0n ? Infinity : Number(timeoutNs);
    if (this.#totalNs === 0) return 0;
    if (embedder.embedded) {
      this.#process.pendingTimeoutNs = Math.min(this.#process.pendingTimeoutNs, this.#totalNs);
      this.#totalNs = 0;
    } else if (this.#totalNs !== Infinity) {
      this.#startNs = kernel.now(Clock.MONOTONIC);
    }
    return this.#totalNs;
  }

  /** How long the wait after an interruption may be. */
  get leftNs(): number {
    if (this.#totalNs === 0 || this.#totalNs === Infinity) return this.#totalNs;
    const elapsedNs = Number(this.#process.kernel.now(Clock.MONOTONIC) - this.#startNs);
    return Math.max(0, this.#totalNs - elapsedNs);
  }
}
