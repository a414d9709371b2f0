// Bundles the report's rendering, with the packages that it draws by, into one module for Node:
// dist/lab/report/report.js, and beside it the licences of what is in it.
import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  root: here,
  logLevel: 'warn',
  build: {
    ssr: 'report.ts',
    outDir: fileURLToPath(new URL('../../../dist/lab/report', import.meta.url)),
    emptyOutDir: false,
    target: 'node20',
    cssMinify: false,
    license: { fileName: 'licenses.md' },
  },
  ssr: { noExternal: true },
});
