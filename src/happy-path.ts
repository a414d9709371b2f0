/**
 * The way of one operation through a model's machine when all goes well: what the models are
 * compared by. The machine is stepped, with a kernel that answers each call as Linux would.
 */
import { HostError, UsageError } from '../host/kernel/error.js';
import type { Call, Event, Machine, State } from './machine.js';

/** One step, and how things are until the next. */
export interface Leg {
  readonly event: Event;
  /** What the step says to do. */
  readonly call: Call;
  /** The call that the process is in from now on; WORK, if it is in none. */
  readonly inCall: Call;
  readonly state: State;
  /** Of the operation. A recv(2) that finds nothing copies nothing, whatever the state is for. */
  readonly phase: State['phase'];
  readonly process: State['process'];
}

const MAX_LEGS = 32;
/** So often is a process that only asks told that there is nothing yet. */
const REFUSALS = 3;

/** What the kernel answers a call that does not transfer. */
const answers: Partial<Record<Call, readonly Event[]>> = {
  RECV: ['READY'],
  SELECT: ['READY'],
  POLL: ['READY'],
  EPOLL_CTL: ['ARMED'],
  EPOLL_WAIT: ['READY'],
  SIGNAL_ARM: ['ARMED'],
  SIGNAL_WAIT: ['SIGNALLED'],
  SUBMIT: ['ARMED'],
  REAP: ['READY'],
  WORK: ['SIGNALLED', 'READY'],
};

/**
 * From BEGIN to COPIED. The data comes when the process waits for it, or has asked often enough.
 */
export function happyPath(machine: Machine): Leg[] {
  if (machine.class === undefined)
    throw new UsageError(`"${machine.name}" is no I/O model: it has no phases`);
  const legs: Leg[] = [];
  let event: Event = 'BEGIN';
  let from = machine.initial;
  let inCall: Call = 'WORK';
  let refusals = 0;
  let arrived = false;
  while (legs.length < MAX_LEGS) {
    const { state: name, call } = machine.step(from, event);
    const state = machine.states.find((each) => each.name === name)!;
    if (state.final)
      throw new HostError(`${machine.name} goes from ${from} to ${name} at ${event}`);
    if (call !== 'NO_CALL') inCall = call;
    const { phase, process } = state;
    if (event === 'COPIED') {
      legs.push({ event, call, inCall: 'WORK', state, phase, process });
      return legs;
    }
    const asks = inCall === 'RECV_NOWAIT';
    const finds = arrived || (asks && refusals === REFUSALS);
    const idle = asks && phase === 'COPY' && !finds;
    legs.push({
      event,
      call,
      inCall,
      state,
      phase: idle ? 'NO_PHASE' : phase,
      process: idle ? 'RUNNING' : process,
    });
    from = name;
    event = answer(machine, { phase, inCall, asks, finds, from });
    if (event === 'NOT_READY') refusals++;
    else if (event === 'READY' || event === 'SIGNALLED') arrived = true;
  }
  throw new HostError(`${machine.name} does not come to an end in ${MAX_LEGS} steps`);
}

function answer(
  machine: Machine,
  at: { phase: State['phase']; inCall: Call; asks: boolean; finds: boolean; from: string },
): Event {
  if (at.asks && !at.finds) return 'NOT_READY';
  if (at.phase === 'COPY') return 'COPIED';
  if (at.asks) return 'READY';
  return answers[at.inCall]!.find((event) =>
    machine.transitions.some((each) => each.from === at.from && each.event === event),
  )!;
}

/** What happens to the process in one of the two phases. */
export interface Phase {
  readonly blocked: boolean;
  /** Not blocked, but asking again and again. */
  readonly busy: boolean;
  /** The call that the process is in; WORK, if it is in none. */
  readonly call: Call;
}

/** A row of the table that compares the models. */
export interface Comparison {
  readonly model: Machine['name'];
  /** The calls, in order, and how often each is made in a row. */
  readonly calls: readonly { readonly call: Call; readonly times: number }[];
  readonly wait: Phase;
  readonly copy: Phase;
  readonly class: Machine['class'];
}

export function compare(machine: Machine): Comparison {
  const legs = happyPath(machine);
  const calls: { call: Call; times: number }[] = [];
  for (const { call } of legs) {
    if (call === 'NO_CALL') continue;
    const last = calls.at(-1);
    if (last?.call === call) last.times++;
    else calls.push({ call, times: 1 });
  }
  const phase = (which: State['phase']): Phase => {
    const among = legs.filter((leg) => leg.phase === which);
    const blocked = among.some(({ process }) => process === 'BLOCKED');
    const call = among.at(-1)!.inCall;
    return { blocked, busy: !blocked && call !== 'WORK', call };
  };
  return {
    model: machine.name,
    calls,
    wait: phase('WAIT'),
    copy: phase('COPY'),
    class: machine.class,
  };
}
