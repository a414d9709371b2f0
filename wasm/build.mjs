// @ts-check
/**
 * Builds every WebAssembly guest of the table below that is stale, and the component of the
 * machines with its JavaScript, or the one C file that is named; it downloads nothing.
 *
 *     node wasm/build.mjs [SOURCE.c OUTPUT.wasm]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, normalize, relative, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

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
const ASC_FLAGS = [
  '--optimize',
  '--runtime',
  'stub',
  '--use',
  'abort=',
  '--exportStart',
  '_start',
  '--debug',
];

/**
 * @typedef {object} Guest
 * @property {string} output            where the guest goes
 * @property {string[]} sources         C files, or the one AssemblyScript file
 * @property {string[]} [compileFlags]  besides COMPILE_FLAGS, for the first source
 * @property {string[]} [linkFlags]     besides LINK_FLAGS
 */

/**
 * A server in one of the I/O models.
 * @param {string} name
 * @param {string} model
 * @returns {Guest}
 */
function server(name, model) {
  return {
    output: `dist/wasm/${name}-${model}.wasm`,
    sources: [name, 'server', 'queue', model.replace('-edge', '')].map(
      (file) => `wasm/c/${file}.c`,
    ),
    compileFlags: [`-DMODEL=${model.replace('-', '_')}_model`],
    linkFlags: model === 'poll' ? POLL_STACK : model === 'select' ? SELECT_STACK : [],
  };
}

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
const REACTOR = server('echo', 'poll');

/** @type {Guest[]} */
const GUESTS = [
  ...MODELS.flatMap((model) => [server('echo', model), server('response', model)]),
  {
    ...REACTOR,
    output: 'dist/wasm/echo-reactor.wasm',
    compileFlags: [...(REACTOR.compileFlags ?? []), '-DREACTOR'],
    linkFlags: [...POLL_STACK, '-mexec-model=reactor'],
  },
  { output: 'dist/wasm/client.wasm', sources: ['wasm/c/client.c'] },
  ...['blocking', 'clocks', 'close0', 'grow', 'select', 'spin', 'stdio', 'trap'].map((name) => ({
    output: `dist/test/guest/${name}.wasm`,
    sources: [`test/guest/${name}.c`],
  })),
  { output: 'dist/test/guest/echo.as.wasm', sources: ['test/guest/echo.as.ts'] },
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

/** What the user is to blame for, said in one sentence or already said by the compiler. */
class BuildError extends Error {}

/** @typedef {Map<string, string | Uint8Array>} Inputs */

/**
 * A C compiler: one program, which compiles and links. `run` answers the file `name` that it wrote.
 * @typedef {object} Compiler
 * @property {string} identity  what the cache tells two compilers apart by
 * @property {(name: string, args: string[], inputs: Inputs) => Promise<Uint8Array>} run
 */

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

/** @param {string} name */
const packageVersion = (name) =>
  JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version;

/** @param {string} root @returns {Compiler} */
function wasiSdk(root) {
  const clang = join(root, 'bin/clang');
  let identity;
  try {
    identity = execFileSync(clang, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    throw new BuildError(
      `WASI_SDK_PATH is '${root}', but '${clang}' does not run: point it at an unpacked wasi-sdk.`,
    );
  }
  return {
    identity: `${root} ${identity}`,
    async run(name, args, inputs) {
      const scratch = mkdtempSync(join(tmpdir(), 'pollux-'));
      try {
        // Sources are read where they are; only the objects, which are in no file, are written.
        const objects = [...inputs].filter(([path]) => path.endsWith('.o'));
        for (const [path, content] of objects) writeFileSync(join(scratch, path), content);
        const placed = args.map((arg) =>
          objects.some(([path]) => path === arg) ? join(scratch, arg) : arg,
        );
        const output = join(scratch, name);
        const { status } = spawnSync(clang, [...placed, '-o', output], { stdio: 'inherit' });
        if (status !== 0) throw new BuildError();
        return readFileSync(output);
      } finally {
        rmSync(scratch, { recursive: true });
      }
    },
  };
}

/** @returns {Compiler} */
function packagedClang() {
  return {
    identity: `@yowasp/clang ${packageVersion('@yowasp/clang')}`,
    async run(name, args, inputs) {
      // A hundred megabytes: only read when something is stale.
      const { runClang, Exit } = /** @type {any} */ (await import('@yowasp/clang'));
      await runClang(null, {}, { fetchProgress() {} }); // loads it without printing progress
      try {
        const streams = { stdout: print, stderr: print };
        const files = await runClang(['clang', ...args, '-o', name], tree(inputs), streams);
        return files[name];
      } catch (error) {
        if (error instanceof Exit) throw new BuildError();
        throw error;
      }
    },
  };
}

/** @param {Uint8Array | null} bytes */
function print(bytes) {
  if (bytes) process.stderr.write(bytes);
}

/** Nested folders, as @yowasp/clang takes them. @param {Inputs} files */
function tree(files) {
  /** @type {Record<string, any>} */
  const root = {};
  for (const [path, content] of files) {
    const folders = path.split('/');
    const name = /** @type {string} */ (folders.pop());
    let folder = root;
    for (const step of folders) folder = folder[step] ??= {};
    folder[name] = content;
  }
  return root;
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

/** @param {Guest} guest */
async function buildAssemblyScript({ sources: [source] }) {
  const key = keyOf(
    `assemblyscript ${packageVersion('assemblyscript')}`,
    ASC_FLAGS,
    source,
    readFileSync(source, 'utf8'),
  );
  return cached(key, async () => {
    console.log(`asc ${source}`);
    const { default: asc } = await import('assemblyscript/asc');
    /** @type {Map<string, Uint8Array>} */
    const written = new Map();
    const { error } = await asc.main([source, ...ASC_FLAGS, '--outFile', 'output.wasm'], {
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

async function main() {
  const [source, output] = named;
  const isSource = source?.endsWith('.c') && !source.startsWith('..') && existsSync(source);
  if (named.length > 0 && !(named.length === 2 && isSource)) {
    throw new BuildError('name nothing, or a C file of this checkout and the file to make of it');
  }
  const guests = source ? [{ output, sources: [source], linkFlags: POLL_STACK }] : GUESTS;
  const sdk = process.env['WASI_SDK_PATH'];
  const compiler = sdk ? wasiSdk(sdk) : packagedClang();
  for (const guest of guests) {
    const wasm = guest.sources[0].endsWith('.as.ts')
      ? await buildAssemblyScript(guest)
      : await buildC(guest, compiler);
    update(guest.output, wasm);
  }
  if (!source) await buildComponent(compiler);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  if (error.message) console.error(`wasm/build.mjs: ${error.message}`);
  process.exitCode = 1;
}
