/**
 * What not to block costs while nothing comes: a server that asks again and again, beside those
 * that wait in one call.
 */
import type { EchoModel } from '../../echo.js';
import { all, isMore, say, UNSTEADY } from '../estimate.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { idle } from './idle.js';

const WINDOW_MS = { quick: 600, full: 2000 };
/**
 * From here on it has the processor for itself; what it lacks is the interrupts' of the machine and
 * of the one that the machine runs on.
 */
const ALL_PERCENT = 75;
/** And below this nobody would notice. */
const NOTICED_PERCENT = 5;

const BUSY = 'busy';
const CALLS = 'calls';
const WAITING = 'waiting';

const ASKING = 'nonblocking';
const watched: readonly EchoModel[] = ['blocking', 'epoll', ASKING];

async function measure({ quick, signal }: Bench): Promise<Reading[]> {
  const found = await idle(watched, WINDOW_MS[quick ? 'quick' : 'full'], signal);
  return [...found].flatMap(([at, { busyPercent, callsPerSecond }]) => [
    { figure: BUSY, series: WAITING, at, value: busyPercent },
    { figure: CALLS, series: WAITING, at, value: callsPerSecond },
  ]);
}

function judge(estimates: Estimates): Verdict {
  const busy = estimates.of(BUSY, WAITING, ASKING);
  const calls = estimates.of(CALLS, WAITING, ASKING);
  const blocking = estimates.of(BUSY, WAITING, 'blocking');
  const because =
    `while nothing comes, the non-blocking server uses ${say(busy.mean)} % of a processor for ` +
    `${say(calls.mean)} system calls a second, the blocking one ${say(blocking.mean)} %`;
  const some = all([isMore(busy, blocking), isMore(busy, NOTICED_PERCENT)]);
  if (some === 'no') return { outcome: 'does not hold', because };
  const whole = all([some, isMore(busy, ALL_PERCENT)]);
  if (whole === 'yes') return { outcome: 'holds', because };
  const leavesMuch = some === 'yes' && whole === 'no';
  return {
    outcome: 'holds with a condition',
    because: `${because}: ${leavesMuch ? 'it leaves much of it to others' : UNSTEADY}`,
  };
}

export const busy: Experiment = {
  name: 'busy',
  title: 'To ask again and again',
  claim: 'Non-blocking I/O burns processor time, for the process asks again and again.',
  hypothesis: `While nothing comes, the process uses more than ${ALL_PERCENT} % of a processor.`,
  method:
    'Echo servers, each a guest in a thread, whose one client says nothing: the time on a ' +
    'processor by /proc, of the time in which no other thread was before it, and the system ' +
    'calls that they make.',
  figures: [
    {
      name: BUSY,
      title: 'What it costs that nothing comes',
      quantity: { label: 'processor time used', unit: '%' },
      axis: { label: 'I/O model' },
    },
    {
      name: CALLS,
      title: 'How often the kernel is asked',
      quantity: { label: 'system calls', unit: '1/s' },
      axis: { label: 'I/O model' },
    },
  ],
  measure,
  judge,
};
