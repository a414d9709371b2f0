import process from 'node:process';

import { defineConfig } from 'vitest/config';

// On the other versions of Node: a browser does not know which of them serves it.
const brief = process.env['POLLUX_BRIEF'] === undefined ? [] : ['test/browser/**'];

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
