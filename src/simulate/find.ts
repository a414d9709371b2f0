/** Finds what a command line or a token names: a guest's world, and others that share it. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { UsageError } from '../../host/kernel/error.js';
import { load } from '../guest.js';
import type { CompanionOptions } from './company.js';
import type { SimulateOptions } from './outcome.js';
import { worlds, type ClientOptions, type WorldOrigin, type WorldScript } from './world.js';

/** A world, and the properties that its file may have beside it. */
export type FoundWorld = Pick<
  SimulateOptions,
  'invariant' | 'eventually' | 'crashes' | 'powerLoss' | 'pipes'
> & { world: WorldScript };

/** Another guest of a world, and where it is. */
export interface CompanionFile {
  readonly name: string;
  readonly file: string;
  readonly options: Omit<CompanionOptions, 'guest'>;
}

/** Throws `UsageError`. */
export async function loadCompanions(
  files: readonly CompanionFile[],
): Promise<Record<string, CompanionOptions>> {
  const loaded: Record<string, CompanionOptions> = {};
  for (const { name, file, options } of files)
    loaded[name] = { ...options, guest: await load(file) };
  return loaded;
}

const isName = (text: string): text is keyof typeof worlds => Object.hasOwn(worlds, text);

/**
 * The world of a name (`echo`, `any`, `none`) or of a file, a module that exports `world`, and
 * maybe `invariant`, `eventually`, `crashes`, `powerLoss` and `pipes`. Throws `UsageError`.
 */
export async function findWorld(spec: string, options: ClientOptions): Promise<FoundWorld> {
  return isName(spec) ? { world: worlds[spec](options) } : await worldOfFile(spec);
}

/** The world of a token. Throws `UsageError` if it is not there any more, or another one. */
export async function worldOfOrigin(origin: WorldOrigin): Promise<FoundWorld> {
  if ('name' in origin) return await findWorld(origin.name, origin.options);
  const found = await worldOfFile(origin.file);
  const now = found.world.origin as { hash: string };
  if (now.hash === origin.hash) return found;
  throw new UsageError(
    `${origin.file} has changed since the token was made: put it back as it was, ` +
      'or find a new token',
  );
}

async function worldOfFile(path: string): Promise<FoundWorld> {
  const file = resolve(path);
  let found: Partial<FoundWorld>;
  let hash: string;
  try {
    hash = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    found = (await import(pathToFileURL(file).href)) as Partial<FoundWorld>;
  } catch (error) {
    throw new UsageError(`the world ${path} cannot be loaded: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const { world, invariant, eventually, crashes, powerLoss, pipes } = found;
  if (typeof world !== 'function') {
    throw new UsageError(
      `${path} exports no function "world": write export function world(world) { … }`,
    );
  }
  return {
    world: Object.assign<WorldScript, Pick<WorldScript, 'origin'>>((each) => world(each), {
      origin: { file, hash: hash.slice(0, 32) },
    }),
    ...(invariant && { invariant }),
    ...(eventually && { eventually }),
    ...(crashes !== undefined && { crashes }),
    ...(powerLoss !== undefined && { powerLoss }),
    ...(pipes !== undefined && { pipes }),
  };
}
