/** The tables of all machines, as a module of functions gives them, in C or in AssemblyScript. */
import { readFileSync } from 'node:fs';

type Name =
  | 'machines'
  | 'states'
  | 'events'
  | 'calls'
  | 'initial'
  | 'step'
  | 'phase'
  | 'process'
  | 'sets'
  | 'final'
  | 'classOf'
  | 'machineName'
  | 'stateName'
  | 'eventName'
  | 'callName';
export type Tables = Record<Name, (...numbers: number[]) => number>;

export function tables(file: string): Tables {
  const module = new WebAssembly.Module(readFileSync(file));
  const { exports } = new WebAssembly.Instance(module, {});
  return exports as Tables;
}

/** A name, which comes letter by letter. */
export function nameOf(letterAt: (at: number) => number): string {
  let name = '';
  for (let letter; (letter = letterAt(name.length)) !== 0;) name += String.fromCharCode(letter);
  return name;
}

export const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
