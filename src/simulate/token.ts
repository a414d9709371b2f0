/**
 * The token of a run: all that repeats it, as text that can be pasted into a shell. It names the
 * guest by its hash; the guest itself is not in it.
 */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

import { UsageError } from '../../host/kernel/error.js';
import type { Choice } from '../../host/sim/choice-log.js';
import { load, type Guest } from '../guest.js';
import type { CompanionOptions } from './company.js';
import type { AllContents, Saved } from './contents.js';
import { contentsOf, restored as restoredContents } from './directories.js';
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
  'pipes',
  'poller',
  'poll',
  'strict',
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

const companionKept = [
  'args',
  'env',
  'listen',
  'connect',
  'stdin',
  'poller',
  'poll',
  'strict',
  'maxDescriptors',
  'exitCodes',
  'awaited',
] as const;

/** A guest that a token names: by the hash of its bytes, and where it was loaded from. */
export interface NamedGuest {
  readonly guest: string;
  /** Or its name. */
  readonly file: string;
}

/** Another guest of the run's world, without the guest itself. */
export interface TokenCompanion extends NamedGuest {
  readonly name: string;
  readonly options: Pick<CompanionOptions, (typeof companionKept)[number]>;
}

/** What a token holds. */
export interface Token extends NamedGuest {
  readonly log: readonly Choice[];
  readonly options: KeptOptions;
  /** Undefined: its world is a function that nobody but its author has. */
  readonly world: WorldOrigin | undefined;
  /** The guests that shared its world, in their order. */
  readonly companions: readonly TokenCompanion[];
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
    plainly(kept, options),
    options.world?.origin ?? null,
    Object.entries(options.companions ?? {}).map(([name, { guest: other, ...companion }]) => [
      name,
      guestHash(other),
      other.file ?? other.name,
      plainly(companionKept, companion),
    ]),
    savedOf(contentsOf(options.dirs)),
  ];
  return PREFIX + deflateRawSync(JSON.stringify(data), { level: 9 }).toString('base64url');
}

const savedOf = (contents: AllContents): Record<string, Saved> =>
  Object.fromEntries(Object.entries(contents).map(([guest, { saved }]) => [guest, saved]));

/** The directories of a token, as they were. Throws `UsageError` if they are not. */
export const dirsOf = ({ dirs }: Token): AllContents =>
  Object.fromEntries(
    Object.entries(dirs).map(([guest, saved]) => [guest, restoredContents(saved)]),
  );

const plain = (value: unknown) =>
  value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;

/** What of `options` is kept, and was given. */
function plainly<Key extends string>(
  keys: readonly Key[],
  options: Readonly<Partial<Record<Key, unknown>>>,
): Record<string, unknown> {
  return Object.fromEntries(
    keys.flatMap((key) => (options[key] === undefined ? [] : [[key, plain(options[key])]])),
  );
}

/** The other way round. */
function restored<Options extends { stdin?: unknown }>(options: Options): Options {
  const { base64 } = (options.stdin ?? {}) as { base64?: string };
  if (base64 !== undefined) options.stdin = new Uint8Array(Buffer.from(base64, 'base64'));
  return options;
}

/** Reads a token. Throws `UsageError` for what is none. */
export function parseToken(text: string): Token {
  const broken = `"${text.slice(0, 40)}" is no whole token: copy all that follows "pollux replay"`;
  if (!text.startsWith(PREFIX)) throw new UsageError(broken);
  try {
    const packed = Buffer.from(text.slice(PREFIX.length), 'base64url');
    const [guest, file, lines, options, world, companions, dirs = {}] = JSON.parse(
      inflateRawSync(packed).toString(),
    ) as [
      string,
      string,
      [string, number, number, number][],
      KeptOptions,
      WorldOrigin | null,
      [string, string, string, TokenCompanion['options']][],
      Record<string, Saved>?,
    ];
    const log = lines.map(([label, ordinal, alternatives, value]) => ({
      label,
      ordinal,
      alternatives,
      value,
    }));
    return {
      guest,
      file,
      log,
      options: restored(options),
      world: world ?? undefined,
      companions: companions.map(([name, hash, from, given]) => ({
        name,
        guest: hash,
        file: from,
        options: restored(given),
      })),
      dirs,
    };
  } catch (error) {
    throw new UsageError(broken, { cause: error });
  }
}

/**
 * The guests of a token, its own first: each from among `given`, or else as it was loaded before.
 * Throws `UsageError` if one of them is not what it was, or one of `given` is none of them.
 */
export async function findGuests(token: Token, given: readonly Guest[]): Promise<Guest[]> {
  const named: NamedGuest[] = [token, ...token.companions];
  const odd = given.find((guest) => named.every((each) => each.guest !== guestHash(guest)));
  if (odd !== undefined) throw anotherGuest(named, odd);
  return await Promise.all(
    named.map(async (each) => {
      const guest = given.find((one) => guestHash(one) === each.guest) ?? (await load(each.file));
      if (guestHash(guest) !== each.guest) throw anotherGuest([each], guest);
      return guest;
    }),
  );
}

function anotherGuest(named: readonly NamedGuest[], guest: Guest): UsageError {
  const wanted = named.map(({ file }) => `another ${file}`).join(', or ');
  const hashes = named.map((each) => each.guest).join(', or ');
  return new UsageError(
    `the token was made with ${wanted}: its hash was ${hashes}, and that of ` +
      `${guest.file ?? guest.name} is ${guestHash(guest)}; build the guest as it was, ` +
      'or find a new token',
  );
}
