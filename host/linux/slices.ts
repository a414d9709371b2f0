/** Waits of Linux in slices, so that no thread is out of reach for long. */

/**
 * The longest wait in one go. A thread that is ended by force (process.exit, or an embedder that
 * terminates its own worker) ends only when it leaves the system call; where nobody wakes it, it
 * does so now and then.
 */
export const LONGEST_WAIT_NS = 2e9;

/** Waits for `timeoutNs` in all, unless `wait` answers other than 0 before. */
export function inSlices(timeoutNs: number, wait: (sliceNs: number) => number): number {
  for (let leftNs = timeoutNs; ; leftNs -= LONGEST_WAIT_NS) {
    if (leftNs <= LONGEST_WAIT_NS) return wait(leftNs);
    const result = wait(LONGEST_WAIT_NS);
    if (result !== 0) return result;
  }
}
