/**
 * The picture of an I/O model in time, as SVG: what the process and what the kernel do, from the
 * call to the data, in the two phases of an operation. It is made by stepping the model's machine.
 */
import { compare, happyPath, type Leg } from './happy-path.js';
import type { Machine } from './machine.js';
import { box, line, svg, text } from './svg.js';

const TOP = 70;
const LANE = 130;
const APPLICATION = 60;
const KERNEL = 430;
const WIDTH = KERNEL + LANE + 24;
const ARROW = 22;
const SPAN = 38;

/** A stretch of a lane in which nothing changes. */
interface Stretch {
  from: number;
  to: number;
  style: string;
  words: string;
}

/** Whether the process learns of the event at once: the end of a wait inside of a call it does not. */
const seen = ({ event, call }: Leg) =>
  event !== 'BEGIN' && !(event === 'READY' && call === 'NO_CALL');

const issued = ({ call }: Leg) => call !== 'NO_CALL' && call !== 'WORK';

/** Continues the last stretch, if it is the same. */
function extend(lane: Stretch[], next: Stretch): void {
  const last = lane.at(-1);
  if (last && last.style === next.style && last.words === next.words) last.to = next.to;
  else lane.push(next);
}

function process(leg: Leg): Pick<Stretch, 'style' | 'words'> {
  if (leg.process === 'BLOCKED') return { style: 'blocked', words: 'blocked' };
  if (leg.inCall === 'WORK') return { style: 'box', words: 'works' };
  return { style: 'box', words: leg.phase === 'WAIT' && leg.inCall !== 'SUBMIT' ? 'busy' : '' };
}

function kernel({ phase }: Leg): Pick<Stretch, 'style' | 'words'> {
  if (phase === 'WAIT') return { style: 'wait', words: 'waits for data' };
  return phase === 'COPY' ? { style: 'copy', words: 'copies data' } : { style: 'none', words: '' };
}

/** The lanes, and the arrows between them, from the top down. */
function layOut(legs: Leg[]) {
  const application: Stretch[] = [];
  const system: Stretch[] = [];
  const arrows: string[] = [];
  const middle = (APPLICATION + LANE + KERNEL) / 2;
  let y = TOP;
  let before: Leg | undefined;
  for (const leg of legs) {
    const begun = y;
    if (!seen(leg) && leg.event !== 'BEGIN') {
      arrows.push(
        line([KERNEL - 14, y, KERNEL, y]),
        text(KERNEL - 20, y + 4, leg.event, 'faint', 'end'),
      );
    }
    if (before && seen(leg)) {
      arrows.push(
        line([KERNEL, y, APPLICATION + LANE, y], 'line back', true),
        text(middle, y - 5, leg.event, '', 'middle'),
      );
    }
    if (issued(leg)) {
      if (before) y += ARROW;
      arrows.push(
        line([APPLICATION + LANE, y, KERNEL, y], 'line', true),
        text(middle, y - 5, leg.call, 'strong', 'middle'),
      );
    }
    // Between an answer and the next call the kernel waits on, if it did; the process runs.
    if (before && y > begun) {
      const waiting = before.phase === 'WAIT' && leg.phase === 'WAIT';
      extend(system, { from: begun, to: y, ...kernel(waiting ? leg : legs.at(-1)!) });
      extend(application, { from: begun, to: y, style: 'box', words: process(leg).words });
      if (leg.process === 'BLOCKED') application.at(-1)!.words = '';
    }
    extend(application, { from: y, to: y + SPAN, ...process(leg) });
    extend(system, { from: y, to: y + SPAN, ...kernel(leg) });
    y += SPAN;
    before = leg;
  }
  return { application, system, arrows, height: y };
}

const drawLane = (x: number, lane: Stretch[]) =>
  lane.flatMap(({ from, to, style, words }) => [
    box(x, from, LANE, to - from, style),
    ...(words === ''
      ? []
      : [
          box(x + 8, (from + to) / 2 - 9, LANE - 16, 18, 'paper'),
          text(x + LANE / 2, (from + to) / 2 + 4, words, '', 'middle'),
        ]),
  ]);

/** The timing diagram of an I/O model. Throws `UsageError` for the server, which is none. */
export function timingDiagram(machine: Machine): string {
  const legs = happyPath(machine);
  const { wait, copy } = compare(machine);
  const { application, system, arrows, height } = layOut(legs);
  const blocked = (phase: typeof wait) => (phase.blocked ? 'blocked' : phase.busy ? 'busy' : 'free');
  const verdict = `${machine.class}: ${blocked(wait)} in the wait, ${blocked(copy)} in the copy`;
  return svg({
    width: WIDTH,
    height: height + 40,
    title: `The I/O model "${machine.name}" in time`,
    description: `${legs
      .map(({ event, call, phase, process: status }) =>
        [
          event,
          ...(call === 'NO_CALL' ? [] : [`then ${call}`]),
          ...(phase === 'NO_PHASE' ? [] : [`phase ${phase}, process ${status}`]),
        ].join(', '),
      )
      .join('; ')}. The model is ${verdict}.`,
    shapes: [
      text(APPLICATION, 26, `${machine.name}: ${verdict}`, 'strong'),
      text(APPLICATION + LANE / 2, 54, 'application', '', 'middle'),
      text(KERNEL + LANE / 2, 54, 'kernel', '', 'middle'),
      line([30, TOP, 30, height], 'line', true),
      text(16, TOP - 8, 'time', 'faint'),
      ...drawLane(APPLICATION, application),
      ...drawLane(KERNEL, system),
      ...arrows,
      text(APPLICATION, height + 24, 'grey: the process is blocked', 'faint'),
    ],
  });
}
