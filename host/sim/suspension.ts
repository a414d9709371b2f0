/**
 * How a guest waits that shares its world with others. Each has a time of its own, which its calls
 * let run ahead of the world's; before a call the world catches up, and others have their turns. A
 * wait ends in an event as well, in which it is the guest's turn. How the guest is left meanwhile
 * is its leader's: by stepping the world until then where it stands, or by an exception after which
 * the verb is called again.
 */
import { Errno } from '../kernel/errno.js';
import { END_OF_TIME_NS, type Timer } from './scheduler.js';
import { idleNs, LATE_NS, type WaitPoints, type Waiting, type World } from './world.js';

/** What a verb throws that waits. */
export const SUSPENDED = Symbol('suspended');

export class Suspension {
  readonly #world: World;
  readonly #points: WaitPoints;
  readonly #leave: () => void;
  /** Until when its calls take. */
  #busyNs = 0;
  /** Its calls since something happened, and how often it had by then. */
  #idleCalls = 0;
  #progressSeen = 0;
  /** How often it has waited in the call that goes on. */
  #waits = 0;
  #waiting: Waiting | undefined;
  #fresh = false;
  /** When it looks at the earliest whether what it waits for has come. */
  #notBeforeNs = 0;
  /** How late it will find what comes first. */
  #lateNs = 0;
  #deadline: Timer | undefined;
  #turn: Timer | undefined;
  #answer: number | undefined;
  readonly #due = () => {
    this.#forget();
    this.#world.turnOf(this);
  };

  /** `leave` lets the guest be until it is its turn again; by default it throws `SUSPENDED`. */
  constructor(world: World, points: WaitPoints, leave: () => void = suspend) {
    this.#world = world;
    this.#points = points;
    this.#leave = leave;
  }

  /** The guest's own time. */
  get nowNs(): number {
    return Math.max(this.#world.now, this.#busyNs);
  }

  /** True in a verb that is called again. */
  get resuming(): boolean {
    return this.#answer !== undefined;
  }

  /** True if it calls in vain, and its next call will have to wait for more than this one takes. */
  get idling(): boolean {
    return this.#idleNs() > 0 && this.#busyNs > this.#world.now;
  }

  /** It takes so much longer. */
  spend(ns: number): void {
    this.#busyNs = this.nowNs + ns;
  }

  /** A verb takes its time. */
  charge(): void {
    const world = this.#world;
    this.#busyNs = this.nowNs + world.callNs;
    if (this.#progressSeen !== world.progressed) this.#idleCalls = 0;
    this.#progressSeen = world.progressed;
    this.#idleCalls++;
    world.count();
  }

  /**
   * A call of the guest begins, or the guest has ended: true if the world has to catch up first, so
   * that it is not its turn yet.
   */
  behind(): boolean {
    const { scheduler } = this.#world;
    this.#waits = 0;
    if (this.#busyNs <= scheduler.now) return false;
    const ns = this.#idleNs();
    this.#turn = scheduler.at(this.#busyNs + ns, this.#due);
    if (ns > 0) this.#world.suspensions.push(this);
    return true;
  }

  /** As `behind`, for whoever is left where it stands. */
  catchUp(): void {
    if (this.behind()) this.#leave();
  }

  /** It is its turn after so long. */
  turnAfter(ns: number): void {
    this.#turn = this.#world.scheduler.after(ns, this.#due);
  }

  /** As `turnAfter`, and until then it waits as a verb does. */
  sleep(ns: number): void {
    this.turnAfter(ns);
    this.#leave();
  }

  /** As `World.block`. */
  block(waiting: Waiting, timeoutNs: number): number {
    if (this.#answer === undefined) {
      // A call that waits again and again, and finds each time what is none, lets time pass too.
      const again = this.#waits++ > 0 && this.#busyNs > this.#world.now;
      if (!again || timeoutNs <= 0) {
        const result = waiting.ready();
        if (result !== 0 || timeoutNs <= 0) return result;
      }
      this.#wait(waiting, timeoutNs, again ? this.#busyNs : 0);
      this.#leave();
    }
    const answer = this.#answer!;
    this.#answer = undefined;
    return answer;
  }

  /** Something may have happened; `happened`: it did. */
  rouse(happened: boolean): void {
    const { scheduler } = this.#world;
    if (this.#waiting === undefined) {
      // It only passes the time.
      if (!happened) return;
      this.cancel();
      this.#turn = scheduler.at(this.#busyNs, this.#due);
      return;
    }
    if (this.#fresh) {
      // It was its own turn, and it has looked.
      this.#fresh = false;
      return;
    }
    if (this.#lateNs > 0) {
      // What happens meanwhile, it finds all at once.
      this.#lookNotBefore(Math.max(this.#notBeforeNs, scheduler.now + this.#lateNs));
      this.#lateNs = 0;
    }
    if (scheduler.now < this.#notBeforeNs) return;
    const result = this.#waiting.ready();
    if (result !== 0) this.#over(result);
  }

  /** What it waits for, in words; undefined: it does not. */
  waitsFor(): string | undefined {
    return this.#waiting?.waitsFor();
  }

  /** Waits no more, and nobody is told. */
  cancel(): void {
    const { scheduler } = this.#world;
    if (this.#deadline !== undefined) scheduler.cancel(this.#deadline);
    if (this.#turn !== undefined) scheduler.cancel(this.#turn);
    this.#forget();
  }

  #forget(): void {
    const { suspensions } = this.#world;
    this.#deadline = undefined;
    this.#turn = undefined;
    this.#waiting = undefined;
    const at = suspensions.indexOf(this);
    if (at >= 0) suspensions.splice(at, 1);
  }

  #idleNs(): number {
    return idleNs(this.#idleCalls, this.#world.callNs) - this.#world.callNs;
  }

  #wait(waiting: Waiting, timeoutNs: number, notBeforeNs: number): void {
    const { scheduler, suspensions } = this.#world;
    this.#waiting = waiting;
    this.#fresh = true;
    this.#lateNs = LATE_NS[this.#points.late.choose(LATE_NS.length)]!;
    this.#notBeforeNs = 0;
    if (notBeforeNs > 0) this.#lookNotBefore(notBeforeNs);
    const deadlineNs = this.nowNs + Math.ceil(timeoutNs);
    const interruptedNs = this.nowNs + this.#world.interruptedNs(this.#points);
    if (interruptedNs < deadlineNs)
      this.#deadline = scheduler.at(interruptedNs, () => this.#timeIsOver(-Errno.EINTR));
    else if (deadlineNs <= END_OF_TIME_NS)
      this.#deadline = scheduler.at(deadlineNs, () => this.#timeIsOver(0));
    suspensions.push(this);
  }

  #lookNotBefore(ns: number): void {
    this.#notBeforeNs = ns;
    // Whoever waits looks after each event.
    this.#world.scheduler.at(ns, nothing);
  }

  /** The wait ends, at the latest when it looks next: `answer` if there is no other. */
  #timeIsOver(answer: number): void {
    const { scheduler } = this.#world;
    if (scheduler.now < this.#notBeforeNs)
      this.#deadline = scheduler.at(this.#notBeforeNs, () => this.#timeIsOver(answer));
    else this.#over(this.#waiting!.ready() || answer);
  }

  #over(answer: number): void {
    this.cancel();
    this.#answer = answer;
    this.turnAfter(0);
  }
}

function suspend(): never {
  // oxlint-disable-next-line typescript/only-throw-error
  throw SUSPENDED;
}

function nothing(): void {}
