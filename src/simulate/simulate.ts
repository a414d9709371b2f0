/** A simulated run as Node runs it: with directories of this machine, and with companions. */
import type { Guest } from '../guest.js';
import { Company } from './company.js';
import { contentsOf } from './directories.js';
import type { SimulateOptions, Simulated } from './outcome.js';
import { run } from './run.js';

/**
 * Runs a command once. Throws `UsageError` for what cannot be run, or could not be repeated; what
 * the guest does wrong is in the result.
 */
export function simulate(guest: Guest, options: SimulateOptions = {}): Simulated {
  const company = (...given: ConstructorParameters<typeof Company>) => new Company(...given);
  return run(guest, { ...options, dirs: contentsOf(options.dirs) }, company);
}
