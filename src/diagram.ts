/**
 * The picture of a machine, as Mermaid and as SVG, made of its data. The protocol error is not
 * drawn: it is where every event leads that a state does not name.
 */
import { PROTOCOL_ERROR, type Event, type Machine, type State } from './machine.js';
import { box, dot, group, line, svg, text, type Picture } from './svg.js';

/** Transitions that differ only in their event. */
interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly events: readonly Event[];
  /** `EVENT, EVENT / CALL`. */
  readonly label: string;
}

function arrowsOf(machine: Machine): Arrow[] {
  const groups = new Map<string, { from: string; to: string; call: string; events: Event[] }>();
  for (const { from, event, state: to, call } of machine.transitions) {
    const key = `${from} ${to} ${call}`;
    const group = groups.get(key) ?? { from, to, call, events: [] };
    group.events.push(event);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ from, to, call, events }) => ({
    from,
    to,
    events,
    label: events.join(', ') + (call === 'NO_CALL' ? '' : ` / ${call}`),
  }));
}

/** What a state means, in words: `wait, blocked`. */
function meaning(machine: Machine, { phase, process, sets, final }: State): string {
  if (final) return 'final';
  if (machine.class === undefined) return sets.join(', ');
  return phase === 'NO_PHASE' ? '' : `${phase.toLowerCase()}, ${process.toLowerCase()}`;
}

/** The states that are drawn: as they are reached, and the final ones last. */
function drawn(machine: Machine): State[] {
  const order = [machine.initial];
  for (const from of order)
    for (const { state } of machine.transitions.filter((each) => each.from === from))
      if (!order.includes(state)) order.push(state);
  const states = order.map((name) => machine.states.find((each) => each.name === name)!);
  return [...states.filter(({ final }) => !final), ...states.filter(({ final }) => final)];
}

/** A state diagram in the language of Mermaid. */
export function mermaid(machine: Machine): string {
  const states = drawn(machine);
  const described = states.flatMap((state) => {
    const words = meaning(machine, state);
    return words === '' || state.final ? [] : [`  ${state.name}: ${state.name} (${words})`];
  });
  return [
    'stateDiagram-v2',
    ...described,
    `  [*] --> ${machine.initial}`,
    ...arrowsOf(machine).map(({ from, to, label }) => `  ${from} --> ${to}: ${label}`),
    ...states.filter(({ final }) => final).map(({ name }) => `  ${name} --> [*]`),
    '',
  ].join('\n');
}

const LEFT = 40;
const TOP = 56;
const HEAD = 26;
const ROW = 18;
const GAP = 18;
const TRACK = 16;
const CHARACTER = 7.3;

/** Where the states are, from the top down, and what leaves each. */
function rowsOf(machine: Machine) {
  let bottom = TOP;
  return drawn(machine).map((state) => {
    const leaving = arrowsOf(machine).filter(({ from }) => from === state.name);
    const y = bottom;
    bottom += HEAD + leaving.length * ROW + (leaving.length > 0 ? 6 : 0) + GAP;
    return { state, leaving, y, height: bottom - GAP - y };
  });
}

/**
 * A state diagram. Each state is a box that lists the events that leave it; each event has a wire
 * to the bus of the state that it leads to, and each bus an arrow to its state.
 */
export function statePicture(machine: Machine): Picture {
  const arrows = arrowsOf(machine);
  const rows = rowsOf(machine);
  const last = rows.at(-1)!;
  const bottom = last.y + last.height + GAP;
  const heads = new Map(rows.map(({ state, y }) => [state.name, y + HEAD / 2]));
  const widest = Math.max(
    ...arrows.map(({ label }) => label.length),
    ...rows.map(({ state }) => state.name.length + meaning(machine, state).length + 3),
  );
  const width = Math.ceil(widest * CHARACTER) + 20;
  const right = LEFT + width;
  const targets = rows.filter(({ state }) => arrows.some(({ to }) => to === state.name));
  const track = (name: string) =>
    right + 2 * TRACK + targets.findIndex(({ state }) => state.name === name) * TRACK;
  const start = heads.get(machine.initial)!;
  const shapes = [text(LEFT, 28, `${machine.name}: states, events / calls`, 'strong')];
  for (const { state, leaving, y, height } of rows) {
    const words = meaning(machine, state);
    shapes.push(
      group(
        { state: state.name },
        box(LEFT, y, width, height, 'box'),
        box(LEFT, y, width, HEAD, state.process === 'BLOCKED' ? 'blocked' : 'box'),
        ...(state.final ? [box(LEFT + 3, y + 3, width - 6, height - 6, 'line')] : []),
        text(LEFT + 10, y + 17, state.name, 'strong'),
        text(right - 10, y + 17, words, '', 'end'),
      ),
    );
    leaving.forEach(({ label, to, events }, i) => {
      const at = y + HEAD + i * ROW + 12;
      const [x, head] = [track(to), heads.get(to)!];
      shapes.push(
        group(
          { from: state.name, to, events: events.join(' ') },
          text(LEFT + 10, at + 4, label),
          line([right, at, x, at, x, head, right, head], 'line', true),
          dot(x, at, 2.5),
        ),
      );
    });
  }
  shapes.push(dot(LEFT - 26, start, 5), line([LEFT - 26, start, LEFT, start], 'line', true));
  shapes.push(text(LEFT, bottom + 12, `Any other event: ${PROTOCOL_ERROR}.`, 'faint'));
  return {
    width: right + 2 * TRACK + targets.length * TRACK + 8,
    height: bottom + 28,
    title: `The machine "${machine.name}"`,
    description:
      `It begins in ${machine.initial}. ` +
      arrows.map(({ from, to, label }) => `${from} to ${to}: ${label}.`).join(' '),
    shapes,
  };
}

/** A state diagram as SVG. */
export const stateDiagram = (machine: Machine): string => svg(statePicture(machine));
