/**
 * JSPI, at once. A guest that is suspended goes on in a microtask, and those of a `vm` context with
 * a queue of its own run as soon as what is evaluated in it is over. So guests on stacks of their
 * own run to their ends within one call, and the rest of the process does not notice.
 */
import { createContext, Script } from 'node:vm';

/** What this needs of a context: all that is asynchronous must be the context's own. */
export interface Inner {
  /** A function that a guest imports: where it answers a promise, the guest waits for that. */
  suspending(call: (...values: never[]) => unknown): WebAssembly.ImportValue;
  /** An exported function of a guest, which runs on a stack of its own. */
  promising(start: () => void): () => Promise<void>;
  promise(hold: Hold): Promise<number>;
  when(promise: Promise<void>, returned: () => void, threw: (error: unknown) => void): void;
  soon(action: () => void): void;
}
export type Hold = (resolve: (answer: number) => void, reject: (error: unknown) => void) => void;

const inner = new Script(`({
  suspending: (call) => new WebAssembly.Suspending(call),
  promising: (start) => WebAssembly.promising(start),
  promise: (hold) => new Promise((resolve, reject) => hold(resolve, reject)),
  when: (promise, returned, threw) =>
    void promise.then(() => void returned(), (error) => void threw(error)),
  soon: (action) => void Promise.resolve().then(() => void action()),
})`);
const evaluated = new Script('begin()');

export const hasStacks = typeof (WebAssembly as { Suspending?: unknown }).Suspending === 'function';

export class Realm {
  readonly inner: Inner;
  readonly #context: { begin?: () => void };

  constructor() {
    this.#context = createContext({}, { microtaskMode: 'afterEvaluate' });
    this.inner = inner.runInContext(this.#context) as Inner;
  }

  /** Calls `begin`; what it has begun is over when this returns, or waits for ever. */
  run(begin: () => void): void {
    this.#context.begin = begin;
    evaluated.runInContext(this.#context);
    delete this.#context.begin;
  }
}

const idle: Realm[] = [];

export const takeRealm = (): Realm => idle.pop() ?? new Realm();
export const giveRealm = (realm: Realm): void => void idle.push(realm);
