/**
 * Echo servers that have nothing to do: each has a client that was served once and says no more.
 * What the threads that came with a server do meanwhile is read from /proc.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { echo, type EchoModel } from '../../echo.js';
import { parseGrant } from '../../grant.js';
import type { Box } from '../../sandbox.js';
import { scheduleOf, type Schedule } from './schedule.js';

/** Until engines have compiled and caches are as they stay. */
const SETTLE_MS = 150;
const LOOKS = 20;

/** What a server that has nothing to do does. */
export interface Idle {
  /** Of the time in which it could have had a processor, the part in which it ran; in %. */
  readonly busyPercent: number;
  /** Of the looks at it, those that found all its threads asleep; in %. */
  readonly asleepPercent: number;
  /** Those of its own thread, in a second of the same time. */
  readonly callsPerSecond: number;
}

const TASKS = '/proc/self/task';

interface Server {
  readonly box: Box;
  readonly client: Socket;
  readonly threads: readonly string[];
}

/** Of all threads together. */
function timesOf(threads: readonly string[]): Schedule {
  return threads.map(scheduleOf).reduce((sum, { ranNs, waitedNs }) => ({
    ranNs: sum.ranNs + ranNs,
    waitedNs: sum.waitedNs + waitedNs,
  }));
}

/** Whether no thread runs, or would if it could: S, sleeping, of /proc. */
const isAsleep = (threads: readonly string[]) =>
  threads.every((thread) => /\) S /.test(readFileSync(`${TASKS}/${thread}/stat`, 'utf8')));

interface Moment extends Schedule {
  readonly atNs: number;
  readonly calls: number;
}

/** Of who sleeps or has just run, for what it waited for a processor is told only then. */
async function look({ box, threads }: Server, signal: AbortSignal): Promise<Moment> {
  const { ranNs } = timesOf(threads);
  for (;;) {
    const times = timesOf(threads);
    if (isAsleep(threads) || times.ranNs > ranNs)
      return { atNs: performance.now() * 1e6, calls: Number(box.systemCalls), ...times };
    await sleep(1, undefined, { signal });
  }
}

async function start(model: EchoModel, signal: AbortSignal): Promise<Server> {
  signal.throwIfAborted();
  const before = new Set(readdirSync(TASKS));
  const box = await echo({ model, listen: '127.0.0.1:0', warn: () => {} });
  const client = connect(parseGrant(box.address!)).on('error', () => {});
  try {
    client.write('x');
    await once(client, 'data', { signal });
  } catch (error) {
    client.destroy();
    await box.stop();
    throw error;
  }
  const threads = readdirSync(TASKS).filter((thread) => !before.has(thread));
  return { box, client, threads };
}

/** Lets a server of each model have nothing to do for so long, all at the same time. */
export async function idle(
  models: readonly EchoModel[],
  ms: number,
  signal: AbortSignal,
): Promise<Map<EchoModel, Idle>> {
  const servers = new Map<EchoModel, Server>();
  try {
    for (const model of models) servers.set(model, await start(model, signal));
    return await watched(servers, ms, signal);
  } finally {
    for (const { box, client } of servers.values()) {
      client.destroy();
      await box.stop();
    }
  }
}

async function watched(
  servers: ReadonlyMap<EchoModel, Server>,
  ms: number,
  signal: AbortSignal,
): Promise<Map<EchoModel, Idle>> {
  await sleep(SETTLE_MS, undefined, { signal });
  const before = new Map<EchoModel, Moment>();
  for (const [model, server] of servers) before.set(model, await look(server, signal));
  const asleep = new Map<EchoModel, number>();
  for (let i = 0; i < LOOKS; i++) {
    await sleep(ms / LOOKS, undefined, { signal });
    for (const [model, { threads }] of servers)
      asleep.set(model, (asleep.get(model) ?? 0) + (isAsleep(threads) ? 1 : 0));
  }
  const found = new Map<EchoModel, Idle>();
  for (const [model, server] of servers) {
    const [first, last] = [before.get(model)!, await look(server, signal)];
    const ranNs = last.ranNs - first.ranNs;
    const couldNs = last.atNs - first.atNs - (last.waitedNs - first.waitedNs);
    const ownNs = Math.max(couldNs, ranNs); // /proc is late by a tick, of each of them
    found.set(model, {
      busyPercent: (ranNs / ownNs) * 100,
      asleepPercent: (asleep.get(model)! / LOOKS) * 100,
      callsPerSecond: ((last.calls - first.calls) / ownNs) * 1e9,
    });
  }
  return found;
}
