/** The experiment `phases`: what a process does in the two phases of an operation. */
import { compare, type Phase } from '../../happy-path.js';
import { machines } from '../../machine.js';
import { isMore, listed, say, type Answer } from '../estimate.js';
import type { Bench, Estimate, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { operations } from './operations.js';

const models = Object.values(machines).filter((machine) => machine.class !== undefined);
/** The copy of much less is hardly seen beside the calls, and the cold caches after a sleep. */
const KIB = 1024;
const DELAY_MS = 10;
const OPERATIONS = { quick: 6, full: 12 };
/** What fills so much of the wait is what the process does in it; the rest is waking and asking. */
const MOSTLY = 0.8;
/** Who is in calls for less than this part of what a blocking recv takes does not copy. */
const COPIES = 0.5;

const doings = ['blocked', 'busy', 'own work'] as const;
type Doing = (typeof doings)[number];
/** The series of the copy. */
const CALLS = 'in the calls that copy';
const RUNNING = 'of it, on a processor';

async function measure({ quick, signal, note }: Bench): Promise<Reading[]> {
  const count = quick ? OPERATIONS.quick : OPERATIONS.full;
  const cases = models.map(({ name: model }) => ({
    model,
    bytes: KIB * 1024,
    operations: count,
    delayMs: DELAY_MS,
  }));
  const measured = await operations(cases, signal);
  return measured.flatMap(({ wait, copy, engine }, i): Reading[] => {
    const at = cases[i]!.model;
    if (engine !== undefined) note(`the asynchronous operations were done by ${engine}`);
    const of = (figure: string, series: string, value: number) => ({ figure, series, at, value });
    return [
      of('wait', 'blocked', wait.blockedNs / 1e6),
      of('wait', 'busy', wait.busyNs / 1e6),
      of('wait', 'own work', wait.ownNs / 1e6),
      of('copy', CALLS, copy.wallNs / 1e3),
      of('copy', RUNNING, copy.cpuNs / 1e3),
    ];
  });
}

const said = ({ blocked, busy }: Phase): Doing =>
  blocked ? 'blocked' : busy ? 'busy' : 'own work';

/** Whether something fills the wait of a model, whatever the true means are. */
function fills(estimates: Estimates, doing: Doing, model: string): Answer {
  const { low, high } = estimates.of('wait', doing, model);
  const others = doings
    .filter((each) => each !== doing)
    .map((each) => estimates.of('wait', each, model));
  const sum = (of: (estimate: Estimate) => number) =>
    others.reduce((all, each) => all + Math.max(0, of(each)), 0);
  const least = Math.max(0, low);
  if (least >= MOSTLY * (least + sum((each) => each.high))) return 'yes';
  return high < MOSTLY * (high + sum((each) => each.low)) ? 'no' : 'maybe';
}

/** Whether the calls that bring the data take a model's thread as long as they take `blocking`. */
function copies(estimates: Estimates, model: string): Answer {
  if (model === 'blocking') return 'yes';
  const time = (of: string) => estimates.of('copy', RUNNING, of);
  return isMore(time(model), time('blocking'), COPIES);
}

function judge(estimates: Estimates): Verdict {
  const rows = models.map((machine) => {
    const { wait, copy } = compare(machine);
    const { name } = machine;
    const waits = fills(estimates, said(wait), name);
    return {
      name,
      doing: said(wait),
      waits,
      blocks: copy.blocked,
      copies: copies(estimates, name),
    };
  });
  const names = (holds: (row: (typeof rows)[number]) => boolean) =>
    rows.filter(holds).map(({ name }) => name);
  const us = (model: string) => say(estimates.of('copy', RUNNING, model).mean);
  const measured =
    doings
      .map((doing) => ({ doing, by: names((row) => row.doing === doing && row.waits === 'yes') }))
      .filter(({ by }) => by.length > 0)
      .map(({ doing, by }) => `${listed(by)} ${mostly[doing]}`)
      .join('; ') +
    `, in a wait of ${DELAY_MS} ms; the calls that copy take ${us('blocking')} µs by blocking ` +
    `and ${us('async')} µs by async`;
  const verdict = (outcome: Verdict['outcome'], reason: string): Verdict => ({
    outcome,
    because: `${reason}: ${measured}`,
  });
  const otherwise = names(({ waits }) => waits === 'no');
  if (otherwise.length > 0)
    return verdict('does not hold', `in the wait, not so by ${listed(otherwise)}`);
  const absent = names((row) => row.blocks && row.copies === 'no');
  if (absent.length > 0)
    return verdict('does not hold', `${listed(absent)} did not copy by themselves`);
  const conditions = [
    ...names((row) => !row.blocks && row.copies === 'yes').map(
      (name) => `no call of ${name} waits, but its thread copies when it takes the completion`,
    ),
    ...unsteady(
      'wait',
      names(({ waits }) => waits === 'maybe'),
    ),
    ...unsteady(
      'copy',
      names((row) => row.copies === 'maybe'),
    ),
  ];
  if (conditions.length > 0) return verdict('holds with a condition', conditions.join('; '));
  return verdict('holds', 'all models do as they are said to do');
}

const unsteady = (phase: string, models: readonly string[]) =>
  models.length === 0 ? [] : [`the ${phase} of ${listed(models)} was too unsteady to tell`];

const mostly: Record<Doing, string> = {
  blocked: 'sleep',
  busy: 'ask all the time',
  'own work': 'do other work',
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
    'the calls that copy, the thread uses at least half the processor time of a blocking recv by ' +
    'every model but async, and less by async.',
  method:
    `A thread drives the machine of each model on the real kernel, and receives ${KIB} KiB ` +
    `that another one sends by TCP ${DELAY_MS} ms after the operation began. Blocked is the time ` +
    'of a thread that slept, without what it used or waited for of a processor; busy is its ' +
    'processor time but for work of its own, which it does where the table says so, with a look ' +
    'every 300 µs or so. In the copy no call sleeps: the thread is kept in it, and copies by ' +
    'itself. Medians of a few operations, after a warming up.',
  figures: [
    {
      name: 'wait',
      title: `The wait for data that comes after ${DELAY_MS} ms`,
      quantity: { label: 'time of the thread', unit: 'ms' },
      axis: { label: 'model' },
    },
    {
      name: 'copy',
      title: `The copy of ${KIB} KiB: the calls that bring them`,
      quantity: { label: 'time of the thread', unit: 'µs' },
      axis: { label: 'model' },
    },
  ],
  measure,
  judge,
};
