// What is measured: how many connections, how many of them busy, how large a message; and what has
// to be reached.
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
}

const IDLE_CONNECTIONS = 10_000;
const sizes = [
  { messageBytes: 64, label: '64B' },
  { messageBytes: 16 * 1024, label: '16KiB' },
];

function plain(connections: number): Scenario[] {
  return sizes.map(({ messageBytes, label }) => ({
    name: `${connections}x${label}`,
    title: `${connections} connection${connections === 1 ? '' : 's'}, ${label}`,
    connections,
    busy: connections,
    messageBytes,
  }));
}

const among: Scenario = {
  name: 'idle',
  title: '64 busy among 10,000 idle, 64B',
  connections: IDLE_CONNECTIONS + 64,
  busy: 64,
  messageBytes: 64,
  baseline: { connections: 64, busy: 64, messageBytes: 64 },
};

export const scenarios: readonly Scenario[] = [...plain(1), ...plain(64), ...plain(1000), among];

// A ratio of CPU per echo that the project has promised. A prototype reached each of them.
export interface Target {
  readonly scenario: string;
  readonly ratio: 'pollux/native' | 'node-net/pollux' | 'pollux idle/own';
  readonly atMost?: number;
  readonly atLeast?: number;
}

export const targets: readonly Target[] = [
  { scenario: '64x64B', ratio: 'pollux/native', atMost: 1.05 },
  { scenario: '64x64B', ratio: 'node-net/pollux', atLeast: 1.4 },
  { scenario: '1000x64B', ratio: 'pollux/native', atMost: 1.15 },
  { scenario: 'idle', ratio: 'pollux idle/own', atMost: 1.1 },
];
