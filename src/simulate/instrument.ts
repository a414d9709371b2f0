/**
 * What stands between a simulated guest and its functions: it counts the calls, hashes what goes
 * in and comes out, may write it down, and ends the guest where the run is over.
 */
import * as pollux from '../../host/ext/imports.js';
import { TraceHash } from '../../host/sim/trace-hash.js';
import { wasiErrnoName } from '../../host/wasi/errno.js';
import type { Memory } from '../../host/wasi/memory.js';
import * as preview1 from '../../host/wasi/p1/imports.js';
import type { WasiFunction } from '../../host/wasi/process.js';
import type { Described } from '../assemble.js';
import { inputsOf, type Input } from '../input.js';

/** A call, as it was seen. */
export interface Call {
  readonly name: string;
  /** By name, what went in. */
  readonly inputs: readonly Input[];
  readonly errno: string;
  /** By name, what came out. */
  readonly outputs: readonly (readonly [string, number | bigint])[];
  /** In virtual nanoseconds. */
  readonly startNs: number;
  readonly endNs: number;
}

/** `-> fd_read(fd=4, …)` and what came of it, in a line. */
export function describeCall({ name, inputs, errno, outputs, startNs, endNs }: Call): string {
  const given = inputs.map(([key, value]) => `${key}=${value}`).join(', ');
  const answer = [errno, ...outputs.map(([key, value]) => `${key}=${value}`)].join(' ');
  return `${(endNs / 1e9).toFixed(6)} ${name}(${given}) = ${answer} after ${endNs - startNs} ns`;
}

/** What the calls of a guest look at and report to. */
export interface Course {
  readonly now: number;
  /** Before each call: when it begins; throws if there shall be no other. */
  before(): number;
  /** After each call. */
  after(): void;
  /** Whatever ended the guest, which may have caught it. */
  ended(error: unknown): void;
  /** Is told of each call, if it is there. */
  readonly record: ((call: Call) => void) | undefined;
  /** Is told of a call that the guest was ended in. */
  readonly unfinished?: ((call: Call) => void) | undefined;
}

/** Where the buffers of a call stand among its parameters: iovecs, and then their number. */
const IOVECS = 1;
const isIovecs = (name: string | undefined) =>
  name === 'iovs' || name === 'ri_data' || name === 'si_data';
/** Of any function. */
const MOST_PARAMETERS = 9;
/** No call moves more. */
const MOST_IOVECS = 1024;

/** A function's parameters. */
interface Shape {
  readonly name: string;
  readonly number: number;
  readonly parameters: readonly string[];
  /** The parameters through which a number is answered, and its bytes. */
  readonly answers: readonly { name: string; index: number; bytes: 4 | 8 }[];
  readonly iovecs: boolean;
}

function shapeOf(name: string, number: number, text: string): Shape {
  const parameters = text.split(' ').filter(Boolean);
  const answers = parameters.flatMap((each, index) => {
    if (!each.startsWith('>')) return [];
    const bytes: 4 | 8 = each.startsWith('>>') ? 8 : 4;
    return [{ name: each.replace(/^>+/, ''), index, bytes }];
  });
  return { name, number, parameters, answers, iovecs: isIovecs(parameters[IOVECS]) };
}

/**
 * By module and name: what does not change from run to run. Each function has its number before any
 * guest calls it, for a hash must not tell which guests were there before.
 */
const shapes = new Map<Described, ReadonlyMap<string, Shape>>();
let number = 1;
for (const module of [preview1, pollux]) {
  const all = Object.entries(module.parameters);
  shapes.set(module, new Map(all.map(([name, text]) => [name, shapeOf(name, number++, text)])));
}

export class Instrument {
  readonly hash = new TraceHash();
  calls = 0;
  #course: Course | undefined;
  #memory: (() => Memory) | undefined;
  /** What the functions of the guest call. */
  readonly #functions: ((...values: unknown[]) => number)[] = [];
  /** The parameters of the last call. */
  readonly #values: unknown[] = Array.from({ length: MOST_PARAMETERS });

  constructor(course: Course) {
    this.#course = course;
  }

