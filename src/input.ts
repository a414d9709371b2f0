/** What goes into a call, by the names of its parameters, for whoever writes it down. */
import type { Memory } from '../host/wasi/memory.js';

/** Of a text; no path is longer. */
const LONGEST_TEXT = 4096;

export type Input = readonly [name: string, value: number | bigint | string];

/** What goes into a call; texts, such as paths, in quotation marks. */
export function inputsOf(
  names: readonly string[],
  values: readonly unknown[],
  memory: Memory,
): Input[] {
  return names.flatMap((name, i): Input[] => {
    if (name.startsWith('>') || names[i - 1]?.startsWith('$')) return [];
    const value = values[i] as number | bigint;
    if (!name.startsWith('$')) return [[name, value]];
    return [[name.slice(1), textAt(memory, Number(value) >>> 0, Number(values[i + 1]) >>> 0)]];
  });
}

function textAt(memory: Memory, at: number, length: number): string {
  if (!memory.holds(at, length)) return `${at} (outside of memory)`;
  // A copy: a decoder takes no memory that is shared.
  const bytes = memory.bytes.slice(at, at + Math.min(length, LONGEST_TEXT));
  return JSON.stringify(new TextDecoder().decode(bytes));
}
