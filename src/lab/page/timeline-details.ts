/** What is known of one event, as a list of terms; its place is there before there is one. */
import type { Take, Taken, TakenStep } from './take.js';
import { element } from './element.js';
import type { TimelineTexts } from './timeline-texts.js';
import { timeText } from './timeline-time.js';

type Term = readonly [term: string, value: string];

/** The event's heading and terms; a sentence, if there is no event. */
export function detailsOf(
  take: Take,
  event: Taken | undefined,
  texts: TimelineTexts,
): (HTMLElement | string)[] {
  if (!event) return [element('p', {}, take.events.length === 0 ? texts.empty : texts.nothing)];
  const [heading, terms] = describe(event, take.lanes, texts);
  return [
    element('h3', {}, heading),
    element(
      'dl',
      {},
      ...terms
        .filter(([, value]) => value !== '')
        .map(([term, value]) =>
          element('div', {}, element('dt', {}, term), element('dd', {}, value)),
        ),
    ),
  ];
}

function describe(
  event: Taken,
  lanes: readonly string[],
  texts: TimelineTexts,
): [heading: string, terms: Term[]] {
  if (event.kind === 'action')
    return [
      `${event.who} ${event.what}`,
      [
        [texts.begins, timeText(event.timeNs, 1)],
        [texts.who, event.who],
        [texts.what, event.what],
      ],
    ];
  if (event.kind === 'segment')
    return [
      `${event.from} → ${event.to}`,
      [
        [texts.begins, timeText(event.timeNs, 1)],
        [texts.from, event.from],
        [texts.to, event.to],
        [texts.flags, event.flags],
        [texts.bytes, String(event.bytes)],
        [texts.text, event.text],
      ],
    ];
  const { name, inputs, answer, open, startNs, endNs, phase, copyNs, blocked, idle } = event;
  const { steps = [] } = event;
  const phases = { wait: texts.waits, copy: texts.copies, none: texts.works };
  return [
    lanes.length > 1 ? `${lanes[event.lane]}: ${name}` : name,
    [
      [texts.inputs, inputs],
      [texts.answer, open ? texts.open : answer],
      [texts.begins, timeText(startNs, 1)],
      [texts.ends, open ? '' : timeText(endNs, 1)],
      [texts.takes, open ? '' : timeText(endNs - startNs)],
      [texts.phase, copyNs === undefined ? phases[phase] : `${texts.waits} → ${texts.copies}`],
      [texts.process, blocked ? texts.blocked : idle ? texts.idle : texts.inKernel],
      ...(steps.length > 0 ? [] : [[texts.connection, event.connection ?? ''] as const]),
      ...statesOf(steps),
    ],
  ];
}

/** By connection: the states that its machine went through. */
function statesOf(steps: readonly TakenStep[]): Term[] {
  const states = new Map<string, string>();
  for (const { connection, from, to } of steps)
    states.set(connection, `${states.get(connection) ?? from} → ${to}`);
  return [...states];
}
