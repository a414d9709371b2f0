/**
 * Makes a take of a run while it goes on: it is told of all calls, segments, actions and choices,
 * and puts them in order in the end.
 */
import type { SocketAddress } from '../../../host/kernel/kernel.js';
import type { Choice } from '../../../host/sim/choice-log.js';
import { UsageError } from '../../../host/kernel/error.js';
import { inWords as choiceInWords } from '../../../host/sim/fault.js';
import type { Call } from '../../simulate/instrument.js';
import type { Failure, RunOptions, RunState, Simulated } from '../../simulate/outcome.js';
import { addressText, answerText, callText, flagsText } from '../../trace/recording.js';
import type { Segment } from '../../trace/recording.js';
import type { MachineName } from '../../machine.js';
import { isCopy, isExit, kindOf, type CallKind } from './imports.js';
import { Operations } from './operations.js';
import { CHANCE, type Take, type Taken, type TakenAction, type TakenCall } from './take.js';
import type { TakenSegment, TakenStep } from './take.js';

/** What a call of the kernel's takes, in virtual time; so long it copies. */
const CALL_NS = 1000;
/** A take goes on so long after the last thing that happened. */
const TAIL_NS = 20_000;
/** Of what a segment carries, as text. */
const SHOWN_BYTES = 64;
const GUEST = 'server';
/** More are too many to show; only a guest that a person gives makes so many. */
const MOST_CALLS = 200_000;

const decoder = new TextDecoder();

/** What is there of a call when it is over. */
type Ways = Pick<TakenCall, 'phase' | 'blocked' | 'idle' | 'copyNs'>;

export class Taking {
  /** Undefined: its guest is none of the models'. */
  readonly #operations: Operations | undefined;
  readonly #calls: TakenCall[] = [];
  readonly #others: (Segment | TakenAction)[] = [];
  /** By port: a client's name. */
  readonly #names = new Map<number, string>();
  #run: RunState | undefined;
  #nowNs = 0;
  /** When the guest fell asleep in the call that goes on. */
  #sleptNs: number | undefined;
  /** The choice that is made is left to nobody. */
  #decided = false;
  /** The call that was over last, until the guest's memory can be looked at. */
  #call: Call | undefined;
  #open: TakenCall | undefined;
  /** What is left is that the world is taken down. */
  #isOver = false;
  #lastNs = 0;

  constructor(model: MachineName | undefined) {
    const peerOf = (fd: number) => this.#name(this.#run?.peerOf(fd));
    this.#operations = model && new Operations(model, peerOf);
  }

  /** What a run is told so that it tells this. `decide` may choose before chance does. */
  options(decide: NonNullable<RunOptions['decide']> = () => undefined): RunOptions {
    return {
      decide: (label, alternatives, nowNs) => {
        this.#nowNs = nowNs;
        if (label === 'guest/wake') this.#sleptNs ??= nowNs;
        const decided = decide(label, alternatives, nowNs);
        this.#decided = decided !== undefined;
        return decided;
      },
      chosen: (choice) => this.#chosen(choice),
      connected: (name, { port }) => void this.#names.set(port, name),
      record: (call) => (this.#call = call),
      invariant: (run) => this.#over(run),
      unfinished: (call) => {
        this.#open = this.#begun(call);
        this.#isOver = !isExit(call.name);
      },
      eventually: () => (this.#isOver = true),
      segment: (timeNs, from, to, flags, bytes) => {
        if (this.#isOver) return;
        this.#happened(timeNs);
        this.#others.push({ kind: 'segment', timeNs, from, to, flags, bytes });
      },
    };
  }

  /** Somebody has done something. */
  action(action: Omit<TakenAction, 'kind'>): void {
    this.#happened(action.timeNs);
    this.#others.push({ kind: 'action', ...action });
  }

  /** True if a call was so answered from then on. */
  answered(errno: string, fromNs: number): boolean {
    return this.#calls.some(({ answer, endNs }) => answer === errno && endNs >= fromNs);
  }

  /** `vain`: what was done, and nothing has come of it yet. */
  take(
    kernel: string,
    model: MachineName | undefined,
    simulated: Simulated,
    vain: readonly Pick<TakenAction, 'who' | 'what' | 'deed'>[] = [],
  ): Take {
    const { failure, hash, virtualNs } = simulated;
    // A guest that asks again and again would do so for ever.
    const stillNs = this.#lastNs + TAIL_NS;
    const endNs = failure || simulated.code !== undefined ? virtualNs : stillNs;
    const open = this.#open && { ...this.#open, endNs };
    const others = this.#others.map((each) =>
      each.kind === 'segment' ? this.#segment(each) : each,
    );
    const rest = vain.map((each): TakenAction => {
      return { kind: 'action', timeNs: endNs, ...each, vain: true };
    });
    // Of what is at the same time, a call begins last.
    const all: Taken[] = [...others, ...rest, ...this.#calls, ...(open ? [open] : [])];
    return {
      kernel,
      lanes: [GUEST],
      ...(model && { model }),
      events: all.filter((each) => timeOf(each) <= endNs).sort((a, b) => timeOf(a) - timeOf(b)),
      endNs,
      hash,
      ...(failure && { failure: inWords(failure) }),
    };
  }

  #happened(timeNs: number): void {
    this.#lastNs = Math.max(this.#lastNs, timeNs);
  }

  /** A client has its name only when it has begun to connect. */
  #segment({ timeNs, from, to, flags, bytes }: Segment): TakenSegment {
    return {
      kind: 'segment',
      timeNs,
      from: this.#name(from),
      to: this.#name(to),
      flags: flagsText(flags),
      bytes: bytes.length,
      text: decoder.decode(bytes.subarray(0, SHOWN_BYTES)),
    };
  }

  #name(address: SocketAddress | undefined): string {
    if (address === undefined) return 'nobody';
    const name = this.#names.get(address.port);
    if (name !== undefined) return name;
    return this.#names.size > 0 ? GUEST : addressText(address);
  }

