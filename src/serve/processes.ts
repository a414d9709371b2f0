/**
 * A process for each connection, as inetd does it: what its guest is given are descriptors that the
 * process inherits, and it has nothing else of this one.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';

import { GuestError, HostError } from '../../host/kernel/error.js';
import type { Plan } from '../instance.js';
import { errorOf, Inherited, type Image, type ProcessJob, type WorkerMessage } from '../message.js';
import { Run, type RunOptions } from '../run.js';
import { roomFor } from './room.js';
import type { Runs } from './server.js';

/** What all processes take that begin at the same time, amply. */
const DESCRIPTORS = 32;
const ENTRY = fileURLToPath(new URL('./process.js', import.meta.url));

export class ProcessRuns implements Runs {
  #image: number | undefined;

  /** Throws `HostError`. */
  constructor({ bytes, args, environ, poller, edge, strict, maxDescriptors, dirs }: Image) {
    const polling = { poller, edge, strict };
    this.#image = writeImage({ bytes, args, environ, ...polling, maxDescriptors, dirs });
  }

  async prepare(options: RunOptions): Promise<ProcessRun> {
    if (!roomFor(DESCRIPTORS)) throw new HostError('too few descriptors are free for a process');
    return new ProcessRun(options, this.#image!);
  }

  async close(): Promise<void> {
    if (this.#image !== undefined) closeSync(this.#image);
    this.#image = undefined;
  }
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

class ProcessRun extends Run {
  readonly #image: number;
  #child: ChildProcess | undefined;
  #killed = false;
  #trap: GuestError | undefined;

  constructor(options: RunOptions, image: number) {
    super(options);
    this.#image = image;
  }

  /** Of the plan it takes what is this connection's; the rest is in the image. */
  async start({ streams, dirs, sockets: [socket], trace }: Plan): Promise<void> {
    const { fd, blocking, descriptor } = socket!;
    const nulls = streams.map((stream) => stream === null);
    const job: ProcessJob = { parent: process.pid, nulls, fd, blocking, trace };
    const child = spawn(process.execPath, [ENTRY, JSON.stringify(job)], {
      stdio: [
        ...streams.map((stream) => stream ?? 'ignore'),
        descriptor,
        this.#image,
        'pipe' as const,
        ...dirs.map((dir) => dir.descriptor),
      ],
      // A terminal's SIGINT is for this process, which drains: the others go on with their clients.
      detached: true,
      // Of the embedder's options for Node none is for the guest.
      env: { ...process.env, NODE_OPTIONS: undefined },
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const onMessage = (message: WorkerMessage) => {
        if (message.type === 'begins') this.started();
        if (message.type === 'ready') resolve();
        if (message.type === 'warning') this.warn(message.sentence);
        if (message.type === 'trap') this.#trap = new GuestError(message.message, message.stack);
        if (message.type === 'failed') reject(errorOf(message));
      };
      child.on('error', (error) => {
        reject(new HostError(`a process cannot be started: ${error.message}`, { cause: error }));
      });
      child.once('close', (code: number | null, signal: string | null) => {
        const how = signal ?? `code ${code}`;
        reject(new HostError(`the guest's process ended before the guest began, by ${how}`));
        if (signal && !this.#killed) this.warn(`a guest's process was ended by ${signal}`);
        this.finished(code ?? 1, this.#trap);
      });
      // A process that could not be started has no streams at all.
      const streams: readonly unknown[] | undefined = child.stdio;
      const report = streams?.[Inherited.REPORT] as Readable | undefined;
      if (!report) return;
      const lines = createInterface({ input: report });
      lines.on('line', (line) => onMessage(JSON.parse(line) as WorkerMessage));
    });
  }

  protected end(): void {
    if (!this.#child) return this.finished(0, undefined); // it never began
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }

  /** It has no listener that could be taken out of service. */
  protected drainNow(): void {}
}
