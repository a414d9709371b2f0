/**
 * The page's address: all that it shows is in the part behind #, so that a link shows the same.
 * Nothing of it is sent to a server.
 */
import { MOST_DEEDS, MOST_SEED } from './play.js';
import type { Deed, Play } from './take.js';

export const models = [
  'blocking',
  'nonblocking',
  'select',
  'poll',
  'epoll',
  'epoll-edge',
  'signal',
  'async',
] as const;
export type Model = (typeof models)[number];

export const languages = ['en', 'zh-TW'] as const;
export type Language = (typeof languages)[number];

export interface View {
  readonly lang: Language;
  readonly model: Model;
  readonly guest: Play['language'];
  /** 0: nothing happens by chance. */
  readonly seed: number;
  readonly deeds: readonly Deed[];
  /** All models at once. */
  readonly beside: boolean;
  /** Of a run that is repeated in place of a play. */
  readonly token?: string;
}

/** Two clients, the second of which speaks first: that is what the models differ at. */
export const EXAMPLE: readonly Deed[] = [
  { kind: 'connect', atNs: 4_000, client: 'A' },
  { kind: 'connect', atNs: 12_000, client: 'B' },
  { kind: 'send', atNs: 24_000, client: 'B', text: 'hi', pieces: 1 },
  { kind: 'send', atNs: 36_000, client: 'A', text: 'hello', pieces: 2 },
  { kind: 'half-close', atNs: 52_000, client: 'A' },
  { kind: 'half-close', atNs: 64_000, client: 'B' },
];

export const MOST_PIECES = 8;
export const LONGEST_TEXT = 1024;
/** No address of a browser's is longer than 2 MiB. */
export const LONGEST_TOKEN = 1 << 20;
/** Of what was not understood, so much is said, and of so many. */
const LONGEST_WRONG = 60;
const MOST_WRONG = 5;

const kinds: readonly Deed['kind'][] = [
  'connect',
  'send',
  'stop reading',
  'read on',
  'half-close',
  'reset',
  'EINTR',
  'EAGAIN',
];

/** `send,24000,B,1,hi`: a text is the last, for it may have commas. */
function words(deed: Deed): string {
  const begin = `${deed.kind},${deed.atNs}`;
  if (!('client' in deed)) return begin;
  if (deed.kind === 'send') return `${begin},${deed.client},${deed.pieces},${deed.text}`;
  return `${begin},${deed.client}`;
}

const whole = (text: string | undefined, most: number) =>
  text !== undefined && /^\d{1,15}$/.test(text) && Number(text) <= most ? Number(text) : undefined;

function deed(text: string): Deed | undefined {
  const [name, time, client, count, ...rest] = text.split(',');
  const kind = kinds.find((each) => each === name);
  const atNs = whole(time, Number.MAX_SAFE_INTEGER);
  if (kind === undefined || atNs === undefined) return undefined;
  if (kind === 'EINTR' || kind === 'EAGAIN') return { kind, atNs };
  if (client === undefined || !/^[A-Z]$/.test(client)) return undefined;
  if (kind !== 'send') return { kind, atNs, client };
  const pieces = whole(count, MOST_PIECES);
  const said = rest.join(',');
  if (!pieces || said === '' || said.length > LONGEST_TEXT) return undefined;
  return { kind, atNs, client, pieces, text: said };
}

const shortened = (text: string) =>
  text.length > LONGEST_WRONG ? `${text.slice(0, LONGEST_WRONG - 1)}…` : text;

/** The address of a view, from # on. */
export function addressOf(view: View): string {
  const query = new URLSearchParams({ lang: view.lang, model: view.model, guest: view.guest });
  if (view.seed !== 0) query.set('seed', `${view.seed}`);
  if (view.beside) query.set('view', 'all');
  if (view.token !== undefined) query.set('token', view.token);
  const said = view.deeds.map(words);
  if (said.join('\n') !== EXAMPLE.map(words).join('\n'))
    for (const each of said.length > 0 ? said : ['']) query.append('do', each);
  return `#${query}`;
}

/**
 * The view of an address, and what in it was not understood, `name=value`, in whose place is what
 * there would be without it.
 */
export function viewOf(hash: string, preferred: readonly string[]): [View, wrong: string[]] {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const wrong: string[] = [];
  function read<T>(name: string, fallback: T, understand: (text: string) => T | undefined): T {
    const text = query.get(name);
    if (text === null) return fallback;
    const value = understand(text);
    if (value === undefined) wrong.push(`${name}=${text}`);
    return value ?? fallback;
  }
  const speaks = preferred.find((each) => /^(en|zh)\b/i.test(each)) ?? 'en';
  const token = read('token', undefined, (text) =>
    text.length > LONGEST_TOKEN ? undefined : text,
  );
  const said = query.getAll('do');
  const asked = said.filter((each) => each !== '');
  const deeds = asked.slice(0, MOST_DEEDS).map((each) => deed(each) ?? each);
  wrong.push(...deeds.filter((each) => typeof each === 'string').map((each) => `do=${each}`));
  if (asked.length > MOST_DEEDS) wrong.push(`do=… × ${asked.length - MOST_DEEDS}`);
  const view: View = {
    lang: read<Language>('lang', /^zh/i.test(speaks) ? 'zh-TW' : 'en', (text) =>
      languages.find((each) => each === text),
    ),
    model: read<Model>('model', 'epoll', (text) => models.find((each) => each === text)),
    guest: read<Play['language']>('guest', 'c', (text) =>
      text === 'c' || text === 'assemblyscript' ? text : undefined,
    ),
    seed: read('seed', 0, (text) => whole(text, MOST_SEED)),
    beside: read('view', false, (text) =>
      text === 'all' ? true : text === 'one' ? false : undefined,
    ),
    deeds: said.length === 0 ? EXAMPLE : deeds.filter((each) => typeof each !== 'string'),
    ...(token === undefined ? {} : { token }),
  };
  const more = wrong.length > MOST_WRONG ? ['…'] : [];
  return [view, [...wrong.slice(0, MOST_WRONG).map(shortened), ...more]];
}
