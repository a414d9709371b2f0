/** Plays of every kind, for the tests of what comes of them, in Node and in a browser. */
import { languages, playedModels } from '#src/lab/page/play';
import type { Deed, Play } from '#src/lab/page/take';

/** One message, there and back, in two pieces; then the client is done. */
export const message: readonly Deed[] = [
  { kind: 'connect', atNs: 50_000, client: 'ann' },
  { kind: 'send', atNs: 80_000, client: 'ann', text: 'hello', pieces: 2 },
  { kind: 'half-close', atNs: 190_000, client: 'ann' },
];

/** Three clients who do all that can be done, and faults. */
export const everything: readonly Deed[] = [
  { kind: 'connect', atNs: 20_000, client: 'ann' },
  { kind: 'connect', atNs: 20_000, client: 'bob' },
  { kind: 'send', atNs: 40_000, client: 'ann', text: 'one', pieces: 1 },
  { kind: 'send', atNs: 41_000, client: 'bob', text: 'two, and a little more', pieces: 4 },
  { kind: 'EINTR', atNs: 60_000 },
  { kind: 'EAGAIN', atNs: 90_000 },
  { kind: 'send', atNs: 95_000, client: 'ann', text: '三', pieces: 3 },
  { kind: 'stop reading', atNs: 180_000, client: 'bob' },
  { kind: 'send', atNs: 190_000, client: 'bob', text: 'x'.repeat(40_000), pieces: 2 },
  { kind: 'connect', atNs: 200_000, client: 'eve' },
  { kind: 'send', atNs: 205_000, client: 'nobody', text: 'unheard', pieces: 1 },
  { kind: 'send', atNs: 210_000, client: 'eve', text: 'in between', pieces: 1 },
  { kind: 'EINTR', atNs: 300_000 },
  { kind: 'read on', atNs: 400_000, client: 'bob' },
  { kind: 'reset', atNs: 700_000, client: 'eve' },
  { kind: 'half-close', atNs: 710_000, client: 'ann' },
  { kind: 'half-close', atNs: 720_000, client: 'bob' },
  { kind: 'connect', atNs: 800_000, client: 'ann' },
];

/** Each model in each language, with these deeds. */
export const playsOf = (seed: number, deeds: readonly Deed[]): Play[] =>
  playedModels.flatMap((model) => languages.map((language) => ({ model, language, seed, deeds })));
