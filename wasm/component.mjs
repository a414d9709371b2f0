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
/** The modules that the component is linked of, by the names that its JavaScript asks for. */
const CORES = `${NAME}.cores`;
const TYPES = `/** WebAssembly modules in base64, by name. */
export const cores: Readonly<Record<string, string>>;
`;

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
  const base64 = (/** @type {string | Uint8Array} */ content) =>
    Buffer.from(content).toString('base64');
  const all = Object.entries(files);
  const cores = all.filter(([name]) => name.endsWith('.wasm'));
  const encoded = Object.fromEntries(cores.map(([name, core]) => [name, base64(core)]));
  /** @type {[string, string | Uint8Array][]} */
  const written = [
    [`${NAME}.wasm`, component],
    [`${CORES}.js`, `export const cores = ${JSON.stringify(encoded)};\n`],
    [`${CORES}.d.ts`, TYPES],
    ...all.filter((each) => !cores.includes(each)),
  ];
  return written.map(([name, content]) => [name, base64(content)]);
}
