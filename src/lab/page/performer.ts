/**
 * The page's side of the protocol: asks a worker of its own for takes. A question that is wrong
 * rejects with a `UsageError`, whose message is for people.
 */
import { HostError, UsageError } from '../../../host/kernel/error.js';
import type { Answer, Question } from './protocol.js';
import type { Play, Take } from './take.js';

type Asked = Question extends infer Each
  ? Each extends Question
    ? Omit<Each, 'id'>
    : never
  : never;

interface Pending {
  resolve(take: Take): void;
  reject(error: Error): void;
}

export class Performer {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #asked = 0;
  /** It has ended, or never begun. */
  #broken: HostError | undefined;

  constructor() {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
      const pending = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if (data.kind === 'take') pending?.resolve(data.take);
      else pending?.reject(new UsageError(data.message));
    });
    this.#worker.addEventListener('error', ({ message }) => {
      this.#broken = new HostError(`the simulator does not run here: ${message ?? 'no worker'}`);
      for (const { reject } of this.#pending.values()) reject(this.#broken);
      this.#pending.clear();
    });
  }

  /** Runs a play, whole. */
  play(play: Play): Promise<Take> {
    return this.#ask({ kind: 'play', play });
  }

  /** Repeats the run of a token; `guest` is needed if it is none of the page's own. */
  replay(token: string, guest?: { name: string; bytes: Uint8Array }): Promise<Take> {
    return this.#ask({ kind: 'replay', token, ...(guest && { guest }) });
  }

  #ask(question: Asked): Promise<Take> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...question });
    });
  }
}
