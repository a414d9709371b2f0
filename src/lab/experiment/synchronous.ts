/**
 * The experiment `synchronous`: whether a process is kept by the copy, by each model, and so
 * whether the model is synchronous as POSIX defines it.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { HostError } from '../../../host/kernel/error.js';
import { LinuxKernel } from '../../../host/linux/linux-kernel.js';
import { machines, type MachineName } from '../../machine.js';
import { isMore, listed, say, type Answer } from '../estimate.js';
import type { Bench, Estimate, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { operations } from './operations.js';
import type { Case, FileCost, FileJob } from './spent.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Of what is received; with the largest, the calls themselves weigh little. */
const SIZES_KIB = [16, 64, 256, 1024];
const LARGEST_KIB = SIZES_KIB.at(-1)!;
/** Of what is read of a file. */
const SIZES_MIB = [1, 4, 16];
const LARGEST_MIB = SIZES_MIB.at(-1)!;
const OPERATIONS = { quick: 5, full: 11 };
const READS = { quick: 9, full: 15 };
const DELAY_MS = 1;
/** Who is kept for less than this part of what a blocking call takes is not kept by the copy. */
const KEPT = 0.5;
const engines = ['io_uring', 'threads'];
const WAITING = 'read that waits';
const ELSEWHERE = 'read by another thread';

interface Way extends Case {
  /** Where in the figure of the models; undefined for the smaller sizes. */
  readonly at: string | undefined;
  /** Which line in the figure of sizes, if any. */
  readonly line: string | undefined;
}

/** Every model with the largest size, and with the others who stands for the rest. */
function ways(count: number): Way[] {
  const way = (kib: number, line: string | undefined, model: MachineName, engine?: string) => ({
    model,
    ...(engine !== undefined && { engine }),
    bytes: kib * KIB,
    operations: count,
    delayMs: DELAY_MS,
    at: kib < LARGEST_KIB ? undefined : engine === undefined ? model : `${model} (${engine})`,
    line,
  });
  const synchronous = Object.values(machines).filter((each) => each.class === 'synchronous');
  const possible = engines.filter(canBe);
  return SIZES_KIB.flatMap((kib) => [
    ...synchronous
      .filter(({ name }) => kib === LARGEST_KIB || name === 'blocking')
      .map(({ name }) => way(kib, name === 'blocking' ? 'recv' : undefined, name)),
    ...possible.map((engine) => way(kib, `reap (${engine})`, 'async', engine)),
  ]);
}

function canBe(engine: string): boolean {
  const kernel = new LinuxKernel();
  try {
    return kernel.completions([engine]).name === engine;
  } catch (error) {
    if (error instanceof HostError) return false;
    throw error;
  } finally {
    kernel.dispose();
  }
}

async function measure(bench: Bench): Promise<Reading[]> {
  const { quick, signal, note } = bench;
  const all = ways(quick ? OPERATIONS.quick : OPERATIONS.full);
  for (const engine of engines)
    if (!all.some((way) => way.engine === engine))
      note(`asynchronous I/O by ${engine} was not measured: this system does not allow it`);
  const measured = await operations(all, signal);
  const readings = measured.flatMap(({ copy }, i): Reading[] => {
    const { model, at, line, bytes } = all[i]!;
    const value = copy.cpuNs / 1e3;
    const kind = machines[model].class!;
    return [
      ...(at === undefined ? [] : [{ figure: 'model', series: kind, at, value }]),
      ...(line === undefined ? [] : [{ figure: 'socket', series: line, at: bytes / KIB, value }]),
    ];
  });
  return [...readings, ...(await readFile(bench))];
}

async function readFile({ quick, folder, signal }: Bench): Promise<Reading[]> {
  signal.throwIfAborted();
  const path = join(folder, 'read');
  const job: FileJob = {
    path,
    sizes: SIZES_MIB.map((mib) => mib * MIB),
    reads: quick ? READS.quick : READS.full,
  };
  const costs = await costsOf(job).catch((error: Error) => {
    throw new HostError(`a file of ${LARGEST_MIB} MiB cannot be read: ${error.message}`);
  });
  return costs.flatMap(({ bytes, waitingNs, elsewhereNs }) => {
    const at = bytes / MIB;
    return [
      { figure: 'file', series: WAITING, at, value: waitingNs / 1e3 },
      { figure: 'file', series: ELSEWHERE, at, value: elsewhereNs / 1e3 },
    ];
  });
}

