/**
 * The token of a run: all that repeats it, as text that can be pasted into a shell. It names the
 * guest by its hash; the guest itself is not in it. Here is what it says; deflating and hashing are
 * for whoever calls this, in Node or in a browser.
 */
import { UsageError } from '../../host/kernel/error.js';
import type { Choice } from '../../host/sim/choice-log.js';
import { base64Of, bytesOf } from '../bytes.js';
import type { CompanionOptions } from './company.js';
import type { Saved } from './contents.js';
import type { SimulateOptions } from './outcome.js';
import type { WorldOrigin } from './world.js';

export const PREFIX = 'pollux1.';
/** Enough that no two guests of one project have the same. */
export const HASH_DIGITS = 32;

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

/** What a token says, before it is deflated; of the options only what is kept. */
export function jsonOf({ guest, file, log, options, world, companions, dirs }: Token): string {
  return JSON.stringify([
    guest,
    file,
    log.map(({ label, ordinal, alternatives, value }) => [label, ordinal, alternatives, value]),
    plainly(kept, options),
    world ?? null,
    companions.map((each) => [
      each.name,
      each.guest,
      each.file,
      plainly(companionKept, each.options),
    ]),
    dirs,
  ]);
}

/** What of `options` is kept, and was given. */
function plainly<Key extends string>(
  keys: readonly Key[],
  options: Readonly<Partial<Record<Key, unknown>>>,
): Record<string, unknown> {
  return Object.fromEntries(
    keys.flatMap((key) => (options[key] === undefined ? [] : [[key, plain(options[key])]])),
  );
}

/** A time without end, which JSON has no number for. */
const NEVER = 'never';

function plain(value: unknown): unknown {
  if (value === Infinity) return NEVER;
  return value instanceof Uint8Array ? { base64: base64Of(value) } : value;
}

interface Restorable {
  stdin?: unknown;
  healNs?: unknown;
  limitNs?: unknown;
}

/** The other way round. */
function restored<Options extends Restorable>(options: Options): Options {
  const { base64 } = (options.stdin ?? {}) as { base64?: string };
  if (base64 !== undefined) options.stdin = bytesOf(base64);
  if (options.healNs === NEVER) options.healNs = Infinity;
  if (options.limitNs === NEVER) options.limitNs = Infinity;
  return options;
}

/** What is thrown for a text that is no token, or not all of one. */
export const notWhole = (text: string, cause?: unknown): UsageError =>
  new UsageError(
    `"${text.slice(0, 40)}" is no whole token: copy all that follows "pollux replay"`,
    { cause },
  );

/** What of a token is to be inflated. Throws `UsageError` for what is none. */
export function packedOf(text: string): Uint8Array {
  if (!text.startsWith(PREFIX)) throw notWhole(text);
  try {
    return bytesOf(text.slice(PREFIX.length).replaceAll('-', '+').replaceAll('_', '/'));
  } catch (error) {
    throw notWhole(text, error);
  }
}

/** Reads what was inflated. Throws `UsageError`, which names the token. */
export function tokenOfJson(text: string, json: string): Token {
  try {
    const [guest, file, lines, options, world, companions, dirs = {}] = JSON.parse(json) as [
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
    throw notWhole(text, error);
  }
}
