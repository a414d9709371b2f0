/**
 * What one test started, each ended when that test is over: boxes, processes by their id, sockets,
 * servers, folders.
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { echo, load, sandbox, type Box, type EchoOptions, type SandboxOptions } from 'pollux';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

import { dial, pollux, root } from '../harness.js';

/** A running guest. */
export async function box(source: string | Uint8Array, options: SandboxOptions = {}): Promise<Box> {
  return stopped(await sandbox(await load(source), options));
}

/** The echo server of the package, at a free port. */
export async function echoBox(options: EchoOptions = {}): Promise<Box> {
  return stopped(await echo({ listen: '127.0.0.1:0', ...options }));
}

function stopped(running: Box): Box {
  onTestFinished(async () => void (await running.stop()));
  return running;
}

/** The command line as a process. */
export function command(...args: string[]): ChildProcess {
  return killed(pollux(...args));
}

export function killed<Child extends ChildProcess>(child: Child): Child {
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  });
  return child;
}

/** A connected client. */
export async function client(address: string): Promise<Socket> {
  const socket = await dial(address);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** A server of Node's own, and its address. */
export async function nodeServer(
  serve: (socket: Socket) => void,
): Promise<{ server: Server; address: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { server, address: `127.0.0.1:${port}` };
}

/** A program in C of this file's tests, while they last: its path. */
export function compiled(source: string): () => string {
  let place: string;
  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'pollux-test-'));
    const [cc = 'cc', ...flags] = (process.env['CC'] ?? 'cc').split(' ');
    const from = join(root, 'test', source);
    execFileSync(cc, [...flags, '-O2', '-D_GNU_SOURCE', '-o', join(place, 'program'), from]);
  });
  afterAll(() => rmSync(place, { recursive: true }));
  return () => join(place, 'program');
}

/** An empty folder. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'pollux-test-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** Waits for `length` bytes of a socket, or for its end. */
export async function take(socket: Readable, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let got = 0;
  while (got < length) {
    const chunk = socket.read() as Buffer | null;
    if (chunk) {
      chunks.push(chunk);
      got += chunk.length;
    } else if (socket.readableEnded || socket.destroyed) {
      break;
    } else {
      await stirred(socket);
    }
  }
  const all = Buffer.concat(chunks);
  if (all.length > length) socket.unshift(all.subarray(length));
  return all.subarray(0, length);
}

async function stirred(socket: Readable): Promise<void> {
  await new Promise<void>((resolve) => {
    const stir = () => {
      for (const event of ['readable', 'end', 'close']) socket.off(event, stir);
      resolve();
    };
    for (const event of ['readable', 'end', 'close']) socket.on(event, stir);
  });
}

/** Sends `text` and answers as many bytes as come back for it. */
export async function ping(socket: Socket, text = 'ping'): Promise<string> {
  socket.write(text);
  return (await take(socket, Buffer.byteLength(text))).toString();
}

/** True if nothing comes within `ms`. */
export async function silent(socket: Socket, ms: number): Promise<boolean> {
  await sleep(ms);
  return socket.readableLength === 0;
}

/** Waits until `holds`, and answers whether it ever did. */
export async function eventually(holds: () => boolean, limitMs = 5000): Promise<boolean> {
  for (const end = performance.now() + limitMs; performance.now() < end; await sleep(10)) {
    if (holds()) return true;
  }
  return holds();
}

/** How many descriptors a process has open. */
export function descriptorsOf(pid: number | 'self' = 'self'): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

export function median(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}

/** Counts the turns of Node's event loop, one every 5 ms at the most, until it is asked. */
export function eventLoop(): () => number {
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  onTestFinished(() => clearInterval(timer));
  return () => turns;
}

/** Resolves when Node's event loop has turned often; never, if something holds it. */
export async function eventLoopTurns(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await sleep(5);
}
