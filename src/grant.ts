/**
 * What a caller grants a guest, from the text that a person writes to what the kernel needs:
 * `[FD=]HOST:PORT[,blocking]`.
 */
import type { SocketAddress } from '../host/kernel/kernel.js';
import { UsageError } from '../host/kernel/error.js';

export interface SocketGrant {
  /** The number that the guest knows it by; undefined: the lowest that is free. */
  fd: number | undefined;
  host: string;
  port: number;
  /** True for a socket that the guest finds in blocking mode. */
  blocking: boolean;
}

const FORM = /^(?:(\d+)=)?(?:\[([0-9a-fA-F:.]+)\]|([^:[\]=,]+)):(\d+)(,blocking)?$/;

/** Reads `[FD=]HOST:PORT[,blocking]`; an IPv6 address stands in brackets. Throws `UsageError`. */
export function parseGrant(text: string): SocketGrant {
  const match = FORM.exec(text);
  if (!match) {
    throw new UsageError(
      `"${text}" is not an address: write HOST:PORT, like 127.0.0.1:9000 or [::1]:9000, ` +
        'with FD= before it to choose the descriptor',
    );
  }
  const [, fd, v6, host, port, blocking] = match;
  if (Number(port) > 65535)
    throw new UsageError(`port ${port} of "${text}" is too large: ports end at 65535`);
  if (fd !== undefined && Number(fd) < 3) {
    throw new UsageError(
      `descriptor ${fd} of "${text}" is a standard stream: choose 3 or a higher one`,
    );
  }
  return {
    fd: fd === undefined ? undefined : Number(fd),
    host: (v6 ?? host)!,
    port: Number(port),
    blocking: blocking !== undefined,
  };
}

/** `127.0.0.1:9000`, `[::1]:9000` */
export function formatAddress({ host, port }: SocketAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
