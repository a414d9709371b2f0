import { defineConfig } from 'vitest/config';

// Apart from the other tests: it packs and installs, which takes its time.
export default defineConfig({
  test: {
    include: ['test/package/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
