// What is measured: how many connections, how many of them busy, how large a message; and what has
// to be reached.
import type { ServerName } from './program.js';

export interface Shape {
  readonly connections: number;
  readonly busy: number;
  readonly messageBytes: number;
}

export interface Scenario extends Shape {
  readonly name: string;
  readonly title: string;
  // Measured first, on the same server process: what the idle connections are compared with.
  readonly baseline?: Shape;
  // Of all rounds, and of the first few. `--only` names others.
  readonly servers: readonly ServerName[];
  readonly others: readonly ServerName[];
}

function scenario(
  connections: number,
  size: keyof typeof sizes,
  servers: readonly ServerName[],
  others: readonly ServerName[] = [],
): Scenario {
  return {
    name: `${connections}x${size}`,
    title: `${connections} connection${connections === 1 ? '' : 's'}, ${size}`,
    connections,
    busy: connections,
    messageBytes: sizes[size],
    servers,
    others,
  };
}

const sizes = { '64B': 64, '16KiB': 16 * 1024 };
const BUSY = 64;
const IDLE = 10_000;

const among: Scenario = {
  name: 'idle',
  title: '64 busy among 10,000 idle, 64B',
  connections: IDLE + BUSY,
  busy: BUSY,
  messageBytes: sizes['64B'],
  baseline: { connections: BUSY, busy: BUSY, messageBytes: sizes['64B'] },
  servers: ['poll', 'epoll', 'async'],
  others: ['native', 'epoll-edge', 'signal', 'node-net', 'bun'],
};

const peers = ['node-net', 'bun', 'deno'] as const;

// Those with targets first. Who takes part where: every server with 64 connections, as far as it
// can; those that serve one connection at a time, or spend a thread or a process on each, with few;
// the rest of the scenarios are for those that would be chosen for them.
export const scenarios: readonly Scenario[] = [
  scenario(
    64,
    '64B',
    ['native', 'poll', 'epoll', 'async', 'node-net'],
    [
      'epoll-edge',
      'async-threads',
      'select',
      'signal',
      'nonblocking',
      'blocking-thread',
      'poll-as',
      'epoll-as',
      'bun',
      'deno',
    ],
  ),
  scenario(
    1000,
    '64B',
    ['native', 'poll', 'epoll', 'async'],
    ['epoll-edge', 'select', 'signal', 'epoll-as', ...peers],
  ),
  among,
  scenario(
    8,
    '64B',
    [],
    ['native', 'blocking-thread', 'blocking-process', 'select', 'poll', 'epoll', 'async'],
  ),
  scenario(
    1,
    '64B',
    [],
    [
      'native',
      'blocking',
      'blocking-thread',
      'blocking-process',
      'nonblocking',
      'select',
      'poll',
      'epoll',
      'signal',
      'async',
      'node-net',
    ],
  ),
  scenario(64, '16KiB', [], ['native', 'poll', 'epoll', 'async', ...peers]),
];

// A ratio of CPU per echo that the project has promised. A prototype reached each of them.
export interface Target {
  readonly scenario: string;
  readonly ratio: `${ServerName}/${ServerName}` | `${ServerName} idle/own`;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export const targets: readonly Target[] = [
  { scenario: '64x64B', ratio: 'epoll/native', atMost: 1.03 },
  { scenario: '64x64B', ratio: 'async/native', atMost: 1 },
  { scenario: '64x64B', ratio: 'poll/native', atMost: 1.05 },
  { scenario: '64x64B', ratio: 'node-net/poll', atLeast: 1.4 },
  { scenario: '1000x64B', ratio: 'poll/native', atMost: 1.15 },
  { scenario: 'idle', ratio: 'poll idle/own', atMost: 1.1 },
  { scenario: 'idle', ratio: 'epoll idle/own', atMost: 1.1 },
  { scenario: 'idle', ratio: 'async idle/own', atMost: 1.1 },
];
