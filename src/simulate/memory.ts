/**
 * Memory that can grow no further: the same guest with a maximum of its memory that is near. So
 * `memory.grow` itself answers -1, as it does where a machine has no memory left.
 */
import type { Guest } from '../guest.js';
import { limitGrowth, shareMemory } from '../memory-limit.js';

/** By how many pages of 64 KiB memory can grow; the first is for the benign choice. */
const GROWTH_PAGES = [Infinity, 16, 1, 0];
export const MEMORY_CHOICES = GROWTH_PAGES.length;

/** What was compiled already, by choice: for this thread, and to be shared with another one. */
const compiled = new WeakMap<Guest, Map<number, WebAssembly.Module>>();

/** The guest's module with as much room to grow as was chosen, its memory `shared` or not. */
export function moduleWithMemory(guest: Guest, choice: number, shared = false): WebAssembly.Module {
  if (choice === 0 && !shared) return guest.module;
  let modules = compiled.get(guest);
  if (modules === undefined) compiled.set(guest, (modules = new Map()));
  const key = choice * 2 + Number(shared);
  let module = modules.get(key);
  if (module === undefined) {
    const limited = choice === 0 ? guest.bytes! : limitGrowth(guest.bytes!, GROWTH_PAGES[choice]!);
    const bytes = shared ? shareMemory(limited) : limited;
    modules.set(key, (module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>)));
  }
  return module;
}
