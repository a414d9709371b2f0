/** A thread that asks for clicks again and again, against an event queue with handlers. */
import { roomFor } from '../../serve/room.js';
import { all, conditional, isMore, median, say } from '../estimate.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { KEYBOARD, MOUSE, type Press } from './mouse-device.js';
import type { ProgramMessage, ProgramOrder, Way } from './mouse-program.js';
import { Subject } from './subject.js';
import { shuffled } from './shuffled.js';

const PROGRAM = new URL('./mouse-program.js', import.meta.url);

const ASKING = 'asking in a loop';
const BLOCKED = 'asking, and a device blocks';
const QUEUE = 'event queue';
const ways: Record<string, Way> = { [ASKING]: 'asking', [BLOCKED]: 'blocked', [QUEUE]: 'queue' };

const CLICK = 'a click';
const KEY = 'a key';

const devices = [1, 10, 100, 1000];
const sizes = { quick: { presses: 20 }, full: { presses: 80 } };
/** Descriptors of a device, and those that a process of Node has anyway, amply. */
const PER_DEVICE = 2;
const OTHERS = 100;
/** A hand that is faster than any, so that few seconds see many presses. */
const PAUSE_MS = 4;
const KEYS_PER_CLICK = 10;

/** How many times more is burnt, or waited: an order of magnitude, which nobody argues about. */
const FAR = 10;

/** Between half and one and a half of the pause, so that no rhythm meets that of a loop. */
const pauseMs = () => PAUSE_MS * (0.5 + Math.random());

/** As many as there can be. */
function possible(note: Bench['note']): number[] {
  const counts = devices.filter((count) => roomFor(count * PER_DEVICE + OTHERS));
  if (counts.length < devices.length)
    note(`a process may open too few descriptors for more than ${counts.at(-1)} devices`);
  return counts;
}

async function measure({ quick, signal, note }: Bench): Promise<Reading[]> {
  const { presses: count } = quick ? sizes.quick : sizes.full;
  const readings: Reading[] = [];
  const program = new Subject<ProgramMessage>(PROGRAM, {}, signal);
  const watch = async (order: ProgramOrder) => {
    program.send(order);
    return await program.next();
  };
  try {
    await program.next();
    for (const at of possible(note)) {
      const press = (): Press => ({ pauseMs: pauseMs(), device: Math.floor(Math.random() * at) });
      for (const series of shuffled([ASKING, QUEUE])) {
        const presses = Array.from({ length: count }, press);
        const { ranNs, couldNs, clicksUs, keysUs } = await watch({
          way: ways[series]!,
          devices: at,
          presses,
        });
        const reactionUs = median([...clicksUs, ...keysUs]);
        readings.push({ figure: 'processor', series, at, value: (100 * ranNs) / couldNs });
        readings.push({ figure: 'reaction', series, at, value: reactionUs });
      }
    }
    for (const series of shuffled(Object.keys(ways))) {
      const presses = Array.from({ length: count + KEYS_PER_CLICK }, (_, i): Press => {
        const device = i % KEYS_PER_CLICK === KEYS_PER_CLICK - 1 ? MOUSE : KEYBOARD;
        return { pauseMs: pauseMs(), device };
      });
      const { clicksUs, keysUs } = await watch({ way: ways[series]!, devices: 2, presses });
      const ms = (times: number[]) => median(times) / 1000;
      readings.push({ figure: 'blocking', series, at: CLICK, value: ms(clicksUs) });
      readings.push({ figure: 'blocking', series, at: KEY, value: ms(keysUs) });
    }
  } finally {
    await program.end();
  }
  return readings;
}

function judge(estimates: Estimates): Verdict {
  const { of } = estimates;
  const places = estimates.all.filter(({ figure }) => figure === 'reaction');
  const most = Math.max(...places.map(({ at }) => Number(at)));
  const least = Math.min(...places.map(({ at }) => Number(at)));
  const burns = isMore(of('processor', ASKING, least), of('processor', QUEUE, least), FAR);
  const isBlocked = isMore(of('blocking', BLOCKED, KEY), of('blocking', QUEUE, KEY), FAR);
  const isLate = isMore(of('reaction', ASKING, most), of('reaction', QUEUE, most));

  const both = (figure: string, at: number, unit: string) =>
    `${say(of(figure, ASKING, at).mean)} ${unit} by asking and ` +
    `${say(of(figure, QUEUE, at).mean)} ${unit} by the queue`;
  const because = (sentence: string) =>
    `${sentence}: with ${least} device${least === 1 ? '' : 's'} a processor is busy for ` +
    `${both('processor', least, '%')}, and the reaction takes ${both('reaction', least, 'µs')}; ` +
    `with ${most} it takes ${both('reaction', most, 'µs')}; a key waits for ` +
    `${say(of('blocking', BLOCKED, KEY).mean)} ms where the mouse blocks, and for ` +
    `${say(of('blocking', QUEUE, KEY).mean)} ms in the queue`;

  if (burns === 'no')
    return { outcome: 'does not hold', because: because('asking does not burn far more') };
  if (all([burns, isBlocked, isLate]) === 'yes')
    return {
      outcome: 'holds',
      because: because('asking burns a processor, is blocked, and is late for many devices'),
    };
  const condition = conditional([
    { answer: burns, says: 'asking burns far more' },
    {
      answer: isBlocked,
      says: 'a device that blocks makes another wait far longer',
      otherwise: 'a device that blocks makes no other wait far longer',
    },
    {
      answer: isLate,
      says: `asking is late for ${most} devices`,
      otherwise: `asking is not late for as many as ${most} devices`,
    },
  ]);
  return { outcome: 'holds with a condition', because: because(condition) };
}

const count = { label: 'devices', scale: 'log' } as const;

export const mouse: Experiment = {
  name: 'mouse',
  title: 'Asking for a click, or an event queue',
  claim:
    'A thread that asks in a loop whether the mouse was clicked wastes a processor, does not see ' +
    'the keyboard while the mouse blocks it, and is slow with many devices; an event queue with ' +
    'handlers has none of that.',
  hypothesis:
    `Asking uses more than ${FAR} times as much of a processor as the queue; where the mouse ` +
    `blocks, a key waits more than ${FAR} times as long; and with the most devices the reaction ` +
    'to a press takes longer.',
  method:
    'Devices are pipes, into which a thread writes the time of each press. Another thread reads ' +
    'all of them in turn, without waiting or in calls that block, or it sleeps in epoll_wait(2), ' +
    'puts what came into a queue, and calls the handlers. Ten keys are pressed for each click.',
  figures: [
    {
      name: 'processor',
      title: 'How busy a processor is with watching',
      quantity: { label: 'of the time that it could have had', unit: '%' },
      axis: count,
    },
    {
      name: 'reaction',
      title: 'From a press until its handler runs, the median',
      quantity: { label: 'reaction', unit: 'µs', scale: 'log' },
      axis: count,
    },
    {
      name: 'blocking',
      title: 'The same with one mouse and one keyboard',
      quantity: { label: 'reaction', unit: 'ms', scale: 'log' },
      axis: { label: 'to what' },
    },
  ],
  measure,
  judge,
};
