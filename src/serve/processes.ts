/**
 * A process for each connection, as inetd does it: what its guest is given are descriptors that the
 * process inherits, and it has nothing else of this one.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';

import { GuestError, HostError } from '../../host/kernel/error.js';
import { keepDescriptors } from '../../host/linux/confinement.js';
import { LinuxKernel } from '../../host/linux/linux-kernel.js';
import type { Plan } from '../instance.js';
import {
  errorOf,
  Inherited,
  parseMessage,
  type Image,
  type Isolation,
  type ProcessJob,
  type WorkerMessage,
} from '../message.js';
import { Run, type RunOptions } from '../run.js';
import { roomFor } from './room.js';
import type { Runs } from './server.js';

/** What all processes take that begin at the same time, amply. */
const DESCRIPTORS = 32;
/** Of all that one process may report: a trap's stack may be long, a flood must end. */
const MOST_REPORTED_BYTES = 1 << 24;
const ENTRY = fileURLToPath(new URL('./process.js', import.meta.url));

export interface ProcessOptions extends RunOptions {
  isolation?: Isolation | undefined;
}

export class ProcessRuns implements Runs {
  readonly #isolation: Isolation | undefined;
  #image: number | undefined;

  /** Throws `HostError`. */
  constructor(image: Image, isolation?: Isolation) {
    this.#image = writeImage(image);
    this.#isolation = isolation;
  }

  async prepare(options: RunOptions): Promise<ProcessRun> {
    if (!roomFor(DESCRIPTORS)) throw new HostError('too few descriptors are free for a process');
    const isolation = this.#isolation;
    const kernel = new LinuxKernel(); // whose eventfd is shared with this one process
    const run = new ProcessRun({ ...options, isolation }, this.#image!, kernel);
    void run.exit.then(() => kernel.dispose());
    return run;
  }

  async close(): Promise<void> {
    if (this.#image !== undefined) closeSync(this.#image);
    this.#image = undefined;
  }
}

/** The one run of a guest that has all its listeners, in a process of its own. */
export function processRun(options: ProcessOptions, image: Image, kernel: LinuxKernel): ProcessRun {
  const file = writeImage(image);
  const run = new ProcessRun(options, file, kernel);
  void run.exit.then(() => closeSync(file));
  return run;
}

/**
 * What is the same for every process, in a file without a name: it is written once, and each reads
 * it by the descriptor that it inherits.
 */
function writeImage(image: Image): number {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'pollux-'));
    try {
      const file = openSync(join(folder, 'image'), 'wx+', 0o600);
      const bytes = serialize(image);
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      return file;
    } finally {
      rmSync(folder, { recursive: true });
    }
  } catch (error) {
    const sentence = `the guest cannot be written for its processes: ${(error as Error).message}`;
    throw new HostError(sentence, { cause: error });
  }
}

/** A guest in a process of its own. */
export class ProcessRun extends Run {
  readonly #image: number;
  readonly #kernel: LinuxKernel;
  readonly #isolation: Isolation | undefined;
  #child: ChildProcess | undefined;
  #killed = false;
  #began = false;
  #trap: GuestError | undefined;

  /** `kernel`: its eventfd wakes the guest. */
  constructor(options: ProcessOptions, image: number, kernel: LinuxKernel) {
    super(options);
    this.#image = image;
    this.#kernel = kernel;
    this.#isolation = options.isolation;
  }

  /** Of the plan it takes what is this run's own; the rest is in the image. */
  async start(plan: Plan): Promise<void> {
    let child: ChildProcess;
    try {
      child = this.#child = this.#spawn(plan);
    } catch (error) {
      this.finished(1, undefined);
      throw cannotStart(error as Error);
    }
    await new Promise<void>((resolve, reject) => {
      child.on('error', (error) => {
        reject(cannotStart(error));
        if (child.pid === undefined) this.finished(1, undefined);
      });
      child.once('close', (code: number | null, signal: string | null) => {
        const how = signal ?? `code ${code}`;
        reject(new HostError(`the guest's process ended before the guest began, by ${how}`));
        if (signal && !this.#killed) this.warn(`a guest's process was ended by ${signal}`);
        this.finished(code ?? 1, this.#trap);
      });
      const report = this.#report;
      if (!report) return;
      // It ends without reading that it was drained, which resets the connection.
      report.on('error', () => {});
      let left = MOST_REPORTED_BYTES;
      report.on('data', (bytes: Buffer) => {
        left -= bytes.length;
        if (left < 0) this.#giveUp();
      });
      const lines = createInterface({ input: report });
      lines.on('error', () => {});
      lines.on('line', (line) => this.#hear(parseMessage(line), child.pid!, resolve, reject));
    });
  }

  #hear(
    message: WorkerMessage | undefined,
    process: number,
    resolve: () => void,
    reject: (error: Error) => void,
  ): void {
    if (this.#killed) return;
    if (message?.type === 'begins' && !this.#began) {
      this.#began = true;
      this.started({ process });
    } else if (message?.type === 'ready') resolve();
    else if (message?.type === 'warning') this.warn(message.sentence);
    else if (message?.type === 'trap') this.#trap = new GuestError(message.message, message.stack);
    else if (message?.type === 'failed') reject(errorOf(message));
    else this.#giveUp();
  }

  /** What comes from the process is nothing that one of ours says: it is another's now. */
  #giveUp(): void {
    if (this.#killed) return;
    this.warn("a guest's process reported what none does, and was ended");
    this.end();
  }

  #spawn({ streams, dirs, sockets, trace }: Plan): ChildProcess {
    const isolation = this.#isolation;
    const job: ProcessJob = {
      parent: process.pid,
      nulls: streams.map((stream) => stream === null),
      sockets: sockets.map(({ fd, kind, blocking }) => ({ fd, kind, blocking })),
      trace,
      isolation,
    };
    if (isolation) keepDescriptors();
    return spawn(process.execPath, [ENTRY, JSON.stringify(job)], {
      stdio: [
        ...streams.map((stream) => stream ?? 'ignore'),
        this.#image,
        'pipe',
        this.#kernel.wakeHandle,
        ...[...dirs, ...sockets].map(({ descriptor }) => descriptor),
      ],
      // A terminal's SIGINT is for this process, which drains: the others go on with their clients.
      detached: true,
      env: isolation ? isolatedEnvironment() : { ...process.env, NODE_OPTIONS: undefined },
    });
  }

  /** A process that could not be started has no streams at all. */
  get #report(): Duplex | undefined {
    const streams: readonly unknown[] | undefined = this.#child?.stdio;
    return streams?.[Inherited.REPORT] as Duplex | undefined;
  }

  protected end(): void {
    if (!this.#child) return this.finished(0, undefined); // it never began
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }

  protected drainNow(): void {
    this.#report?.write('\n', () => this.#kernel.wake());
  }
}

const cannotStart = (cause: Error) =>
  cause instanceof HostError
    ? cause
    : new HostError(`a process cannot be started: ${cause.message}`, { cause });

/** What Node, the addon and their libraries look at, and nothing that is anybody's secret. */
function isolatedEnvironment(): NodeJS.ProcessEnv {
  const names = ['LD_LIBRARY_PATH', 'POLLUX_ADDON', 'POLLUX_ASYNC', 'POLLUX_PATHS'];
  const kept = names.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  return { ...Object.fromEntries(kept), UV_USE_IO_URING: '0' };
}
