/**
 * The compilers of other languages, and what they make of the programs here. Each is looked for
 * where Debian puts it too; a machine without one skips its tests, and the checks fail.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, type TestContext } from 'vitest';

import { root } from '../harness.js';
import { makeRuby } from './ruby.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = fileURLToPath(new URL('../../dist/test/language/', import.meta.url));
/** Debian's sources of Rust libraries. */
const CRATES = '/usr/share/cargo/registry';
/** The newer name of the target, and the older one. */
const WASI_TARGETS = ['wasm32-wasip1', 'wasm32-wasi'];

/** The program that a compiler made; skips the test where there is no such compiler. */
export type Built = { file: string } | { missing: string };

export function fileOf(built: Built, context: TestContext): string {
  if ('file' in built) return built.file;
  expect(process.env['CI'], `the checks need ${built.missing}`).toBeUndefined();
  return context.skip(`there is no ${built.missing} on this machine`);
}

/** Makes `name` from `sources`, unless it is newer than they are. */
function built(name: string, sources: string[], make: (file: string) => void): Built {
  mkdirSync(out, { recursive: true });
  const file = `${out}${name}.wasm`;
  const newest = Math.max(...sources.map((source) => statSync(`${here}${source}`).mtimeMs));
  if (!existsSync(file) || statSync(file).mtimeMs < newest) make(file);
  return { file };
}

/** Runs a compiler; what it has to say is in the error. */
function compile(program: string, args: string[], env: Record<string, string> = {}): void {
  execFileSync(program, args, {
    cwd: here,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function works(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Go 1.21 or later, the first that knows wasip1. */
function findGo(): string | undefined {
  const debian = existsSync('/usr/lib')
    ? readdirSync('/usr/lib').filter((name) => /^go-1\.\d+$/.test(name))
    : [];
  return ['go', ...debian.map((name) => `/usr/lib/${name}/bin/go`)].find(
    (program) =>
      works(program, 'version') &&
      / go1\.(2[1-9]|[3-9]\d)/.test(execFileSync(program, ['version']).toString()),
  );
}

export function buildGo(): Built {
  const go = findGo();
  if (go === undefined) return { missing: 'Go ≥ 1.21' };
  return built('go', ['go/server.go', 'go/go.mod'], (file) =>
    compile(go, ['build', '-C', 'go', '-o', file, '.'], {
      GOOS: 'wasip1',
      GOARCH: 'wasm',
      GOFLAGS: '-mod=mod',
      GOTOOLCHAIN: 'local',
      GOPROXY: 'off',
      GOCACHE: `${out}go-cache`,
    }),
  );
}

/** A rustc that has the standard library of WASI, and the name that it knows WASI by. */
function findRust(): { rustc: string; target: string } | undefined {
  for (const rustc of ['rustc', '/usr/bin/rustc']) {
    if (!works(rustc, '--version')) continue;
    const root = execFileSync(rustc, ['--print', 'sysroot']).toString().trim();
    const target = WASI_TARGETS.find((each) => existsSync(`${root}/lib/rustlib/${each}`));
    if (target !== undefined) return { rustc, target };
  }
  return undefined;
}

export function buildRust(): Built {
  const rust = findRust();
  if (rust === undefined) return { missing: 'rustc with the standard library of WASI' };
  const { rustc, target } = rust;
  return built('rust', ['rust/echo.rs'], (file) =>
    compile(rustc, ['--edition=2021', '-O', `--target=${target}`, 'rust/echo.rs', '-o', file]),
  );
}

/** A library of Rust: its name, and what it is compiled with. */
interface Crate {
  name: string;
  edition: number;
  uses?: string[];
  cfg?: string[];
  /** Ours, in place of one of Debian's. */
  source?: string;
}

const features = (...names: string[]) => names.map((name) => `feature="${name}"`);

/** Tokio and what it needs, each after what it uses. */
const crates: Crate[] = [
  { name: 'wasi', edition: 2018, source: 'rust/wasi.rs' },
  { name: 'cfg_if', edition: 2018 },
  { name: 'log', edition: 2015, uses: ['cfg_if'] },
  { name: 'memchr', edition: 2018 },
  { name: 'bytes', edition: 2018, cfg: features('std') },
  { name: 'pin_project_lite', edition: 2018 },
  {
    name: 'mio',
    edition: 2018,
    uses: ['wasi', 'log'],
    cfg: features('net', 'os-poll', 'os-ext'),
  },
  {
    name: 'tokio',
    edition: 2018,
    uses: ['mio', 'bytes', 'memchr', 'pin_project_lite'],
    cfg: [
      'tokio_unstable',
      'tokio_wasm',
      'tokio_wasi',
      'tokio_no_const_mutex_new',
      'tokio_no_const_thread_local',
      ...features('rt', 'net', 'io-util', 'time'),
    ],
  },
];

/** The folder of one of Debian's, `log-0.4.17`. */
function folderOf(name: string): string | undefined {
  if (!existsSync(CRATES)) return undefined;
  const form = new RegExp(`^${name.replaceAll('_', '-')}-\\d`);
  return readdirSync(CRATES).find((folder) => form.test(folder));
}

export function buildTokio(): Built {
  const rust = findRust();
  const lacks = crates.some(({ name, source }) => !source && folderOf(name) === undefined);
  if (rust === undefined || lacks) return { missing: 'rustc for WASI, with the sources of tokio' };
  return built('tokio', ['rust/wasi.rs', 'rust/tokio.rs'], (file) => {
    const libraries = `${out}rust`;
    mkdirSync(libraries, { recursive: true });
    const common = ['-O', `--target=${rust.target}`, '--cap-lints=allow', '-L', libraries];
    const given = (uses: string[]) =>
      uses.flatMap((name) => ['--extern', `${name}=${libraries}/lib${name}.rlib`]);
    for (const { name, edition, uses = [], cfg = [], source } of crates) {
      const known = [...given(uses), ...cfg.flatMap((each) => ['--cfg', each])];
      const what = [`--edition=${edition}`, '--crate-type=rlib', '--crate-name', name];
      const from = source ?? `${CRATES}/${folderOf(name)}/src/lib.rs`;
      compile(rust.rustc, [...common, ...known, ...what, '--out-dir', libraries, from]);
    }
    const program = ['--edition=2021', ...given(['tokio']), 'rust/tokio.rs'];
    compile(rust.rustc, [...common, ...program, '-o', file]);
  });
}

/** The Ruby of npm, where .ci/run puts it: 127 MB, too much for every checkout. */
export function buildRuby(): Built {
  const library = `${out}ruby/node_modules/@ruby/3.4-wasm-wasi/dist/ruby.wasm`;
  if (!existsSync(library)) return { missing: 'the package @ruby/3.4-wasm-wasi' };
  return built('ruby', ['ruby.ts'], (file) => makeRuby(library, file, root));
}
