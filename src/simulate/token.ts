/** Makes tokens (token-text.ts) and reads them, and finds the guests that they name. */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

import { UsageError } from '../../host/kernel/error.js';
import type { Choice } from '../../host/sim/choice-log.js';
import { load, type Guest } from '../guest.js';
import type { AllContents, Saved } from './contents.js';
import { contentsOf, restored } from './directories.js';
import type { SimulateOptions } from './outcome.js';
import {
  HASH_DIGITS,
  jsonOf,
  notWhole,
  packedOf,
  PREFIX,
  tokenOfJson,
  type NamedGuest,
  type Token,
} from './token-text.js';

/** The hash by which a token names a guest. */
export function guestHash({ bytes }: Guest): string {
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')
    .slice(0, HASH_DIGITS);
}

/** The token that repeats the run that `log` is of. */
export function tokenOf(guest: Guest, options: SimulateOptions, log: readonly Choice[]): string {
  const json = jsonOf({
    guest: guestHash(guest),
    file: guest.file ?? guest.name,
    log,
    options,
    world: options.world?.origin,
    companions: Object.entries(options.companions ?? {}).map(
      ([name, { guest: other, ...companion }]) => ({
        name,
        guest: guestHash(other),
        file: other.file ?? other.name,
        options: companion,
      }),
    ),
    dirs: savedOf(contentsOf(options.dirs)),
  });
  return PREFIX + deflateRawSync(json, { level: 9 }).toString('base64url');
}

const savedOf = (contents: AllContents): Record<string, Saved> =>
  Object.fromEntries(Object.entries(contents).map(([guest, { saved }]) => [guest, saved]));

/** The directories of a token, as they were. Throws `UsageError` if they are not. */
export const dirsOf = ({ dirs }: Token): AllContents =>
  Object.fromEntries(Object.entries(dirs).map(([guest, saved]) => [guest, restored(saved)]));

/** Reads a token. Throws `UsageError` for what is none. */
export function parseToken(text: string): Token {
  const packed = packedOf(text);
  let json: string;
  try {
    json = inflateRawSync(packed).toString();
  } catch (error) {
    throw notWhole(text, error);
  }
  return tokenOfJson(text, json);
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
