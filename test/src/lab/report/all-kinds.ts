/**
 * Results that nobody measured: of every kind that a report must draw, and of every verdict. What
 * they say of the world is nothing.
 */
import type { Estimate, Figure } from '#src/lab/experiment';
import type { Result, Results } from '#src/lab/results';

type Values = Record<string, Record<string, number>>;

/** Estimates of series at places; a number of readings of 1 leaves no interval. */
function estimates(figure: string, values: Values, count = 5): Estimate[] {
  return Object.entries(values).flatMap(([series, places]) =>
    Object.entries(places).map(([place, mean], i) => {
      const half = count === 1 ? 0 : Math.abs(mean) * (0.04 + 0.05 * (i % 3)) + 0.001;
      const at = /^\d+$/.test(place) ? Number(place) : place;
      return {
        figure,
        series,
        at,
        count,
        mean,
        median: mean,
        low: mean - half,
        high: mean + half,
      };
    }),
  );
}

function figure(name: string, label: string, unit: string, axis: string, log: string[] = []) {
  return {
    name,
    title: `${label[0]!.toUpperCase()}${label.slice(1)}, by ${axis}`,
    quantity: { label, unit, ...(log.includes('value') && { scale: 'log' as const }) },
    axis: { label: axis, ...(log.includes('place') && { scale: 'log' as const }) },
  } satisfies Figure;
}

const words = {
  hypothesis: 'The first is more than the second, and their intervals do not overlap.',
  method:
    'Both are done a thousand times in turn, and the processor time is taken before and after.',
};

const watched: Result = {
  ...words,
  name: 'watched',
  title: 'Cost by watched descriptors',
  claim: 'select and poll cost more with every descriptor that is watched; epoll does not.',
  figures: [
    figure('wait', 'processor time per wait', 'µs', 'watched descriptors', ['value', 'place']),
  ],
  estimates: estimates('wait', {
    select: { 10: 1.9, 100: 5.2, 1000: 41 },
    poll: { 10: 1.4, 100: 4.6, 1000: 38, 10000: 412 },
    epoll: { 10: 0.92, 100: 0.94, 1000: 0.97, 10000: 1.02 },
  }),
  notes: ['select: no descriptor above 1023, so it is not measured with 10,000.'],
  verdict: {
    outcome: 'holds with a condition',
    because:
      'if few are ready, poll costs 294 times as much with 10,000 as with 10, epoll 1.1 times',
  },
};

const phases: Result = {
  ...words,
  name: 'phases',
  title: 'Two phases of a read',
  claim:
    'A model is told by whether the process is blocked while it waits, and while data is copied.',
  figures: [
    figure('blocked', 'share of the time in which the process is blocked', '%', 'model'),
    figure('copy', 'time of the copy', 'µs', 'model', ['value']),
    figure('state', 'looks that found it so', '%', 'model'),
  ],
  estimates: [
    ...estimates('blocked', {
      wait: { blocking: 98.2, nonblocking: 0.4, 'multiplexing (epoll)': 97.1, async: 0.2 },
      copy: { blocking: 1.2, nonblocking: 1.4, 'multiplexing (epoll)': 1.9, async: 0 },
    }),
    ...estimates('copy', { copy: { blocking: 1210, nonblocking: 12, async: 0.31 } }),
    ...estimates('state', { asleep: { blocking: 98 }, awake: { nonblocking: 97 } }),
  ],
  notes: [],
  verdict: {
    outcome: 'holds',
    because: 'It is blocked for 98.2 % of a blocking read, and for 0.2 %.',
  },
};

const serving: Result = {
  ...words,
  name: 'serving',
  title: 'A process, a thread, an event loop',
  claim: 'An event loop serves more a second than a process for each <client> & its "own" memory.',
  figures: [
    figure('rate', 'requests', '1/s', 'clients'),
    figure('change', 'memory gained', 'MiB', 'way to serve with a name that is far too long'),
    figure('nothing', 'what was not measured', '', 'clients'),
  ],
  estimates: [
    ...estimates('rate', {
      process: { 1: 9100, 2: 12800, 4: 13100, 8: 12900 },
      thread: { 1: 15200, 2: 25800, 4: 31000, 8: 30400 },
      event: { 1: 15500, 2: 26100, 4: 31800, 8: 31900 },
    }),
    ...estimates(
      'change',
      { memory: { 'a process for each connection, started anew': 48.2, 'one event loop': -1.4 } },
      1,
    ),
  ],
  notes: ['The load came from the same two cores.', 'One & two < three.'],
  verdict: {
    outcome: 'does not hold',
    because: 'A thread for each serves 30,400 a second, and so does one loop.',
  },
};

const direct: Result = {
  ...words,
  name: 'buffered',
  title: 'Buffered and direct I/O',
  claim: 'Buffered I/O copies data twice, and direct I/O once.',
  figures: [figure('cost', 'processor time per MiB', 'µs', 'direction')],
  estimates: [],
  notes: [],
  notMeasured: 'the folder for temporary files does not support O_DIRECT',
};

export const allKinds: Results = {
  pollux: '0.1.0',
  machine: {
    cpu: 'A processor that was made up',
    cores: 2,
    memoryBytes: 8_241_278_976,
    kernel: 'Linux 6.18.0 x64',
    node: 'v20.19.0',
    date: '2026-11-24T12:00:00.000Z',
  },
  quick: true,
  experiments: [watched, phases, serving, direct],
};
