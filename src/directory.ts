/**
 * The directories that a caller grants, from the text that a person writes to what the kernel has
 * open: `HOST::GUEST[,ro]`.
 */
import { Errno, errnoName } from '../host/kernel/errno.js';
import { UsageError } from '../host/kernel/error.js';
import type { Kernel } from '../host/kernel/kernel.js';
import type { Plan } from './instance.js';

/** A directory of this machine: its path, or that and whether the guest may only read. */
export type DirectoryOption = string | { path: string; readOnly?: boolean };

/** Reads `HOST[::GUEST][,ro]`: the guest's name, and what it is. Throws `UsageError`. */
export function parseDirectory(text: string): [guest: string, option: DirectoryOption] {
  const readOnly = text.endsWith(',ro');
  const both = readOnly ? text.slice(0, -',ro'.length) : text;
  const at = both.indexOf('::');
  const path = at < 0 ? both : both.slice(0, at);
  const guest = at < 0 ? both : both.slice(at + '::'.length);
  if (path === '' || guest === '') {
    throw new UsageError(
      `"${text}" is no directory: write HOST::GUEST, like ./data::/data, with ,ro to only read it`,
    );
  }
  return [guest, { path, readOnly }];
}

/** Reads several; each needs a name of its own. Throws `UsageError`. */
export function parseDirectories(texts: readonly string[]): Record<string, DirectoryOption> {
  const dirs = new Map<string, DirectoryOption>();
  for (const text of texts) {
    const [guest, option] = parseDirectory(text);
    if (dirs.has(guest)) {
      throw new UsageError(`the guest's ${guest} is given twice: name each directory differently`);
    }
    dirs.set(guest, option);
  }
  return Object.fromEntries(dirs);
}

/** Opens what is granted, in the order given. Throws `UsageError`. */
export function openDirectories(
  kernel: Kernel,
  dirs: Record<string, DirectoryOption> = {},
): Plan['dirs'] {
  return Object.entries(dirs).map(([guest, option]) => {
    const { path, readOnly = false } = typeof option === 'string' ? { path: option } : option;
    if (guest === '' || `${guest}${path}`.includes('\0')) {
      throw new UsageError(`a directory has no name for the guest, or NUL in a name: "${guest}"`);
    }
    const descriptor = kernel.files.openRoot(path);
    if (descriptor < 0) throw new UsageError(whyNot(path, descriptor));
    return { name: new TextEncoder().encode(guest), descriptor, readOnly };
  });
}

function whyNot(path: string, error: number): string {
  if (error === -Errno.ENOENT) return `there is no directory ${path}: name one that exists`;
  if (error === -Errno.ENOTDIR) return `${path} is no directory: name one`;
  return `the directory ${path} cannot be opened: ${errnoName(error)}`;
}
