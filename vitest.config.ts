import process from 'node:process';

import { defineConfig } from 'vitest/config';

// Not on the other versions of Node: a browser does not know which of them serves it, the
// experiments of the lab are about Linux, and the benchmark's programs are C.
const again = ['test/browser/**', 'test/src/lab/experiment/**', 'test/bench/**'];
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
