/** The servers with one planted bug each, by the names of their files, and what the bug is. */
export const canaries = [
  ['partial-send', 'forgets the rest of a partial send'],
  ['edge', 'watches by edge and does not drain'],
  ['half-close', 'loses what is owed to a client that has shut down'],
  ['emfile', 'spins when it has no descriptor left'],
  ['buffer', 'gives the buffer of its completions back too early'],
  ['signal', 'takes a signal for one arrival'],
  ['eagain', 'closes on EAGAIN'],
  ['order', 'assumes that two receives complete in order'],
] as const;
