/**
 * A process for one connection: it runs the guest that its image holds with the connection that it
 * inherited, tells its parent what it does not get done, and ends with the guest or the parent.
 */
import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { argv, exit, ppid } from 'node:process';
import { deserialize } from 'node:v8';

import { LinuxKernel } from '../../host/linux/linux-kernel.js';
import { runCommand, type Stage } from '../command.js';
import type { Plan } from '../instance.js';
import { Command, Inherited, type Image, type ProcessJob } from '../message.js';

/** The file's offset is shared by all processes that read it: it is left alone. */
function readImage(): Image {
  const bytes = Buffer.alloc(fstatSync(Inherited.IMAGE).size);
  for (let at = 0; at < bytes.length;)
    at += readSync(Inherited.IMAGE, bytes, at, bytes.length - at, at);
  return deserialize(bytes) as Image;
}

const stage: Stage = {
  tell: (message) => {
    // The guest has its own of these.
    if (message.type === 'ready') inherited.forEach((fd) => closeSync(fd));
    writeSync(Inherited.REPORT, `${JSON.stringify(message)}\n`);
  },
  exit: (code, close) => {
    close();
    return exit(code);
  },
  ended: () => undefined,
  wanted: () => Command.RUN,
};

const job = JSON.parse(argv[2]!) as ProcessJob;
const kernel = new LinuxKernel();
kernel.endWithParent();
if (ppid !== job.parent) exit(1); // it has ended already
const { bytes, ...image } = readImage();
closeSync(Inherited.IMAGE);
const dirs = image.dirs.map((dir, i) => ({ ...dir, descriptor: Inherited.DIRECTORIES + i }));
const inherited = [Inherited.CONNECTION, ...dirs.map(({ descriptor }) => descriptor)];
const plan: Plan = {
  ...image,
  module: await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>),
  trace: job.trace,
  streams: job.nulls.map((isNull, fd) => (isNull ? null : fd)),
  dirs,
  sockets: [
    { fd: job.fd, descriptor: Inherited.CONNECTION, listener: false, blocking: job.blocking },
  ],
};
exit(await runCommand(plan, kernel, stage));
