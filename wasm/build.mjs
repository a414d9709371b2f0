// @ts-check
/**
 * Builds every WebAssembly guest of the table below that is stale, and the component of the
 * machines with its JavaScript, or the one file that is named, in C or AssemblyScript; it downloads
 * nothing.
 *
 *     node wasm/build.mjs [SOURCE.c|SOURCE.ts OUTPUT.wasm]
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { BuildError, packagedClang, packageVersion, wasiSdk } from './compiler.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const named = process.argv.slice(2).map((file) => relative(root, resolve(file)));
process.chdir(root);

const CACHE = 'dist/wasm/.cache';
const INCLUDE_DIRS = ['wasm/c', 'wasm/c/include'];
const TARGET = '--target=wasm32-wasip1';
const COMPILE_FLAGS = [
  TARGET,
  '-std=c17',
  '-D_GNU_SOURCE',
  '-O2',
  '-flto',
  '-Wall',
  '-Wextra',
  '-Werror',
  ...INCLUDE_DIRS.map((dir) => `-I${dir}`),
];
// The name section stays, so that a trap's stack shows function names; the stack lies first, so
// that an overflow traps.
const LINK_FLAGS = [TARGET, '-Wl,--strip-debug', '-Wl,--stack-first'];
// poll() and select() of wasi-libc put 2n+1 subscriptions of 48 bytes and as many events of 32 on
// the stack: 65,000 connections fit, or the 1,024 that select() takes.
const POLL_STACK = ['-Wl,-z,stack-size=16777216'];
const SELECT_STACK = ['-Wl,-z,stack-size=1048576'];
// The name section stays here too.
const ASC_FLAGS = ['--optimize', '--use', 'abort=', '--debug'];
const ASC_COMMAND = ['--exportStart', '_start'];
// Nothing is ever freed, and nothing is spent on it: for guests that allocate once and for all.
const NO_COLLECTOR = ['--runtime', 'stub'];
// For whoever writes `new` in a loop.
const COLLECTOR = ['--runtime', 'incremental'];

/** @typedef {import('./compiler.mjs').Compiler} Compiler */

/**
 * @typedef {object} Guest
 * @property {string} output            where the guest goes
 * @property {string[]} sources         C files, or the AssemblyScript file that imports the rest
 * @property {string[]} [compileFlags]  besides COMPILE_FLAGS, for the first source, or ASC_FLAGS
 * @property {string[]} [linkFlags]     besides LINK_FLAGS
 */

/** The I/O models; the numbers in wasm/as/model.ts are the places here. */
const MODELS = [
  'blocking',
  'nonblocking',
  'select',
  'poll',
  'epoll',
  'epoll-edge',
  'signal',
  'async',
];

/** The file of a model has its table and its driver. @param {string} model */
const fileOf = (model) => `wasm/c/${model.replace('-edge', '')}.c`;

/**
 * A server in one of the I/O models.
 * @param {string} name
 * @param {string} model
 * @returns {Guest}
 */
function server(name, model) {
  return {
    output: `dist/wasm/${name}-${model}.wasm`,
    sources: [`wasm/c/${name}.c`, 'wasm/c/server.c', 'wasm/c/queue.c', fileOf(model)],
    compileFlags: [`-DMODEL=${model.replace('-', '_')}_model`],
    linkFlags: model === 'poll' ? POLL_STACK : model === 'select' ? SELECT_STACK : [],
  };
}

/** Its twin. @param {string} name @param {string} model @returns {Guest} */
function twin(name, model) {
  return {
    output: `dist/wasm/${name}-${model}.as.wasm`,
    sources: [`wasm/as/${name}.ts`],
    compileFlags: [...ASC_COMMAND, ...NO_COLLECTOR, '--use', `MODEL=${MODELS.indexOf(model)}`],
  };
}

/** Servers with one planted bug each, for the simulator to find; and without it. */
const CANARIES = [
  'partial-send',
  'edge',
  'half-close',
  'emfile',
  'buffer',
  'signal',
  'eagain',
  'order',
].flatMap((name) =>
  ['', '.correct'].map((kind) => ({
    output: `dist/test/guest/canary/${name}${kind}.wasm`,
    sources: [`test/guest/canary/${name}.c`],
    compileFlags: kind === '' ? [] : ['-DBUG=0'],
  })),
);

/** A store, and its twins that each forget to sync something. */
const STORES = ['', '.log', '.snapshot', '.directory'].map((name, i) => ({
  output: `dist/test/guest/store${name}.wasm`,
  sources: ['test/guest/store.c'],
  compileFlags: [`-DFORGET=${(1 << i) >> 1}`],
}));

/** Cases in the format of the public WASI test suite: a program, and what it is given beside it. */
const CASES = 'test/conformance/case';
const CASES_OUTPUT = 'dist/test/conformance';
const CONFORMANCE = readdirSync(CASES)
  .filter((name) => name.endsWith('.c'))
  .map((name) => ({
    output: `${CASES_OUTPUT}/${basename(name, '.c')}.wasm`,
    sources: [`${CASES}/${name}`],
  }));

