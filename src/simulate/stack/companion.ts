/** A guest that shares a world with another one, on a stack of its own in the world's thread. */
import { HostError } from '../../../host/kernel/error.js';
import type { SimKernel } from '../../../host/sim/sim-kernel.js';
import type { Suspension } from '../../../host/sim/suspension.js';
import { attach } from '../../assemble.js';
import { connectAll, type Connecting } from '../connecting.js';
import { Instrument, type Call } from '../instrument.js';
import { assembleProgram, outcomeOf, type End, type Program } from '../program.js';
import { RecallingKernel } from './recalling-kernel.js';
import type { Part, Stage } from './stage.js';

const RUNNING = { code: undefined, trap: undefined, failed: undefined } as const;

export class StackCompanion implements Part {
  readonly suspension: Suspension;
  readonly kernel: RecallingKernel;
  /** How it ended; undefined: it did not. */
  end: End | undefined;
  readonly #simKernel: SimKernel;
  readonly #module: WebAssembly.Module;
  readonly #fuel: string;
  #instance: WebAssembly.Instance | undefined;
  #begun = false;
  readonly #program: Program;
  readonly #connecting: Connecting[];
  readonly #ended: (end: End) => void;
  readonly #record: Call[] = [];
  readonly #instrument: Instrument;

  /** `ended` is called in the turn in which it ends. */
  constructor(
    stage: Stage,
    kernel: SimKernel,
    { module, fuel }: { module: WebAssembly.Module; fuel: string },
    program: Program,
    connecting: readonly Connecting[],
    ended: (end: End) => void,
  ) {
    const suspension = kernel.suspension!;
    let startNs = 0;
    this.suspension = suspension;
    this.kernel = new RecallingKernel(kernel);
    this.#simKernel = kernel;
    this.#module = module;
    this.#fuel = fuel;
    this.#program = program;
    this.#connecting = connecting.slice();
    this.#ended = ended;
    this.#instrument = new Instrument({
      get now() {
        return kernel.nowNs;
      },
      before: () => (suspension.resuming ? startNs : (startNs = kernel.nowNs)),
      after: () => {},
      ended: () => {},
      record: program.recorded ? (call) => this.#record.push(call) : undefined,
    });
    stage.add(this);
    suspension.turnAfter(0);
  }

  prepare(): void {
    connectAll(this.#simKernel, this.#connecting);
    this.#begun = true;
  }

  begin(imports: Parameters<Part['begin']>[0]): () => void {
    const wrap: Instrument['wrap'] = (...each) => this.#instrument.wrap(...each);
    const assembled = assembleProgram(this.#module, this.kernel, this.#program, wrap);
    this.#instance = new WebAssembly.Instance(this.#module, imports(assembled.imports));
    attach(assembled, this.#instance);
    return this.#instance.exports['_start'] as () => void;
  }

  ended(error: unknown): void {
    const fuel = this.#instance?.exports[this.#fuel] as WebAssembly.Global | undefined;
    const outcome = outcomeOf(error, fuel?.value < 0);
    if (outcome.failed !== undefined) {
      if (error instanceof Error) throw error;
      throw new HostError(`"${this.#simKernel.host}" failed: ${outcome.failed}`);
    }
    this.end = this.#endOf(outcome);
    this.#ended(this.end);
  }

  dispose(): End | undefined {
    this.suspension.cancel();
    if (!this.#begun) return undefined;
    return (this.end ??= this.#endOf(RUNNING));
  }

  #endOf(outcome: Pick<End, 'code' | 'trap' | 'failed'>): End {
    const { hash, calls } = this.#instrument;
    return { ...outcome, hash: hash.digest, calls, record: this.#record };
  }
}
