// From samples to figures: medians per server, and ratios as medians of the ratios of each round,
// which are medians of those of its slices.
import type { Figures, Sample } from './measure.js';
import { type Target, scenarios, targets } from './scenario.js';
import { type ServerName, serverNames } from './program.js';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

export interface Ratio {
  readonly scenario: string;
  readonly ratio: string;
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly target?: string;
  readonly met?: boolean;
}

function judged(scenario: string, ratio: string, values: readonly number[]): Ratio {
  const found: Ratio = {
    scenario,
    ratio,
    median: median(values),
    lowest: Math.min(...values),
    highest: Math.max(...values),
  };
  const target = targets.find((each: Target) => each.scenario === scenario && each.ratio === ratio);
  if (target === undefined) return found;
  const { atMost = Infinity, atLeast = -Infinity } = target;
  return {
    ...found,
    target: target.atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`,
    met: found.median <= atMost && found.median >= atLeast,
  };
}

const peers: readonly ServerName[] = ['node-net', 'bun', 'deno'];

// Every server over the native one; the peers over Pollux's default too; and what the article says
// of select and of blocking threads.
const compared: readonly (readonly [ServerName, ServerName])[] = [
  ...serverNames.filter((name) => name !== 'native').map((name) => [name, 'native'] as const),
  ...peers.map((name) => [name, 'poll'] as const),
  ['select', 'blocking-thread'],
];

// The median of the ratios of their slices, which were measured in turn.
function over(above: Figures, below: Figures): number {
  return median(above.slicesUs.map((cost, i) => cost / (below.slicesUs[i] ?? NaN)));
}

// CPU per echo of one server over another's, or over its own without the idle connections; those
// with a target first.
export function ratios(samples: readonly Sample[]): Ratio[] {
  const all: Ratio[] = [];
  for (const { name } of scenarios) {
    const here = samples.filter((each) => each.scenario === name);
    for (const [above, below] of compared) {
      const values = here
        .filter((each) => each.server === above)
        .flatMap((each) => {
          const peer = here.find((other) => other.server === below && other.round === each.round);
          return peer ? [over(each.figures, peer.figures)] : [];
        });
      if (values.length > 0) all.push(judged(name, `${above}/${below}`, values));
    }
    for (const server of new Set(here.map((each) => each.server))) {
      const values = here
        .filter((each) => each.server === server)
        .flatMap(({ figures, baseline }) => {
          return baseline ? [over(figures, baseline)] : [];
        });
      if (values.length > 0) all.push(judged(name, `${server} idle/own`, values));
    }
  }
  return [...all.filter((each) => each.target), ...all.filter((each) => !each.target)];
}

export interface Row {
  readonly scenario: string;
  readonly server: ServerName;
  readonly cpuUsPerEcho: number;
  readonly throughput: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly bytesPerIdleConnection?: number;
}

// The medians of every scenario and server that was measured.
export function rows(samples: readonly Sample[]): Row[] {
  return scenarios.flatMap((scenario) => {
    const here = samples.filter((each) => each.scenario === scenario.name);
    return [...new Set(here.map((each) => each.server))].map((server): Row => {
      const own = here.filter((each) => each.server === server).map((each) => each.figures);
      const of = (pick: (figures: Figures) => number): number => median(own.map(pick));
      const row = {
        scenario: scenario.name,
        server,
        cpuUsPerEcho: of((each) => each.cpuUsPerEcho),
        throughput: of((each) => each.throughput),
        p50Us: of((each) => each.p50Us),
        p99Us: of((each) => each.p99Us),
      };
      if (scenario.baseline === undefined) return row;
      const grown = of((each) => each.serverResidentConnected - each.serverResidentBefore);
      return { ...row, bytesPerIdleConnection: grown / scenario.connections };
    });
  });
}
