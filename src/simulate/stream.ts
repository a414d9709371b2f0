/** The standard streams of a simulated guest: bytes, or pipes to the actors. */
import { UsageError } from '../../host/kernel/error.js';
import { FileType } from '../../host/kernel/kernel.js';
import type { Peer } from '../../host/sim/peer.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import { Source, type Sink } from '../../host/sim/stream.js';
import { Descriptor } from '../../host/wasi/descriptors.js';
import type { SimulateOptions } from './outcome.js';

/** The actors' ends. */
export interface Pipes {
  readonly stdin: Peer;
  readonly stdout: Peer;
}

const encoder = new TextEncoder();

/**
 * The guest's descriptors 0, 1 and 2; `outputs` take what it writes to the last two. Throws
 * `UsageError` if stdin is both.
 */
export function openStreams(
  kernel: SimKernel,
  { stdin, pipes = false }: SimulateOptions,
  outputs: readonly Sink[],
): { streams: Descriptor[]; pipes: Pipes | undefined } {
  if (!pipes) {
    const bytes = typeof stdin === 'string' ? encoder.encode(stdin) : (stdin ?? new Uint8Array(0));
    const handles = [new Source(bytes), ...outputs].map((file) => kernel.open(file));
    return { streams: handles.map(streamOf), pipes: undefined };
  }
  if (stdin !== undefined)
    throw new UsageError('stdin has bytes and is a pipe: leave out stdin, or pipes');
  const [input, output] = [kernel.input(), kernel.output()];
  const handles = [input.handle, output.handle, kernel.open(outputs[1]!)];
  return { streams: handles.map(streamOf), pipes: { stdin: input.peer, stdout: output.peer } };
}

const streamOf = (handle: number, fd: number): Descriptor =>
  Descriptor.stream(handle, FileType.UNKNOWN, fd === 0, fd !== 0);
