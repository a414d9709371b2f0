/** Threads that use the addon, and what the process has open. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import type { Addon } from '#host/linux/addon';

import { root } from '../../harness.js';

export const addonFile =
  process.env['POLLUX_ADDON'] ?? `${root}prebuilds/linux-${arch}/pollux.node`;
export const native = createRequire(import.meta.url)(addonFile) as Addon;

export function openDescriptors(): number[] {
  const listed = readdirSync('/proc/self/fd').map(Number);
  return listed.filter((fd) => existsSync(`/proc/self/fdinfo/${fd}`)); // without the one that lists
}

/** The flags of open(2) that a descriptor has. */
export function openFlags(fd: number): number {
  return Number.parseInt(
    /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!,
    8,
  );
}

/** Waits until there are no more than `count` descriptors, and answers how many there are. */
export async function descriptorsDownTo(count: number): Promise<number> {
  for (let i = 0; i < 200 && openDescriptors().length > count; i++) await sleep(10);
  return openDescriptors().length;
}

/**
 * A thread that runs `code`, a function's body, with `native`, `port` and `data`. Answers when it
 * has sent its first message.
 */
export async function thread(
  code: string,
  data: unknown = {},
): Promise<{ worker: Worker; message: unknown }> {
  const head = `const { workerData, parentPort: port } = require('node:worker_threads');
    const { data, addonFile } = workerData;
    const native = require(addonFile);\n`;
  const worker = new Worker(head + code, { eval: true, workerData: { data, addonFile } });
  const failed = once(worker, 'error').then(([error]) => Promise.reject(error as Error));
  const [message] = (await Promise.race([once(worker, 'message'), failed])) as unknown[];
  failed.catch(() => {});
  return { worker, message };
}