const PLAIN = (
  'blocking clocks close0 connection copy files grow lines maybe script select spin ' +
  'stdio trap udp'
)
  .split(' ')
  .map((name) => ({ output: `dist/test/guest/${name}.wasm`, sources: [`test/guest/${name}.c`] }));
const SERVERS = ['echo', 'response'];
const REACTOR = server('echo', 'poll');

/** @type {Guest[]} */
const GUESTS = [
  ...MODELS.flatMap((model) => SERVERS.map((name) => server(name, model))),
  ...MODELS.flatMap((model) => SERVERS.map((name) => twin(name, model))),
  {
    ...REACTOR,
    output: 'dist/wasm/echo-reactor.wasm',
    compileFlags: [...(REACTOR.compileFlags ?? []), '-DREACTOR'],
    linkFlags: [...POLL_STACK, '-mexec-model=reactor'],
  },
  { output: 'dist/wasm/client.wasm', sources: ['wasm/c/client.c'] },
  { output: 'dist/bench/files.wasm', sources: ['bench/native/files.c'] },
  ...PLAIN,
  ...CANARIES,
  ...STORES,
  ...CONFORMANCE,
  {
    output: 'dist/test/guest/maybe.production.wasm',
    sources: ['test/guest/maybe.c'],
    compileFlags: ['-DNDEBUG'],
  },
  {
    output: 'dist/test/guest/maybe.as.wasm',
    sources: ['test/guest/maybe.as.ts'],
    compileFlags: [...ASC_COMMAND, ...COLLECTOR],
  },
  {
    output: 'dist/test/guest/maybe.production.as.wasm',
    sources: ['test/guest/maybe.as.ts'],
    compileFlags: [...ASC_COMMAND, ...COLLECTOR, '--noAssert'],
  },
  {
    output: 'dist/test/guest/echo.as.wasm',
    sources: ['test/guest/echo.as.ts'],
    compileFlags: [...ASC_COMMAND, ...NO_COLLECTOR],
  },
  {
    output: 'dist/test/guest/sdk.as.wasm',
    sources: ['test/guest/sdk.as.ts'],
    compileFlags: [...ASC_COMMAND, ...COLLECTOR],
  },
  {
    output: 'dist/wasm/machines.as.wasm',
    sources: ['wasm/as/machines.ts'],
    compileFlags: NO_COLLECTOR,
  },
  {
    output: 'dist/test/guest/machines.wasm',
    sources: [
      'test/guest/machines.c',
      'wasm/c/machine.c',
      'wasm/c/server.c',
      'wasm/c/queue.c',
      ...MODELS.filter((model) => model !== 'epoll-edge').map(fileOf),
    ],
    linkFlags: ['-mexec-model=reactor'],
  },
];

const WIT = 'wasm/wit/pollux.wit';
/**
 * The module inside of the component: the tables and what exports them. Of the models' files the
 * linker leaves out what works on sockets, which nothing here calls, and with it every import; not
 * so in a command, whose every export would flush stdio.
 * @type {Guest}
 */
const MACHINES = {
  output: 'machines.wasm',
  sources: [
    ...MODELS.filter((model) => model !== 'epoll-edge'),
    'server',
    'machine',
    'component',
  ].map((name) => `wasm/c/${name}.c`),
  linkFlags: ['-mexec-model=reactor'],
};

/** @param {...(string | string[])} parts */
const keyOf = (...parts) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** @param {string} path @param {Uint8Array} content */
function update(path, content) {
  if (!existsSync(path) || !readFileSync(path).equals(content)) write(path, content);
}

/** @param {string} path @param {string | Uint8Array} content */
function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  const whole = `${path}.${process.pid}.new`;
  writeFileSync(whole, content);
  renameSync(whole, path);
}

/**
 * The cached artefact of that key, made first if there is none.
 * @param {string} key
 * @param {() => Promise<string | Uint8Array>} make
 * @returns {Promise<Buffer>}
 */
async function cached(key, make) {
  const path = join(CACHE, key);
  if (!existsSync(path)) write(path, await make());
  return readFileSync(path);
}

/**
 * The file and the headers of our tree that it includes, however deep; the rest is the compiler's.
 * @param {string} path
 * @param {Map<string, string>} found
 */
function withHeaders(path, found = new Map()) {
  if (found.has(path)) return found;
  const text = readFileSync(path, 'utf8');
  found.set(path, text);
  for (const [, name] of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]/gm)) {
    const header = [dirname(path), ...INCLUDE_DIRS]
      .map((dir) => normalize(join(dir, name)))
      .find((file) => existsSync(file));
    if (header) withHeaders(header, found);
  }
  return found;
}

