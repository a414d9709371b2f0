/**
 * Searches all that can happen to something small: every sequence of events up to a length, each
 * state but once. What it has seen is known by its hash key, so that sequences are counted and not
 * walked.
 */
import { GuestError } from '../../host/kernel/error.js';

/** What is searched. */
export interface Model<State> {
  readonly initial: State;
  /** Equal for states that are equal. */
  key(state: State): string;
  /** All that can happen next, by name. */
  next(state: State): Iterable<readonly [name: string, state: State]>;
  /** What is wrong with a state, in a sentence, if anything is. */
  wrong(state: State): string | undefined;
  /** True where it may end; from every state one of these must be near. */
  done(state: State): boolean;
}

export interface Searched {
  /** How many states there are. */
  readonly states: number;
  /** How many sequences of at most `length` events lead through them. */
  readonly sequences: bigint;
  readonly length: number;
  /** False: there are states that no sequence of that length leads to. */
  readonly complete: boolean;
}

interface Node<State> {
  readonly state: State;
  /** The shortest way to it: how it was entered, and from where. */
  readonly event: string;
  readonly from: Node<State> | undefined;
  /** Where it was entered from, by whatever way. */
  readonly before: Set<Node<State>>;
}

/** Throws `GuestError` for a state that is wrong, with the shortest sequence that leads to it. */
export function search<State>(model: Model<State>, length: number): Searched {
  const seen = new Map<string, Node<State>>();
  const nodeOf = (state: State, event: string, from: Node<State> | undefined): Node<State> => {
    const key = model.key(state);
    let node = seen.get(key);
    if (node === undefined) {
      seen.set(key, (node = { state, event, from, before: new Set() }));
      const wrong = model.wrong(state);
      if (wrong !== undefined) throw new GuestError(`${wrong}: after ${wayTo(node)}`);
    }
    if (from !== undefined) node.before.add(from);
    return node;
  };
  const successors = new Map<Node<State>, Node<State>[]>();
  // By state: how many sequences of the length so far end in it.
  let ends = new Map([[nodeOf(model.initial, '', undefined), 1n]]);
  let sequences = 1n;
  for (let at = 0; at < length && ends.size > 0; at++) {
    const longer = new Map<Node<State>, bigint>();
    for (const [node, count] of ends) {
      let after = successors.get(node);
      if (after === undefined) {
        after = [...model.next(node.state)].map(([event, state]) => nodeOf(state, event, node));
        successors.set(node, after);
      }
      for (const next of after) longer.set(next, (longer.get(next) ?? 0n) + count);
    }
    for (const count of longer.values()) sequences += count;
    ends = longer;
  }
  const complete = successors.size === seen.size;
  if (complete) mustComeToAnEnd(model, seen.values());
  return { states: seen.size, sequences, length, complete };
}

/** From every state one must be reached in which it may end. */
function mustComeToAnEnd<State>(model: Model<State>, all: Iterable<Node<State>>): void {
  const nodes = [...all];
  const alive = new Set(nodes.filter(({ state }) => model.done(state)));
  for (const node of alive) for (const before of node.before) alive.add(before);
  const stuck = nodes.find((node) => !alive.has(node));
  if (stuck !== undefined) throw new GuestError(`it can end no more: after ${wayTo(stuck)}`);
}

function wayTo<State>(node: Node<State>): string {
  const events: string[] = [];
  for (let at: Node<State> | undefined = node; at?.from !== undefined; at = at.from)
    events.unshift(at.event);
  return events.length === 0 ? 'nothing' : events.join(', ');
}
