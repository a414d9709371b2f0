// Bun and Deno, as npm packages: 100 MB each, so they are no dependencies, and are installed beside
// the benchmark when they are to take part.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { missing, root, type ServerName } from './program.js';

const INSTALL_TIMEOUT_MS = 300_000;

// Their versions are part of the figures. npm refuses them where they do not run.
const packages: Partial<Record<ServerName, string>> = {
  bun: '@oven/bun-linux-x64@1.4.5',
  deno: '@deno/linux-x64-glibc@2.9.6',
};

const flags = [
  '--no-save',
  '--no-package-lock',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--fetch-retries=1',
  '--loglevel=error',
];

// Installs those of `names` that are peers and not there yet. Answers a sentence if that failed.
export function installPeers(names: readonly ServerName[]): string | undefined {
  const wanted = names.filter((name) => packages[name] !== undefined);
  if (wanted.every((name) => missing(name) === undefined)) return undefined;
  // All of them at once: npm removes what it is not told of.
  const specifiers = Object.values(packages);
  console.log(`Installing ${specifiers.join(' and ')} in dist/bench/peers`);
  const prefix = `${root}dist/bench/peers`;
  mkdirSync(prefix, { recursive: true });
  const { status, stderr, error } = spawnSync(
    'npm',
    ['install', '--prefix', prefix, ...flags, ...specifiers],
    { encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (status === 0) return undefined;
  const [why = ''] = (error?.message ?? stderr).trim().split('\n');
  return `npm could not install ${specifiers.join(' and ')}: ${why}`;
}
