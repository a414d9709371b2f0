/** The experiment `watched`: what a wait costs by how many descriptors are watched. */
import { setImmediate as turn } from 'node:timers/promises';

import { HostError } from '../../../host/kernel/error.js';
import { pollerNames, type PollerName } from '../../../host/kernel/readiness.js';
import { isMore, listed, say } from '../estimate.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { WatchedSockets } from './watched-sockets.js';

/** Evenly spread; 900, for select never takes 1,000: a process has some descriptors already. */
const COUNTS = [10, 30, 100, 300, 900, 3000, 10_000];
const FEWEST = COUNTS[0]!;
const MOST = COUNTS.at(-1)!;
/** Below this there is nothing to see. */
const LEAST_MOST = 100;
/** What the process opens meanwhile: a set, and the socket that sends. */
const SPARE = 8;
/** The one that is ready is in so many places in turn, from the first to the last. */
const PLACES = 4;
const BATCH_NS = { quick: 1e6, full: 3e6 };
/** What is first called is slow: it is not compiled yet. */
const WARMING_NS = 10e6;
/** FD_SETSIZE, of the C library's `fd_set`. */
const SELECT_LIMIT = 1024;
/** From 10 to 900 and more, what looks at each costs far more than this; what does not, nothing. */
const GROWS = 3;
/** A few misses of the processor's cache more are no growth. */
const FLAT = 2;
/** With so many times less at the most watched, epoll is cheaper, even if it grows as well. */
const CHEAPER = 5;

async function measure(bench: Bench): Promise<Reading[]> {
  bench.signal.throwIfAborted();
  const sockets = new WatchedSockets();
  try {
    const open = sockets.open(MOST + SPARE);
    for (let i = 0; i < SPARE; i++) sockets.closeLast();
    const most = open - SPARE;
    if (most < LEAST_MOST)
      throw new HostError(
        `this process may open ${Math.max(0, most)} descriptors, and ${LEAST_MOST} are wanted: ` +
          'raise its limit (ulimit -n)',
      );
    if (most < MOST)
      bench.note(
        `fewer than ${say(MOST)} descriptors were watched, for this process may not open so ` +
          'many (ulimit -n)',
      );
    const readings: Reading[] = [];
    for (const series of pollerNames) cost(sockets, series, FEWEST, WARMING_NS);
    for (const series of pollerNames) {
      readings.push(highest(sockets, series, most, bench));
      for (const at of COUNTS.filter((count) => count <= most)) {
        await turn();
        bench.signal.throwIfAborted();
        const value = cost(sockets, series, at, bench.quick ? BATCH_NS.quick : BATCH_NS.full);
        if (value !== undefined) readings.push({ figure: 'cost', series, at, value });
      }
    }
    return readings;
  } finally {
    sockets.dispose();
  }
}

/** The highest descriptor that a set takes, of all that there are. */
function highest(sockets: WatchedSockets, name: PollerName, most: number, bench: Bench): Reading {
  const watch = sockets.watch(name, most);
  const { count, highest: value } = watch;
  watch.close();
  if (count < most)
    bench.note(
      `${name} took no descriptor above ${value}, of ${say(most)} that there were: ` +
        `FD_SETSIZE is ${say(SELECT_LIMIT)}`,
    );
  return { figure: 'limit', series: 'highest descriptor', at: name, value };
}

/** In microseconds; undefined if the set does not take so many. */
function cost(sockets: WatchedSockets, name: PollerName, count: number, batchNs: number) {
  const watch = sockets.watch(name, count);
  try {
    if (watch.count < count) return undefined;
    let sumNs = 0;
    for (let place = 0; place < PLACES; place++) {
      const index = Math.round((place * (count - 1)) / (PLACES - 1));
      sockets.send(index);
      sumNs += watch.costOfWait(1, batchNs);
      sockets.take(index);
    }
    return sumNs / PLACES / 1000;
  } finally {
    watch.close();
  }
}

