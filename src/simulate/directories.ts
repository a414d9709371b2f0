/** Reads the directories of this machine that a simulated guest has copies of; writes to none. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

import { UsageError } from '../../host/kernel/error.js';
import { Link, type Tree } from '../../host/sim/disk.js';
import type { DirectoryOption } from '../directory.js';
import { Contents, savedTree, treeText, type AllContents, type Saved } from './contents.js';

/** A directory of this machine, which is copied, or what there is in it. */
export type DirectoryContents = DirectoryOption | { tree: Tree; readOnly?: boolean } | Contents;

const HASH_DIGITS = 32;

/** Reads what must be read. Throws `UsageError` for what cannot be read, or cannot be copied. */
export function contentsOf(dirs: Readonly<Record<string, DirectoryContents>> = {}): AllContents {
  return Object.fromEntries(Object.entries(dirs).map(([guest, option]) => [guest, one(option)]));
}

function one(option: DirectoryContents): Contents {
  if (option instanceof Contents) return option;
  if (typeof option === 'string') return made(readTree(option), false, option);
  const { readOnly = false } = option;
  if ('tree' in option) return made(option.tree, readOnly);
  return made(readTree(option.path), readOnly, option.path);
}

function made(tree: Tree, readOnly: boolean, path?: string): Contents {
  const hash = createHash('sha256').update(treeText(tree)).digest('hex').slice(0, HASH_DIGITS);
  return new Contents(tree, readOnly, hash, path);
}

/** What `saved` was said of. Throws `UsageError` if it is not what it was. */
export function restored(saved: Saved): Contents {
  if ('tree' in saved) return made(savedTree(saved.tree), saved.readOnly);
  const { path, readOnly, hash } = saved;
  const now = one({ path, readOnly });
  if (now.hash === hash) return now;
  throw new UsageError(
    `${path} does not hold what it held when the token was made: its hash was ${hash}, and is ` +
      `${now.hash}; put it back as it was, or find a new token`,
  );
}

/** By name, so that it is the same wherever it was copied to. */
function readTree(path: string): Tree {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    return Object.fromEntries(
      entries.map((entry) => {
        const file = join(path, entry.name);
        if (entry.isDirectory()) return [entry.name, readTree(file)];
        if (entry.isSymbolicLink()) return [entry.name, new Link(readlinkSync(file))];
        if (entry.isFile()) return [entry.name, new Uint8Array(readFileSync(file))];
        throw new UsageError(
          `${file} is neither a file nor a directory nor a symbolic link: the simulator has ` +
            'nothing like it, so take it away',
        );
      }),
    );
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`the directory ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
