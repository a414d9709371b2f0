#!/usr/bin/env node
// @ts-check
/**
 * Runs cases in the format of the public WASI test suite, each by `pollux run`: a folder of
 * `.wasm` files, beside each a `.json` that says what it is given and what shall come of it.
 *
 *     node test/conformance/run.mjs FOLDER... [-- FLAG...]     the flags are for pollux run
 *
 * https://github.com/WebAssembly/wasi-testsuite/blob/main/doc/specification.md
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url));
const LIMIT_MS = 60_000;

/**
 * What a case is given. A folder of `dirs`, or `root`, is beside the case; the guest sees a copy of
 * it, by the same name, or as "/".
 * @typedef {object} Given
 * @property {string[]} [args]
 * @property {Record<string, string>} [env]
 * @property {string[]} [dirs]
 * @property {string} [root]
 */

/**
 * What is done with a case, in order.
 * @typedef {{ type: 'run' } & Given
 *   | { type: 'write' | 'read', id: string, payload: string }
 *   | { type: 'wait', exit_code?: number }} Operation
 */

/**
 * A case as its `.json` has it: all at once, or in operations.
 * @typedef {Given & { stdin?: string, stdout?: string, stderr?: string, exit_code?: number }
 *   & { operations?: Operation[] }} Case
 */

/** What is known of a case, but needs no doing. */
const IGNORED = ['wasi_functions', 'proposals', 'world'];
const KNOWN = ['args', 'env', 'dirs', 'root', 'stdin', 'stdout', 'stderr', 'exit_code'];

/** @param {string} file @returns {Case} */
function read(file) {
  const json = file.replace(/\.wasm$/, '.json');
  if (!existsSync(json)) return {};
  const found = JSON.parse(readFileSync(json, 'utf8'));
  const known = new Set([...KNOWN, ...IGNORED, 'operations']);
  const unknown = Object.keys(found).filter((key) => !known.has(key));
  if (unknown.length > 0) throw new Error(`${json} has ${unknown.join(', ')}, which is not known`);
  return found;
}

/**
 * A guest that runs, and all that it has written.
 * @param {string} file
 * @param {Given} given
 * @param {string} scratch  where its folders are copied to
 * @param {string[]} more  flags for pollux run
 */
function start(file, { args = [], env = {}, dirs = [], root }, scratch, more) {
  const folders = dirs.map((each) => {
    const [host, guest = host] = each.split('::');
    return [/** @type {string} */ (host), guest];
  });
  if (root !== undefined) folders.push([root, '/']);
  const flags = folders.flatMap(([host, guest], i) => {
    const copy = join(scratch, `${i}`);
    cpSync(join(dirname(file), /** @type {string} */ (host)), copy, {
      recursive: true,
      verbatimSymlinks: true,
    });
    return ['--dir', `${copy}::${guest}`];
  });
  flags.push(...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]));
  const child = spawn(process.execPath, [cli, 'run', ...more, ...flags, file, ...args]);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  child.stdin.on('error', () => {}); // it may end before it has read everything
  return { child, output, ended: once(child, 'close') };
}

/** @param {string} what @param {unknown} expected @param {unknown} found */
function differs(what, expected, found) {
  if (expected === found) return [];
  return [`${what} is ${JSON.stringify(found)}, and shall be ${JSON.stringify(expected)}`];
}

/** The operations that a case without any stands for. @param {Case} from @returns {Operation[]} */
function operationsOf({ operations, stdin, exit_code: exitCode = 0, ...given }) {
  if (operations) return operations;
  const write = { type: /** @type {const} */ ('write'), id: 'stdin', payload: stdin ?? '' };
  const run = { type: /** @type {const} */ ('run'), ...given };
  return [run, ...(stdin === undefined ? [] : [write]), { type: 'wait', exit_code: exitCode }];
}

/**
 * Runs a case, and answers what was wrong with it, a sentence each.
 * @param {string} file
 * @param {string[]} more  flags for pollux run
 * @returns {Promise<string[]>}
 */
export async function runCase(file, more = []) {
  const scratch = mkdtempSync(join(tmpdir(), 'pollux-case-'));
  /** @type {ReturnType<typeof start> | undefined} */
  let run;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  try {
    const wanted = read(file);
    const failures = [];
    const taken = { stdout: 0, stderr: 0 };
    for (const operation of operationsOf(wanted)) {
      if (operation.type === 'run') {
        run = start(file, operation, scratch, more);
        const { child } = run;
        timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
        continue;
      }
      if (!run) throw new Error(`${operation.type} comes before run`);
      if (operation.type === 'write') {
        run.child.stdin.write(operation.payload);
      } else if (operation.type === 'read') {
        const id = operation.id === 'stderr' ? 'stderr' : 'stdout';
        const end = taken[id] + operation.payload.length;
        while (run.output[id].length < end && run.child.exitCode === null)
          await Promise.race([once(run.child[id], 'data'), run.ended]);
        const found = run.output[id].slice(taken[id], end);
        failures.push(...differs(`what came to ${id}`, operation.payload, found));
        taken[id] = end;
      } else if (operation.type === 'wait') {
        run.child.stdin.end();
        const [code, signal] = await run.ended;
        failures.push(...differs('the exit code', operation.exit_code ?? 0, code ?? signal));
      } else {
        throw new Error(`${JSON.stringify(operation)} is not known here`);
      }
    }
    if (!run) throw new Error('it has no run');
    run.child.stdin.end();
    await run.ended;
    for (const id of /** @type {const} */ (['stdout', 'stderr'])) {
      if (wanted[id] !== undefined) failures.push(...differs(id, wanted[id], run.output[id]));
    }
    if (failures.length > 0 && run.output.stderr !== '' && wanted.stderr === undefined)
      failures.push(`stderr: ${run.output.stderr.trimEnd()}`);
    return failures;
  } catch (error) {
    return [/** @type {Error} */ (error).message];
  } finally {
    clearTimeout(timer);
    run?.child.kill('SIGKILL');
    await run?.ended;
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The cases in a folder, and in its folders. @param {string} folder */
export function casesOf(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => file.endsWith('.wasm'))
    .sort();
}

/** @param {string[]} args */
async function main(args) {
  const dashes = args.includes('--') ? args.indexOf('--') : args.length;
  const folders = args.slice(0, dashes);
  const flags = args.slice(dashes + 1);
  if (folders.length === 0) {
    process.stderr.write(
      'name a folder of cases: node test/conformance/run.mjs FOLDER... [-- FLAG...]\n',
    );
    return 2;
  }
  const missing = folders.find((folder) => !existsSync(folder));
  if (missing !== undefined) {
    process.stderr.write(`there is no folder ${missing}: name one that exists\n`);
    return 2;
  }
  let passed = 0;
  let failed = 0;
  for (const file of folders.flatMap(casesOf)) {
    const failures = await runCase(file, flags);
    if (failures.length === 0) passed++;
    else failed++;
    process.stdout.write(`${failures.length === 0 ? 'ok  ' : 'FAIL'} ${basename(file, '.wasm')}\n`);
    for (const failure of failures) process.stdout.write(`     ${failure}\n`);
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await main(process.argv.slice(2));
