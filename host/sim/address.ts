/** IP addresses in their text form, as inet_pton(3) takes and inet_ntop(3) writes them. */

const V4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** The eight words of an IPv6 address. */
function words(text: string): number[] | undefined {
  const tail = text.slice(text.lastIndexOf(':') + 1);
  if (V4.test(tail)) {
    const [a, b, c, d] = tail.split('.').map(Number) as [number, number, number, number];
    const last = [a * 256 + b, c * 256 + d].map((word) => word.toString(16)).join(':');
    return words(text.slice(0, text.length - tail.length) + last);
  }
  const halves = text.split('::');
  const parts = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (parts.flat().some((part) => !/^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  const [before, after] = parts.map((part) => part.map((word) => Number.parseInt(word, 16)));
  if (halves.length === 1) return before!.length === 8 ? before : undefined;
  const zeros = 8 - before!.length - after!.length;
  if (halves.length > 2 || zeros < 1) return undefined;
  return [...before!, ...Array<number>(zeros).fill(0), ...after!];
}

/** With the longest run of two zeros or more written as `::`. */
function format(all: number[]): string {
  let start = -1;
  let longest = 1;
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && all[to] === 0) to++;
    if (to - from > longest) [start, longest] = [from, to - from];
  }
  const hex = all.map((word) => word.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + longest).join(':')}`;
}

/** The one form of an address that all its forms come down to; undefined: it is none. */
export function normal(host: string): string | undefined {
  if (V4.test(host)) return host;
  if (!host.includes(':')) return undefined;
  const all = words(host);
  return all && format(all);
}

export function isV6(host: string): boolean {
  return host.includes(':');
}

/** Any address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.');
}
