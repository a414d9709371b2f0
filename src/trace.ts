/**
 * The transcript of a run: two lines for each call, what went in and what came out.
 *
 *     -> poll_oneoff(in=68160, out=68352, nsubs=2) @0.001204
 *     <- SUCCESS nevents=1 @0.003377
 *
 * The first line names the kernel. The time is in seconds from the first line on.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

import { wasiErrnoName } from '../host/wasi/errno.js';
import type { Memory } from '../host/wasi/memory.js';
import type { WasiFunction } from '../host/wasi/process.js';
import type { Described } from './assemble.js';
import { UsageError } from '../host/kernel/error.js';
import { inputsOf } from './input.js';

const FLUSH_BYTES = 1 << 16;

export class Trace {
  readonly #file: number;
  readonly #path: string;
  readonly #warn: (sentence: string) => void;
  #broken = false;
  readonly #startMs = performance.now();
  #lines = '';

  /** `warn` is told if the file can be opened, but at some point no longer be written. */
  constructor(path: string, kernelName: string, warn: (sentence: string) => void) {
    this.#path = path;
    this.#warn = warn;
    try {
      this.#file = openSync(path, 'w');
    } catch (error) {
      throw new UsageError(`the trace cannot be written to ${path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.#lines = `# kernel ${kernelName}\n`;
  }

  /**
   * The same functions of a module, each of which writes its transcript. `memory` is asked for at
   * the time of a call.
   */
  wrap(
    { parameters, waiting }: Described,
    functions: Record<string, WasiFunction>,
    memory: () => Memory,
  ): Record<string, WasiFunction> {
    const wrapped: Record<string, WasiFunction> = {};
    for (const [name, call] of Object.entries(functions)) {
      const names = (parameters[name] ?? '').split(' ').filter(Boolean);
      wrapped[name] = (...values: never[]) => {
        const inputs = inputsOf(names, values, memory());
        const given = inputs.map(([key, value]) => `${key}=${value}`).join(', ');
        this.#line(`-> ${name}(${given})`);
        if (waiting.has(name)) this.flush();
        const errno = call(...values);
        this.#line(
          `<- ${[wasiErrnoName(errno), ...outputs(names, values, errno, memory())].join(' ')}`,
        );
        return errno;
      };
    }
    return wrapped;
  }

  #line(text: string): void {
    this.#lines += `${text} @${((performance.now() - this.#startMs) / 1000).toFixed(6)}\n`;
    if (this.#lines.length > FLUSH_BYTES) this.flush();
  }

  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines === '' || this.#broken) return;
    try {
      writeSync(this.#file, lines);
    } catch (error) {
      // Not the guest's fault, which goes on.
      this.#broken = true;
      this.#warn(`the trace in ${this.#path} is incomplete: ${(error as Error).message}`);
    }
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }
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
