/** What Vite makes of a module of the page, beside JavaScript. */
interface ImportMeta {
  readonly url: string;
  glob<Value>(
    patterns: readonly string[],
    options: { readonly query: string; readonly import: string; readonly eager: true },
  ): Record<string, Value>;
}