  wrap(
    module: Described,
    functions: Record<string, WasiFunction>,
    memory: () => Memory,
  ): Record<string, WasiFunction> {
    this.#memory = memory;
    const wrapped: Record<string, WasiFunction> = {};
    for (const [name, call] of Object.entries(functions)) {
      const index = this.#functions.push(call as () => number) - 1;
      wrapped[name] = this.#wrapped(shapes.get(module)!.get(name)!, index);
    }
    return wrapped;
  }

  /** What the guest calls. So many parameters are quicker than a rest array. */
  #wrapped(shape: Shape, index: number): WasiFunction {
    return ((a, b, c, d, e, f, g, h, i) => {
      const course = this.#course!;
      let begunNs = -1;
      try {
        const startNs = (begunNs = course.before());
        const errno = this.#functions[index]!(a, b, c, d, e, f, g, h, i);
        begunNs = -1;
        this.calls++;
        const values = this.#values;
        values[0] = a;
        values[1] = b;
        values[2] = c;
        values[3] = d;
        values[4] = e;
        values[5] = f;
        values[6] = g;
        values[7] = h;
        values[8] = i;
        const endNs = course.now;
        this.#hash(shape, values, errno, endNs, this.#memory!());
        course.record?.(callOf(shape, values, errno, this.#memory!(), startNs, endNs));
        course.after();
        return errno;
      } catch (error) {
        const { unfinished } = course;
        if (unfinished !== undefined && begunNs >= 0)
          unfinished(begunOf(shape, [a, b, c, d, e, f, g, h, i], this.#memory!(), begunNs));
        course.ended(error);
        throw error;
      }
    }) as (...values: unknown[]) => number as WasiFunction;
  }

  /**
   * Lets go of the run: an instance outlives it, until all of the heap is collected, and everything
   * with it that the functions reach.
   */
  end(): void {
    this.#functions.length = 0;
    this.#course = undefined;
    this.#memory = undefined;
  }

  #hash(
    shape: Shape,
    values: readonly unknown[],
    errno: number,
    now: number,
    memory: Memory,
  ): void {
    const { hash } = this;
    hash.word(shape.number);
    for (let i = 0; i < shape.parameters.length; i++) {
      const value = values[i];
      if (typeof value === 'bigint') hash.number(Number(value));
      else hash.integer(value as number);
    }
    hash.word(errno);
    hash.number(now);
    if (errno !== 0) return;
    for (let i = 0; i < shape.answers.length; i++) {
      const { index, bytes } = shape.answers[i]!;
      const at = Number(values[index]) >>> 0;
      if (!memory.holds(at, bytes)) continue;
      hash.word(memory.u32(at));
      if (bytes === 8) hash.word(memory.u32(at + 4));
      else if (i === 0 && shape.iovecs) this.#hashIovecs(values, memory.u32(at), memory);
    }
  }

  /** The bytes that a call has moved. */
  #hashIovecs(values: readonly unknown[], moved: number, memory: Memory): void {
    const iovs = Number(values[IOVECS]) >>> 0;
    const count = Math.min(Number(values[IOVECS + 1]) >>> 0, MOST_IOVECS);
    let left = moved;
    for (let i = 0; i < count && left > 0; i++) {
      if (!memory.holds(iovs + i * 8, 8)) return;
      const at = memory.u32(iovs + i * 8);
      const length = Math.min(memory.u32(iovs + i * 8 + 4), left);
      if (!memory.holds(at, length)) return;
      this.hash.bytes(memory.bytes, at, length);
      left -= length;
    }
  }
}

/** A call that has not come back. */
function begunOf(
  { name, parameters }: Shape,
  values: readonly unknown[],
  memory: Memory,
  startNs: number,
): Call {
  const inputs = inputsOf(parameters, values, memory);
  return { name, inputs, errno: '', outputs: [], startNs, endNs: Infinity };
}

function callOf(
  shape: Shape,
  values: readonly unknown[],
  errno: number,
  memory: Memory,
  startNs: number,
  endNs: number,
): Call {
  const { name, parameters, answers } = shape;
  const inputs = inputsOf(parameters, values, memory);
  const outputs = answers.flatMap((answer) => {
    const at = Number(values[answer.index]) >>> 0;
    if (errno !== 0 || !memory.holds(at, answer.bytes)) return [];
    const value = answer.bytes === 8 ? memory.u64(at) : memory.u32(at);
    return [[answer.name, value] as const];
  });
  return { name, inputs, errno: wasiErrnoName(errno), outputs, startNs, endNs };
}
