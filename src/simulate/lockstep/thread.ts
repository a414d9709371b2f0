/**
 * The thread of guests that share a world with another one: it runs one after the other, each in an
 * instance of its own, and does nothing but when it is told.
 */
import process from 'node:process';
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';

import { attach } from '../../assemble.js';
import { Instrument, type Call } from '../instrument.js';
import { assembleProgram, Exited, outcomeOf, type End } from '../program.js';
import { ABORTED, ProxyKernel } from './proxy-kernel.js';
import { LAYOUT, Said, Shared, Turn, type Job } from './verb.js';

const { port, buffer } = workerData as { port: MessagePort; buffer: SharedArrayBuffer };
const shared = new Shared(buffer);

/** Runs a guest to its end. */
function run({ module, fuel, program }: Job): End {
  const record: Call[] = [];
  const kernel = new ProxyKernel(shared);
  let exited: Exited | undefined;
  const instrument = new Instrument({
    get now() {
      return shared.clock[0]!;
    },
    before: () => {
      if (exited !== undefined) throw exited;
      kernel.begin();
      return shared.clock[0]!;
    },
    after: () => {},
    ended: (error) => {
      if (error instanceof Exited) exited = error;
    },
    record: program.recorded ? (call) => record.push(call) : undefined,
  });
  let left: unknown;
  let instance: WebAssembly.Instance | undefined;
  try {
    const assembled = assembleProgram(module, kernel, program, (...each) =>
      instrument.wrap(...each),
    );
    instance = new WebAssembly.Instance(module, assembled.imports);
    attach(assembled, instance);
    const memory = instance.exports['memory'] as WebAssembly.Memory;
    kernel.memoryBytes = () => memory.buffer.byteLength;
    port.postMessage(memory);
    shared.control[LAYOUT.SAID] = Said.BEGUN;
    shared.pass(Turn.WORLD);
    (instance.exports['_start'] as () => void)();
  } catch (error) {
    left = error;
  }
  const outcome =
    left === ABORTED
      ? { code: undefined, trap: undefined, failed: undefined }
      : outcomeOf(exited ?? left, (instance?.exports[fuel] as WebAssembly.Global)?.value < 0);
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
