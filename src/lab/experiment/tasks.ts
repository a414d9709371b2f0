/** Three tasks that wait for I/O: one after the other, in a thread each, and in an event loop. */
import { all, conditional, isMore, median, say } from '../estimate.js';
import type { Bench, Estimate, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { Subject } from './subject.js';
import { shuffled } from './shuffled.js';
import type { DeviceMessage } from './tasks-device.js';
import type { ProgramJob, ProgramMessage, ProgramOrder } from './tasks-program.js';
import { ways, type Way, type Work } from './tasks-task.js';

const DEVICE = new URL('./tasks-device.js', import.meta.url);
const PROGRAM = new URL('./tasks-program.js', import.meta.url);

const WAITING = 'tasks that wait';
const COMPUTING = 'tasks that compute';
const sizes: Record<'quick' | 'full', Record<string, Work>> = {
  quick: {
    [WAITING]: { steps: 3, computeMs: 1, waitMs: 20 },
    [COMPUTING]: { steps: 3, computeMs: 10, waitMs: 1 },
  },
  full: {
    [WAITING]: { steps: 4, computeMs: 2, waitMs: 30 },
    [COMPUTING]: { steps: 4, computeMs: 30, waitMs: 2 },
  },
};

/** The median of so many is told: one that met something else on the machine is not. */
const ROUNDS = 3;

/**
 * How many times as long one thread must take. For three tasks whose waits overlap it is nearly 3,
 * for three that compute in one thread it is 1: what is above the middle is no accident.
 */
const SHORTER = 1.5;

const totalMs = ({ spans, startMs }: ProgramMessage) =>
  Math.max(...spans.map(([, to]) => to)) - startMs;

/** For how long of that nobody did anything. */
export function idleMs({ spans, startMs }: ProgramMessage): number {
  let [idle, until] = [0, startMs];
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    idle += Math.max(from - until, 0);
    until = Math.max(until, to);
  }
  return idle;
}

async function measure({ quick, signal }: Bench): Promise<Reading[]> {
  const readings: Reading[] = [];
  const device = new Subject<DeviceMessage>(DEVICE, {}, signal);
  try {
    const job: ProgramJob = await device.next();
    const program = new Subject<ProgramMessage>(PROGRAM, job, signal);
    try {
      await program.next();
      for (const [at, work] of Object.entries(quick ? sizes.quick : sizes.full)) {
        const found = new Map(ways.map((way) => [way, [] as ProgramMessage[]]));
        for (let round = 0; round < ROUNDS; round++) {
          for (const way of shuffled(ways)) {
            program.send({ way, work } satisfies ProgramOrder);
            found.get(way)!.push(await program.next());
          }
        }
        for (const [series, rounds] of found) {
          const of = (time: (round: ProgramMessage) => number) => median(rounds.map(time));
          readings.push({ figure: 'total', series, at, value: of(totalMs) });
          readings.push({ figure: 'idle', series, at, value: of(idleMs) });
        }
      }
    } finally {
      await program.end();
    }
  } finally {
    await device.end();
  }
  return readings;
}

function judge(estimates: Estimates): Verdict {
  const total = (way: Way, at: string) => estimates.of('total', way, at);
  const idle = (way: Way, at: string) => estimates.of('idle', way, at);
  const ms = ({ mean }: Estimate) => `${say(mean)} ms`;
  const times = (at: string) =>
    ways.map((way) => `${ms(total(way, at))} (${way}, idle for ${ms(idle(way, at))})`).join(', ');
  const because = (sentence: string) =>
    `${sentence}: ${WAITING} take ${times(WAITING)}; ${COMPUTING} take ${times(COMPUTING)}`;

  const shortens = (way: Way, at: string) =>
    isMore(total('one thread', at), total(way, at), SHORTER);
  const lessIdle = (way: Way) => isMore(idle('one thread', WAITING), idle(way, WAITING));
  const overlaps = all(
    (['event loop', 'three threads'] as const).flatMap((way) => [
      shortens(way, WAITING),
      lessIdle(way),
    ]),
  );
  const computes = shortens('event loop', COMPUTING);

  if (overlaps === 'no')
    return {
      outcome: 'does not hold',
      because: because(
        'to overlap the waits does not save a third of the time, or leaves no less of it idle',
      ),
    };
  if (overlaps === 'yes' && computes === 'yes')
    return { outcome: 'holds', because: because('waits overlap, and computing is no hindrance') };
  const condition = conditional([
    { answer: overlaps, says: 'to overlap the waits saves a third of the time' },
    {
      answer: computes,
      says: 'tasks that compute are done sooner',
      otherwise: 'tasks that compute are done no sooner by an event loop',
    },
  ]);
  return { outcome: 'holds with a condition', because: because(condition) };
}

const kinds = { label: 'of what kind the tasks are' };

export const tasks: Experiment = {
  name: 'tasks',
  title: 'Three tasks that wait for I/O',
  claim:
    'One thread that does three tasks one after the other idles whenever one of them waits for ' +
    'I/O; a thread for each, or one event loop in which they take turns, has them done sooner.',
  hypothesis:
    `One thread that blocks takes more than ${SHORTER} times as long as a thread for each, and ` +
    'as an event loop, and is idle for longer; whether the tasks wait or compute.',
  method:
    'The same three tasks, each of which computes and then waits for the answer of a device over ' +
    'a socket, several times: once mostly waiting, once mostly computing. The device is another ' +
    'process. Threads are started before. Idle is when nobody is on the way from one wait to the ' +
    `next. Medians of ${ROUNDS}.`,
  figures: [
    {
      name: 'total',
      title: 'How long the three tasks take',
      quantity: { label: 'time', unit: 'ms' },
      axis: kinds,
    },
    {
      name: 'idle',
      title: 'How long of that nobody has anything to do',
      quantity: { label: 'idle', unit: 'ms' },
      axis: kinds,
    },
  ],
  measure,
  judge,
};
