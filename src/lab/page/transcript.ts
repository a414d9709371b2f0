/**
 * The take of a transcript: of a real run (`pollux run --trace FILE`, src/trace.ts) or of a
 * simulated one (`pollux replay TOKEN --trace FILE`, src/trace/text.ts). What a transcript does not
 * say is derived: a call that may wait, and took long, has slept.
 */
import { isCopy, isExit, isFlagging, kindOf } from './imports.js';
import type { Taken, TakenCall, Take } from './take.js';
import { transcriptTexts, type TranscriptTexts } from './transcript-texts.js';

/** To sleep and be woken takes Linux longer, and a call that writes down itself is not so slow. */
const SLEEP_NS = 50_000;
/** On the simulated kernel a call that does not wait takes at most so long. */
const SIMULATED_SLEEP_NS = 1000;
const NONBLOCK = 4;
/** What is seen of a call that never came back, as a share of the run. */
const OPEN_SHARE = 0.05;

const MOST_EVENTS = 2_000_000;
const MOST_LANES = 64;
/** No path is longer than 4,096 bytes, and no call has more than two. */
const LONGEST_LINE = 1 << 16;
/** For the time that the page may be held up by a file, and what is read of it at once. */
const TURN_MS = 8;
const PIECE = 1 << 15;

/** What waits for one descriptor, where that does. */
const WAITING: ReadonlySet<string> = new Set(['accept', 'receive', 'send']);

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A guest, while its transcript is read. */
interface Lane {
  readonly index: number;
  open: Writable<TakenCall> | undefined;
  /** Descriptors that do not wait. */
  readonly nonblocking: Set<string>;
}

/** Reads a transcript piece by piece. */
export class Transcript {
  readonly #texts: TranscriptTexts;
  readonly #lanes = new Map<string, Lane>();
  readonly #events: Taken[] = [];
  #kernel: string | undefined;
  #sleepNs = SLEEP_NS;
  #rest = '';
  #number = 0;
  #lastNs = 0;
  #broken = 0;
  /** The first that is wrong. */
  #complaint: string | undefined;

  constructor(texts: TranscriptTexts = transcriptTexts.en) {
    this.#texts = texts;
  }