/** What a series costs where fewest and where most are watched. */
function ends(estimates: Estimates, series: PollerName) {
  const all = estimates.all.filter((each) => each.figure === 'cost' && each.series === series);
  const most = Math.max(...all.map(({ at }) => Number(at)));
  const first = estimates.of('cost', series, FEWEST);
  const last = estimates.of('cost', series, most);
  return { series, most, first, last };
}

function told({ series, most, first, last }: ReturnType<typeof ends>): string {
  return (
    `by ${series} ${say(last.mean / first.mean)} times (${say(first.mean)} to ` +
    `${say(last.mean)} µs, at ${say(most)})`
  );
}

function judge(estimates: Estimates): Verdict {
  const select = ends(estimates, 'select');
  const poll = ends(estimates, 'poll');
  const epoll = ends(estimates, 'epoll');
  const taken = (name: PollerName) => estimates.of('limit', 'highest descriptor', name).mean;
  const cheaper = isMore(poll.last, epoll.last, CHEAPER);
  const times = say(poll.last.mean / epoll.last.mean);
  const measured =
    `from ${FEWEST} descriptors on, the cost of a wait grows ${told(select)}, ${told(poll)} and ` +
    `${told(epoll)}; the highest descriptor that select takes is ${taken('select')}, and epoll ` +
    `${taken('epoll')}`;
  const verdict = (outcome: Verdict['outcome'], reasons: readonly string[]): Verdict => ({
    outcome,
    because: `${listed(reasons)}: ${measured}`,
  });
  const growing = [select, poll].map((each) => ({
    ...each,
    grows: isMore(each.last, each.first, GROWS),
  }));
  const against = [
    ...growing
      .filter(({ grows }) => grows === 'no')
      .map(({ series }) => `${series} hardly costs more with more`),
    ...(cheaper === 'no' ? ['epoll is not much cheaper with many'] : []),
    ...(taken('select') < SELECT_LIMIT ? [] : ['select takes more than 1,024']),
  ];
  if (against.length > 0) return verdict('does not hold', against);
  const conditions = [
    ...growing
      .filter(({ grows }) => grows === 'maybe')
      .map(({ series }) => `the cost of ${series} was too unsteady`),
    ...(cheaper === 'maybe' ? ['it was too unsteady how much cheaper epoll is'] : []),
    ...(isMore(epoll.last, epoll.first, FLAT) !== 'no'
      ? [`epoll may cost more with more as well, but ${times} times less than poll`]
      : []),
    ...(poll.most < MOST ? [`no more than ${say(poll.most)} could be watched here`] : []),
    ...(taken('epoll') < SELECT_LIMIT ? ["select's limit was not met"] : []),
  ];
  if (conditions.length > 0) return verdict('holds with a condition', conditions);
  return verdict('holds', [
    `with ${say(MOST)} watched, poll costs ${times} times as much as epoll`,
  ]);
}

export const watched: Experiment = {
  name: 'watched',
  title: 'The number of watched descriptors',
  claim:
    'The cost of select and poll grows with the number of descriptors that are watched, that of ' +
    'epoll does not, and select watches no more than 1,024.',
  hypothesis:
    `From ${FEWEST} to ${say(MOST)} descriptors a wait by poll (by select, to the last that ` +
    `it takes) costs at least ${GROWS} times as much, by epoll at most ${FLAT} times; with most ` +
    `watched, epoll costs at most a ${CHEAPER}th of poll; select takes no descriptor above ` +
    `${SELECT_LIMIT - 1}.`,
  method:
    'So many datagram sockets are watched on loopback, by level, and one of them is ready, in ' +
    `${PLACES} places in turn. Measured is the thread's processor time of a wait that finds it, ` +
    'averaged over many, with the way from JavaScript to the kernel and back. No wait sleeps.',
  figures: [
    {
      name: 'cost',
      title: 'A wait that finds one ready, by the number of watched descriptors',
      quantity: { label: 'processor time per wait', unit: 'µs', scale: 'log' },
      axis: { label: 'watched descriptors', scale: 'log' },
    },
    {
      name: 'limit',
      title: 'The highest descriptor that is taken',
      quantity: { label: 'number of the descriptor', unit: '' },
      axis: { label: 'interface' },
    },
  ],
  measure,
  judge,
};
