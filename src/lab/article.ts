/**
 * The table of docs/ARTICLE.md: each claim of the article in a line, with its experiment and its
 * verdict. The claims are the experiments' own, the verdicts those of the results.
 */
import type { Experiment } from './experiment.js';
import type { Results } from './results.js';

const GIBIBYTE = 2 ** 30;

/** What a reader must know of the measuring to weigh its numbers. */
export function named({ machine, quick }: Results): string {
  const { cpu, cores, memoryBytes, kernel, node, date } = machine;
  const memory = `${(memoryBytes / GIBIBYTE).toFixed(0)} GiB`;
  const processor = `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}`;
  const when = `${date.slice(0, 10)}${quick ? ', with --quick' : ''}`;
  return `${processor}, ${memory}, ${kernel}, Node ${node}, ${when}`;
}

const row = (...cells: string[]) =>
  `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |\n`;

export function verdicts(experiments: readonly Experiment[], results: Results): string {
  const rows = experiments.map(({ name, claim }) => {
    const found = results.experiments.find((each) => each.name === name);
    const outcome = found?.verdict?.outcome ?? 'not measured';
    const because = found?.verdict?.because ?? found?.notMeasured ?? 'it is new';
    return row(claim, `\`${name}\``, outcome, because);
  });
  return [
    `Measured on: ${named(results)}.\n\n`,
    row('claim', 'experiment', 'verdict', 'because'),
    row('---', '---', '---', '---'),
    ...rows,
  ].join('');
}
