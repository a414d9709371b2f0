/**
 * A caller of a queue of operations, for tests: a kernel with guest memory and one queue, and the
 * far ends of its connections in a kernel of their own.
 */
import {
  COMPLETION,
  NOTES,
  Opcode,
  OPERATION,
  OperationFlag,
  TARGET,
  type CompletionQueue,
} from '#host/kernel/completion';
import { Clock, type Kernel } from '#host/kernel/kernel';
import { Readiness } from '#host/kernel/readiness';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { World } from '#host/sim/world';

import { native } from './linux/thread.js';

const names = ['io_uring', 'io_uring of Linux 5.19', 'threads'];
/** The engines of Linux that this machine has: a container may forbid io_uring. */
export const linuxEngines = names.filter((name) => {
  const queue = native.queueOpen(name, -1);
  if (queue >= 0) native.queueClose(queue);
  return queue >= 0;
});
/** Everything that does the work of a queue. */
export const engines = [...linuxEngines, 'sim'];

/** A kernel, and one for the far ends of its connections. */
export interface Kernels {
  kernel: Kernel;
  world: Kernel;
}

/** Those of which the first has a queue by `engine`. */
function kernels(engine: string): Kernels {
  if (engine === 'sim') {
    const world = new World();
    return { kernel: world.kernel(), world: world.kernel() };
  }
  const kernel = new LinuxKernel();
  kernel.completions([engine]);
  return { kernel, world: new LinuxKernel() };
}

export const MIB = 1 << 20;
const AT = { operations: 0, completions: MIB, sent: 2 * MIB, buffer: 16 * MIB } as const;
const MEMORY_BYTES = 32 * MIB;
const MAX = 512;
export const SECOND = 1e9;

export interface Wanted {
  userdata?: number | bigint;
  opcode: number;
  handle?: number;
  flags?: number;
  bytes?: number;
  length?: number;
  argument?: number | bigint;
  reserved?: number;
}

export interface Told {
  userdata: number;
  result: number;
  more: boolean;
  opcode: number;
  /** What a RECV received. */
  bytes: Uint8Array;
}

export const accept = (handle: number, more: Partial<Wanted> = {}): Wanted => ({
  opcode: Opcode.ACCEPT,
  handle,
  ...more,
});
export const recv = (handle: number, more: Partial<Wanted> = {}): Wanted => ({
  opcode: Opcode.RECV,
  handle,
  ...more,
});
export const close = (handle: number, more: Partial<Wanted> = {}): Wanted => ({
  opcode: Opcode.CLOSE,
  handle,
  ...more,
});
export const timeout = (ns: number | bigint, more: Partial<Wanted> = {}): Wanted => ({
  opcode: Opcode.TIMEOUT,
  argument: ns,
  ...more,
});
export const cancel = (userdata: number, more: Partial<Wanted> = {}): Wanted => ({
  opcode: Opcode.CANCEL,
  argument: userdata,
  ...more,
});
export const again = { flags: OperationFlag.MULTISHOT };

/** A pattern that tells where in a stream a byte is. */
export function pattern(length: number, from = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = ((from + i) * 2654435761) >>> 24;
  return bytes;
}

export class Caller {
  readonly kernel: Kernel;
  readonly world: Kernel;
  readonly queue: CompletionQueue;
  readonly bytes = new Uint8Array(MEMORY_BYTES);
  readonly notes = new Int32Array(NOTES.HEADER + MAX * NOTES.SIZE);
  /** How many connections there is room for. */
  room = 1000;
  #stash: Told[] = [];
  readonly #peerBytes = new Uint8Array(16 * MIB);

