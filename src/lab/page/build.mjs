// @ts-check
/**
 * Builds the page into dist/lab/page: static files that work from any folder of any web server,
 * with the guests in them.
 *
 *     node src/lab/page/build.mjs
 */
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));
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

/** @returns {import('vite').Plugin} */
const policy = () => ({
  name: 'content-security-policy',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
      injectTo: 'head-prepend',
    },
  ],
});

/**
 * The component of the machines is built, and lies in dist.
 *
 * @returns {import('vite').Plugin}
 */
const component = () => ({
  name: 'component',
  enforce: 'pre',
  resolveId: (id) => {
    const name = /\/wasm\/(component(?:\.cores)?\.js)$/.exec(id)?.[1];
    return name === undefined ? null : `${dist}/wasm/${name}`;
  },
});

/** The component says of itself that it is one; nobody asks. */
const quiet = {
  onwarn: (/** @type {{ code?: string }} */ warning, /** @type {(each: any) => void} */ warn) => {
    if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
  },
};

await build({
  root,
  configFile: false,
  base: './',
  logLevel: 'warn',
  plugins: [policy(), component()],
  worker: { format: 'es', plugins: () => [component()], rolldownOptions: quiet },
  build: {
    rolldownOptions: quiet,
    outDir: `${dist}/lab/page`,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