  /** What is not benign by chance, and does not follow from a deed. */
  #chosen({ label, value }: Choice): void {
    if (value === 0 || this.#decided) return;
    this.action({ timeNs: this.#nowNs, who: CHANCE, what: choiceInWords(label) });
  }

  /** A call is over, and the guest's memory is as that has left it. */
  #over(run: RunState): void {
    this.#run = run;
    const call = this.#call!;
    const begun = this.#operations?.begin(call, run.memory) ?? [];
    const connection = this.#connectionOf(call);
    const slept = this.#sleptNs !== undefined;
    const ended = this.#operations?.end(
      call,
      run.memory,
      slept ? Math.max(call.startNs, call.endNs - CALL_NS) : call.startNs,
    );
    const steps = [...begun, ...(ended ?? [])];
    this.#sleptNs = undefined;
    if (moved(call)) this.#happened(call.endNs);
    this.#calls.push(this.#taken(call, connection, steps, this.#waysOf(call, begun, steps, slept)));
    if (this.#calls.length === MOST_CALLS)
      throw new UsageError(`here are the first ${MOST_CALLS} calls: there are more`);
  }

  /** The call that the guest is in at the end. */
  #begun(call: Call): TakenCall {
    const steps = this.#operations?.begin(call, this.#run?.memory ?? new Uint8Array(0)) ?? [];
    const ways = this.#waysOf(call, steps, steps, this.#sleptNs !== undefined);
    return { ...this.#taken(call, this.#connectionOf(call), steps, ways), answer: '', open: true };
  }

  #connectionOf({ inputs }: Call): string | undefined {
    const fd = inputs.find(([name]) => name === 'fd')?.[1];
    return fd === undefined ? undefined : this.#operations?.connectionOf(Number(fd));
  }

  #taken(call: Call, own: string | undefined, steps: TakenStep[], ways: Ways): TakenCall {
    // Of a wait that concerns many: the first that it told of.
    const told = steps.find(({ to }) => this.#operations!.state(to).phase === 'COPY');
    const connection = own ?? told?.connection ?? steps[0]?.connection ?? this.#accepted(call);
    const state = connection && this.#operations?.stateOf(connection);
    return {
      kind: 'call',
      lane: 0,
      name: call.name,
      inputs: callText(call).slice(call.name.length + 1, -1),
      answer: answerText(call),
      startNs: call.startNs,
      endNs: call.endNs,
      ...ways,
      ...(connection && { connection }),
      ...(state && { state }),
      ...(steps.length > 0 && { steps }),
    };
  }

  #accepted({ name, errno, outputs }: Call): string | undefined {
    if (kindOf(name) !== 'accept' || errno !== 'SUCCESS') return undefined;
    return this.#operations?.connectionOf(Number(outputs[0]?.[1]));
  }

  /** In which phase of the model a call was, and whether the process was blocked in it. */
  #waysOf(call: Call, begun: readonly TakenStep[], steps: TakenStep[], slept: boolean): Ways {
    const operations = this.#operations;
    const kind = kindOf(call.name);
    const copyNs = Math.max(call.startNs, call.endNs - CALL_NS);
    if (operations === undefined) {
      const copies = isCopy(call.name) && call.errno === 'SUCCESS';
      if (slept) return { phase: 'wait', blocked: true, ...(copies && { copyNs }) };
      return { phase: asks(kind) ? 'wait' : copies ? 'copy' : 'none', blocked: false };
    }
    const copying = steps.find(({ event }) => event === 'COPIED')?.from;
    const blockedIn = (state: string) => operations.state(state).process === 'BLOCKED';
    if (slept) {
      const wait = operations.machine.states.find(({ phase }) => phase === 'WAIT')!;
      const blocked = blockedIn(wait.name);
      // Of an asynchronous operation the kernel copies what arrives at once, before it tells.
      const copies = copying !== undefined && (kind === 'receive' || kind === 'reap');
      return {
        phase: 'wait',
        blocked,
        ...(!blocked && { idle: true }),
        ...(copies && { copyNs: kind === 'reap' ? call.endNs : copyNs }),
      };
    }
    if (copying !== undefined) return { phase: 'copy', blocked: blockedIn(copying) };
    const first = begun.at(-1)?.to ?? steps[0]?.from;
    const tries =
      kind === 'receive' && first !== undefined && operations.state(first).phase === 'WAIT';
    return { phase: asks(kind) || tries ? 'wait' : 'none', blocked: false };
  }
}

/** That a run was ended for us is no failure of its own. */
const inWords = ({ kind, message, cause }: Failure): string =>
  cause instanceof UsageError ? message : `${kind}: ${message}`;

const timeOf = (each: Taken): number => (each.kind === 'call' ? each.startNs : each.timeNs);

/** Calls that ask what has become of others' data, and take none of it. */
const asks = (kind: CallKind | undefined): boolean =>
  kind === 'poll' || kind === 'wait' || kind === 'take signals' || kind === 'reap';

/** True if something came of a call, and it was not asked in vain. */
function moved({ name, errno, outputs }: Call): boolean {
  const kind = kindOf(name);
  if (kind === undefined || kind === 'yield' || errno !== 'SUCCESS') return false;
  return !asks(kind) || Number(outputs[0]?.[1]) > 0;
}
