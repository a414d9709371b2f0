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
  readonly kind: Question['kind'];
  resolve(take: Take): void;
  reject(error: Error): void;
}

export class Performer {
  #worker = this.#start();
  readonly #pending = new Map<number, Pending>();
  #asked = 0;
  /** It has ended, or never begun. */
  #broken: HostError | undefined;

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
      const pending = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if (data.kind === 'take') pending?.resolve(data.take);
      else pending?.reject(new UsageError(data.message));
    });
    worker.addEventListener('error', ({ message }) => {
      this.#broken = new HostError(`the simulator does not run here: ${message ?? 'no worker'}`);
      this.#rejectAll(this.#broken);
    });
    return worker;
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** A guest that a person gave may run for very long: nobody waits for it who asks for more. */
  #giveUp(): void {
    if (![...this.#pending.values()].some(({ kind }) => kind === 'replay')) return;
    this.#worker.terminate();
    this.#rejectAll(new UsageError('something else was asked for meanwhile'));
    this.#worker = this.#start();
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
    this.#giveUp();
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { kind: question.kind, resolve, reject });
      this.#worker.postMessage({ id, ...question });
    });
  }
}
