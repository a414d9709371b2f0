/**
 * The thread of guests that share a world with another one: it runs one after the other, each in an
 * instance of its own, and does nothing but when it is told.
 */
import process from 'node:process';
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';

import { FileType } from '../../../host/kernel/kernel.js';
import { Descriptor } from '../../../host/wasi/descriptors.js';
import { assemble, attach, type Grants } from '../../instance.js';
import { Instrument, type Call } from '../instrument.js';
import { ABORTED, ProxyKernel } from './proxy-kernel.js';
import { LAYOUT, Said, Shared, Turn, type End, type Granted, type Job } from './verb.js';

const { port, buffer } = workerData as { port: MessagePort; buffer: SharedArrayBuffer };
const shared = new Shared(buffer);

/** The guest called proc_exit. */
class Exited {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

function descriptorOf({ handle, kind, nonblocking }: Granted): Descriptor {
  if (kind === 'listener') return Descriptor.listener(handle, nonblocking);
  if (kind === 'connection') return Descriptor.connection(handle, nonblocking);
  return Descriptor.stream(handle, FileType.UNKNOWN, kind === 'in', kind === 'out');
}

function grantsOf({ granted, maxDescriptors }: Job): Grants {
  const all = granted.map((each) => ({ ...each, descriptor: descriptorOf(each) }));
  const isStream = ({ kind }: Granted) => kind === 'in' || kind === 'out';
  const streams = all.filter(isStream).map(({ descriptor }) => descriptor);
  return { streams, sockets: all.filter((each) => !isStream(each)), maxDescriptors };
}

/** Runs a guest to its end. */
function run(job: Job): End {
  const record: Call[] = [];
  const instrument = new Instrument({
    get now() {
      return shared.clock[0]!;
    },
    before: () => {},
    after: () => {},
    ended: () => {},
    record: job.recorded ? (call) => record.push(call) : undefined,
  });
  const kernel = new ProxyKernel(shared);
  const outcome: Pick<End, 'code' | 'trap' | 'failed'> = {
    code: 0,
    trap: undefined,
    failed: undefined,
  };
  const embedder = {
    args: job.args,
    environ: job.environ,
    poller: job.poller,
    embedded: false,
    watch: () => () => {},
    exit: (code: number): never => {
      throw new Exited(code);
    },
    interrupted: () => {},
    warn: () => {},
  };
  try {
    const assembled = assemble(job.module, kernel, grantsOf(job), embedder, (...each) =>
      instrument.wrap(...each),
    );
    const instance = new WebAssembly.Instance(job.module, assembled.imports);
    attach(assembled, instance);
    const memory = instance.exports['memory'] as WebAssembly.Memory;
    kernel.memoryBytes = () => memory.buffer.byteLength;
    port.postMessage(memory);
    shared.control[LAYOUT.SAID] = Said.BEGUN;
    shared.pass(Turn.WORLD);
    (instance.exports['_start'] as () => void)();
  } catch (error) {
    outcome.code = undefined;
    if (error instanceof Exited) outcome.code = error.code;
    else if (error instanceof WebAssembly.RuntimeError) outcome.trap = error.message;
    else if (error instanceof RangeError) outcome.trap = error.message;
    else if (error !== ABORTED) outcome.failed = String((error as Error).stack ?? error);
  }
  return { ...outcome, hash: instrument.hash.digest, calls: instrument.calls, record };
}

for (;;) {
  shared.control[LAYOUT.SAID] = Said.IDLE;
  shared.pass(Turn.WORLD);
  const message = receiveMessageOnPort(port)?.message as Job | undefined;
  if (message === undefined) process.exit(0);
  const end = run(message);
  port.postMessage(end);
  shared.control[LAYOUT.SAID] = Said.ENDED;
  shared.pass(Turn.WORLD);
}
