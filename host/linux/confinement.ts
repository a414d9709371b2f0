/**
 * Takes from this process, for good, what its guest does not need: Landlock the files and the
 * network (native/landlock.c), a filter the system calls (native/seccomp.c). It holds for every
 * thread, whatever code it may come to run.
 */
import { errnoName } from '../kernel/errno.js';
import { HostError } from '../kernel/error.js';
import { addon } from './addon.js';

/** What is left. */
export interface Needs {
  /** Beneath these files may be opened, or only read. */
  directories: readonly { descriptor: number; readOnly: boolean }[];
  /** Asynchronous I/O, whose ring is open already. */
  queues: boolean;
  /** Signal-driven I/O. */
  signals: boolean;
  /** A datagram socket that answers whoever sent to it. */
  answers: boolean;
}

/** The masks of native/seccomp.c. */
const Wanted = { QUEUES: 1, SIGNALS: 2, FILES: 4, ANSWERS: 8 } as const;
/** Since this version of Landlock nobody outside can be sent signals. */
const SIGNALS_SCOPED = 6;

/**
 * Confines this process. What this Linux lacks for it is a `HostError`, or with `bestEffort` the
 * sentences that are answered; a filter of system calls there must be.
 */
export function confine(needs: Needs, bestEffort: boolean): string[] {
  const native = addon();
  const lacks: string[] = [];
  const version = native.landlockVersion();
  if (version < 0) {
    lacks.push(`this Linux has no Landlock (${errnoName(version)})`);
  } else if (needs.signals && version < SIGNALS_SCOPED) {
    lacks.push(
      `the Landlock of this Linux, version ${version}, does not keep in the signals of the guest`,
    );
  }
  if (lacks.length > 0 && !bestEffort) {
    throw new HostError(
      `${lacks[0]}, so a process cannot be isolated: ` +
        'isolate "process,best-effort" does with the filter of system calls alone',
    );
  }
  if (version > 0) {
    const { directories } = needs;
    // An empty array has no place in memory, and one of at least one element has.
    const pairs = directories.flatMap(({ descriptor, readOnly }) => [descriptor, Number(readOnly)]);
    const array = Int32Array.from([...pairs, -1]);
    must(native.restrictThreads(array, directories.length), 'by Landlock');
  }
  const wanted =
    (needs.queues ? Wanted.QUEUES : 0) |
    (needs.signals ? Wanted.SIGNALS : 0) |
    (needs.directories.length > 0 ? Wanted.FILES : 0) |
    (needs.answers ? Wanted.ANSWERS : 0);
  must(native.filterCalls(wanted), 'by a filter of system calls');
  return lacks.map(
    (sentence) => `the guest is isolated by a filter of system calls alone: ${sentence}`,
  );
}

function must(result: number, how: string): void {
  if (result < 0)
    throw new HostError(`this process cannot be isolated ${how}: ${errnoName(result)}`);
}

/** Ends this process, which asks nothing of Node that is filtered out. */
export function quit(code: number): never {
  return addon().quit(code);
}

/** From now on a process that this one starts inherits what it is given, and nothing else. */
export function keepDescriptors(): void {
  const result = addon().keepDescriptors();
  if (result < 0)
    throw new HostError(`descriptors cannot be kept to oneself: ${errnoName(result)}`);
}
