/**
 * Errors say whose fault they are. Each message is a sentence that says what was wrong and what
 * would be right. An I/O error is none of these: a kernel answers it as a number.
 */

/** The caller's options, or a file that the caller named, are wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * The guest trapped or misused its ABI. `stack` holds the frames of the WebAssembly code, innermost
 * first.
 */
export class GuestError extends Error {
  override readonly name = 'GuestError';

  constructor(message: string, stack?: string) {
    super(message);
    if (stack !== undefined) this.stack = stack;
  }
}

/** Something that Pollux, or the machine under it, could not do. */
export class HostError extends Error {
  override readonly name = 'HostError';
}
