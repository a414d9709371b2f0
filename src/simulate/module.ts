/**
 * The module that stands for a guest in the simulator: the same guest, rewritten (meter.ts), and
 * maybe with a maximum of its memory that is near. So `memory.grow` itself answers -1, as it does
 * where a machine has no memory left.
 */
import { UsageError } from '../../host/kernel/error.js';
import type { Guest } from '../guest.js';
import { limitGrowth, shareMemory } from '../memory-limit.js';
import { meter, type Metered } from './meter.js';

/** By how many pages of 64 KiB memory can grow; the first is for the benign choice. */
const GROWTH_PAGES = [Infinity, 16, 1, 0];
export const MEMORY_CHOICES = GROWTH_PAGES.length;
/** A few tenths of a second, where they are spent. */
const DEFAULT_FUEL = 100_000_000;

/** A module, and the export that is below 0 if it was ended for its loops. */
export interface SimulatedModule {
  readonly module: WebAssembly.Module;
  readonly fuel: string;
}

/** What was rewritten and compiled already, by guest, and by fuel and room to grow. */
const known = new WeakMap<Guest, Map<string, SimulatedModule>>();

interface ModuleOptions {
  /** How many loops, and calls of its own functions, there may be between two calls of imports. */
  readonly fuel?: number | undefined;
  /** True: another thread shares its memory. */
  readonly shared?: boolean;
}

/** The guest's module, with as much room to grow as was chosen. Throws `UsageError`. */
export function moduleOf(guest: Guest, choice: number, options: ModuleOptions): SimulatedModule {
  const { fuel = DEFAULT_FUEL, shared = false } = options;
  let modules = known.get(guest);
  if (modules === undefined) known.set(guest, (modules = new Map()));
  const key = `${fuel} ${choice} ${shared}`;
  let made = modules.get(key);
  if (made === undefined) modules.set(key, (made = compiled(guest, choice, fuel, shared)));
  return made;
}

function compiled(guest: Guest, choice: number, most: number, shared: boolean): SimulatedModule {
  const { bytes, fuel } = metered(guest, most);
  const limited = choice === 0 ? bytes : limitGrowth(bytes, GROWTH_PAGES[choice]!);
  const own = shared ? shareMemory(limited) : limited;
  try {
    return { module: new WebAssembly.Module(own as Uint8Array<ArrayBuffer>), fuel };
  } catch (error) {
    throw new UsageError(
      `${guest.name} cannot be rewritten for the simulator: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function metered({ name, bytes }: Guest, fuel: number): Metered {
  if (Number.isSafeInteger(fuel) && fuel > 0 && fuel < 2 ** 31) return meter(name, bytes!, fuel);
  throw new UsageError(`fuel is a whole number from 1 to 2147483647, and not ${fuel}`);
}
