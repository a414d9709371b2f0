/**
 * What it costs that the kernel keeps what is read and written: a file is read and written through
 * its page cache, and past it (O_DIRECT), in pieces of several sizes. How much came from the disk
 * tells whether there was a copy in between.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { HostError } from '../../../host/kernel/error.js';
import { addon } from '../../../host/linux/addon.js';
import { type CpuClock, cpuTimeMs, threadClock } from '../../../host/linux/cpu-time.js';
import { isMore, listed, say, UNSTEADY, type Answer } from '../estimate.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';

const MIB = 2 ** 20;
const FILE_MIB = { quick: 16, full: 64 };
const PIECES_KIB = [16, 64, 256, 1024, 4096];
const LARGEST_KIB = PIECES_KIB.at(-1)!;
const WASM_PAGE_BYTES = 2 ** 16;
const DONT_NEED = 4; // of posix_fadvise(3): forget what is kept of this file
/** A read that brings less than this of its bytes from the disk was none of the disk. */
const DISK_SHARE = 0.9;

const PROCESSOR = 'processor';
const TIME = 'time';
const FETCHED = 'fetched';
const series = {
  buffered: { read: 'read, buffered', write: 'write, buffered', again: 'read again, buffered' },
  direct: { read: 'read, direct', write: 'write, direct' },
} as const;
const FIRST = 'read';
const AGAIN = 'read again';

/** Bytes that this process has had the disk read. */
function fetchedBytes(): number {
  const [, bytes] = /^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8')) ?? [];
  if (bytes === undefined) throw new HostError('this system does not tell what a disk has read');
  return Number(bytes);
}

interface Cost {
  readonly cpuMs: number;
  readonly ms: number;
  readonly fetched: number;
}

const plus = (a: Cost, b: Cost): Cost => ({
  cpuMs: a.cpuMs + b.cpuMs,
  ms: a.ms + b.ms,
  fetched: a.fetched + b.fetched,
});

/** One file, read and written in pieces from one end to the other. */
class Subject {
  readonly #path: string;
  readonly #mib: number;
  readonly #signal: AbortSignal;
  readonly #clock: CpuClock = threadClock();
  /** Direct I/O wants addresses that a disk can take, and this memory begins with a page. */
  readonly #memory = new WebAssembly.Memory({ initial: (LARGEST_KIB * 1024) / WASM_PAGE_BYTES });
  #piece = new Uint8Array(this.#memory.buffer).fill(1);

  constructor({ folder, quick, signal }: Bench) {
    this.#path = join(folder, 'file');
    this.#mib = FILE_MIB[quick ? 'quick' : 'full'];
    this.#signal = signal;
  }

  inPieces(kib: number): void {
    this.#piece = new Uint8Array(this.#memory.buffer, 0, kib * 1024);
  }

