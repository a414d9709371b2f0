/**
 * An echo server of an experiment under the load of src/measure: so many connections, each of which
 * sends a message, waits for its echo, and sends the next.
 */
import { HostError } from '../../../host/kernel/error.js';
import type { LoadJob, LoadMessage } from '../../measure/message.js';
import { Subject } from './subject.js';

const LOAD = new URL('../../measure/load.js', import.meta.url);
export const MESSAGE_BYTES = 64;

export interface LoadOptions {
  port: number;
  connections: number;
  warmupSeconds: number;
  seconds: number;
  signal: AbortSignal;
}

/** What the server cost, and what its clients saw. */
export interface Loaded {
  cpuUsPerEcho: number;
  echoesPerSecond: number;
  p50Us: number;
  p99Us: number;
}

/** `cpuMs`: the time on a processor that the server has used until now. */
export async function underLoad(
  { port, connections, warmupSeconds, seconds, signal }: LoadOptions,
  cpuMs: () => number,
): Promise<Loaded> {
  const where = { host: '127.0.0.1', port, connections, messageBytes: MESSAGE_BYTES };
  const job: Omit<LoadJob, 'parent'> = { ...where, warmupSeconds, seconds };
  const load = new Subject<LoadMessage>(LOAD, job, signal);
  try {
    await load.next();
    const before = cpuMs();
    load.send({});
    const done = await load.next();
    if (done.type !== 'done') throw new HostError(`the load is ${done.type}, and not done`);
    const { echoes, p50Us, p99Us } = done;
    const cpuUsPerEcho = ((cpuMs() - before) * 1000) / echoes;
    return { cpuUsPerEcho, echoesPerSecond: echoes / seconds, p50Us, p99Us };
  } finally {
    await load.end();
  }
}
