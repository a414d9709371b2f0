/**
 * Scripts: what a guest is told to do and what its peers do, line by line, with what comes of it. A
 * script is played on any kernel, and what comes of it is the same script again, if the kernel does
 * what the script says. No time is told, and none decides.
 *
 * `a: …` is what the peer `a` does; `in: …` and `out: …` are the other ends of the guest's standard
 * input and output; any other line is for test/guest/script.c. Behind `->` stands the answer; what
 * has none is `ok`. In place of a text a number sends so many bytes of a pattern.
 */
import { Opcode } from '#host/kernel/completion';
import { errnoName } from '#host/kernel/errno';
import { Readiness, type PollerName } from '#host/kernel/readiness';
import { WasiErrno } from '#host/wasi/errno';
import { ConnectionError, textOf, type Connection, type Waiting } from 'pollux/simulate';

import { maskName } from '../host/sim/side.js';

/** One end of a connection or pipe, whose other end is the guest's. */
export type Wire = Pick<
  Connection,
  'readable' | 'send' | 'receive' | 'receiveExactly' | 'halfClose' | 'close' | 'reset'
>;

/** What a script is played with. */
export interface Stage {
  /** The guest takes its lines from here. */
  readonly control: Wire;
  readonly stdin: Wire;
  readonly stdout: Wire;
  /** A connection to the listener of the guest. Throws `ConnectionError`. */
  connect(): Waiting<Wire>;
  /** The other end of a connection that the guest was given. */
  accept(): Waiting<Wire>;
}

/** A script, and what it needs. */
export interface ScriptCase {
  /** `SECTION.ROW: a sentence`, the row being that of docs/SIMULATOR.md. */
  name: string;
  script: string;
  /** The guest is given a connection: 5. */
  connected?: boolean;
  /** How many descriptors the guest may have. */
  maxDescriptors?: number;
  /** The backends of poll_oneoff that it is about; default: epoll alone. */
  pollers?: readonly PollerName[];
}

/** What words of a script stand for. */
const numbers: Readonly<Record<string, number>> = {
  ...Readiness,
  ONESHOT: 1 << 30,
  ET: 2 ** 31,
  ADD: 1,
  DEL: 2,
  MOD: 3,
  RD: 1,
  WR: 2,
  PEEK: 1,
  WAITALL: 2,
  NONBLOCK: 4,
  ...Opcode,
  MULTISHOT: 1,
};
const errnos = new Map<number, string>(
  Object.entries(WasiErrno).map(([name, number]) => [number, `E${name}`]),
);
const TELLABLE_BYTES = 64;
const encoder = new TextEncoder();

function numberOf(word: string): string {
  const names = word.split('|');
  if (names.some((name) => numbers[name] === undefined)) return word;
  return String(names.reduce((sum, name) => sum + numbers[name]!, 0));
}

/** What the guest tells, in words. */
const inWords = (answer: string): string =>
  answer
    .replace(/!(\d+)/g, (_, errno: string) => errnos.get(Number(errno)) ?? `errno ${errno}`)
    .replace(/#(\d+)/g, (_, mask: string) => maskName(Number(mask)));

const patternAt = (at: number): number => 33 + (at % 89);

class Play {
  readonly #stage: Stage;
  readonly #wires = new Map<string, Wire>();
  /** How many bytes of the pattern peers have sent, and received. */
  #sent = 0;
  #seen = 0;
  /** What a `fill` has sent, less what was drained: how much fits is a kernel's own affair. */
  #filled = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#wires.set('in', stage.stdin).set('out', stage.stdout);
  }

  *line(words: string): Waiting<string> {
    const match = /^(\w+): (\w+) ?(.*)$/.exec(words);
    if (!match) return yield* this.#guest(words);
    const [, name, verb, rest] = match;
    try {
      return yield* this.#peer(name!, verb!, rest!);
    } catch (error) {
      if (error instanceof ConnectionError) return errnoName(error.errno);
      throw error;
    }
  }

  *#guest(words: string): Waiting<string> {
    const line = words.split(' ').map(numberOf);
    const { control } = this.#stage;
    yield* control.send(`${line.join(' ')}\n`);
    let answer = '';
    while (!answer.endsWith('\n')) {
      const bytes = yield* control.receive();
      if (bytes.length === 0) return 'the guest has ended';
      answer += textOf(bytes);
    }
    const filled = /^filled (\d+)\n$/.exec(answer);
    if (filled) this.#filled = Number(filled[1]);
    return filled ? 'filled' : inWords(answer.slice(0, -1));
  }

  *#peer(name: string, verb: string, rest: string): Waiting<string> {
    if (verb === 'connect' || verb === 'accept') {
      this.#wires.set(name, yield* this.#stage[verb]());
      return 'ok';
    }
    const wire = this.#wires.get(name);
    if (!wire) throw new Error(`nobody is called ${name}`);
    switch (verb) {
      case 'send':
        yield* wire.send(this.#bytesOf(rest));
        return 'ok';
      case 'recv':
        return told(yield* wire.receiveExactly(Number(rest)));
      case 'end':
        return told(yield* wire.receive());
      case 'drain':
        return yield* this.#drain(wire, rest === '' ? this.#filled : Number(rest));
      case 'ready':
        yield { ready: () => wire.readable, untilNs: Infinity, words: `"${name}" to be ready` };
        return 'ok';
      case 'shut':
        wire.halfClose();
        return 'ok';
      case 'close':
        wire.close();
        return 'ok';
      case 'reset':
        wire.reset();
        return 'ok';
      default:
        throw new Error(`no peer can ${verb}`);
    }
  }

  #bytesOf(text: string): Uint8Array {
    if (!/^\d+$/.test(text)) return encoder.encode(text);
    const from = this.#sent;
    this.#sent += Number(text);
    return Uint8Array.from({ length: Number(text) }, (_, i) => patternAt(from + i));
  }

  *#drain(wire: Wire, count: number): Waiting<string> {
    const bytes = yield* wire.receiveExactly(count);
    const from = this.#seen;
    this.#seen += bytes.length;
    this.#filled -= bytes.length;
    const wrong = bytes.findIndex((byte, i) => byte !== patternAt(from + i));
    if (wrong >= 0) return `byte ${from + wrong} is wrong`;
    return bytes.length === count ? 'ok' : `${count - bytes.length} are missing`;
  }
}

/** Bytes as the guest tells them. */
function told(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'end';
  if (bytes.length <= TELLABLE_BYTES) return textOf(bytes);
  const sum = bytes.reduce((hash, byte) => (Math.imul(hash, 31) + byte) >>> 0, 0);
  return `${bytes.length} bytes ${sum}`;
}

/** Its lines, without blanks around them. */
export const linesOf = (script: string): string[] =>
  script
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** Plays a script to its end, and writes what comes of each line behind it. */
export function* play(script: string, stage: Stage, transcript: string[]): Waiting<void> {
  const running = new Play(stage);
  for (const line of linesOf(script)) {
    const words = line.split(' -> ')[0]!;
    const answer = yield* running.line(words);
    transcript.push(answer === 'ok' ? words : `${words} -> ${answer}`);
  }
  stage.control.halfClose();
}
