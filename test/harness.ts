/**
 * What tests share: real processes, real sockets on loopback, and guests written as WebAssembly
 * text.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { load, sandbox, type Box, type Guest, type SandboxOptions } from 'pollux';
import initWabt from 'wabt';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const guestFile = (name: string) =>
  fileURLToPath(new URL(`../dist/test/guest/${name}.wasm`, import.meta.url));
export const wasmFile = (name: string) =>
  fileURLToPath(new URL(`../dist/wasm/${name}.wasm`, import.meta.url));

const wabt = await initWabt();

/** The binary of a module in the text format. */
export function wat(text: string): Uint8Array<ArrayBuffer> {
  const module = wabt.parseWat('test.wat', text, {
    bulk_memory: true,
    threads: true,
    exceptions: true,
    reference_types: true,
  });
  const { buffer } = module.toBinary({ write_debug_names: true });
  module.destroy();
  return new Uint8Array(buffer);
}

/** Runs a guest to its end and answers how it ended and what it wrote. */
export async function runToEnd(source: string | Uint8Array, options: SandboxOptions = {}) {
  const guest: Guest = await load(source);
  const box = await sandbox(guest, {
    stdout: 'pipe',
    stderr: 'pipe',
    timeoutMs: 15_000,
    ...options,
  });
  const [exit, stdout, stderr] = await Promise.all([
    box.exit,
    textOf(box.stdout),
    textOf(box.stderr),
  ]);
  return { ...exit, stdout, stderr };
}

export async function textOf(stream: NodeJS.ReadableStream | undefined): Promise<string> {
  if (!stream) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** A client connected to `HOST:PORT`; errors are left to whoever reads it. */
export async function dial(address: string): Promise<Socket> {
  const at = address.lastIndexOf(':');
  const socket = connect({
    host: address.slice(0, at).replace(/[[\]]/g, ''),
    port: Number(address.slice(at + 1)),
    allowHalfOpen: true,
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Sends `bytes`, half-closes, and answers everything that comes back until the server closes. */
export async function exchange(address: string, bytes: string | Uint8Array): Promise<Buffer> {
  const socket = await dial(address);
  socket.end(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The command line as a process; the caller ends it by its id. */
export function pollux(...args: string[]): ChildProcess {
  return spawn(process.execPath, [`${root}dist/src/cli.js`, ...args], { cwd: root, stdio: 'pipe' });
}

/** Runs the command line to its end. */
export async function polluxToEnd(
  args: string[],
  input = '',
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = pollux(...args);
  child.stdin!.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    textOf(child.stdout!),
    textOf(child.stderr!),
    once(child, 'exit'),
  ]);
  return { code: code as number | null, stdout, stderr };
}

/** The address that a starting server prints. */
export async function addressOf(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stderr!.iterator({ destroyOnReturn: false })) {
    text += chunk;
    const match = /listening on (\S+)\n/.exec(text);
    if (match) return match[1]!;
  }
  throw new Error(`the server ended without an address: ${text}`);
}

export type { Box };
