/** Makes the instance of the guest that a run is about, of what it is given. */
import type { Kernel } from '../../host/kernel/kernel.js';
import type { Choices } from '../../host/sim/choice.js';
import type { Embedder } from '../../host/wasi/process.js';
import type { Guest } from '../guest.js';
import { assemble, attach, type Assembled, type Wrap } from '../assemble.js';
import { grantsOf, type Given } from './given.js';
import { MEMORY_CHOICES, moduleOf } from './module.js';
import type { SimulateOptions } from './outcome.js';
import { embedderOf } from './program.js';
import type { Part } from './stack/stage.js';

/** What stands between the guest and its kernel. */
export interface Between {
  readonly choices: Choices;
  readonly wrap: Wrap;
  readonly handled: NonNullable<Embedder['handled']>;
  /** May put something before its imports. */
  readonly lead: Parameters<Part['begin']>[0];
}

export interface Begun {
  readonly assembled: Assembled;
  /** Below 0 if it was ended for its loops. */
  readonly fuel: WebAssembly.Global;
  start(): void;
}

const encoder = new TextEncoder();

export function begin(
  guest: Guest,
  options: SimulateOptions,
  given: Given,
  kernel: Kernel,
  { choices, wrap, handled, lead }: Between,
): Begun {
  const { args = [guest.name], env = {}, poller = 'epoll', poll, strict } = options;
  const { refuseMemory, maxDescriptors } = options;
  const embedder = embedderOf({
    args: args.map((each) => encoder.encode(each)),
    environ: Object.entries(env).map(([name, value]) => encoder.encode(`${name}=${value}`)),
    poller,
    edge: poll === 'edge',
    strict,
    handled,
  });
  const room = refuseMemory ? choices.choose('guest/memory', MEMORY_CHOICES) : 0;
  const { module, fuel } = moduleOf(guest, room, { fuel: options.fuel });
  const assembled = assemble(module, kernel, grantsOf(given, maxDescriptors), embedder, wrap);
  const instance = new WebAssembly.Instance(module, lead(assembled.imports));
  attach(assembled, instance);
  const { exports } = instance;
  return {
    assembled,
    fuel: exports[fuel] as WebAssembly.Global,
    start: exports['_start'] as () => void,
  };
}
