// @ts-check
/**
 * The compiler of guests in C: clang and wasi-libc of a wasi-sdk that the user names, or else those
 * that come as a package. It knows no guest.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** What the user is to blame for, said in one sentence or already said by the compiler. */
export class BuildError extends Error {}

/** @typedef {Map<string, string | Uint8Array>} Inputs */

/**
 * A C compiler: one program, which compiles and links. `run` answers the file `name` that it wrote.
 * @typedef {object} Compiler
 * @property {string} identity  what the cache tells two compilers apart by
 * @property {(name: string, args: string[], inputs: Inputs) => Promise<Uint8Array>} run
 */

/** @param {string} name */
export const packageVersion = (name) =>
  JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version;

/** @param {string} root @returns {Compiler} */
export function wasiSdk(root) {
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
export function packagedClang() {
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
