// Runs a guest by node:wasi, with one directory, which it knows as /d.
// usage: node-wasi GUEST.wasm FOLDER ARG...
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

// What is used of it: its types come with those of a browser, which nothing here is.
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: object }>;
};

const [file = '', folder = '', ...args] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: [file, ...args], preopens: { '/d': folder } });
const { instance } = await WebAssembly.instantiate(readFileSync(file), wasi.getImportObject());
wasi.start(instance);
