// The programs under test, by name: what each is, what it takes to run it, and how many connections
// it can have at once.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export const serverNames = [
  'native',
  'poll',
  'epoll',
  'epoll-edge',
  'async',
  'async-threads',
  'select',
  'signal',
  'nonblocking',
  'blocking',
  'blocking-thread',
  'blocking-process',
  'poll-as',
  'epoll-as',
  'node-net',
  'bun',
  'deno',
] as const;
export type ServerName = (typeof serverNames)[number];

export interface Program {
  readonly title: string;
  readonly file: string; // what must exist
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  // The most connections at once, and why.
  readonly most?: number;
  readonly because?: string;
}

const node = process.execPath;
const CLI = 'dist/src/cli.js';

function pollux(
  what: string,
  flags: readonly string[],
  more: Pick<Program, 'env' | 'most' | 'because'> = {},
): Program {
  const command = [node, CLI, 'echo', '--listen', '127.0.0.1:0', ...flags];
  return { title: `Pollux, ${what}`, file: CLI, command, ...more };
}

const model = (name: string): string[] => ['--model', name];
const serve = (how: string): string[] => [...model('blocking'), '--serve', how];
const assemblyScript = ['--language', 'assemblyscript'];

export const BUN = 'dist/bench/peers/node_modules/@oven/bun-linux-x64/bin/bun';
export const DENO = 'dist/bench/peers/node_modules/@deno/linux-x64-glibc/deno';

export const programs: Readonly<Record<ServerName, Program>> = {
  native: {
    title: 'native C epoll',
    file: 'dist/bench/echo',
    command: ['dist/bench/echo', '127.0.0.1:0'],
  },
  poll: pollux('poll', model('poll')),
  epoll: pollux('epoll', model('epoll')),
  'epoll-edge': pollux('epoll-edge', model('epoll-edge')),
  async: pollux('async, io_uring', model('async'), { env: { POLLUX_ASYNC: 'uring' } }),
  'async-threads': pollux('async, threads', model('async'), { env: { POLLUX_ASYNC: 'threads' } }),
  select: pollux('select', model('select'), {
    most: 1023,
    because: 'select() watches 1,024 descriptors, and the listener is one of them',
  }),
  signal: pollux('signal', model('signal')),
  nonblocking: pollux('nonblocking', model('nonblocking')),
  blocking: pollux('blocking', model('blocking'), {
    most: 1,
    because: 'one guest that blocks serves one connection at a time',
  }),
  'blocking-thread': pollux('blocking, a thread each', serve('thread'), {
    most: 64,
    because: 'each connection is a thread of 10 MB',
  }),
  'blocking-process': pollux('blocking, a process each', serve('process'), {
    most: 16,
    because: 'each connection is a process of 40 MB',
  }),
  'poll-as': pollux('poll in AssemblyScript', [...model('poll'), ...assemblyScript]),
  'epoll-as': pollux('epoll in AssemblyScript', [...model('epoll'), ...assemblyScript]),
  'node-net': {
    title: 'node:net (data -> write)',
    file: 'dist/bench/node-net.js',
    command: [node, 'dist/bench/node-net.js'],
  },
  bun: { title: 'Bun.listen', file: BUN, command: [BUN, 'dist/bench/bun.js'] },
  deno: {
    title: 'Deno.listen',
    file: DENO,
    command: [DENO, 'run', '--quiet', '--no-lock', '--allow-net=127.0.0.1', 'dist/bench/deno.js'],
    env: { DENO_DIR: `${root}dist/bench/peers/deno`, DENO_NO_UPDATE_CHECK: '1' },
  },
};

// Why a server cannot take part, or nothing if it can.
export function missing(name: ServerName): string | undefined {
  const { file } = programs[name];
  return existsSync(root + file) ? undefined : `${file} is not there`;
}