/** @param {Guest} guest @param {Compiler} compiler */
async function buildC({ output, sources, compileFlags = [], linkFlags = [] }, compiler) {
  const units = sources.map((source, index) => {
    const inputs = withHeaders(source);
    const own = index === 0 ? compileFlags : [];
    const args = [...COMPILE_FLAGS, ...own, '-c', source];
    return { source, own, inputs, args, key: keyOf(compiler.identity, args, [...inputs].flat()) };
  });
  const flags = [...LINK_FLAGS, ...linkFlags];
  // The linker names the module after its output, and a trap's stack shows that name.
  const name = basename(output, '.wasm');
  return cached(
    keyOf(
      compiler.identity,
      name,
      flags,
      units.map(({ key }) => key),
    ),
    async () => {
      /** @type {Map<string, Uint8Array>} */
      const objects = new Map();
      for (const { source, own, inputs, args, key } of units) {
        const object = await cached(key, () => {
          console.log(`clang ${source} ${own.join(' ')}`.trimEnd());
          return compiler.run('output.o', args, inputs);
        });
        objects.set(`${objects.size}.o`, object);
      }
      console.log(`link ${output}`);
      return compiler.run(name, [...flags, ...objects.keys()], objects);
    },
  );
}

/**
 * The file and the files of our tree that it imports, however deep.
 * @param {string} path
 * @param {Map<string, string>} found
 */
function withImports(path, found = new Map()) {
  if (found.has(path)) return found;
  const text = readFileSync(path, 'utf8');
  found.set(path, text);
  for (const [, name] of text.matchAll(/\bfrom\s*["'](\.[^"'\n]*)["']/g)) {
    const file = [`${name}.ts`, `${name}/index.ts`]
      .map((each) => normalize(join(dirname(path), each)))
      .find((each) => existsSync(each));
    if (file) withImports(file, found);
  }
  return found;
}

/** @param {Guest} guest */
async function buildAssemblyScript({ sources: [source], compileFlags = [] }) {
  const flags = [...ASC_FLAGS, ...compileFlags];
  const key = keyOf(
    `assemblyscript ${packageVersion('assemblyscript')}`,
    flags,
    [...withImports(source)].flat(),
  );
  return cached(key, async () => {
    console.log(`asc ${source} ${compileFlags.join(' ')}`);
    const { default: asc } = await import('assemblyscript/asc');
    /** @type {Map<string, Uint8Array>} */
    const written = new Map();
    const { error } = await asc.main([source, ...flags, '--outFile', 'output.wasm'], {
      stdout: process.stdout,
      stderr: process.stderr,
      writeFile: (name, contents) => void written.set(name, /** @type {Uint8Array} */ (contents)),
    });
    const wasm = written.get('output.wasm');
    if (error || !wasm) throw new BuildError();
    return wasm;
  });
}

/** @param {Compiler} compiler */
async function buildComponent(compiler) {
  const core = await buildC(MACHINES, compiler);
  const wit = readFileSync(WIT, 'utf8');
  const key = keyOf(
    `jco ${packageVersion('@bytecodealliance/jco-transpile')}`,
    readFileSync('wasm/component.mjs', 'utf8'),
    wit,
    core.toString('base64'),
  );
  const files = await cached(key, async () => {
    console.log(`jco ${WIT}`);
    const { componentise } = await import('./component.mjs');
    return JSON.stringify(await componentise(core, wit));
  });
  for (const [name, base64] of JSON.parse(files.toString()))
    update(`dist/wasm/${name}`, Buffer.from(base64, 'base64'));
}

/** The one guest that the command line names. @returns {Guest} */
function namedGuest() {
  const [source = '', output] = named;
  const isSource = /\.(c|ts)$/.test(source) && !source.startsWith('..') && existsSync(source);
  if (named.length !== 2 || !isSource) {
    throw new BuildError(
      'name nothing, or a C or AssemblyScript file of this checkout and the file to make of it',
    );
  }
  return source.endsWith('.c')
    ? { output, sources: [source], linkFlags: POLL_STACK }
    : { output, sources: [source], compileFlags: [...ASC_COMMAND, ...COLLECTOR] };
}

async function main() {
  const guests = named.length > 0 ? [namedGuest()] : GUESTS;
  const sdk = process.env['WASI_SDK_PATH'];
  const compiler = sdk ? wasiSdk(sdk) : packagedClang();
  for (const guest of guests) {
    const wasm = guest.sources[0].endsWith('.ts')
      ? await buildAssemblyScript(guest)
      : await buildC(guest, compiler);
    update(guest.output, wasm);
  }
  if (named.length > 0) return;
  const isGiven = (/** @type {string} */ path) => !/\.[ch]$/.test(path);
  cpSync(CASES, CASES_OUTPUT, { recursive: true, filter: isGiven });
  await buildComponent(compiler);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  if (error.message) console.error(`wasm/build.mjs: ${error.message}`);
  process.exitCode = 1;
}
