// Builds the page into dist/lab/page: static files that work from any folder of any web server,
// with the guests in them.
import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = fileURLToPath(new URL('../../../dist', import.meta.url));

/** Nothing but the page's own files, and WebAssembly. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** By the second one `pollux lab --out` knows a page that it has written. */
const head = () => ({
  name: 'head',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
      injectTo: 'head-prepend',
    },
    {
      tag: 'meta',
      attrs: { name: 'generator', content: 'pollux lab' },
      injectTo: 'head-prepend',
    },
  ],
});

/** The component of the machines is built, and lies in dist. */
const component = () => ({
  name: 'component',
  enforce: 'pre',
  resolveId: (id) => {
    const name = /\/wasm\/(component(?:\.cores)?\.js)$/.exec(id)?.[1];
    return name === undefined ? null : `${dist}/wasm/${name}`;
  },
});

/** The component says of itself that it is one, and nobody asks. */
const rolldownOptions = { onwarn, checks: { pluginTimings: false } };

function onwarn(warning, warn) {
  if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
}

export default defineConfig({
  root: here,
  base: './',
  logLevel: 'warn',
  plugins: [head(), component()],
  worker: { format: 'es', plugins: () => [component()], rolldownOptions },
  build: {
    outDir: `${dist}/lab/page`,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions,
  },
});
