/** The standard streams of a simulated guest: bytes, or pipes to the actors. */
import { UsageError } from '../../host/kernel/error.js';
import { FileType } from '../../host/kernel/kernel.js';
import type { Peer } from '../../host/sim/peer.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import { Source, type Sink } from '../../host/sim/stream.js';
import { Descriptor, Right } from '../../host/wasi/descriptors.js';
import type { SimulateOptions } from './outcome.js';

/** The actors' ends. */
export interface Pipes {
  readonly stdin: Peer;
  readonly stdout: Peer;
}

const encoder = new TextEncoder();

/** The guest's descriptors 0, 1 and 2. Throws `UsageError` if stdin is both. */
export function openStreams(
  kernel: SimKernel,
  { stdin, pipes = false }: SimulateOptions,
  stdout: Sink,
  stderr: Sink,
): { streams: Descriptor[]; pipes?: Pipes } {
  const of = (handles: number[]) =>
    [...handles, kernel.open(stderr)].map((handle, fd) => {
      const stream = Descriptor.stream(handle, FileType.UNKNOWN, fd === 0, fd !== 0);
      // As on Linux (src/instance.ts).
      stream.rights &= ~Right.FD_FDSTAT_SET_FLAGS;
      return stream;
    });
  if (!pipes) {
    const bytes = typeof stdin === 'string' ? encoder.encode(stdin) : stdin;
    const source = new Source(bytes ?? new Uint8Array(0));
    return { streams: of([kernel.open(source), kernel.open(stdout)]) };
  }
  if (stdin !== undefined)
    throw new UsageError('stdin has bytes and is a pipe: leave out stdin, or pipes');
  const [input, output] = [kernel.input(), kernel.output()];
  return {
    streams: of([input.handle, output.handle]),
    pipes: { stdin: input.peer, stdout: output.peer },
  };
}
