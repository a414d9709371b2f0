/**
 * Plays a script on Linux: the guest in a sandbox, its peers by a kernel of the test's own. What
 * waits looks again and again, so that Node's event loop goes on.
 */
import { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

import { Errno } from '#host/kernel/errno';
import { Shutdown } from '#host/kernel/kernel';
import { Readiness, type PollerName } from '#host/kernel/readiness';
import { LinuxKernel } from '#host/linux/linux-kernel';
import { sandbox, type Guest } from 'pollux';
import { ConnectionError, type Wait, type Waiting } from 'pollux/simulate';

import { play, type ScriptCase, type Wire } from './play.js';

const { IN, OUT, ERR, HUP } = Readiness;
const LOOPBACK = '127.0.0.1';
const PATIENCE_MS = 15_000;
/** In memory: an iovec, and behind it the bytes. */
const AT = 8;
const MOST_BYTES = 1 << 20;

/** The kernel of the peers, with memory. */
class Peers {
  readonly kernel = new LinuxKernel();
  readonly bytes = new Uint8Array(AT + MOST_BYTES);

  constructor() {
    this.kernel.attach({ bytes: this.bytes });
  }

  iovec(length: number): void {
    new DataView(this.bytes.buffer).setUint32(0, AT, true);
    new DataView(this.bytes.buffer).setUint32(4, length, true);
  }

  until(handle: number, interest: number, words: string): Wait {
    const ready = () => this.kernel.waitFor(handle, interest | ERR | HUP, 0) !== 0;
    return { ready, untilNs: Infinity, words };
  }

  listen(): { listener: number; address: string } {
    const listener = opened(this.kernel.listen({ host: LOOPBACK, port: 0 }, 16));
    const address = this.kernel.localAddress(listener);
    if (typeof address === 'number') throw new Error('a listener has no address');
    return { listener, address: `${LOOPBACK}:${address.port}` };
  }

  *accept(listener: number): Waiting<LinuxWire> {
    yield this.until(listener, IN, 'a connection');
    return new LinuxWire(this, opened(this.kernel.accept(listener)));
  }

  *connect(address: string): Waiting<LinuxWire> {
    const port = Number(address.split(':')[1]);
    const handle = opened(this.kernel.connect({ host: LOOPBACK, port }));
    yield this.until(handle, OUT, 'an answer');
    const error = this.kernel.socketError(handle);
    if (error < 0) throw new ConnectionError('peer', undefined, error, 'connecting');
    return new LinuxWire(this, handle);
  }

  pipe(): [reader: number, writer: number] {
    const ends = new Int32Array(2);
    opened(this.kernel.pipe(ends));
    return [ends[0]!, ends[1]!];
  }
}

class LinuxWire implements Wire {
  readonly #peers: Peers;
  readonly #handle: number;

  constructor(peers: Peers, handle: number) {
    this.#peers = peers;
    this.#handle = handle;
  }

  get readable(): boolean {
    return this.#peers.until(this.#handle, IN, '').ready();
  }

  *send(data: string | Uint8Array): Waiting<void> {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    for (let sent = 0; sent < bytes.length;) {
      const part = bytes.subarray(sent, sent + MOST_BYTES);
      this.#peers.bytes.set(part, AT);
      this.#peers.iovec(part.length);
      const result = this.#peers.kernel.writev(this.#handle, 0, 1, 0);
      if (result === -Errno.EAGAIN) yield this.#peers.until(this.#handle, OUT, 'room to send');
      else sent += this.#counted(result, 'sending');
    }
  }

  *receive(most = MOST_BYTES): Waiting<Uint8Array> {
    for (;;) {
      this.#peers.iovec(Math.min(most, MOST_BYTES));
      const result = this.#peers.kernel.readv(this.#handle, 0, 1);
      if (result !== -Errno.EAGAIN)
        return this.#peers.bytes.slice(AT, AT + this.#counted(result, 'receiving'));
      yield this.#peers.until(this.#handle, IN, 'something to receive');
    }
  }

  *receiveExactly(count: number): Waiting<Uint8Array> {
    const all = new Uint8Array(count);
    for (let received = 0; received < count;) {
      const part = yield* this.receive(count - received);
      if (part.length === 0) return all.slice(0, received);
      all.set(part, received);
      received += part.length;
    }
    return all;
  }

  halfClose(): void {
    this.#peers.kernel.shutdown(this.#handle, Shutdown.WR);
  }

  close(): void {
    this.#peers.kernel.close(this.#handle);
  }

  /** The waist has no SO_LINGER, but Node has. */
  reset(): void {
    new Socket({ fd: this.#peers.kernel.release(this.#handle) }).resetAndDestroy();
  }

  #counted(result: number, doing: string): number {
    if (result < 0) throw new ConnectionError('peer', undefined, result, doing);
    return result;
  }
}

function opened(handle: number): number {
  if (handle < 0) throw new Error(`no handle, but ${handle}`);
  return handle;
}

/** Waits as often as `script` does. */
async function lead(script: Waiting<void>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (let step = script.next(); !step.done; step = script.next()) {
    while (!step.value.ready()) {
      if (Date.now() > end) throw new Error(`waits too long for ${step.value.words}`);
      await setTimeout(1);
    }
  }
}

export async function playOnLinux(guest: Guest, each: ScriptCase, poller: PollerName) {
  const transcript: string[] = [];
  const peers = new Peers();
  const { listener, address } = peers.listen();
  const [stdin, input] = peers.pipe();
  const [output, stdout] = peers.pipe();
  const box = await sandbox(guest, {
    poller,
    stdin,
    stdout,
    listen: [`4=${LOOPBACK}:0`],
    connect: [`3=${address},blocking`, ...(each.connected ? [address] : [])],
    maxDescriptors: each.maxDescriptors ?? 64,
  });
  try {
    for (const own of [stdin, stdout]) peers.kernel.close(own);
    const control = peers.accept(listener);
    await lead(
      (function* () {
        const stage = {
          control: yield* control,
          stdin: new LinuxWire(peers, input),
          stdout: new LinuxWire(peers, output),
          connect: () => peers.connect(box.address!),
          accept: () => peers.accept(listener),
        };
        yield* play(each.script, stage, transcript);
      })(),
    );
    const { code, reason } = await box.exit;
    return { transcript, end: reason === 'exit' ? `exit ${code}` : reason };
  } finally {
    await box.stop();
    peers.kernel.dispose();
  }
}
