import process from 'node:process';

import { defineConfig } from 'vitest/config';

// Not on the other versions of Node, whose engine, workers, processes and streams these do not try
// any further than others do: a browser does not know which of them serves it; the lab and the
// documents are about Linux and about text; the benchmark's programs are C; and what compares Linux
// with the simulator, or runs the same guests for long, finds the same there.
const again = [
  'test/browser/**',
  'test/bench/**',
  'test/src/lab/**',
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
