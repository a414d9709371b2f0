/** Virtual time in words: three digits that mean something, and the unit that fits. */

const units = [
  ['s', 1e9],
  ['ms', 1e6],
  ['µs', 1e3],
] as const;

export function timeOf(ns: number): string {
  const [unit, size] = units.find(([, each]) => ns >= each) ?? ['µs', 1e3];
  const value = ns / size;
  return `${value.toFixed(value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2)} ${unit}`;
}

/** Of something round. */
export const roundTimeOf = (ns: number) =>
  timeOf(ns).replace(/\.0+(?= )|(\.\d*[1-9])0+(?= )/, '$1');
