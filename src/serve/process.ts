/**
 * A process for one guest: it runs the guest that its image holds with what it inherited, isolated
 * if it is told so, tells its parent what it does not get done, and ends with the guest or the
 * parent.
 */
import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { argv, exit, ppid } from 'node:process';
import { deserialize } from 'node:v8';

import { confine, quit } from '../../host/linux/confinement.js';
import { LinuxKernel } from '../../host/linux/linux-kernel.js';
import { runCommand, type Stage } from '../command.js';
import type { Plan } from '../instance.js';
import { Command, Inherited, type Image, type ProcessJob, type WorkerMessage } from '../message.js';

/** The file's offset is shared by all processes that read it: it is left alone. */
function readImage(): Image {
  const bytes = Buffer.alloc(fstatSync(Inherited.IMAGE).size);
  for (let at = 0; at < bytes.length;)
    at += readSync(Inherited.IMAGE, bytes, at, bytes.length - at, at);
  return deserialize(bytes) as Image;
}

const tell = (message: WorkerMessage) =>
  void writeSync(Inherited.REPORT, `${JSON.stringify(message)}\n`);
const job = JSON.parse(argv[2]!) as ProcessJob;
const { bytes, ...image } = readImage();
// What is received ahead is not where the kernel's own operations would look for it.
const kernel = new LinuxKernel({ wake: Inherited.WAKE, ahead: !image.queued });
kernel.endWithParent();
if (ppid !== job.parent) exit(1); // it has ended already
closeSync(Inherited.IMAGE);

const dirs = image.dirs.map((dir, i) => ({ ...dir, descriptor: Inherited.GRANTED + i }));
const sockets = job.sockets.map((socket, i) => ({
  ...socket,
  descriptor: Inherited.GRANTED + dirs.length + i,
}));
const plan: Omit<Plan, 'module'> = {
  ...image,
  trace: job.trace,
  streams: job.nulls.map((isNull, fd) => (isNull ? null : fd)),
  dirs,
  sockets,
};

const stage: Stage = {
  tell,
  exit: (code, close) => {
    close();
    return quit(code);
  },
  ended: () => undefined,
  // All that is ever written to it is the wish that it ends when its connections have.
  wanted: () => (kernel.readable(Inherited.REPORT) > 0 ? Command.DRAIN : Command.RUN),
  /** The guest's bytes are the first of what others have made: nothing is done with them before. */
  module: async () => {
    if (job.isolation) {
      const { bestEffort, ...needs } = job.isolation;
      for (const sentence of confine({ ...needs, directories: dirs }, bestEffort))
        tell({ type: 'warning', sentence });
    }
    // The guest has its own of these.
    for (const { descriptor } of [...dirs, ...sockets]) closeSync(descriptor);
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  },
};

quit(await runCommand(plan, kernel, stage));
