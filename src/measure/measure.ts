/**
 * Measures the echo server of a model on this machine: the guest runs in a thread of this process,
 * the load in another process, and the cost is that of all threads here but the main one.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { pid } from 'node:process';
import { fileURLToPath } from 'node:url';

import { HostError } from '../../host/kernel/error.js';
import { LinuxKernel } from '../../host/linux/linux-kernel.js';
import { echo, type EchoModel } from '../echo.js';
import { parseGrant } from '../grant.js';
import type { Box } from '../sandbox.js';
import { costOfOtherThreads } from './cost.js';
import type { LoadJob, LoadMessage } from './message.js';

const ENTRY = fileURLToPath(new URL('./load.js', import.meta.url));
export const MESSAGE_BYTES = 64;
const WARMUP_SECONDS = 0.5;

export interface MeasureOptions {
  seconds: number;
  connections: number;
}

/** Of one model; what is per echo is an average, and exact but for the warming up of engines. */
export interface Measured {
  /** One guest that blocks serves one connection at a time. */
  connections: number;
  echoes: number;
  /** On sockets, and to wait; undefined where threads make them, for want of io_uring. */
  systemCallsPerEcho: number | undefined;
  cpuUsPerEcho: number;
  /** Voluntary context switches: how often a thread went to sleep. */
  switchesPerEcho: number;
  p50Us: number;
  p99Us: number;
}

interface Reading {
  calls: number;
  cpuNs: number;
  switches: number;
}

const read = (box: Box): Reading => ({ calls: Number(box.systemCalls), ...costOfOtherThreads() });

/** What does asynchronous I/O here. */
function asyncEngine(): string {
  const kernel = new LinuxKernel();
  try {
    return kernel.completions().name;
  } finally {
    kernel.dispose();
  }
}

/** Throws `HostError` if it cannot be done. */
export async function measure(
  model: EchoModel,
  { seconds, connections: wanted }: MeasureOptions,
): Promise<Measured> {
  const connections = model === 'blocking' ? 1 : wanted;
  const box = await echo({ model, listen: '127.0.0.1:0', warn: () => {} });
  try {
    const { host, port } = parseGrant(box.address!);
    const { before, after, done } = await loaded(box, {
      parent: pid,
      host,
      port,
      connections,
      messageBytes: MESSAGE_BYTES,
      warmupSeconds: Math.min(WARMUP_SECONDS, seconds),
      seconds,
    });
    const perEcho = (pick: (reading: Reading) => number) =>
      (pick(after) - pick(before)) / done.echoes;
    const byThreads = model === 'async' && asyncEngine() === 'threads';
    return {
      connections,
      echoes: done.echoes,
      systemCallsPerEcho: byThreads ? undefined : perEcho(({ calls }) => calls),
      cpuUsPerEcho: perEcho(({ cpuNs }) => cpuNs / 1000),
      switchesPerEcho: perEcho(({ switches }) => switches),
      p50Us: done.p50Us,
      p99Us: done.p99Us,
    };
  } finally {
    await box.stop();
  }
}

type Done = Extract<LoadMessage, { type: 'done' }>;

/** Loads the server, and reads what it cost before the load and after it. */
async function loaded(
  box: Box,
  job: LoadJob,
): Promise<{ before: Reading; after: Reading; done: Done }> {
  const load = fork(ENTRY, [JSON.stringify(job)], { execArgv: [] });
  const answer = async (): Promise<LoadMessage> => {
    const [message] = (await Promise.race([once(load, 'message'), once(load, 'exit')])) as [
      LoadMessage | number | null,
    ];
    if (message !== null && typeof message === 'object') return message;
    throw new HostError(`the load ended with code ${message}`);
  };
  try {
    expect(await answer(), 'warm');
    const before = read(box);
    const ending = answer();
    load.send('go');
    const done = expect(await ending, 'done');
    return { before, after: read(box), done };
  } finally {
    load.kill('SIGKILL');
  }
}

function expect<Type extends LoadMessage['type']>(
  message: LoadMessage,
  type: Type,
): Extract<LoadMessage, { type: Type }> {
  if (message.type === type) return message as Extract<LoadMessage, { type: Type }>;
  throw new HostError(message.type === 'failed' ? message.sentence : `the load is ${message.type}`);
}
