/**
 * The token of a run: all that repeats it, as text that can be pasted into a shell. It names the
 * guest by its hash; the guest itself is not in it.
 */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

import { UsageError } from '../../host/kernel/error.js';
import type { Choice } from '../../host/sim/choice-log.js';
import type { Guest } from '../guest.js';
import { Contents, contentsOf, type AllContents, type Saved } from './contents.js';
import type { SimulateOptions } from './outcome.js';
import type { WorldOrigin } from './world.js';

const PREFIX = 'pollux1.';
/** Enough that no two guests of one project have the same. */
const HASH_DIGITS = 32;

/** The options of a run that are data, and not chance. */
const kept = [
  'args',
  'env',
  'listen',
  'connect',
  'stdin',
  'poller',
  'maxDescriptors',
  'diskBytes',
  'refuseMemory',
  'crashes',
  'powerLoss',
  'fuel',
  'healNs',
  'limitNs',
  'exitCodes',
] as const;
export type KeptOptions = Pick<SimulateOptions, (typeof kept)[number]>;

/** What a token holds. */
export interface Token {
  /** The hash of the guest's bytes. */
  readonly guest: string;
  /** Where it was loaded from, or its name. */
  readonly file: string;
  readonly log: readonly Choice[];
  readonly options: KeptOptions;
  /** Undefined: its world is a function that nobody but its author has. */
  readonly world: WorldOrigin | undefined;
  /** The names of the guests that shared its world, which are not in it. */
  readonly companions: readonly string[];
  /** By the guest's names, what was in its directories. */
  readonly dirs: Readonly<Record<string, Saved>>;
}

/** The hash by which a token names a guest. */
export function guestHash({ bytes }: Guest): string {
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')
    .slice(0, HASH_DIGITS);
}

/** The token that repeats the run that `log` is of. */
export function tokenOf(guest: Guest, options: SimulateOptions, log: readonly Choice[]): string {
  const given = Object.fromEntries(
    kept.flatMap((key) => (options[key] === undefined ? [] : [[key, plain(options[key])]])),
  );
  const lines = log.map(({ label, ordinal, alternatives, value }) => [
    label,
    ordinal,
    alternatives,
    value,
  ]);
  const data = [
    guestHash(guest),
    guest.file ?? guest.name,
    lines,
    given,
    options.world?.origin ?? null,
    Object.keys(options.companions ?? {}),
    savedOf(contentsOf(options.dirs)),
  ];
  return PREFIX + deflateRawSync(JSON.stringify(data), { level: 9 }).toString('base64url');
}

const savedOf = (contents: AllContents): Record<string, Saved> =>
  Object.fromEntries(Object.entries(contents).map(([guest, { saved }]) => [guest, saved]));

/** The directories of a token, as they were. Throws `UsageError` if they are not. */
export const dirsOf = ({ dirs }: Token): AllContents =>
  Object.fromEntries(
    Object.entries(dirs).map(([guest, saved]) => [guest, Contents.restored(saved)]),
  );

const plain = (value: unknown) =>
  value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;

/** Reads a token. Throws `UsageError` for what is none. */
export function parseToken(text: string): Token {
  const broken = `"${text.slice(0, 40)}" is no whole token: copy all that follows "pollux replay"`;
  if (!text.startsWith(PREFIX)) throw new UsageError(broken);
  try {
    const packed = Buffer.from(text.slice(PREFIX.length), 'base64url');
    const [guest, file, lines, options, world, companions = [], dirs = {}] = JSON.parse(
      inflateRawSync(packed).toString(),
    ) as [
      string,
      string,
      [string, number, number, number][],
      KeptOptions,
      WorldOrigin | null,
      string[]?,
      Record<string, Saved>?,
    ];
    const log = lines.map(([label, ordinal, alternatives, value]) => ({
      label,
      ordinal,
      alternatives,
      value,
    }));
    const { base64 } = (options.stdin ?? {}) as { base64?: string };
    if (base64 !== undefined) options.stdin = new Uint8Array(Buffer.from(base64, 'base64'));
    return { guest, file, log, options, world: world ?? undefined, companions, dirs };
  } catch (error) {
    throw new UsageError(broken, { cause: error });
  }
}

/** Throws `UsageError` if `guest` is not the one that the token was made with. */
export function checkGuest({ guest: wanted, file }: Token, guest: Guest): void {
  const hash = guestHash(guest);
  if (hash === wanted) return;
  throw new UsageError(
    `the token was made with another ${file}: its hash was ${wanted}, and that of ` +
      `${guest.file ?? guest.name} is ${hash}; build the guest as it was, or find a new token`,
  );
}