  /** The costs of what is done with the open file, per MiB of it. */
  async open(
    flags: number,
    ...acts: readonly ((fd: number) => unknown)[]
  ): Promise<readonly Cost[]> {
    const fd = this.#open(flags);
    try {
      const costs: Cost[] = [];
      for (const act of acts) {
        await turn();
        this.#signal.throwIfAborted();
        costs.push(this.#cost(() => act(fd)));
      }
      return costs;
    } finally {
      closeSync(fd);
    }
  }

  readonly read = (fd: number): void => this.#each((at) => readSync(fd, this.#piece, at));
  readonly write = (fd: number): void =>
    this.#each((at) => writeSync(fd, this.#piece, 0, this.#piece.length, at.position));
  readonly sync = (fd: number): void => fdatasyncSync(fd);
  /** After it, nothing of the file is in memory. */
  readonly forget = (fd: number): void => {
    fdatasyncSync(fd);
    addon().advise(fd, 0n, 0n, DONT_NEED);
  };

  #open(flags: number): number {
    try {
      return openSync(this.#path, flags | constants.O_RDWR | constants.O_CREAT, 0o600);
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'EINVAL' ? notDirect(this.#path) : error;
    }
  }

  #each(act: (at: { position: number }) => number): void {
    const { length } = this.#piece;
    for (let position = 0; position < this.#mib * MIB; position += length) {
      const done = act({ position });
      if (done !== length)
        throw new HostError(`${done} of ${length} bytes were moved at ${position}`);
    }
  }

  #cost(act: () => unknown): Cost {
    const read = () => ({
      fetched: fetchedBytes() / MIB,
      ms: performance.now(),
      cpuMs: cpuTimeMs(this.#clock)!,
    });
    const before = read();
    act();
    const after = { cpuMs: cpuTimeMs(this.#clock)!, ms: performance.now() };
    return {
      cpuMs: (after.cpuMs - before.cpuMs) / this.#mib,
      ms: (after.ms - before.ms) / this.#mib,
      fetched: (read().fetched - before.fetched) / this.#mib,
    };
  }
}

const notDirect = (path: string) =>
  new HostError(
    `the file system of ${path} does no direct I/O: set TMPDIR to a folder on one that does`,
  );

async function measure(bench: Bench): Promise<Reading[]> {
  const subject = new Subject(bench);
  const { read, write, sync, forget } = subject;
  await subject.open(0, write, sync); // what is written later has its place on the disk then
  const readings: Reading[] = [];
  const tell = (of: string, at: number, { cpuMs, ms }: Cost) =>
    readings.push(
      { figure: PROCESSOR, series: of, at, value: cpuMs * 1000 },
      { figure: TIME, series: of, at, value: ms * 1000 },
    );
  for (const kib of PIECES_KIB) {
    subject.inPieces(kib);
    const through = await subject.open(0, write, sync, forget, read, read, forget);
    const past = await subject.open(constants.O_DIRECT, read, read, write, sync);
    const [fetched, fetchedPast] = [through.slice(3, 5), past.slice(0, 2)];
    if (!fetchedPast.every((cost) => cost.fetched >= DISK_SHARE)) throw notDirect(bench.folder);
    if (fetched[0]!.fetched < DISK_SHARE)
      throw new HostError(`what is read of ${bench.folder} stays in memory, whatever is advised`);
    tell(series.buffered.read, kib, fetched[0]!);
    tell(series.buffered.again, kib, fetched[1]!);
    tell(series.direct.read, kib, fetchedPast[0]!);
    tell(series.buffered.write, kib, plus(through[0]!, through[1]!));
    tell(series.direct.write, kib, plus(past[2]!, past[3]!));
    if (kib !== LARGEST_KIB) continue;
    for (const [i, at] of [FIRST, AGAIN].entries())
      readings.push(
        { figure: FETCHED, series: 'buffered', at, value: fetched[i]!.fetched },
        { figure: FETCHED, series: 'direct', at, value: fetchedPast[i]!.fetched },
      );
  }
  return readings;
}

const ways = ['read', 'write'] as const;

/** In which pieces buffered I/O costs more, or does not, or may. */
function pieces(estimates: Estimates, answer: Answer): string[] {
  return ways.flatMap((way) => {
    const of = (kind: keyof typeof series, kib: number) =>
      estimates.of(PROCESSOR, series[kind][way], kib);
    const sizes = PIECES_KIB.filter(
      (kib) => isMore(of('buffered', kib), of('direct', kib)) === answer,
    );
    return sizes.length === 0 ? [] : [`to ${way} in pieces of ${listed(sizes.map(String))} KiB`];
  });
}

function judge(estimates: Estimates): Verdict {
  const mean = (figure: string, of: string, at: number | string = LARGEST_KIB) =>
    say(estimates.of(figure, of, at).mean);
  const cpu = (way: 'read' | 'write') =>
    `${mean(PROCESSOR, series.buffered[way])} µs of processor time instead of ` +
    `${mean(PROCESSOR, series.direct[way])} µs to ${way}`;
  const again = estimates.of(FETCHED, 'buffered', AGAIN).mean;
  const because =
    `a MiB in pieces of ${LARGEST_KIB} KiB costs ${cpu('read')}, and ${cpu('write')}; but to ` +
    `read it again takes ${mean(TIME, series.buffered.again)} µs instead of ` +
    `${mean(TIME, series.direct.read)} µs, for ${say(again * 100)} % of it comes from the disk`;
  const [yes, no, maybe] = (['yes', 'no', 'maybe'] as const).map((answer) =>
    pieces(estimates, answer),
  );
  if (yes!.length + maybe!.length === 0) return { outcome: 'does not hold', because };
  if (no!.length + maybe!.length === 0) return { outcome: 'holds', because };
  const conditions = [
    ...(no!.length > 0 ? [`it costs no more ${no!.join(', and ')}`] : []),
    ...(maybe!.length > 0 ? [`${UNSTEADY} what it costs ${maybe!.join(', and ')}`] : []),
  ];
  return { outcome: 'holds with a condition', because: `${because}; ${conditions.join('; ')}` };
}

export const buffered: Experiment = {
  name: 'buffered',
  title: 'Through the page cache, and past it',
  claim:
    'Buffered I/O copies data once more, between the kernel and the process, which direct I/O ' +
    'does not, and the copy costs processor time.',
  hypothesis:
    'To read what is not in memory, and to write until it is stored, takes more processor time ' +
    'by way of the page cache than with O_DIRECT, in pieces of every size.',
  method:
    'A file is read and written from end to end, in pieces of several sizes: the time and the ' +
    'processor time of the thread, and the bytes that came from the disk, by /proc. Before what ' +
    'is not read again the kernel is told to forget the file; what is written is synced.',
  figures: [
    {
      name: PROCESSOR,
      title: 'What it costs the processor',
      quantity: { label: 'processor time per MiB', unit: 'µs', scale: 'log' },
      axis: { label: 'KiB per call', scale: 'log' },
    },
    {
      name: TIME,
      title: 'How long it takes',
      quantity: { label: 'time per MiB', unit: 'µs', scale: 'log' },
      axis: { label: 'KiB per call', scale: 'log' },
    },
    {
      name: FETCHED,
      title: 'Where the bytes come from: what is not from the disk, was copied from memory',
      quantity: { label: 'MiB from the disk per MiB read', unit: '' },
      axis: { label: 'what is done' },
    },
  ],
  measure,
  judge,
};
