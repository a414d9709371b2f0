import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A browser is the same on every version of Node.
    exclude: ['test/package/**', ...(process.env['POLLUX_BRIEF'] ? ['test/browser/**'] : [])],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // What is tested is what was built: workers and the addon are loaded from dist as a user's
    // would be.
    server: { deps: { external: [/\/dist\//] } },
  },
});
