/** The experiment `ready`: what a wait costs by how many of the watched descriptors are ready. */
import { setImmediate as turn } from 'node:timers/promises';

import { HostError } from '../../../host/kernel/error.js';
import { pollerNames, type PollerName } from '../../../host/kernel/readiness.js';
import { isMore, say } from '../estimate.js';
import type { Bench, Estimate, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { WatchedSockets, type Watch } from './watched-sockets.js';

/** As many as select takes beside what a process has open already. */
const WATCHED = 900;
const COUNTS = [1, 3, 10, 30, 100, 300, WATCHED];
/** Prime to `WATCHED`, and near its golden section: the first few multiples lie far apart. */
const STRIDE = 557;
/** The first one lies in the middle: what looks at each in turn finds it neither soon nor late. */
const MIDDLE = WATCHED / 2;
const BATCH_NS = { quick: 2e6, full: 8e6 };
/** At least so many times cheaper is what a person would change their program for. */
const MUCH = 2;

async function measure(bench: Bench): Promise<Reading[]> {
  bench.signal.throwIfAborted();
  const sockets = new WatchedSockets();
  try {
    const watches = watchAll(sockets, bench);
    const readings: Reading[] = [];
    let ready = 0;
    for (const at of COUNTS) {
      for (; ready < at; ready++) sockets.send((MIDDLE + ready * STRIDE) % WATCHED);
      for (const [series, watch] of watches) {
        await turn();
        bench.signal.throwIfAborted();
        const batchNs = bench.quick ? BATCH_NS.quick : BATCH_NS.full;
        const us = watch.costOfWait(at, batchNs) / 1000;
        readings.push({ figure: 'wait', series, at, value: us });
        readings.push({ figure: 'each', series, at, value: us / at });
      }
    }
    return readings;
  } finally {
    sockets.dispose();
  }
}

/** A set of each kind that watches them all; select's may have no room for them. */
function watchAll(sockets: WatchedSockets, bench: Bench): Map<PollerName, Watch> {
  const open = sockets.open(WATCHED);
  if (open < WATCHED)
    throw new HostError(
      `this process may open ${open} descriptors, and ${WATCHED} are wanted: raise its limit ` +
        '(ulimit -n)',
    );
  const watches = new Map(pollerNames.map((name) => [name, sockets.watch(name, WATCHED)]));
  for (const [name, { count, highest }] of watches) {
    if (count === WATCHED) continue;
    bench.note(`${name} was not measured: it takes no descriptor above ${highest}`);
    watches.delete(name);
  }
  return watches;
}

/** The cheaper of select and poll. */
function cheapest(estimates: Estimates, at: number): Estimate {
  const poll = estimates.of('wait', 'poll', at);
  const select = estimates.find('wait', 'select', at);
  return select && select.mean < poll.mean ? select : poll;
}

function judge(estimates: Estimates): Verdict {
  const at = (count: number) => {
    const epoll = estimates.of('wait', 'epoll', count);
    const other = cheapest(estimates, count);
    return {
      much: isMore(other, epoll, MUCH),
      told:
        `with ${count} of ${WATCHED} ready, ${other.series} takes ${say(other.mean)} µs and ` +
        `epoll ${say(epoll.mean)} µs`,
    };
  };
  const few = at(COUNTS[0]!);
  const all = at(WATCHED);
  const overtaken = COUNTS.find(
    (count) => isMore(estimates.of('wait', 'epoll', count), cheapest(estimates, count)) === 'yes',
  );
  const because =
    `${few.told}; ${all.told}` +
    (overtaken === undefined ? '' : `; from ${overtaken} on, epoll is the dearer`);
  if (few.much === 'no' || all.much === 'yes') return { outcome: 'does not hold', because };
  if (few.much === 'yes' && all.much === 'no') return { outcome: 'holds', because };
  return {
    outcome: 'holds with a condition',
    because: `as far as so unsteady costs tell, ${because}`,
  };
}

export const ready: Experiment = {
  name: 'ready',
  title: 'The number of ready descriptors',
  claim:
    'epoll is much more efficient than select and poll if most of many descriptors are idle, and ' +
    'not much more if most of them are ready.',
  hypothesis:
    `Of ${WATCHED} watched descriptors, a wait that finds 1 ready costs by epoll at most a half ` +
    `of what it costs by the cheaper of select and poll, and one that finds all ${WATCHED} more ` +
    'than a half.',
  method:
    `${WATCHED} datagram sockets are watched on loopback, by level, and some of them, spread ` +
    "evenly, hold a datagram that nobody takes. Measured is the thread's processor time of a " +
    'wait that tells of them all, averaged over many; what their arrival cost is not in it.',
  figures: [
    {
      name: 'wait',
      title: `A wait for ${WATCHED} descriptors, by how many are ready`,
      quantity: { label: 'processor time per wait', unit: 'µs', scale: 'log' },
      axis: { label: 'ready descriptors', scale: 'log' },
    },
    {
      name: 'each',
      title: 'The same, for each that is ready',
      quantity: { label: 'processor time per ready descriptor', unit: 'µs', scale: 'log' },
      axis: { label: 'ready descriptors', scale: 'log' },
    },
  ],
  measure,
  judge,
};
