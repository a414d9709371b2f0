/** A process for each connection, a thread for each, or one event loop for all of them. */
import { all, conditional, isMore, median, say } from '../estimate.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { familyCpuMs, familyMemoryKib } from './family.js';
import { Subject } from './subject.js';
import { alone, quiet } from './quiet.js';
import type { ServerJob, ServerMessage } from './serving-server.js';
import { shuffled } from './shuffled.js';
import { MESSAGE_BYTES, underLoad } from './under-load.js';
import { Visitors } from './visitor.js';

const SERVER = new URL('./serving-server.js', import.meta.url);

const ways = {
  process: { model: 'blocking', serve: 'process' },
  thread: { model: 'blocking', serve: 'thread' },
  'event loop': { model: 'epoll', serve: 'event' },
} as const satisfies Record<string, ServerJob>;
type Way = keyof typeof ways;

/** As many visitors as there have to be for one's cost to be seen, and as there can be. */
const sizes = {
  quick: {
    visitors: { process: 2, thread: 6, 'event loop': 300 },
    load: { connections: 4, warmupSeconds: 0.15, seconds: 0.1 },
  },
  full: {
    visitors: { process: 8, thread: 16, 'event loop': 1000 },
    load: { connections: 8, warmupSeconds: 1, seconds: 0.3 },
  },
};
/** What one connection cannot take less of, as pages are counted. */
const LEAST_KIB = 4;

const NEW = 'a new connection';
const OPEN = 'an echo';

async function measureWay(way: Way, { quick, signal }: Bench): Promise<Reading[]> {
  const { visitors: counts, load } = quick ? sizes.quick : sizes.full;
  const count = counts[way];
  const server = new Subject<ServerMessage>(SERVER, ways[way], signal);
  const cpuMs = () => familyCpuMs(server.pid);
  const visitors = new Visitors();
  try {
    const { port } = await server.next();
    await visitors.come(1, port, signal); // what the server does once for all it has done
    await quiet(cpuMs, signal);
    const before = { cpuMs: cpuMs(), kib: familyMemoryKib(server.pid) };
    const times = await visitors.come(count, port, signal);
    await quiet(cpuMs, signal);
    const spentMs = cpuMs() - before.cpuMs;
    const kib = Math.max(familyMemoryKib(server.pid) - before.kib, LEAST_KIB);
    visitors.leave();
    await alone(server.pid, signal);
    await quiet(cpuMs, signal);
    const loaded = await underLoad({ port, ...load, signal }, cpuMs);
    const reading = (figure: string, at: string, value: number): Reading => ({
      figure,
      series: way,
      at,
      value,
    });
    return [
      reading('time', NEW, median(times) * 1000),
      reading('time', OPEN, loaded.p50Us),
      reading('processor', NEW, (spentMs / count) * 1000),
      reading('processor', OPEN, loaded.cpuUsPerEcho),
      reading('memory', NEW, kib / count),
    ];
  } finally {
    visitors.leave();
    await server.end();
  }
}

async function measure(bench: Bench): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const way of shuffled(Object.keys(ways) as Way[]))
    readings.push(...(await measureWay(way, bench)));
  return readings;
}

function judge(estimates: Estimates): Verdict {
  const of = (figure: string, way: Way, at: string) => estimates.of(figure, way, at);
  /** Whether one costs more than the other to have, in time and in memory. */
  const dearer = (one: Way, other: Way) =>
    all(
      ['processor', 'memory'].map((figure) => isMore(of(figure, one, NEW), of(figure, other, NEW))),
    );
  const numbers = (figure: string, at: string, unit: string) =>
    (Object.keys(ways) as Way[])
      .map((way) => `${say(of(figure, way, at).mean)} (${way})`)
      .join(', ')
      .concat(` ${unit}`);
  const made =
    `a new connection costs ${numbers('processor', NEW, 'µs')} of processor time and ` +
    `${numbers('memory', NEW, 'KiB')} of memory`;
  const open = `an echo costs ${numbers('processor', OPEN, 'µs')} of processor time`;
  const because = (sentence: string) => `${sentence}: ${made}; ${open}`;

  const costsLeast = all([dearer('process', 'event loop'), dearer('thread', 'event loop')]);
  if (costsLeast === 'no')
    return {
      outcome: 'does not hold',
      because: because('a connection does not cost least in the event loop'),
    };
  const cheaper = (way: Way) =>
    isMore(of('processor', way, OPEN), of('processor', 'event loop', OPEN));
  const threadCostsLess = dearer('process', 'thread');
  const echoCostsLeast = all([cheaper('process'), cheaper('thread')]);
  if (all([costsLeast, threadCostsLess, echoCostsLeast]) !== 'yes') {
    const condition = conditional([
      { answer: costsLeast, says: 'a connection costs least in the event loop' },
      {
        answer: threadCostsLess,
        says: 'a thread costs less than a process',
        otherwise: 'a thread costs no less than a process',
      },
      {
        answer: echoCostsLeast,
        says: 'an echo costs least in the event loop',
        otherwise: 'an echo does not cost least in the event loop',
      },
    ]);
    return { outcome: 'holds with a condition', because: because(condition) };
  }
  return {
    outcome: 'holds',
    because: because('the process costs most and the event loop least'),
  };
}

const which = { label: 'of what' };

export const serving: Experiment = {
  name: 'serving',
  title: 'A process, a thread, or an event loop',
  claim:
    'To create a process for each request is expensive, so such a server performs worst; a ' +
    'thread for each costs less; an event loop with non-blocking I/O is what serves most.',
  hypothesis:
    'A new connection costs more of a processor and more memory by a process than by a thread, ' +
    'and more by a thread than in an event loop, where an echo costs least, too.',
  method:
    'The echo server that comes with the package, in a process of its own, by --serve process, ' +
    'thread and event, the first two with the model blocking, the last with epoll. Clients come ' +
    'one after the other, each is echoed once, and all stay; then others send ' +
    `${MESSAGE_BYTES} bytes, wait for the echo, and send the next; V8 has not compiled all of ` +
    'it by then, and does so in each thread and process anew. Processor time and memory are ' +
    'those of the server and its children; what they share is divided among them, and what the ' +
    'kernel has for a socket is not in it.',
  figures: [
    {
      name: 'time',
      title: 'How long a client waits, the median',
      quantity: { label: 'time', unit: 'µs', scale: 'log' },
      axis: which,
    },
    {
      name: 'processor',
      title: 'What it costs the server',
      quantity: { label: 'processor time', unit: 'µs', scale: 'log' },
      axis: which,
    },
    {
      name: 'memory',
      title: 'What a connection holds while it is open',
      quantity: { label: 'memory', unit: 'KiB', scale: 'log' },
      axis: which,
    },
  ],
  measure,
  judge,
};
