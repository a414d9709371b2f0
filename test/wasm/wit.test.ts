/** The WIT is valid, and says of module "pollux" what its header says. */
import { readFileSync } from 'node:fs';

import {
  componentEmbed,
  componentNew,
  componentWit,
} from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, test } from 'vitest';

import { root } from '../harness.js';

const witSource = readFileSync(`${root}wasm/wit/pollux.wit`, 'utf8');
const header = readFileSync(`${root}wasm/c/include/pollux.h`, 'utf8');

/** A component that has the world's imports and exports, and does nothing. */
async function dummy(world: string): Promise<string> {
  const core = await componentEmbed({ witSource, world, dummy: true });
  return await componentWit(await componentNew(core, []));
}

/** `interface_function` for each function of an interface, as the header spells them. */
function functions(name: string): string[] {
  const [, body] = new RegExp(`^interface ${name} \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(witSource)!;
  return [...body!.matchAll(/^ {2}([a-z-]+): func/gm)].map(([, each]) => each!);
}

test('both worlds are valid', async () => {
  expect(await dummy('machine')).toContain('export pollux:io/machines@0.1.0;');
  const guest = await dummy('guest');
  for (const name of ['epoll', 'signal', 'asynchronous', 'fault'])
    expect(guest).toContain(`import pollux:io/${name}@0.1.0;`);
});

test('the interfaces of module "pollux" have the functions of the header, in its order', () => {
  const declared = [...header.matchAll(/^POLLUX_FUNCTION\((\w+)\)/gm)].map(([, name]) => name);
  expect(declared.length).toBeGreaterThan(0);
  expect([
    ...functions('epoll').map((name) => `epoll_${name}`),
    ...functions('signal').map((name) => `signal_${name}`),
    ...functions('asynchronous'),
    ...functions('fault').map((name) => `fault_${name}`),
  ]).toEqual(declared);
});

test('each function names the import that it stands for', () => {
  for (const [, name] of header.matchAll(/^POLLUX_FUNCTION\((\w+)\)/gm))
    expect(witSource).toContain(`/// \`${name}\`: `);
});
