import process from 'node:process';

import { defineConfig } from 'vitest/config';

// Not on the other versions of Node, for what is left tries their engine, workers, processes and
// streams as much: a browser does not know which of them serves it, and the lab's page is for one;
// its experiments are about Linux, and the documents are text; the benchmark's programs are C; and
// the public suite's cases, those that hold the simulator against Linux, and those that take long
// go through the same code of Node again and again.
const again = [
  'test/browser/**',
  'test/bench/**',
  'test/src/lab/experiment/**',
  'test/src/lab/page/**',
  'test/docs/**',
  'test/tidy.test.ts',
  'test/canary.test.ts',
  'test/conformance/**',
  'test/script/**',
  'test/host/sim/differential.test.ts',
  'test/wasm/{memory,many}.test.ts',
];
const brief = process.env['POLLUX_BRIEF'] === undefined ? [] : again;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/package/**', ...brief],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // What is tested is what was built: workers and the addon are loaded from dist as a user's
    // would be.
    server: { deps: { external: [/\/dist\//] } },
  },
});
