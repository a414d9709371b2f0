// @ts-check
/**
 * Makes a component of the module of the machines, and JavaScript of the component, with jco. The
 * JavaScript reads no file and fetches nothing, so that it is the same one in Node and in a
 * browser.
 */
import { Buffer } from 'node:buffer';

import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';

const NAME = 'component';
const CORE = `${NAME}.core`;

/**
 * @param {Uint8Array} module
 * @param {string} witSource
 * @returns {Promise<[name: string, base64: string][]>}
 */
export async function componentise(module, witSource) {
  const binary = await componentEmbed({ binary: module, witSource, world: 'machine' });
  const component = await componentNew(binary, []);
  const { files } = await transpileBytes(component, {
    name: NAME,
    instantiation: 'sync', // else there is a top-level await, and CommonJS cannot require it
    enumValuesScreamingSnakeCase: true, // as in machine.h
    nodejsCompat: false,
    minify: true,
  });
  const { [`${CORE}.wasm`]: core, ...rest } = files;
  /** @type {[string, string | Uint8Array][]} */
  const written = [
    [`${NAME}.wasm`, component],
    [`${CORE}.js`, `export const core = '${Buffer.from(core).toString('base64')}';\n`],
    [`${CORE}.d.ts`, '/** A WebAssembly module, in base64. */\nexport const core: string;\n'],
    ...Object.entries(rest),
  ];
  return written.map(([name, content]) => [name, Buffer.from(content).toString('base64')]);
}
