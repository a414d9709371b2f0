/**
 * Multiplexing against a thread for each connection, which blocks: for few connections, and for
 * many.
 */
import { cpuTimeMs } from '../../../host/linux/cpu-time.js';
import { HostError } from '../../../host/kernel/error.js';
import { any, conditional, isMore, say, type Answer } from '../estimate.js';
import type { Bench, Estimate, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import type { ServerJob, ServerMessage, Wait } from './multiplexing-server.js';
import { Subject } from './subject.js';
import { quiet } from './quiet.js';
import { shuffled } from './shuffled.js';
import { underLoad } from './under-load.js';

const SERVER = new URL('./multiplexing-server.js', import.meta.url);

const THREAD = 'thread + blocking';
/** The series, and how each waits. */
const series: Record<string, Wait> = { [THREAD]: 'thread', select: 'select', epoll: 'epoll' };
const multiplexers = ['select', 'epoll'] as const;

/** A thread of Node takes 40 ms of a processor to start: there cannot be thousands. */
const sizes = {
  quick: { connections: [1, 4, 16], warmupSeconds: 0.1, seconds: 0.1 },
  full: { connections: [1, 4, 16, 64], warmupSeconds: 0.15, seconds: 0.2 },
};

/** The article names no number. A thread for each of so many is nothing that a machine notices. */
const FEW = 8;
/** What differs by less is as fast: nobody would choose a server for it. */
const MARGIN = 0.1;

async function measureServer(name: string, bench: Bench): Promise<Reading[]> {
  const { signal, quick } = bench;
  const { connections: counts, ...times } = quick ? sizes.quick : sizes.full;
  const job: ServerJob = { wait: series[name]!, connections: Math.max(...counts) };
  const server = new Subject<ServerMessage>(SERVER, job, signal);
  const cpuMs = () => {
    const used = cpuTimeMs({ process: server.pid });
    if (used === undefined) throw new HostError('the server has ended by itself');
    return used;
  };
  const readings: Reading[] = [];
  try {
    const { port } = await server.next();
    await quiet(cpuMs, signal); // threads were started
    for (const connections of counts) {
      const loaded = await underLoad({ port, connections, ...times, signal }, cpuMs);
      const at = { series: name, at: connections };
      readings.push({ figure: 'latency', ...at, value: loaded.p50Us });
      readings.push({ figure: 'tail', ...at, value: loaded.p99Us });
      readings.push({ figure: 'processor', ...at, value: loaded.cpuUsPerEcho });
      readings.push({ figure: 'rate', ...at, value: loaded.echoesPerSecond });
    }
  } finally {
    await server.end();
  }
  return readings;
}

async function measure(bench: Bench): Promise<Reading[]> {
  const readings: Reading[] = [];
  // None is always the first, or the last, of what a machine has to do at the time.
  for (const name of shuffled(Object.keys(series)))
    readings.push(...(await measureServer(name, bench)));
  return readings;
}

/** Whether the first is less by more than the margin. */
const isLess = (one: Estimate, other: Estimate): Answer => isMore(other, one, 1 / (1 - MARGIN));

function judge(estimates: Estimates): Verdict {
  const latency = (name: string, at: number) => estimates.of('latency', name, at);
  const cpu = (name: string, at: number) => estimates.of('processor', name, at);
  const counts = estimates.all
    .filter(({ figure, series }) => figure === 'latency' && series === THREAD)
    .map(({ at }) => Number(at))
    .sort((a, b) => a - b);
  const [fewest, most] = [counts[0]!, counts.at(-1)!];
  const faster = (at: number) =>
    any(multiplexers.map((name) => isLess(latency(name, at), latency(THREAD, at))));
  const best = multiplexers.reduce((a, b) => (cpu(a, most).mean <= cpu(b, most).mean ? a : b));
  const gains = any([faster(most), isLess(cpu(best, most), cpu(THREAD, most))]);

  const us = ({ mean }: Estimate) => `${say(mean)} µs`;
  const few =
    `with ${fewest} connection${fewest === 1 ? '' : 's'} an echo takes ` +
    [THREAD, ...multiplexers].map((name) => `${us(latency(name, fewest))} (${name})`).join(', ');
  const many =
    `with ${most} it costs ${us(cpu(best, most))} of processor time by ${best} and ` +
    `${us(cpu(THREAD, most))} by threads`;
  const because = (sentence: string) => `${sentence}: ${few}; ${many}`;

  if (faster(fewest) === 'yes')
    return {
      outcome: 'does not hold',
      because: because('multiplexing is faster even for the fewest'),
    };
  const fewer = counts.filter((at) => at <= FEW);
  const from = fewer.find((at) => faster(at) === 'yes');
  const isFasterForFew = any(fewer.map(faster));
  const condition = (sentence: string): Verdict => ({
    outcome: 'holds with a condition',
    because: because(sentence),
  });
  if (from !== undefined)
    return condition(`few means fewer than ${from}, from where on multiplexing is faster`);
  if (isFasterForFew === 'maybe' || gains !== 'yes')
    return condition(
      conditional([
        {
          answer: isFasterForFew === 'maybe' ? 'maybe' : 'yes',
          says: 'multiplexing is no faster for few',
        },
        {
          answer: gains,
          says: `it is better for ${most}`,
          otherwise: `multiplexing is not better for ${most} either`,
        },
      ]),
    );
  const slower = any(
    multiplexers.map((name) => isLess(latency(THREAD, fewest), latency(name, fewest))),
  );
  return {
    outcome: 'holds',
    because: because(
      slower === 'yes'
        ? 'multiplexing has more latency for few, and costs less for many'
        : 'multiplexing is not faster for few, and costs less for many',
    ),
  };
}

const connections = { label: 'connections', scale: 'log' } as const;

export const multiplexing: Experiment = {
  name: 'multiplexing',
  title: 'Multiplexing, or a thread that blocks',
  claim:
    'For few connections a server by select or epoll is not faster than one with a thread that ' +
    'blocks for each, and may have more latency; its advantage is that it handles more of them.',
  hypothesis:
    `With 1 to ${FEW} connections the median latency by select and epoll is not lower by ` +
    `${MARGIN * 100} %; with the most connections an echo takes less time, or less of a processor.`,
  method:
    'An echo server in a process of its own, by threads of which each blocks in read(2), or by ' +
    'one thread that waits in select(2) or epoll_wait(2); all of them receive and send by the ' +
    'same calls. Another process sends 64 bytes on each connection, waits for the echo, and ' +
    'sends the next.',
  figures: [
    {
      name: 'latency',
      title: 'How long an echo takes, the median',
      quantity: { label: 'latency', unit: 'µs', scale: 'log' },
      axis: connections,
    },
    {
      name: 'tail',
      title: 'How long an echo takes, one in a hundred',
      quantity: { label: 'latency, 99th percentile', unit: 'µs', scale: 'log' },
      axis: connections,
    },
    {
      name: 'processor',
      title: 'What an echo costs the server',
      quantity: { label: 'processor time per echo', unit: 'µs' },
      axis: connections,
    },
    {
      name: 'rate',
      title: 'How many echoes are served',
      quantity: { label: 'echoes per second', unit: '1/s' },
      axis: connections,
    },
  ],
  measure,
  judge,
};