/** Of a file that is written now, so that it is in memory. */
async function costsOf(job: FileJob): Promise<FileCost[]> {
  writeFileSync(job.path, new Uint8Array(LARGEST_MIB * MIB).fill(1));
  const thread = new Worker(new URL('file-thread.js', import.meta.url), { workerData: job });
  const [[costs]] = (await Promise.all([once(thread, 'message'), once(thread, 'exit')])) as [
    [FileCost[]],
    unknown,
  ];
  return costs;
}

/** Whether the copy keeps the thread, by how its time compares with that of a call that waits. */
const kept = (time: Estimate, reference: Estimate) => isMore(time, reference, KEPT);

function judge(estimates: Estimates): Verdict {
  const blocking = estimates.of('model', 'synchronous', 'blocking');
  const file = estimates.of('file', ELSEWHERE, LARGEST_MIB);
  const waiting = estimates.of('file', WAITING, LARGEST_MIB);
  const told = ({ at, mean }: Estimate) => `${at} ${say(mean)} µs`;
  const every = estimates.all.filter(({ figure }) => figure === 'model');
  const models = every.filter((each) => each.series === 'synchronous');
  const free = models.filter((each) => each !== blocking && kept(each, blocking) === 'no');
  if (free.length > 0)
    return {
      outcome: 'does not hold',
      because:
        `in the copy of ${LARGEST_KIB} KiB ${listed(free.map(told))} was not kept, which must ` +
        `be as ${told(blocking)} was`,
    };
  const outcomes = [
    ...every
      .filter(({ series }) => series === 'asynchronous')
      .map((each) => ({ told: told(each), kept: kept(each, blocking) })),
    {
      told:
        `a file's ${LARGEST_MIB} MiB read by another thread ${say(file.mean)} µs, and not ` +
        `${say(waiting.mean)} µs`,
      kept: kept(file, waiting),
    },
  ];
  const those = (answer: Answer) =>
    outcomes.filter((each) => each.kept === answer).map((each) => each.told);
  const common =
    `the ${models.length} synchronous models are kept by the copy of ${LARGEST_KIB} KiB ` +
    `(${told(blocking)})`;
  const parts = [
    those('no').length > 0 && `free of it are ${listed(those('no'))}`,
    those('yes').length > 0 &&
      `but who takes a completion that its thread must copy is not: ${listed(those('yes'))}`,
    those('maybe').length > 0 && `too unsteady to tell were ${listed(those('maybe'))}`,
  ].filter((part) => part !== false);
  const because = [common, ...parts].join('; ');
  if (those('yes').length === outcomes.length) return { outcome: 'does not hold', because };
  const all = those('no').length === outcomes.length;
  return { outcome: all ? 'holds' : 'holds with a condition', because };
}

export const synchronous: Experiment = {
  name: 'synchronous',
  title: 'Synchronous against asynchronous',
  claim:
    'An operation is synchronous if the process is blocked while the data is copied: blocking, ' +
    'non-blocking, multiplexed and signal-driven I/O all are, and only asynchronous I/O is not.',
  hypothesis:
    `In the calls that copy ${LARGEST_KIB} KiB, each model that POSIX calls synchronous keeps ` +
    'the thread for at least half the time that blocking I/O does, and an asynchronous one for ' +
    'less; so does a read of a file by another thread, compared with a read that waits.',
  method:
    'A thread drives the machine of each model on the real kernel and receives by TCP what ' +
    'another one sends; measured is its processor time in the calls that brought data, whichever ' +
    'these are: by io_uring the kernel copies in the thread that reaps, by threads another one ' +
    'copies, and either way Pollux copies once more, for nobody else has a pointer into the ' +
    'memory of a guest. A file that is in memory is read with and without waiting; that is the ' +
    'processor time of the thread that wants it. Medians of a few operations, after a warming up.',
  figures: [
    {
      name: 'model',
      title: `The copy of ${LARGEST_KIB} KiB from a socket, by each model and its class`,
      quantity: { label: 'processor time of the thread', unit: 'µs' },
      axis: { label: 'model' },
    },
    {
      name: 'socket',
      title: 'The copy from a socket, by its size',
      quantity: { label: 'processor time of the thread', unit: 'µs', scale: 'log' },
      axis: { label: 'KiB', scale: 'log' },
    },
    {
      name: 'file',
      title: 'The copy from a file that is in memory, by its size',
      quantity: { label: 'processor time of the thread', unit: 'µs', scale: 'log' },
      axis: { label: 'MiB', scale: 'log' },
    },
  ],
  measure,
  judge,
};
