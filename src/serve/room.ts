/**
 * How many descriptors this process may still open. Node and libuv leave descriptors open of a
 * thread or process that ran out of them while it was started: so none is started with too few.
 */
import { readdirSync, readFileSync } from 'node:fs';

let limit: number | undefined;

/** The most that may be open; Node has raised it as far as it goes. */
function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const [, number] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  return Number(number ?? Infinity);
}

/** True if `count` descriptors more can be opened. */
export function roomFor(count: number): boolean {
  try {
    limit ??= descriptorLimit();
    return readdirSync('/proc/self/fd').length + count <= limit;
  } catch {
    return false; // not even one is left for looking
  }
}
