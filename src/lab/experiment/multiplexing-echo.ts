/**
 * What a thread that blocks and one that multiplexes have in common: to read a message, and to
 * write it back, by the very same calls. A descriptor in blocking mode makes the read wait.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const BUFFER_BYTES = 4096;
/** Until V8 has compiled what an echo is made of; each thread has its own. */
const WARMING = 2000;

const buffer = new Uint8Array(BUFFER_BYTES);

/** One echo. False: the peer has closed. */
function echoOnce(source: number, target: number): boolean {
  const bytes = readSync(source, buffer);
  if (bytes > 0) writeSync(target, buffer, 0, bytes);
  return bytes > 0;
}

/** The same, and a connection that was reset is closed. */
export function echoAlive(connection: number): boolean {
  try {
    return echoOnce(connection, connection);
  } catch {
    return false;
  }
}

/** Echoes what costs nothing to have, so that what is measured later is compiled by then. */
export function warmUp(): void {
  const [zero, nothing] = [openSync('/dev/zero', 'r'), openSync('/dev/null', 'w')];
  for (let i = 0; i < WARMING; i++) echoOnce(zero, nothing);
  closeSync(zero);
  closeSync(nothing);
}
