// Prints the result: ratios first, each beside its target, then every figure, then memory. It
// judges nothing itself.
import Table from 'cli-table3';
import { scenarios } from './scenario.js';
import { programs } from './program.js';
import type { Ratio, Row } from './statistics.js';

function table(head: string[], lines: string[][], leftColumns: number): string {
  const colAligns = head.map(
    (_, index) => (index < leftColumns ? 'left' : 'right') as 'left' | 'right',
  );
  const drawn = new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
  drawn.push(...lines);
  return drawn.toString();
}

const title = (name: string): string => scenarios.find((each) => each.name === name)?.title ?? name;
const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

function ratioTable(ratios: readonly Ratio[]): string {
  const verdict = ({ met }: Ratio): string => (met === undefined ? '' : met ? 'met' : 'not met');
  return table(
    ['scenario', 'CPU per echo', 'median', 'lowest – highest', 'target', ''],
    ratios.map((each) => [
      title(each.scenario),
      each.ratio,
      each.median.toFixed(3),
      `${each.lowest.toFixed(2)} – ${each.highest.toFixed(2)}`,
      each.target ?? '',
      verdict(each),
    ]),
    2,
  );
}

function figureTable(rows: readonly Row[]): string {
  return table(
    ['scenario', 'server', 'CPU µs/echo', 'echoes/s', 'p50 µs', 'p99 µs'],
    rows.map((row) => [
      title(row.scenario),
      programs[row.server].title,
      row.cpuUsPerEcho.toFixed(3),
      whole(row.throughput),
      row.p50Us.toFixed(1),
      row.p99Us.toFixed(1),
    ]),
    2,
  );
}

function memoryTable(rows: readonly Row[]): string {
  return table(
    ['server', 'resident bytes per idle connection'],
    rows.flatMap(({ server, bytesPerIdleConnection: bytes }) => {
      return bytes === undefined ? [] : [[programs[server].title, whole(bytes)]];
    }),
    1,
  );
}

export function report(ratios: readonly Ratio[], rows: readonly Row[]): string {
  const parts = [];
  if (ratios.length > 0) parts.push('Ratios (medians of the rounds)', ratioTable(ratios), '');
  parts.push('Figures (medians)', figureTable(rows));
  if (rows.some((row) => row.bytesPerIdleConnection !== undefined)) {
    parts.push('', 'Memory (medians)', memoryTable(rows));
  }
  return parts.join('\n');
}