  constructor(engine: string | Kernels) {
    const made = typeof engine === 'string' ? kernels(engine) : engine;
    this.kernel = made.kernel;
    this.world = made.world;
    this.kernel.attach({ bytes: this.bytes });
    this.world.attach({ bytes: this.#peerBytes });
    this.queue = this.kernel.completions();
  }

  /** The time of the kernel, in nanoseconds. */
  get now(): bigint {
    return this.kernel.now(Clock.MONOTONIC);
  }

  get view(): DataView {
    return new DataView(this.bytes.buffer);
  }

  /** A SEND of `bytes`, which are put down behind those of the sends before. */
  send(handle: number, bytes: Uint8Array | string, more: Partial<Wanted> = {}): Wanted {
    const data = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
    this.bytes.set(data, AT.sent);
    return { opcode: Opcode.SEND, handle, bytes: AT.sent, length: data.length, ...more };
  }

  /** Answers how many were taken. */
  submit(...wanted: Wanted[]): number {
    const targets = new Int32Array(wanted.length * TARGET.SIZE);
    wanted.forEach((each, i) => {
      const at = AT.operations + i * OPERATION.SIZE;
      this.view.setBigUint64(at, BigInt(each.userdata ?? 0), true);
      this.view.setUint8(at + OPERATION.OPCODE, 99); // the kernel must take that of `targets`
      this.view.setUint8(at + OPERATION.FLAGS, each.flags ?? 0);
      this.view.setUint16(at + 10, each.reserved ?? 0, true);
      this.view.setUint32(at + OPERATION.BYTES, each.bytes ?? 0, true);
      this.view.setUint32(at + OPERATION.LENGTH, each.length ?? 0, true);
      this.view.setBigUint64(at + OPERATION.ARGUMENT, BigInt(each.argument ?? 0), true);
      targets.set([each.opcode, each.handle ?? -1], i * TARGET.SIZE);
    });
    return this.queue.submit(AT.operations, wanted.length, targets);
  }

  /** What reap answers, if it is an error, or the completions. */
  tryReap(
    min: number,
    timeoutNs: number,
    { max = MAX as number, bufferBytes = 8 * MIB } = {},
  ): Told[] | number {
    this.notes[NOTES.ROOM] = this.room;
    const { queue, notes } = this;
    const count = queue.reap(AT.completions, max, AT.buffer, bufferBytes, min, timeoutNs, notes);
    if (count < 0) return count;
    return Array.from({ length: count }, (_, i) => {
      const at = AT.completions + i * COMPLETION.SIZE;
      const opcode = this.view.getUint8(at + COMPLETION.OPCODE);
      const result = this.view.getInt32(at + COMPLETION.RESULT, true);
      const from = AT.buffer + this.view.getUint32(at + COMPLETION.OFFSET, true);
      return {
        userdata: Number(this.view.getBigUint64(at, true)),
        result,
        more: this.view.getUint8(at + COMPLETION.FLAGS) === 1,
        opcode,
        bytes: this.bytes.slice(from, from + (opcode === Opcode.RECV ? Math.max(result, 0) : 0)),
      };
    });
  }

  /** `min` completions, within ten seconds. */
  reap(min = 1, limits: { max?: number; bufferBytes?: number } = {}): Told[] {
    const told = this.tryReap(min, 10 * SECOND, limits);
    if (typeof told === 'number') throw new Error(`reap answered ${told}`);
    return told;
  }

  /** The only completion there is within ten seconds. */
  one(): Told {
    const told = this.reap();
    if (told.length !== 1) throw new Error(`${told.length} completions instead of one`);
    return told[0]!;
  }

  /** The next completion of an operation with this userdata, whatever else completes. */
  next(userdata: number): Told {
    for (;;) {
      const at = this.#stash.findIndex((told) => told.userdata === userdata);
      if (at >= 0) return this.#stash.splice(at, 1)[0]!;
      const told = this.reap();
      if (told.length === 0) throw new Error(`nothing of ${userdata} in ten seconds`);
      this.#stash.push(...told);
    }
  }

  /** Nothing completes within a while. */
  quiet(): boolean {
    const told = this.tryReap(1, 0.05 * SECOND);
    return Array.isArray(told) && told.length === 0;
  }

  listen(backlog = 128): { listener: number; port: number } {
    const listener = this.kernel.listen({ host: '127.0.0.1', port: 0 }, backlog);
    const address = this.kernel.localAddress(listener);
    if (typeof address === 'number') throw new Error(`no listener: ${address}`);
    return { listener, port: address.port };
  }

  dial(port: number): number {
    const peer = this.world.connect({ host: '127.0.0.1', port });
    this.world.waitFor(peer, Readiness.OUT, 10 * SECOND);
    return peer;
  }

  /** A connection: the caller's end, and the world's. */
  pair(): { own: number; peer: number } {
    const { listener, port } = this.listen();
    const peer = this.dial(port);
    this.kernel.waitFor(listener, Readiness.IN, 10 * SECOND);
    const own = this.kernel.accept(listener);
    this.kernel.close(listener);
    return { own, peer };
  }

  /** A handle that is no socket. */
  notSocket(): number {
    const ends = new Int32Array(2);
    this.kernel.pipe(ends);
    return Math.min(ends[0]!, ends[1]!);
  }

  /** The world sends what fits: a number of bytes or a negated errno. */
  peerSend(peer: number, bytes: Uint8Array | string): number {
    const data = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
    this.#peerBytes.set(data, 8);
    new Uint32Array(this.#peerBytes.buffer).set([8, data.length]);
    return this.world.send(peer, 0, 1, 0);
  }

  /** The world sends everything, as fast as it goes. */
  peerSendAll(peer: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const sent = this.peerSend(peer, bytes.subarray(at, at + MIB));
      if (sent > 0) at += sent;
      else if (this.world.waitFor(peer, Readiness.OUT, SECOND) === 0)
        throw new Error('it is stuck');
    }
  }

  /** What the world receives at once, or within a while: bytes, or a negated errno. */
  peerReceive(peer: number, withinNs = 10 * SECOND): Uint8Array | number {
    if (this.world.waitFor(peer, Readiness.IN, withinNs) === 0) return -11;
    new Uint32Array(this.#peerBytes.buffer).set([8, 8 * MIB]);
    const bytes = this.world.recv(peer, 0, 1, 0, 0);
    return bytes < 0 ? bytes : this.#peerBytes.slice(8, 8 + bytes);
  }

  /** The world closes with a reset. */
  peerReset(peer: number): void {
    this.world.close(peer); // with bytes that it has not received
  }

  dispose(): void {
    this.kernel.dispose();
    this.world.dispose();
  }
}
