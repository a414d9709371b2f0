/**
 * Makes a guest on Linux of what was granted. It runs nothing; worker.ts runs a command, reactor.ts
 * a reactor.
 */
import { errnoName } from '../host/kernel/errno.js';
import { FileType, Stat, STAT_FIELDS } from '../host/kernel/kernel.js';
import type { PollerName } from '../host/kernel/readiness.js';
import type { LinuxKernel } from '../host/linux/linux-kernel.js';
import { Descriptor } from '../host/wasi/descriptors.js';
import * as pollux from '../host/ext/imports.js';
import type { Poll } from '../host/wasi/p1/poll.js';
import type { Embedder, Process } from '../host/wasi/process.js';
import { GuestError, HostError } from '../host/kernel/error.js';
import { assemble, attach, type Grants } from './assemble.js';
import { Trace } from './trace.js';

/**
 * All that a guest is made of, as plain data that can cross to a worker. Descriptors are the
 * process's own numbers.
 */
export interface Plan {
  module: WebAssembly.Module;
  /** True for a guest that does asynchronous I/O. */
  queued: boolean;
  args: Uint8Array[];
  environ: Uint8Array[];
  poller: PollerName;
  /** See `Embedder`. */
  edge?: boolean | undefined;
  strict?: boolean | undefined;
  maxDescriptors: number;
  maxFiles: number;
  maxWrittenBytes: number;
  trace: string | undefined;
  /** Of stdin, stdout, stderr: a descriptor to duplicate, or null for the null device. */
  streams: (number | null)[];
  /** Directories, and their names for the guest. */
  dirs: { name: Uint8Array; descriptor: number; readOnly: boolean }[];
  sockets: {
    fd: number | undefined;
    descriptor: number;
    kind: 'listener' | 'connection' | 'datagram';
    blocking: boolean;
  }[];
}

export interface Made {
  instance: WebAssembly.Instance;
  process: Process;
  poll: Poll;
  trace: Trace | undefined;
}

/**
 * Makes the guest of a plan on a kernel. `moduleOf` is asked for its module when all that is
 * granted is open, and before anything of the guest's is looked at. Throws `HostError` for a
 * descriptor that is not there any more, `GuestError` for a trap in the module's start function.
 */
export async function make(
  plan: Omit<Plan, 'module'>,
  moduleOf: () => Promise<WebAssembly.Module>,
  kernel: LinuxKernel,
  embedder: Omit<Embedder, 'args' | 'environ' | 'poller' | 'edge' | 'strict'>,
): Promise<Made> {
  const { args, environ, poller, edge, strict } = plan;
  const grants = adoptAll(plan, kernel);
  const names = [kernel.name, edge ? `${poller} (edge)` : poller];
  // Now, for what is wrong with the choice of the environment is not the guest's fault.
  if (plan.queued) names.push(kernel.completions().name);
  const trace =
    plan.trace === undefined ? undefined : new Trace(plan.trace, names.join(' '), embedder.warn);
  try {
    const module = await moduleOf();
    const assembled = assemble(
      module,
      kernel,
      grants,
      { ...embedder, args, environ, poller, edge, strict },
      trace && ((...each) => trace.wrap(...each)),
    );
    assembled.process.maxFiles = plan.maxFiles;
    assembled.process.room = plan.maxWrittenBytes;
    const instance = await instantiate(module, assembled.imports);
    attach(assembled, instance);
    return { instance, process: assembled.process, poll: assembled.poll, trace };
  } catch (error) {
    trace?.close();
    throw error;
  }
}

function adoptAll(plan: Omit<Plan, 'module'>, kernel: LinuxKernel): Grants {
  const { maxDescriptors } = plan;
  const streams = plan.streams.map((stream, fd) => openStream(kernel, stream, fd === 0));
  const dirs = plan.dirs.map(({ name, descriptor, readOnly }) =>
    Descriptor.preopen(adopt(kernel, descriptor, 'a granted directory'), name, readOnly),
  );
  const sockets = plan.sockets.map(({ fd, descriptor, kind, blocking }) => {
    const handle = adopt(kernel, descriptor, 'a granted socket');
    return { fd, descriptor: Descriptor[kind](handle, !blocking) };
  });
  return { streams, dirs, sockets, maxDescriptors };
}

/** True for a guest that does asynchronous I/O. */
export const isQueued = (module: WebAssembly.Module) => imports(module, pollux.queued);
/** True for a guest that does signal-driven I/O. */
export const isSignalled = (module: WebAssembly.Module) => imports(module, pollux.signalled);

function imports(module: WebAssembly.Module, names: ReadonlySet<string>): boolean {
  return WebAssembly.Module.imports(module).some(
    (each) => each.module === pollux.MODULE && names.has(each.name),
  );
}

/** An instance; its start function, if it has one, is the guest's own code and may trap. */
async function instantiate(
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.Instance> {
  try {
    return await WebAssembly.instantiate(module, imports);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    throw new GuestError(`the guest trapped before it began: ${error.message}`, error.stack);
  }
}

/** A handle of `kernel` for a granted descriptor. Throws `HostError`. */
export function adopt(kernel: LinuxKernel, descriptor: number, what: string): number {
  return check(kernel.adopt(descriptor), what);
}

function openStream(kernel: LinuxKernel, stream: number | null, isInput: boolean): Descriptor {
  const what = 'a standard stream';
  const handle = stream === null ? check(kernel.openNull(), what) : adopt(kernel, stream, what);
  const stat = new BigUint64Array(STAT_FIELDS);
  check(kernel.stat(handle, stat), 'a standard stream');
  const { read, write } = kernel.access(handle);
  const kind = Number(stat[Stat.TYPE]) as FileType;
  // Node gives its children sockets for pipes: no guest shall tell the difference.
  const isSocket = kind === FileType.SOCKET_STREAM || kind === FileType.SOCKET_DGRAM;
  const type = isSocket ? FileType.UNKNOWN : kind;
  // One direction each, as wasmtime has it and wasi-libc's tests expect.
  return Descriptor.stream(handle, type, read && isInput, write && !isInput);
}

function check(result: number, what: string): number {
  if (result < 0) throw new HostError(`${what} cannot be used: ${errnoName(result)}`);
  return result;
}
