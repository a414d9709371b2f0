/**
 * The death of a guest's process, and how long it takes until it is started anew. The kernel closes
 * what it had open, as Linux does: who was connected sees an end, or a reset where the guest had
 * not received everything; who waited at its listener is reset; whoever comes meanwhile is refused.
 * What it wrote to its disk is there, unless its machine dies with it.
 */
import { UsageError } from '../../host/kernel/error.js';
import type { SocketAddress } from '../../host/kernel/kernel.js';
import type { Choices } from '../../host/sim/choice.js';
import type { Choice } from '../../host/sim/choice-log.js';
import { breaking, concerns, decisionOf } from '../../host/sim/fault.js';
import type { SimKernel } from '../../host/sim/sim-kernel.js';
import type { TraceHash } from '../../host/sim/trace-hash.js';
import type { World } from '../../host/sim/world.js';
import type { Course } from './instrument.js';
import type { SimulateOptions } from './outcome.js';

/** How long it is down; the first is for the benign choice. */
const DOWN_NS = [0, 1e6, 100e6, 5e9];

/** Ends an instance, and not the run. */
export class Crash {
  readonly downNs: number;

  constructor(downNs: number) {
    this.downNs = downNs;
  }
}

/** What hears of a crash, as it does of a call. */
interface Witness {
  readonly hash: TraceHash;
  readonly record: Course['record'];
}

/** The crashes of one run. */
export class Crashes {
  count = 0;
  /** By index of the grant: where a listener is, and will be again. */
  readonly listening: SocketAddress[] = [];
  readonly #most: number;
  readonly #powerLoss: boolean;
  /** Connections up to this number may have ended by one of them. */
  #upTo = 0;

  constructor({ crashes: most = 0, powerLoss = false, companions }: SimulateOptions) {
    if (!Number.isSafeInteger(most) || most < 0)
      throw new UsageError(`crashes is a whole number, 0 or more, and not ${most}`);
    if (most > 0 && Object.keys(companions ?? {}).length > 0)
      throw new UsageError('no guest of a company crashes: leave out crashes, or companions');
    if (powerLoss && most === 0)
      throw new UsageError(
        'no machine loses its power where no process dies: say how many crashes',
      );
    this.#most = most;
    this.#powerLoss = powerLoss;
  }

  /** Before a call of the guest: throws `Crash` if it dies now. */
  ask(choices: Choices, guest: string): void {
    if (this.count === this.#most) return;
    const chosen = choices.choose(`${guest}/crash`, DOWN_NS.length);
    // oxlint-disable-next-line typescript/only-throw-error
    if (chosen > 0) throw new Crash(DOWN_NS[chosen]!);
  }

  /**
   * True if a connection (`net/3.client`), or some attempt at one, may have ended by a crash, or by
   * a fault that was `taken`.
   */
  excuse(link: string | undefined, taken: readonly Choice[]): boolean {
    const breaks = ({ label }: Choice) => breaking.has(decisionOf(label));
    if (link === undefined) return this.count > 0 || taken.some(breaks);
    if (Number.parseInt(link.slice('net/'.length), 10) <= this.#upTo) return true;
    const own = `${link.slice(0, link.lastIndexOf('.'))}.`;
    return taken.some((choice) => concerns(choice.label, own) && breaks(choice));
  }

  /** Closes all of a process that has died. After a while there is a kernel for the next one. */
  bury(kernel: SimKernel, { downNs }: Crash, { hash, record }: Witness): SimKernel {
    const { world, host, disk } = kernel;
    const startNs = world.now;
    this.count++;
    this.#upTo = Infinity;
    kernel.dispose();
    world.kernels.splice(world.kernels.indexOf(kernel), 1);
    if (this.#powerLoss && world.choices.choose(`${host}/power`, 2) === 1) disk.crash();
    world.idle(downNs);
    const endNs = world.now;
    hash.number(startNs);
    hash.number(endNs);
    const outputs = [['instance', this.count + 1] as const];
    record?.({ name: 'crash', inputs: [], errno: 'KILLED', outputs, startNs, endNs });
    return world.kernel({ host, disk });
  }

  /** It listens again. */
  over({ network }: World): void {
    if (this.count > 0) this.#upTo = network.connections;
  }
}
