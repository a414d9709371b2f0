/**
 * What it costs to enter the kernel and to come back. Two functions of the addon are called that do
 * the same but for one system call, fcntl(F_GETFL), the least that there is; and a file that lies
 * in memory is read in pieces of many sizes, which are as many system calls.
 */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { HostError } from '../../../host/kernel/error.js';
import { addon } from '../../../host/linux/addon.js';
import { type CpuClock, cpuTimeMs, threadClock } from '../../../host/linux/cpu-time.js';
import { isMore, say, UNSTEADY } from '../estimate.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';

const CALL = 'call';
const PIECES = 'pieces';
const INSIDE = 'without the kernel';
const KERNEL = 'with the kernel';
const READ = 'read of a cached file';

const CALLS = { quick: 300_000, full: 1_000_000 };
const WARMING_CALLS = 20_000;
const FILE_BYTES = 2 ** 20;
const PIECE_BYTES = [16, 64, 256, 1024, 4096, 16_384, 65_536];
const SMALLEST = PIECE_BYTES[0]!;
const LARGEST = PIECE_BYTES.at(-1)!;
/** What is read in each size: until so many calls, or so many bytes. */
const READS = { quick: 20_000, full: 60_000 };
const READ_BYTES = { quick: 2 ** 26, full: 2 ** 28 };

/**
 * How many times as much a call must cost by entering the kernel, for the crossing to be what
 * matters of a call: then it is more than all else that the call does.
 */
const TIMES = 2;

/** The nanoseconds of processor time that each of `times` calls takes. */
function nsPerCall(clock: CpuClock, times: number, call: () => void): number {
  for (let i = 0; i < Math.min(times, WARMING_CALLS); i++) call();
  const beforeMs = cpuTimeMs(clock)!;
  for (let i = 0; i < times; i++) call();
  return ((cpuTimeMs(clock)! - beforeMs) * 1e6) / times;
}

async function measure({ quick, folder }: Bench): Promise<Reading[]> {
  const size = quick ? 'quick' : 'full';
  const native = addon();
  const clock = threadClock();
  const path = join(folder, 'cached');
  writeFileSync(path, Buffer.alloc(FILE_BYTES, 1));
  const file = openSync(path, 'r');
  try {
    const inside = nsPerCall(clock, CALLS[size], () => native.release(-1));
    const kernel = nsPerCall(clock, CALLS[size], () => native.statusFlags(file));
    const call = (at: string, value: number) => ({ figure: CALL, series: 'a call', at, value });
    const readings: Reading[] = [call(INSIDE, inside), call(KERNEL, kernel)];
    const memory = new Uint8Array(8 + LARGEST);
    const iov = new Uint32Array(memory.buffer, 0, 2);
    for (const bytes of PIECE_BYTES) {
      iov.set([8, bytes]);
      let got = 0;
      const times = Math.min(READS[size], READ_BYTES[size] / bytes);
      const ns = nsPerCall(clock, times, () => (got = native.pread(file, memory, 0, 1, 0n)));
      if (got !== bytes) throw new HostError(`a read of ${bytes} bytes answers ${got}`);
      const value = ns / (bytes / 1024);
      readings.push({ figure: PIECES, series: READ, at: bytes, value });
    }
    return readings;
  } finally {
    closeSync(file);
  }
}

function judge(estimates: Estimates): Verdict {
  const inside = estimates.of(CALL, 'a call', INSIDE);
  const kernel = estimates.of(CALL, 'a call', KERNEL);
  const small = estimates.of(PIECES, READ, SMALLEST).mean;
  const large = estimates.of(PIECES, READ, LARGEST).mean;
  const because =
    `a call takes ${say(kernel.mean)} ns if it enters the kernel, and ${say(inside.mean)} ns if ` +
    `not; a file read in pieces of ${SMALLEST} bytes costs ${say(small / large)} times as much ` +
    `as in pieces of ${LARGEST / 1024} KiB`;
  const [more, far] = [isMore(kernel, inside), isMore(kernel, inside, TIMES)];
  if (far === 'yes') return { outcome: 'holds', because };
  if (more === 'no') return { outcome: 'does not hold', because };
  const isLittle = more === 'yes' && far === 'no';
  return {
    outcome: 'holds with a condition',
    because: `${because}: ${isLittle ? 'it matters only where calls do little' : UNSTEADY}`,
  };
}

export const crossing: Experiment = {
  name: 'crossing',
  title: 'Into the kernel and back',
  claim: 'To change from user mode to kernel mode and back costs processor time, at every call.',
  hypothesis: `A native call takes more than ${TIMES} times as long when it enters the kernel.`,
  method:
    'The processor time of the calling thread, over many calls of two native functions that ' +
    'differ by one system call (fcntl), and over reads (pread) of a file in pieces of many sizes.',
  figures: [
    {
      name: CALL,
      title: 'A call that enters the kernel, and one that does not',
      quantity: { label: 'processor time per call', unit: 'ns' },
      axis: { label: 'call' },
    },
    {
      name: PIECES,
      title: 'The same bytes, in fewer calls',
      quantity: { label: 'processor time per KiB', unit: 'ns', scale: 'log' },
      axis: { label: 'bytes per call', scale: 'log' },
    },
  ],
  measure,
  judge,
};
