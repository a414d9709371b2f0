/**
 * The guests that come with the package: echo servers, one for each I/O model, protocol and
 * language, and the client. A server is given a listener, the client a connection, and nothing
 * else.
 */
import { fileURLToPath } from 'node:url';

import { UsageError } from '../host/kernel/error.js';
import type { Limits } from './limit.js';
import { load, type Guest } from './guest.js';
import { parseSocket } from './socket.js';
import { sandbox, serveNames, type Box, type SandboxOptions, type ServeName } from './sandbox.js';

interface Model {
  /** What its guest does to wait for a message. */
  readonly waits: string;
  /** True if it finds its sockets in blocking mode. */
  readonly blocking: boolean;
  /** True if it asks poll_oneoff, for which there is a choice of pollers. */
  readonly polls: boolean;
}

/** The I/O models. There is a guest of each in every protocol and every language. */
export const echoModels = {
  blocking: { waits: 'in the read itself', blocking: true, polls: false },
  nonblocking: { waits: 'by reading again and again', blocking: false, polls: false },
  select: { waits: 'in select(2)', blocking: false, polls: true },
  poll: { waits: 'in poll(2)', blocking: false, polls: true },
  epoll: { waits: 'in epoll_wait(2), told by level', blocking: false, polls: false },
  'epoll-edge': { waits: 'in epoll_wait(2), told by edge', blocking: false, polls: false },
  signal: { waits: 'for a signal', blocking: false, polls: false },
  async: { waits: 'for the completion of a read', blocking: false, polls: false },
} as const satisfies Record<string, Model>;
export type EchoModel = keyof typeof echoModels;

/** What is sent back: the message, or the message and `response`, after a greeting. */
export const echoProtocols = ['echo', 'response'] as const;
export type EchoProtocol = (typeof echoProtocols)[number];

/** What a guest is written in, and how the name of its file ends. */
export const echoLanguages = { c: '.wasm', assemblyscript: '.as.wasm' } as const;
export type EchoLanguage = keyof typeof echoLanguages;

/** What an echo server is made of. */
export interface Combination {
  model: EchoModel;
  serve: ServeName;
  protocol: EchoProtocol;
  language: EchoLanguage;
}

/** Every combination that exists. */
export function echoCombinations(): Combination[] {
  const keys = <Key extends string>(table: Record<Key, unknown>) => Object.keys(table) as Key[];
  return keys(echoModels).flatMap((model) =>
    serveNames.flatMap((serve) =>
      echoProtocols.flatMap((protocol) =>
        keys(echoLanguages).map((language) => ({ model, serve, protocol, language })),
      ),
    ),
  );
}

export interface EchoOptions
  extends
    Partial<Combination>,
    Pick<SandboxOptions, 'poller' | 'trace' | 'maxConnections' | 'isolate' | 'warn' | 'stderr'>,
    Limits {
  /** `HOST:PORT`; default 127.0.0.1:9000. */
  listen?: string;
}

/**
 * Starts an echo server: by default poll, event, echo, c. Throws `UsageError` for a combination
 * that does not exist, or an address that cannot be had.
 */
export async function echo({
  model = 'poll',
  protocol = 'echo',
  language = 'c',
  listen = '127.0.0.1:9000',
  ...options
}: EchoOptions = {}): Promise<Box> {
  choose('model', model, Object.keys(echoModels));
  choose('protocol', protocol, echoProtocols);
  choose('language', language, Object.keys(echoLanguages));
  const { waits, blocking, polls } = echoModels[model];
  if (options.poller !== undefined && !polls) {
    throw new UsageError(
      `the model ${model} waits ${waits}: leave out the poller, which it does not ask`,
    );
  }
  const grant = parseSocket(listen);
  if (grant.form === 'udp') {
    throw new UsageError(`"${listen}" is UDP: the echo server serves connections`);
  }
  if (grant.fd !== undefined || grant.blocking) {
    throw new UsageError(`"${listen}" is not HOST:PORT: the echo server has its one descriptor`);
  }
  const guest = await packaged(`${protocol}-${model}${echoLanguages[language]}`);
  const box = await sandbox(guest, {
    ...options,
    listen: [blocking ? `${listen},blocking` : listen],
  });
  if (blocking && (options.serve ?? 'event') === 'event') {
    const { warn = (sentence) => process.emitWarning(sentence) } = options;
    warn('one guest that blocks serves one connection at a time: more wait for their turn');
  }
  return box;
}

function choose(what: string, value: string, among: readonly string[]): void {
  if (among.includes(value)) return;
  throw new UsageError(`there is no ${what} "${value}": choose ${among.join(', ')}`);
}

/** The client for a server at `address`, `HOST:PORT`, on the process's own streams. */
export async function client(address: string): Promise<Box> {
  const { fd, blocking, form } = parseSocket(address);
  if (form === 'udp') throw new UsageError(`"${address}" is UDP: the client has a connection`);
  if (fd !== undefined || blocking) {
    throw new UsageError(`"${address}" is not HOST:PORT: the client has its one descriptor`);
  }
  return await sandbox(await packaged('client.wasm'), {
    connect: [address],
    stdin: 'inherit',
    stdout: 'inherit',
    stderr: 'inherit',
  });
}

async function packaged(name: string): Promise<Guest> {
  return await load(fileURLToPath(new URL(`../wasm/${name}`, import.meta.url)));
}
