/**
 * Guests on stacks of their own (JSPI), in one thread. One of them runs at a time. When its call is
 * not due yet, or waits, it steps the world itself until it is some guest's turn: its own, and then
 * it has not been suspended at all, or another's, which then goes on in its stead.
 */
import type { Suspension } from '../../../host/sim/suspension.js';
import { SUSPENDED } from '../../../host/sim/suspension.js';
import type { World } from '../../../host/sim/world.js';
import type { WasiFunction } from '../../../host/wasi/process.js';
import { giveRealm, takeRealm, type Inner } from './realm.js';
import type { RecallingKernel } from './recalling-kernel.js';

/** What a stage is told of a guest. */
export interface Part {
  readonly suspension: Suspension;
  readonly kernel: RecallingKernel;
  /** Until this returns, the guest does not begin; it waits as a verb does. */
  prepare(): void;
  /** Makes the guest: what it exports as its start. */
  begin(imports: (functions: Functions) => WebAssembly.Imports): () => void;
  /** It was left by `error`, or returned (undefined). Throws what ends the run. */
  ended(error: unknown): void;
}
type Functions = Record<string, Record<string, WasiFunction>>;

/** What a guest is left by when the run is over. */
const ABORTED = Symbol('aborted');

export class Stage {
  readonly #world: World;
  readonly #step: () => boolean;
  readonly #fibers = new Map<Suspension, Fiber>();
  readonly #realm = takeRealm();
  /** What has ended the run. */
  #error: { readonly thrown: unknown } | undefined;
  #over = false;

  /** `step` lets the next event happen; false: there shall be no other. */
  constructor(world: World, step: () => boolean) {
    this.#world = world;
    this.#step = step;
  }

  /** One more guest. */
  add(part: Part): Fiber {
    const fiber = new Fiber(this, part, this.#realm.inner);
    this.#fibers.set(part.suspension, fiber);
    return fiber;
  }

  /** Runs them, `first` at once, until there is no next event. Throws what has ended the run. */
  run(first: Fiber): void {
    this.#realm.run(() => {
      this.goOn(undefined, first);
    });
    this.#over = true;
    if (this.#error !== undefined) throw this.#error.thrown;
  }

  /** Ends all guests that have not ended. */
  dispose(): void {
    this.#over = true;
    this.#realm.run(() => this.#fibers.forEach((fiber) => fiber.abort()));
    this.#fibers.clear();
    giveRealm(this.#realm);
  }

  get over(): boolean {
    return this.#over;
  }

  /**
   * Goes on with `next`, or with the event that is next, until some guest has its answer: the
   * answer if it is `caller`'s.
   */
  goOn(caller: Fiber | undefined, next?: Fiber): number | undefined {
    let fiber = next;
    try {
      while (!this.#over) {
        const answer = fiber?.attempt();
        if (answer !== undefined) {
          if (fiber === caller) return answer;
          fiber!.resume(answer);
          return undefined;
        }
        if (!this.#step()) return undefined;
        fiber = this.#world.turn && this.#fibers.get(this.#world.turn);
      }
    } catch (error) {
      this.#over = true;
      this.#error ??= { thrown: error };
    }
    return undefined;
  }
}

/** One guest on a stack of its own. */
export class Fiber {
  readonly #stage: Stage;
  readonly #part: Part;
  readonly #inner: Inner;
  /** What it does when it is its turn; what that throws has ended the guest. */
  #call: () => number;
  #resolve: (answer: number) => void;
  #reject: ((error: unknown) => void) | undefined;
  #over = false;
  #aborted = false;

  constructor(stage: Stage, part: Part, realm: Inner) {
    this.#stage = stage;
    this.#part = part;
    this.#inner = realm;
    this.#call = () => {
      part.prepare();
      return 0;
    };
    this.#resolve = () => this.#inner.soon(() => this.#begin());
  }

  /** It is its turn: what its call answers; undefined: that waits, or the guest has ended. */
  attempt(): number | undefined {
    if (this.#over) return undefined;
    let error: unknown;
    try {
      return this.#call();
    } catch (thrown) {
      if (thrown === SUSPENDED) return undefined;
      error = thrown;
    }
    this.#over = true;
    this.#part.ended(error);
    return undefined;
  }

  /** It goes on with the answer of its call, when whoever runs now has been suspended. */
  resume(answer: number): void {
    this.#resolve(answer);
  }

  /** Leaves its guest, wherever that is. */
  abort(): void {
    this.#over = true;
    this.#reject?.(ABORTED);
  }

  #begin(): void {
    try {
      const start = this.#part.begin((functions) => this.#imports(functions));
      const end = this.#inner.promising(start)();
      this.#inner.when(
        end,
        () => this.#left(undefined),
        (error) => this.#left(error),
      );
    } catch (error) {
      this.#left(error);
    }
  }

  /** The guest's own code was left. */
  #left(error: unknown): void {
    if (this.#over) return;
    this.#call = () => {
      throw error;
    };
    this.#stage.goOn(undefined, this.#part.suspension.behind() ? undefined : this);
  }

  #imports(functions: Functions): WebAssembly.Imports {
    return Object.fromEntries(
      Object.entries(functions).map(([module, each]) => [
        module,
        Object.fromEntries(
          Object.entries(each).map(([name, call]) => [
            name,
            this.#inner.suspending((...args) => this.#enter(call, args)),
          ]),
        ),
      ]),
    );
  }

  /** The guest calls a function. */
  #enter(call: WasiFunction, args: never[]): number | Promise<number> {
    const { kernel, suspension } = this.#part;
    if (this.#stage.over) return this.#end();
    kernel.forget();
    this.#call = () => {
      kernel.again();
      return call(...args);
    };
    const answer = this.#stage.goOn(this, suspension.behind() ? undefined : this);
    if (answer !== undefined) return answer;
    return this.#inner.promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The guest calls although the run is over: it has caught its end, and the second is for good. */
  #end(): Promise<number> {
    // oxlint-disable-next-line typescript/only-throw-error
    if (!this.#aborted) throw ((this.#aborted = true), ABORTED);
    return this.#inner.promise(() => {});
  }
}
