/**
 * What a simulated guest is given, as plain data, and its functions made of that: what all the ways
 * have in common in which a guest is run that shares its world.
 */
import { FileType, type Kernel } from '../../host/kernel/kernel.js';
import type { PollerName } from '../../host/kernel/readiness.js';
import { Descriptor } from '../../host/wasi/descriptors.js';
import type { Embedder } from '../../host/wasi/process.js';
import { assemble, type Assembled, type Wrap } from '../assemble.js';
import type { Call } from './instrument.js';

/** A descriptor that a guest is given: a handle, and what it is. */
export interface Granted {
  fd: number | undefined;
  handle: number;
  kind: 'in' | 'out' | 'listener' | 'connection';
  nonblocking: boolean;
}

export interface Program {
  args: Uint8Array[];
  environ: Uint8Array[];
  poller: PollerName;
  /** See `Embedder`. */
  edge: boolean;
  strict: boolean | undefined;
  maxDescriptors: number;
  granted: Granted[];
  /** True if its calls shall be told of in the end. */
  recorded: boolean;
}

/** How a guest ended. */
export interface End {
  /** Its exit code; undefined: it was ended. */
  code: number | undefined;
  trap: string | undefined;
  /** Something of the host's own. */
  failed: string | undefined;
  hash: string;
  calls: number;
  record: Call[];
}

/** The guest called proc_exit. */
export class Exited {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

export function embedderOf(
  given: Pick<Program, 'poller'> &
    Pick<Embedder, 'args' | 'environ' | 'edge' | 'strict' | 'handled'>,
): Embedder {
  return {
    args: given.args,
    environ: given.environ,
    poller: given.poller,
    edge: given.edge,
    strict: given.strict,
    ...(given.handled && { handled: given.handled }),
    embedded: false,
    watch: () => () => {},
    exit: (code: number): never => {
      throw new Exited(code);
    },
    interrupted: () => {},
    warn: () => {},
  };
}

/** All of a guest but its instance. */
export function assembleProgram(
  module: WebAssembly.Module,
  kernel: Kernel,
  program: Program,
  wrap: Wrap,
): Assembled {
  const all = program.granted.map((each) => ({ ...each, descriptor: descriptorOf(each) }));
  const isStream = ({ kind }: Granted) => kind === 'in' || kind === 'out';
  const streams = all.filter(isStream).map(({ descriptor }) => descriptor);
  const sockets = all.filter((each) => !isStream(each));
  const grants = { streams, sockets, maxDescriptors: program.maxDescriptors };
  return assemble(module, kernel, grants, embedderOf(program), wrap);
}

function descriptorOf({ handle, kind, nonblocking }: Granted): Descriptor {
  if (kind === 'listener') return Descriptor.listener(handle, nonblocking);
  if (kind === 'connection') return Descriptor.connection(handle, nonblocking);
  return Descriptor.stream(handle, FileType.UNKNOWN, kind === 'in', kind === 'out');
}

/** The trap of a guest that has used up its fuel. */
export const LOOPS = 'it loops, and calls nothing';

/**
 * What it means for a guest that it was left by `error`; undefined: it has returned. `looped`: it
 * has no fuel left.
 */
export function outcomeOf(error: unknown, looped: boolean): Pick<End, 'code' | 'trap' | 'failed'> {
  const outcome = { code: undefined, trap: undefined, failed: undefined };
  if (error === undefined) return { ...outcome, code: 0 };
  if (error instanceof Exited) return { ...outcome, code: error.code };
  if (error instanceof WebAssembly.RuntimeError && looped) return { ...outcome, trap: LOOPS };
  if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError)
    return { ...outcome, trap: error.message };
  if (error instanceof WebAssembly.Exception)
    return { ...outcome, trap: 'an exception was not caught' };
  return { ...outcome, failed: String((error as Error | undefined)?.stack ?? error) };
}
