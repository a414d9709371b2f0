/**
 * Memory that can grow no further: the same guest with a maximum of its memory that is near. So
 * `memory.grow` itself answers -1, as it does where a machine has no memory left.
 */
import type { Guest } from '../guest.js';
import { limitGrowth } from '../memory-limit.js';

/** By how many pages of 64 KiB memory can grow; the first is for the benign choice. */
const GROWTH_PAGES = [Infinity, 16, 1, 0];
export const MEMORY_CHOICES = GROWTH_PAGES.length;

/** What was compiled already, by choice. */
const compiled = new WeakMap<Guest, (WebAssembly.Module | undefined)[]>();

/** The guest's module with as much room to grow as was chosen. */
export function moduleWithMemory(guest: Guest, choice: number): WebAssembly.Module {
  if (choice === 0) return guest.module;
  let modules = compiled.get(guest);
  if (modules === undefined) compiled.set(guest, (modules = []));
  return (modules[choice] ??= new WebAssembly.Module(
    limitGrowth(guest.bytes!, GROWTH_PAGES[choice]!) as Uint8Array<ArrayBuffer>,
  ));
}
