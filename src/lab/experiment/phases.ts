/** The experiment `phases`: what a process does in the two phases of an operation, by each model. */
import { compare, type Phase } from '../../happy-path.js';
import { machines } from '../../machine.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { operations } from './operations.js';
import { figures, listed, ratio } from './ratio.js';

const models = Object.values(machines).filter((machine) => machine.class !== undefined);
/** One completion brings no more; and a copy of less is hardly seen. */
const BYTES = 16_384;
const DELAY_MS = 10;
const OPERATIONS = { quick: 4, full: 10 };
/** What fills so much of the wait is what the process does in it; the rest is waking and asking. */
const MOSTLY = 0.8;
/** Who is in calls for less than this part of what a blocking recv takes does not copy. */
const COPIES = 0.5;

const doings = ['blocked', 'busy', 'own work'] as const;
type Doing = (typeof doings)[number];

async function measure({ quick, signal, note }: Bench): Promise<Reading[]> {
  const count = quick ? OPERATIONS.quick : OPERATIONS.full;
  const cases = models.map(({ name: model }) => ({
    model,
    bytes: BYTES,
    operations: count,
    delayMs: DELAY_MS,
  }));
  const measured = await operations(cases, signal);
  return measured.flatMap(({ wait, copy, engine }, i): Reading[] => {
    const at = cases[i]!.model;
    if (engine !== undefined) note(`the asynchronous operations were done by ${engine}`);
    const of = (figure: string, series: Doing, value: number) => ({ figure, series, at, value });
    return [
      of('wait', 'blocked', wait.blockedNs / 1e6),
      of('wait', 'busy', wait.busyNs / 1e6),
      of('wait', 'own work', wait.ownNs / 1e6),
      of('copy', 'blocked', copy.blockedNs / 1e3),
      of('copy', 'busy', copy.busyNs / 1e3),
    ];
  });
}

const said = ({ blocked, busy }: Phase): Doing =>
  blocked ? 'blocked' : busy ? 'busy' : 'own work';

/** What fills the wait of a model, whatever the true means are; undefined if nothing surely does. */
function seen(estimates: Estimates, model: string): Doing | undefined {
  const all = doings.map((doing) => estimates.of('wait', doing, model));
  return doings.find((_, i) => {
    const own = Math.max(0, all[i]!.low);
    const others = all.reduce((sum, each, j) => (i === j ? sum : sum + Math.max(0, each.high)), 0);
    return own >= MOSTLY * (own + others);
  });
}

function judge(estimates: Estimates): Verdict {
  const rows = models.map((machine) => {
    const { wait, copy } = compare(machine);
    const model = machine.name;
    return { model, wait: said(wait), found: seen(estimates, model), copies: copy.blocked };
  });
  const other = rows.filter(({ wait, found }) => found !== wait);
  const by = (doing: Doing) => {
    const names = rows.filter(({ found }) => found === doing).map(({ model }) => model);
    return names.length === 0 ? [] : [`${listed(names)} ${mostly[doing]}`];
  };
  const waits = `in a wait of ${DELAY_MS} ms ${doings.flatMap(by).join('; ')}`;
  const copyOf = (model: string) => estimates.of('copy', 'busy', model);
  const most = (model: string) =>
    model === 'blocking' ? 1 : ratio(copyOf(model), copyOf('blocking')).most;
  const least = (model: string) => ratio(copyOf(model), copyOf('blocking')).least;
  const copies =
    `in the copy a thread is in calls for ${figures(copyOf('blocking').mean)} µs by blocking ` +
    `and ${figures(copyOf('async').mean)} µs by async`;
  if (other.length > 0)
    return {
      outcome: 'does not hold',
      because: `${listed(other.map(({ model }) => model))} surely did not as said in the wait: ${waits}`,
    };
  const absent = rows.filter(({ model, copies: must }) => must && most(model) < COPIES);
  if (absent.length > 0)
    return {
      outcome: 'does not hold',
      because: `${listed(absent.map(({ model }) => model))} did not copy: ${copies}`,
    };
  const held = rows.filter(({ model, copies: must }) => !must && most(model) >= COPIES);
  if (held.length > 0) {
    const surely = held.every(({ model }) => least(model) >= COPIES) ? '' : 'maybe ';
    return {
      outcome: 'holds with a condition',
      because:
        `no call of async waits, but its thread ${surely}copies all the same when it takes the ` +
        `completion: ${waits}; ${copies}`,
    };
  }
  return { outcome: 'holds', because: `${waits}; ${copies}` };
}

const mostly: Record<Doing, string> = {
  blocked: 'sleep',
  busy: 'ask all the time',
  'own work': 'do work of their own',
};

export const phases: Experiment = {
  name: 'phases',
  title: 'The two phases of an operation',
  claim:
    'While it waits for data, a process is blocked by blocking I/O and multiplexing, busy by ' +
    'non-blocking I/O, and free by signal-driven and asynchronous I/O; while the data is copied, ' +
    'all models but the asynchronous one block it.',
  hypothesis:
    `Of a wait of ${DELAY_MS} ms, each model spends at least ${MOSTLY * 100} % as it is said; in ` +
    'the copy the thread is in calls for at least half the time of a blocking recv by every ' +
    'model but async, and for less by async.',
  method:
    `A thread drives the machine of each model on the real kernel, and receives ${BYTES} bytes ` +
    `that another one sends by TCP ${DELAY_MS} ms after the operation began. Blocked is the time ` +
    'of a thread that slept, without what it used or waited for of a processor; busy is its ' +
    'processor time but for work of its own, which it does where the table says so, with a look ' +
    'every 300 µs or so. Medians of a few operations, after a warming up.',
  figures: [
    {
      name: 'wait',
      title: `The wait for data that comes after ${DELAY_MS} ms`,
      quantity: { label: 'time of the thread', unit: 'ms' },
      axis: { label: 'model' },
    },
    {
      name: 'copy',
      title: `The copy of ${BYTES} bytes: the calls that bring them`,
      quantity: { label: 'time of the thread', unit: 'µs' },
      axis: { label: 'model' },
    },
  ],
  measure,
  judge,
};
