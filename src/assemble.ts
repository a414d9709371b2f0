/**
 * Puts one guest together, on whatever kernel: its descriptors from what was granted, its
 * functions, its memory. It runs nothing, and knows no file of this machine.
 */
import * as pollux from '../host/ext/imports.js';
import type { Kernel } from '../host/kernel/kernel.js';
import { Descriptors, type Descriptor } from '../host/wasi/descriptors.js';
import { type LinearMemory, Memory } from '../host/wasi/memory.js';
import * as preview1 from '../host/wasi/p1/imports.js';
import type { Poll } from '../host/wasi/p1/poll.js';
import { type Embedder, Process, type WasiFunction } from '../host/wasi/process.js';

/** What a guest is given, on whatever kernel. */
export interface Grants {
  /** stdin, stdout, stderr. */
  streams: Descriptor[];
  /** They come next, for guests look for them until they find something else. */
  dirs?: Descriptor[];
  sockets: { fd: number | undefined; descriptor: Descriptor }[];
  maxDescriptors: number;
}

/** A module that a guest may import, as its imports.ts describes it. */
export interface Described {
  MODULE: string;
  parameters: Record<string, string>;
  /** What happened before these calls is written first, for they may be the last ones. */
  waiting: ReadonlySet<string>;
}

/** Puts something between a guest and the functions of a module. */
export type Wrap = (
  module: Described,
  functions: Record<string, WasiFunction>,
  memory: () => Memory,
) => Record<string, WasiFunction>;

export interface Assembled {
  process: Process;
  poll: Poll;
  imports: Record<string, Record<string, WasiFunction>>;
}

/** By module: the names of what it imports, by theirs. */
const imported = new WeakMap<WebAssembly.Module, Map<string, Set<string>>>();

function importsOf(module: WebAssembly.Module): Map<string, Set<string>> {
  let names = imported.get(module);
  if (names === undefined) {
    imported.set(module, (names = new Map<string, Set<string>>()));
    for (const each of WebAssembly.Module.imports(module))
      names.set(each.module, (names.get(each.module) ?? new Set()).add(each.name));
  }
  return names;
}

/** Of the functions of a module those that are asked for. */
function only(functions: Record<string, WasiFunction>, names: ReadonlySet<string>) {
  return Object.fromEntries([...names].map((name) => [name, functions[name]!]));
}

/** All of a guest but its instance; `attach` gives it the memory of that. */
export function assemble(
  module: WebAssembly.Module,
  kernel: Kernel,
  { streams, dirs = [], sockets, maxDescriptors }: Grants,
  embedder: Embedder,
  wrap: Wrap = (_, functions) => functions,
): Assembled {
  const descriptors = new Descriptors(kernel, maxDescriptors);
  [...streams, ...dirs].forEach((descriptor, fd) => descriptors.put(fd, descriptor));
  for (const { fd, descriptor } of sockets) {
    if (fd === undefined) descriptors.add(descriptor);
    else descriptors.put(fd, descriptor);
  }
  const process = new Process(kernel, descriptors, embedder);
  const { functions, poll } = preview1.preview1(process);
  const memory = () => process.memory;
  const imports: Assembled['imports'] = {};
  const names = importsOf(module);
  const standard = names.get(preview1.MODULE);
  if (standard !== undefined)
    imports[preview1.MODULE] = wrap(preview1, only(functions, standard), memory);
  const own = names.get(pollux.MODULE);
  if (own !== undefined)
    imports[pollux.MODULE] = wrap(pollux, only(pollux.extension(process), own), memory);
  return { process, poll, imports };
}

/** Gives a guest its memory, when its module has been instantiated. */
export function attach({ process }: Assembled, { exports }: WebAssembly.Instance): void {
  process.attach(new Memory(exports['memory'] as unknown as LinearMemory));
}