  push(piece: string): void {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#line(line);
    // Whatever this is, it has no lines.
    if (this.#rest.length > LONGEST_LINE) this.#rest = this.#rest.slice(0, LONGEST_LINE + 1);
  }

  /** What was read, when there is no more. */
  take(): Take {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
    let endNs = this.#lastNs;
    for (const { open } of this.#lanes.values()) {
      if (!open) continue;
      open.open = true;
      this.#judge(open, undefined);
      if (isExit(open.name)) continue;
      endNs = Math.ceil(this.#lastNs * (1 + OPEN_SHARE));
    }
    for (const { open } of this.#lanes.values()) if (open) open.endNs = endNs;
    return {
      kernel: this.#kernel ?? '',
      lanes: [...this.#lanes.keys()],
      events: this.#events,
      endNs,
      ...this.#failure(),
    };
  }

  #failure(): { failure?: string } {
    const { empty, none, more } = this.#texts;
    if (this.#number === 0) return { failure: empty };
    if (this.#complaint === undefined) return {};
    if (this.#kernel === undefined && this.#events.length === 0) return { failure: none };
    const others = this.#broken - 1;
    return { failure: others > 0 ? `${this.#complaint} ${more(others)}` : this.#complaint };
  }

  #line(text: string): void {
    this.#number++;
    const line = text.endsWith('\r') ? text.slice(0, -1) : text;
    if (line === '') return;
    const wrong = this.#understand(line);
    if (wrong === undefined) return;
    this.#broken++;
    this.#complaint ??= this.#texts.line(this.#number, wrong);
  }

  /** Takes a line; answers what is wrong with it, if something is. */
  #understand(line: string): string | undefined {
    if (this.#number === 1 && line.startsWith('# kernel ')) {
      this.#kernel = line.slice('# kernel '.length);
      if (this.#kernel.startsWith('sim ')) this.#sleepNs = SIMULATED_SLEEP_NS;
      return undefined;
    }
    const at = line.lastIndexOf(' @');
    const time = line.slice(at + 2);
    if (at < 0 || line.length > LONGEST_LINE || !/^\d{1,7}\.\d{6}(\d{3})?$/.test(time))
      return this.#texts.form(line.slice(0, 60));
    const timeNs = Math.round(Number(time) * 1e9);
    if (timeNs < this.#lastNs) return this.#texts.earlier(time);
    if (this.#events.length >= MOST_EVENTS) return this.#texts.tooMany(MOST_EVENTS);
    const wrong = this.#happened(line.slice(0, at), timeNs);
    if (wrong === undefined) this.#lastNs = timeNs;
    return wrong;
  }

  #happened(what: string, timeNs: number): string | undefined {
    const segment = /^net (\S+) > (\S+) (?:([A-Z ]+) )?(\d+) bytes$/.exec(what);
    if (segment) {
      const [, from, to, flags = '', bytes] = segment;
      const ends = { from: from!, to: to!, flags, bytes: Number(bytes), text: '' };
      this.#events.push({ kind: 'segment', timeNs, ...ends });
      return undefined;
    }
    const { name, isCall, text } = divide(what);
    if (text === undefined) return this.#texts.form(what.slice(0, 60));
    return isCall ? this.#begin(name, text, timeNs) : this.#end(name, text, timeNs);
  }

  #begin(name: string, text: string, timeNs: number): string | undefined {
    const parts = /^(\w+)\((.*)\)$/.exec(text);
    if (!parts) return this.#texts.form(text.slice(0, 60));
    const lane = this.#lanes.get(name) ?? {
      index: this.#lanes.size,
      open: undefined,
      nonblocking: new Set(),
    };
    if (lane.open) return this.#texts.stillOpen(lane.open.name);
    if (lane.index >= MOST_LANES) return this.#texts.tooManyLanes(MOST_LANES);
    this.#lanes.set(name, lane);
    const [, called, inputs] = parts;
    lane.open = {
      kind: 'call',
      lane: lane.index,
      name: called!,
      inputs: inputs!,
      answer: '',
      startNs: timeNs,
      endNs: timeNs,
      phase: 'none',
      blocked: false,
    };
    this.#events.push(lane.open);
    return undefined;
  }

  #end(name: string, answer: string, timeNs: number): string | undefined {
    const lane = this.#lanes.get(name);
    const call = lane?.open;
    if (!call) return this.#texts.noCall(answer.slice(0, 60));
    call.answer = answer;
    call.endNs = timeNs;
    this.#judge(call, lane);
    lane.open = undefined;
    if (isFlagging(call.name) && answer.startsWith('SUCCESS')) {
      const fd = numberOf('fd', answer) ?? numberOf('fd', call.inputs) ?? '';
      if (Number(numberOf('flags', call.inputs)) & NONBLOCK) lane.nonblocking.add(fd);
      else lane.nonblocking.delete(fd);
    }
    return undefined;
  }

  /** Says in which phase a call was, and whether it slept; without a lane it never came back. */
  #judge(call: Writable<TakenCall>, lane: Lane | undefined): void {
    const { name, inputs, answer } = call;
    const kind = kindOf(name) ?? '';
    const told = ['take signals', 'reap'].includes(kind);
    const polls = told || ['poll', 'wait'].includes(kind);
    const mayWait = polls
      ? !/\b(timeout_ns|min)=0\b/.test(inputs)
      : WAITING.has(kind) && !lane?.nonblocking.has(numberOf('fd', inputs) ?? '');
    const long = lane === undefined || call.endNs - call.startNs > this.#sleepNs;
    const slept = mayWait && long && answer !== 'AGAIN';
    call.blocked = slept && !told;
    if (slept && told) call.idle = true;
    if (polls || slept || (WAITING.has(kind) && answer === 'AGAIN')) call.phase = 'wait';
    else call.phase = isCopy(name) ? 'copy' : 'none';
  }
}

/** `LANE -> CALL`, `LANE <- ANSWER`; a real run's only guest has no lane before it. */
function divide(line: string): { name: string; isCall: boolean; text: string | undefined } {
  const sign = line.slice(0, 3);
  if (sign === '-> ' || sign === '<- ')
    return { name: 'guest', isCall: sign === '-> ', text: line.slice(3) };
  const [call, answer] = [line.indexOf(' -> '), line.indexOf(' <- ')];
  const isCall = call >= 0 && (answer < 0 || call < answer);
  const at = isCall ? call : answer;
  return { name: line.slice(0, at), isCall, text: at > 0 ? line.slice(at + 4) : undefined };
}

/** The value of `key=NUMBER`. */
function numberOf(key: string, list: string): string | undefined {
  return new RegExp(`(?:^|[ ,])${key}=(\\d+)`).exec(list)?.[1];
}

/** The take of a whole transcript. */
export function takeOfTranscript(text: string, texts?: TranscriptTexts): Take {
  const transcript = new Transcript(texts);
  transcript.push(text);
  return transcript.take();
}

/** The take of a file, in turns that let the page do what else it has to. */
export async function readTranscript(file: Blob, texts?: TranscriptTexts): Promise<Take> {
  const transcript = new Transcript(texts);
  const decoder = new TextDecoder();
  const bytes = file.stream().getReader();
  let since = performance.now();
  for (;;) {
    const { done, value } = await bytes.read();
    if (done) break;
    for (let at = 0; at < value.length; at += PIECE) {
      transcript.push(decoder.decode(value.subarray(at, at + PIECE), { stream: true }));
      if (performance.now() - since < TURN_MS) continue;
      await new Promise((resolve) => {
        setTimeout(resolve);
      });
      since = performance.now();
    }
  }
  transcript.push(decoder.decode());
  return transcript.take();
}
