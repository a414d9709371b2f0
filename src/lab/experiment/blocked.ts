/**
 * What a blocked process does with the processor: nothing. Servers of every model that blocks while
 * it waits are left with nothing to do; one that does not block is beside them, to show that it
 * would be seen.
 */
import { compare } from '../../happy-path.js';
import type { EchoModel } from '../../echo.js';
import { models } from '../../models.js';
import { isMore, listed, say, type Answer } from '../estimate.js';
import type { Bench, Estimates, Experiment, Reading, Verdict } from '../experiment.js';
import { idle } from './idle.js';

const WINDOW_MS = { quick: 600, full: 2000 };
/** Less is nothing: a tick of the kernel's own may be counted for a thread that sleeps. */
const NOTHING_PERCENT = 1;

const BUSY = 'busy';
const ASLEEP = 'asleep';
const BLOCKED = 'blocked';
const FREE = 'not blocked';

const seriesOf = new Map(
  models.map((machine) => {
    const { model, wait } = compare(machine);
    return [model as EchoModel, wait.blocked ? BLOCKED : FREE] as const;
  }),
);
const watched = [...seriesOf].flatMap(([model, series]) =>
  series === BLOCKED || model === 'nonblocking' ? [model] : [],
);

async function measure({ quick, signal }: Bench): Promise<Reading[]> {
  const found = await idle(watched, WINDOW_MS[quick ? 'quick' : 'full'], signal);
  return watched.flatMap((model) => {
    const { busyPercent, asleepPercent } = found.get(model)!;
    const of = { series: seriesOf.get(model)!, at: model };
    return [
      { ...of, figure: BUSY, value: busyPercent },
      { ...of, figure: ASLEEP, value: asleepPercent },
    ];
  });
}

function judge({ all }: Estimates): Verdict {
  const blocked = all.filter(({ figure, series }) => figure === BUSY && series === BLOCKED);
  const free = all.filter(({ figure, series }) => figure === BUSY && series === FREE);
  const those = (answer: Answer) =>
    blocked.filter((each) => isMore(each, NOTHING_PERCENT) === answer).map(({ at }) => `${at}`);
  const [working, unsteady] = [those('yes'), those('maybe')];
  const [most] = blocked.toSorted((a, b) => b.mean - a.mean);
  const because =
    `of the processor time that it could have had, a server that is blocked uses at the most ` +
    `${say(most!.mean)} % (${most!.at})` +
    free.map(({ at, mean }) => `, and one that is not blocked ${say(mean)} % (${at})`).join('');
  if (working.length === blocked.length) return { outcome: 'does not hold', because };
  const conditions = [
    ...(working.length > 0 ? [`not with ${listed(working)}`] : []),
    ...(unsteady.length > 0 ? [`too unsteady to tell with ${listed(unsteady)}`] : []),
  ];
  if (conditions.length === 0) return { outcome: 'holds', because };
  return { outcome: 'holds with a condition', because: `${because}: ${conditions.join(', and ')}` };
}

export const blocked: Experiment = {
  name: 'blocked',
  title: 'A blocked process',
  claim: 'A process that is blocked uses no processor time.',
  hypothesis: `In every call that blocks, it uses less than ${NOTHING_PERCENT} % of a processor.`,
  method:
    'Echo servers, each a guest in a thread, whose one client says nothing: the time on a ' +
    'processor and the state of their threads, by /proc. The time in which a thread waited for a ' +
    'processor is not counted as time in which it could have run.',
  figures: [
    {
      name: BUSY,
      title: 'Servers that have nothing to do',
      quantity: { label: 'processor time used', unit: '%' },
      axis: { label: 'I/O model' },
    },
    {
      name: ASLEEP,
      title: 'How they were found',
      quantity: { label: 'looks that found it asleep', unit: '%' },
      axis: { label: 'I/O model' },
    },
  ],
  measure,
  judge,
};
