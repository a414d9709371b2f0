/**
 * The calls of a guest in words, as they are made: what went in, and what came out. Who listens
 * knows when, and what to make of it.
 */
import { wasiErrnoName } from '../../host/wasi/errno.js';
import type { Memory } from '../../host/wasi/memory.js';
import type { WasiFunction } from '../../host/wasi/process.js';

/** A module that a guest may import, as its imports.ts describes it. */
export interface Described {
  parameters: Record<string, string>;
  /** What happened before these calls is written first, for they may be the last ones. */
  waiting: ReadonlySet<string>;
}

export interface CallListener {
  /** `sock_recv(fd=4, …)`; `waits`: it may wait, or never come back. */
  entered(call: string, waits: boolean): void;
  /** `SUCCESS nevents=1` */
  left(answer: string): void;
}

/**
 * The same functions of a module, each of which tells `listener` of its calls. `memory` is asked
 * for at the time of a call.
 */
export function told(
  { parameters, waiting }: Described,
  functions: Record<string, WasiFunction>,
  memory: () => Memory,
  listener: CallListener,
): Record<string, WasiFunction> {
  const telling: Record<string, WasiFunction> = {};
  for (const [name, call] of Object.entries(functions)) {
    const names = (parameters[name] ?? '').split(' ').filter(Boolean);
    const waits = waiting.has(name);
    telling[name] = (...values: never[]) => {
      const inputs = names.flatMap((each, i) =>
        each.startsWith('>') ? [] : [`${each}=${values[i]}`],
      );
      listener.entered(`${name}(${inputs.join(', ')})`, waits);
      const errno = call(...values);
      const answer = [wasiErrnoName(errno), ...outputs(names, values, errno, memory())];
      listener.left(answer.join(' '));
      return errno;
    };
  }
  return telling;
}

function outputs(names: string[], values: unknown[], errno: number, memory: Memory): string[] {
  if (errno !== 0) return [];
  return names.flatMap((name, i) => {
    const at = Number(values[i]) >>> 0;
    if (name.startsWith('>>'))
      return memory.holds(at, 8) ? [`${name.slice(2)}=${memory.u64(at)}`] : [];
    if (name.startsWith('>'))
      return memory.holds(at, 4) ? [`${name.slice(1)}=${memory.u32(at)}`] : [];
    return [];
  });
}
