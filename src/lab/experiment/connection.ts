/** How a thread of an experiment, which may block, gets a connection, a message, and errors. */
import { errnoName } from '../../../host/kernel/errno.js';
import { HostError } from '../../../host/kernel/error.js';
import type { SocketAddress } from '../../../host/kernel/kernel.js';
import { Readiness } from '../../../host/kernel/readiness.js';
import type { LinuxKernel } from '../../../host/linux/linux-kernel.js';

const PATIENCE_NS = 10e9;
/** The only iovec of the memory that `attachMessage` makes, and the message that it is of. */
export const IOVEC = 0;
export const MESSAGE = 8;

/** Memory for messages of so many bytes. */
export function attachMessage(kernel: LinuxKernel, bytes: number): Uint8Array {
  const memory = new Uint8Array(MESSAGE + bytes);
  new Uint32Array(memory.buffer, IOVEC, 2).set([MESSAGE, bytes]);
  kernel.attach({ bytes: memory });
  return memory;
}

/** The result, unless it is a negated errno: then `HostError`, with what could not be done. */
export function check(result: number, cannot: string): number {
  if (result < 0) throw new HostError(`${cannot}: ${errnoName(result)}`);
  return result;
}

/** Blocks until a socket is readable, or writable. */
export function wait(kernel: LinuxKernel, socket: number, interest: number): void {
  const ready = check(kernel.waitFor(socket, interest, PATIENCE_NS), 'a socket cannot be watched');
  if (ready === 0) throw new HostError('the other side of a connection does not answer');
}

/** A connection that is there when this returns. */
export function connect(kernel: LinuxKernel, address: SocketAddress): number {
  const cannot = 'a connection cannot be made';
  const socket = check(kernel.connect(address), cannot);
  wait(kernel, socket, Readiness.OUT);
  check(kernel.socketError(socket), cannot);
  return socket;
}
