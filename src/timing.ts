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
const MIDDLE = (APPLICATION + LANE + KERNEL) / 2;
const CALLS: Look = { style: 'box', words: 'calls' };

interface Look {
  style: string;
  words: string;
}

/** A stretch of a lane in which nothing changes. */
interface Stretch extends Look {
  from: number;
  to: number;
}

/** Whether the process is told at once: of the end of a wait inside of its call it is not. */
const seen = ({ event, call }: Leg) =>
  event !== 'BEGIN' && !(event === 'READY' && call === 'NO_CALL');

const issued = ({ call }: Leg) => call !== 'NO_CALL' && call !== 'WORK';

/** Continues the last stretch, if it is the same. */
function extend(lane: Stretch[], next: Stretch): void {
  const last = lane.at(-1);
  if (last && last.style === next.style && last.words === next.words) last.to = next.to;
  else lane.push(next);
}

function process(leg: Leg): Look {
  if (leg.process === 'BLOCKED') return { style: 'blocked', words: 'blocked' };
  if (leg.inCall === 'WORK') return { style: 'box', words: 'works' };
  const busy = leg.phase === 'WAIT' && leg.inCall === 'RECV_NOWAIT';
  return busy ? { style: 'box', words: 'busy' } : CALLS;
}

function kernel(phase: Leg['phase']): Look {
  if (phase === 'WAIT') return { style: 'wait', words: 'waits for data' };
  return phase === 'COPY' ? { style: 'copy', words: 'copies data' } : { style: 'none', words: '' };
}

/** The arrow of an event to the process, or a mark in the kernel's lane if only it knows of it. */
function eventMark(leg: Leg, y: number): string[] {
  if (leg.event === 'BEGIN') return [];
  return seen(leg)
    ? [
        line([KERNEL, y, APPLICATION + LANE, y], 'line back', true),
        text(MIDDLE, y - 5, leg.event, '', 'middle'),
      ]
    : [line([KERNEL - 14, y, KERNEL, y]), text(KERNEL - 20, y + 4, leg.event, 'faint', 'end')];
}

/** The lanes, and the arrows between them, from the top down. */
function layOut(legs: Leg[]) {
  const application: Stretch[] = [];
  const system: Stretch[] = [];
  const arrows: string[] = [];
  let y = TOP;
  let before: Leg | undefined;
  for (const leg of legs) {
    arrows.push(...eventMark(leg, y));
    if (issued(leg)) {
      if (before) {
        // Between an answer and the next call the process runs, and the kernel waits on.
        const waits = before.phase === 'WAIT' && leg.phase === 'WAIT';
        const { words } = leg.process === 'BLOCKED' ? CALLS : process(leg);
        extend(application, { from: y, to: y + ARROW, style: 'box', words });
        extend(system, { from: y, to: y + ARROW, ...kernel(waits ? 'WAIT' : 'NO_PHASE') });
        y += ARROW;
      }
      arrows.push(
        line([APPLICATION + LANE, y, KERNEL, y], 'line', true),
        text(MIDDLE, y - 5, leg.call, 'strong', 'middle'),
      );
    }
    extend(application, { from: y, to: y + SPAN, ...process(leg) });
    extend(system, { from: y, to: y + SPAN, ...kernel(leg.phase) });
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
          box(
            x + (LANE - words.length * 8) / 2,
            (from + to) / 2 - 9,
            words.length * 8,
            18,
            'paper',
          ),
          text(x + LANE / 2, (from + to) / 2 + 4, words, '', 'middle'),
        ]),
  ]);

/** The timing diagram of an I/O model. Throws `UsageError` for the server, which is none. */
export function timingDiagram(machine: Machine): string {
  const legs = happyPath(machine);
  const { wait, copy } = compare(machine);
  const { application, system, arrows, height } = layOut(legs);
  const state = ({ blocked, busy }: typeof wait) => (blocked ? 'blocked' : busy ? 'busy' : 'free');
  const verdict = `${machine.class}: ${state(wait)} in the wait, ${state(copy)} in the copy`;
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
      text(APPLICATION, 26, `${machine.name}, ${verdict}`, 'strong'),
      text(APPLICATION + LANE / 2, 54, 'application', '', 'middle'),
      text(KERNEL + LANE / 2, 54, 'kernel', '', 'middle'),
      line([30, TOP, 30, height], 'line', true),
      text(16, TOP - 8, 'time', 'faint'),
      ...drawLane(APPLICATION, application),
      ...drawLane(KERNEL, system),
      ...arrows,
      text(APPLICATION, height + 24, 'grey: blocked; dashed: what the kernel answers', 'faint'),
    ],
  });
}
